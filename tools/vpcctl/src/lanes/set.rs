// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes set`, `unset` and `rebalance`.

use super::args::Rebalance;
use super::args::Set;
use super::args::Unset;
use super::client::Change;
use super::client::Client;
use crate::output;
use anyhow::Context;
use anyhow::Result;
use rustix::net::netdevice::name_to_index;
use rustix::net::AddressFamily;
use rustix::net::SocketType;
use serde_json::json;
use std::process::ExitCode;

pub(super) fn run(args: &Set) -> Result<ExitCode> {
    let mut client = Client::open()?;
    client.set(&change(args)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unset(args: &Unset) -> Result<ExitCode> {
    Client::open()?.unset(&args.tap)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn rebalance(args: &Rebalance) -> Result<ExitCode> {
    let mut client = Client::open()?;
    let uplink = args.uplink.as_deref().map(index).transpose()?;
    let moved = client.rebalance(uplink)?;
    match (args.json, moved) {
        (true, _) => output::json(&json!({"moved": moved}))?,
        (false, 1) => output::text("1 tap has another base now\n")?,
        (false, _) => output::text(&format!("{moved} taps have another base now\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn change(args: &Set) -> Result<Change> {
    Ok(Change {
        tap: args.tap.clone(),
        uplink: args.uplink.as_deref().map(index).transpose()?,
        base: args.base,
        weight: args.weight,
        mode: args.mode,
        over: args.over,
    })
}

/// Index of the device `name` in this network namespace.
fn index(name: &str) -> Result<u32> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .context("cannot open a socket")?;
    name_to_index(socket, name)
        .with_context(|| format!("--uplink: cannot find the device {name} in this namespace"))
}
