// SPDX-License-Identifier: GPL-2.0

//! `wirecheck`: looks at every packet of a device, and says which tenants' frames passed it, and
//! under which GRE keys.
//!
//! A tenant's number is the key that its packets have to carry. See README.md beside this crate for
//! what is reported.

mod gre;
mod judge;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use capture::Counts;
use capture::Ring;
use clap::Parser;
use judge::Judge;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

/// How often to look whether it is time to end, and how long a block may stay with the kernel.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Says which tenants' frames pass a device, and under which GRE keys.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// The device, in this namespace.
    #[arg(long)]
    dev: String,
    /// Outer address of a host; may be repeated. Others' tunnels are counted apart.
    #[arg(long, value_name = "IP")]
    host: Vec<IpAddr>,
    /// Size of the ring in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=1024))]
    ring: u32,
    /// Write the report there in place of standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// End after this time.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wirecheck: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("cannot watch signals")?;
    }
    let mut ring = Ring::open(index(&args.dev)?, args.ring)
        .with_context(|| format!("cannot capture on {}", args.dev))?;
    eprintln!("wirecheck: ready on {}", args.dev);
    let end = args
        .seconds
        .map(|s| Instant::now() + Duration::from_secs(s));
    let mut judge = Judge::new(&args.host);
    let mut counts = Counts::default();
    // Ten seconds, should the kernel's count never be reached.
    let mut patience = 100;
    loop {
        // Asked before, so that one more block is looked for behind the signal.
        let last = stop.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end);
        if let Some(block) = ring.next(LOOK_AGAIN)? {
            block.packets().for_each(|packet| judge.look(&packet));
            continue;
        }
        if !last {
            continue;
        }
        let more = ring.counts()?;
        counts.packets += more.packets;
        counts.dropped += more.dropped;
        // A block that is not full comes when its timer has run.
        let seen = judge.frames() + u64::from(counts.dropped);
        patience -= 1;
        if seen >= counts.packets.into() || patience == 0 {
            break;
        }
    }
    let mut report = serde_json::to_string(&judge.report(&args.dev, counts))?;
    report.push('\n');
    match &args.json {
        Some(path) => std::fs::write(path, report)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => print!("{report}"),
    }
    Ok(())
}

/// The index of a device.
fn index(dev: &str) -> Result<u32> {
    if dev.contains('/') {
        bail!("{dev} is no name of a device");
    }
    let path = Path::new("/sys/class/net").join(dev).join("ifindex");
    let text = std::fs::read_to_string(path).with_context(|| format!("there is no {dev}"))?;
    Ok(text.trim().parse()?)
}
