// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes set` and `unset`.

use super::args::Set;
use super::args::Unset;
use super::client::Change;
use super::client::Client;
use super::ebpf;
use super::keep::Keeper;
use super::mode::Mode;
use super::queue::Source;
use crate::args::Cli;
use crate::device;
use anyhow::Context;
use anyhow::Result;
use clap::error::ErrorKind;
use clap::CommandFactory;
use std::process::ExitCode;

pub(super) fn run(args: &Set) -> Result<ExitCode> {
    if args.keep && args.mode != Some(Mode::Ebpf) {
        let error = ErrorKind::MissingRequiredArgument;
        Cli::command()
            .error(error, "--keep needs --mode ebpf")
            .exit();
    }
    let source = Source::new(args.fd);
    let mut client = Client::open()?;
    let change = change(args)?;
    let keeper = args.keep.then(Keeper::new).transpose()?;
    let before = client.mode(&args.tap, &format!("cannot set the lanes of {}", args.tap))?;
    let after = args.mode.or(before);
    // Looked for first: without it, the kernel had better not be told.
    let queue = (after == Some(Mode::Ebpf))
        .then(|| ebpf::need_queue(&args.tap, source))
        .transpose()?;

    client.set(&change)?;
    let Some(queue) = queue else {
        if before == Some(Mode::Ebpf) {
            ebpf::detach(&args.tap, source)?;
        }
        return Ok(ExitCode::SUCCESS);
    };

    let tap = client.tap(&args.tap)?;
    let policy = ebpf::policy(&tap).with_context(|| {
        format!(
            "{} has no lanes to follow: give it an --uplink that is there",
            tap.ifname
        )
    })?;
    let attached = ebpf::attach(&tap.ifname, policy, &queue)?;
    drop(queue);
    if let Some(keeper) = keeper {
        keeper.run(&mut client, tap, source, attached)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn change(args: &Set) -> Result<Change> {
    let index = |name| device::index(name).context("--uplink");
    Ok(Change {
        tap: args.tap.clone(),
        uplink: args.uplink.as_deref().map(index).transpose()?,
        base: args.base,
        weight: args.weight,
        mode: args.mode,
        over: args.over,
    })
}

pub(super) fn unset(args: &Unset) -> Result<ExitCode> {
    let mut client = Client::open()?;
    let before = client.mode(&args.tap, &format!("cannot take the lanes of {}", args.tap))?;
    client.unset(&args.tap)?;
    if before == Some(Mode::Ebpf) {
        ebpf::detach(&args.tap, Source::new(args.fd))?;
    }
    Ok(ExitCode::SUCCESS)
}
