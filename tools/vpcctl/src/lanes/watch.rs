// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes watch`.

use super::args::Watch;
use super::client::Client;
use super::client::Event;
use super::table;
use super::tap::Tap;
use crate::output;
use anyhow::bail;
use anyhow::Result;
use serde_json::json;
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(args: &Watch) -> Result<ExitCode> {
    let mut client = Client::open()?;
    client.watch()?;
    loop {
        for event in client.next()? {
            match args.json {
                true => output::json(&value(&event))?,
                false => output::text(&line(&event))?,
            }
            if event == Event::Gone {
                bail!("the module tun_mq was unloaded: modprobe tun_mq, and watch again");
            }
        }
    }
}

fn value(event: &Event) -> Value {
    match event {
        Event::Set(tap) => json!({"event": "set", "tap": tap}),
        Event::Unset(tap) => json!({"event": "unset", "tap": tap}),
        Event::Lost => json!({"event": "lost"}),
        Event::Gone => json!({"event": "gone"}),
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Set(tap) => set(tap),
        Event::Unset(tap) => format!("{}: has no lanes any more\n", tap.ifname),
        Event::Lost => "some changes were lost; vpcctl lanes show tells how it is now\n".to_owned(),
        Event::Gone => "no tap has lanes any more\n".to_owned(),
    }
}

fn set(tap: &Tap) -> String {
    format!(
        "{}: uplink {}, lanes {}, queues {}, base {}{}, weight {}, mode {}, lanes to VM: {}\n",
        tap.ifname,
        table::uplink(tap),
        tap.lanes,
        tap.num_queues,
        tap.base,
        if tap.pinned { " (pinned)" } else { "" },
        tap.weight,
        tap.mode.name(),
        table::to_vm(tap),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tap::tests::example;
    use super::*;

    #[test]
    fn each_event_is_a_line() {
        let tap = Tap::decode(&example()).unwrap();
        assert_eq!(
            line(&Event::Set(tap.clone())),
            "tap0: uplink eth1, lanes 8, queues 2, base 7 (pinned), weight 2, mode ftrace, \
             lanes to VM: followed\n"
        );
        assert_eq!(
            line(&Event::Unset(tap.clone())),
            "tap0: has no lanes any more\n"
        );
        assert_eq!(value(&Event::Lost), json!({"event": "lost"}));
        assert_eq!(value(&Event::Unset(tap))["tap"]["ifname"], "tap0");
    }
}
