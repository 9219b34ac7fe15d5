// SPDX-License-Identifier: GPL-2.0

//! `vpcctl top`: how much goes through ports and lanes now.

mod rates;

use crate::lanes;
use crate::output;
use crate::table;
use crate::vpc;
use crate::vpc::Port;
use anyhow::bail;
use anyhow::Result;
use rates::Rates;
use rates::Sample;
use rustix::termios::tcgetwinsize;
use std::io;
use std::io::IsTerminal;
use std::thread;
use std::time::Duration;
use std::time::Instant;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Look once, for one interval, and end.
    #[arg(long)]
    once: bool,
    /// How many seconds are looked at.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    interval: u16,
    /// Print JSON, one line for each interval.
    #[arg(long)]
    json: bool,
}

/// Back to the corner, and away with what was there.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Ports and lanes; either module may be there alone.
struct Source {
    vpc: Option<vpc::Client>,
    lanes: Option<lanes::Client>,
}

impl Source {
    fn open() -> Result<Self> {
        let source = Self {
            vpc: vpc::Client::find()?,
            lanes: lanes::Client::find()?,
        };
        if source.vpc.is_none() && source.lanes.is_none() {
            bail!("neither vpc_hook nor tun_mq is loaded: modprobe one of them");
        }
        Ok(source)
    }

    fn sample(&mut self) -> Result<Sample> {
        let ports = match &mut self.vpc {
            Some(client) => client.all::<Port>()?,
            None => Vec::new(),
        };
        let taps = match &mut self.lanes {
            Some(client) => client.taps()?,
            None => Vec::new(),
        };
        Ok(Sample::new(&ports, &taps))
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut source = Source::open()?;
    let (mut before, mut since) = (source.sample()?, Instant::now());
    let on_screen = !args.once && !args.json && io::stdout().is_terminal();
    loop {
        let wait = Duration::from_secs(args.interval.into());
        thread::sleep(wait.saturating_sub(since.elapsed()));
        let (after, now) = (source.sample()?, Instant::now());
        let rates = Rates::new(&before, &after, now - since);
        (before, since) = (after, now);
        match (args.json, on_screen) {
            (true, _) => output::json(&rates)?,
            (false, true) => output::text(&format!("{CLEAR}{}", fit(&text(&rates))))?,
            (false, false) => output::text(&text(&rates))?,
        }
        if args.once {
            return Ok(());
        }
        if !args.json && !on_screen {
            output::text("\n")?;
        }
    }
}

/// As many lines as the terminal has.
fn fit(text: &str) -> String {
    let rows = tcgetwinsize(io::stdout()).map_or(24, |size| size.ws_row);
    let lines = text.split_inclusive('\n');
    lines.take(usize::from(rows.max(2)) - 1).collect()
}

fn text(rates: &Rates) -> String {
    let head = ["LANE", "UPLINK", "FROM VMS/s", "TO VMS/s"];
    let mut lanes = table::empty(&head, &[0, 2, 3]);
    for lane in &rates.lanes {
        lanes.add_row([
            lane.lane.to_string(),
            lane.uplink.clone(),
            short(lane.rx),
            short(lane.tx),
        ]);
    }
    let head = ["PORT", "VPC", "FROM VM/s", "TO VM/s", "DROPPED/s"];
    let mut ports = table::empty(&head, &[1, 2, 3, 4]);
    for port in &rates.ports {
        ports.add_row([
            port.ifname.clone(),
            port.vpc.to_string(),
            short(port.rx),
            short(port.tx),
            short(port.dropped),
        ]);
    }
    format!(
        "{}\n{}",
        table::text(&lanes, "no tap has lanes"),
        table::text(&ports, "there is no port")
    )
}

/// A rate in few digits.
fn short(rate: f64) -> String {
    match rate {
        rate if rate < 1e4 => format!("{rate:.0}"),
        rate if rate < 1e6 => format!("{:.1} k", rate / 1e3),
        rate => format!("{:.2} M", rate / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::rates::LaneRate;
    use super::rates::PortRate;
    use super::*;

    #[test]
    fn rates_are_short() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(9999.0), "9999");
        assert_eq!(short(123_456.0), "123.5 k");
        assert_eq!(short(1_234_567.0), "1.23 M");
    }

    #[test]
    fn a_row_for_each_lane_and_port() {
        let rates = Rates {
            ports: vec![PortRate {
                ifname: "tap0".to_owned(),
                vpc: 7,
                rx: 10.0,
                tx: 20.0,
                dropped: 0.0,
            }],
            lanes: vec![LaneRate {
                uplink: "eth1".to_owned(),
                lane: 3,
                rx: 1.0,
                tx: 2.0,
            }],
        };
        let rows: Vec<String> = text(&rates)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(rows[1], "3 eth1 1 2");
        assert_eq!(rows[4], "tap0 7 10 20 0");
        assert!(text(&Rates::default()).contains("there is no port"));
    }
}
