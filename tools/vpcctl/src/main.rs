// SPDX-License-Identifier: GPL-2.0

//! `vpcctl`: the command line of Lanes. See README.md beside this crate.

mod args;
mod device;
mod doctor;
mod generate;
mod lanes;
mod netlink;
mod output;
mod table;
mod top;
mod vpc;

use anyhow::Result;
use args::Cli;
use args::Sub;
use clap::Parser;
use std::process::ExitCode;
use vpc::apply;
use vpc::command;

fn main() -> ExitCode {
    let result = match Cli::parse().sub {
        Sub::Vpc(args) => done(command::vpc::run(args)),
        Sub::Remote(args) => done(command::remote::run(args)),
        Sub::Port(args) => done(command::port::run(args)),
        Sub::Route(args) => done(command::route::run(args)),
        Sub::Acl(args) => done(command::acl::run(args)),
        Sub::Group(args) => done(command::group::run(args)),
        Sub::Config(args) => done(command::config::run(args)),
        Sub::Apply(args) => done(apply::run(&args)),
        Sub::Trace(args) => done(command::trace::run(&args)),
        Sub::Stats(args) => done(command::stats::run(&args)),
        Sub::Top(args) => done(top::run(&args)),
        Sub::Watch(args) => done(command::watch::run(&args)),
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

fn done(result: Result<()>) -> Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}
