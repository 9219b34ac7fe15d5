// SPDX-License-Identifier: GPL-2.0

//! `standin`: plays a guest on a multiqueue tap.
//!
//! It opens each queue of the tap as QEMU would, answers ARP, neighbour solicitations and pings,
//! sends stamped frames on the queue it is told to, and counts which queue each stamped frame
//! arrives on. See README.md beside this crate for the command line.

mod answer;
mod args;
mod command;
mod control;
mod frame;
mod guest;
mod hostile;
mod pace;
mod report;
mod series;
mod stamp;

use anyhow::Context;
use anyhow::Result;
use args::Cli;
use args::GuestArgs;
use args::Sub;
use clap::CommandFactory;
use clap::Parser;
use control::Event;
use guest::Guest;
use std::process::ExitCode;
use std::sync::mpsc;
use std::sync::Arc;
use std::time::Duration;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match (cli.sub, cli.guest) {
        (Some(Sub::Ctl { socket, command }), _) => control::ctl(&socket, &command),
        (None, Some(args)) => play(args),
        (None, None) => Cli::command()
            .error(
                clap::error::ErrorKind::MissingRequiredArgument,
                "--tap and --mac are needed",
            )
            .exit(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Opens the tap, plays the guest until told to stop, and writes the report.
fn play(args: GuestArgs) -> Result<()> {
    let (events, happened) = mpsc::channel();
    control::watch_signals(events.clone())?;

    let guest = Arc::new(Guest::open(&args)?);
    for queue in 0..guest.queues() {
        let guest = guest.clone();
        let events = events.clone();
        spawn(&format!("rx-{queue}"), move || {
            let error = guest.receive(queue);
            let _ = events.send(Event::Failed(error));
        })?;
    }
    if let Some(path) = &args.control {
        control::listen(path, guest.clone(), events.clone())?;
    }
    eprintln!(
        "standin: ready on {} with {} queues, MAC address {}",
        args.tap,
        guest.queues(),
        args.mac
    );
    if !args.run.is_empty() {
        let guest = guest.clone();
        let events = events.clone();
        let commands = args.run.clone();
        spawn("run", move || control::run_all(&commands, &guest, &events))?;
    }
    if args.stdin {
        let guest = guest.clone();
        spawn("stdin", move || control::read_stdin(&guest, &events))?;
    }

    let event = match args.seconds {
        Some(seconds) => happened
            .recv_timeout(Duration::from_secs(seconds))
            .unwrap_or(Event::Quit),
        None => happened.recv().unwrap_or(Event::Quit),
    };
    if let Some(path) = &args.control {
        let _ = std::fs::remove_file(path);
    }
    if let Some(path) = &args.json {
        report::write(path, &guest.report())?;
    }
    match event {
        Event::Quit => Ok(()),
        Event::Failed(error) => Err(error),
    }
}

/// Starts a named thread. It ends with the process.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .context("cannot start a thread")?;
    Ok(())
}
