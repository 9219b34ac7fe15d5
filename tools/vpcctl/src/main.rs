// SPDX-License-Identifier: GPL-2.0

//! `vpcctl`: the command line of Lanes. See README.md beside this crate.

mod args;
mod doctor;
mod generate;
mod lanes;
mod netlink;
mod output;

use args::Cli;
use args::Sub;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match Cli::parse().sub {
        Sub::Lanes(args) => lanes::run(args),
        Sub::Doctor(args) => doctor::run(args),
        Sub::Completions { shell } => generate::completions(shell),
        Sub::Man { folder } => generate::man(folder.as_deref()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("vpcctl: {error:#}");
        ExitCode::FAILURE
    })
}
