// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes`: which queue of a VM goes with which queue of the uplink.

mod args;
mod client;
mod ebpf;
mod keep;
mod mode;
mod queue;
mod rebalance;
mod set;
mod show;
mod table;
mod tap;
mod watch;

use anyhow::Result;
use args::Command;
use std::process::ExitCode;

pub(crate) use args::LanesArgs as Args;
pub(crate) use args::EXAMPLES;
pub(crate) use client::Client;
#[cfg(test)]
pub(crate) use tap::Queue;
pub(crate) use tap::Tap;

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Show(args) => show::run(&args),
        Command::Set(args) => set::run(&args),
        Command::Unset(args) => set::unset(&args),
        Command::Rebalance(args) => rebalance::run(&args),
        Command::Watch(args) => watch::run(&args),
    }
}
