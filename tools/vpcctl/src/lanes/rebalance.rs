// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes rebalance`.

use super::args::Rebalance;
use super::client::Client;
use super::ebpf;
use super::mode::Mode;
use super::tap::Tap;
use crate::device;
use crate::output;
use anyhow::Context;
use anyhow::Result;
use serde_json::json;
use std::process::ExitCode;

pub(super) fn run(args: &Rebalance) -> Result<ExitCode> {
    let mut client = Client::open()?;
    let index = |name| device::index(name).context("--uplink");
    let uplink = args.uplink.as_deref().map(index).transpose()?;
    let before = client.taps()?;
    let moved = client.rebalance(uplink)?;
    for tap in client.taps()? {
        let stays = |former: &Tap| former.ifindex == tap.ifindex && former.base == tap.base;
        if tap.mode == Mode::Ebpf && !before.iter().any(stays) {
            ebpf::refresh(&tap)?;
        }
    }
    match (args.json, moved) {
        (true, _) => output::json(&json!({"moved": moved}))?,
        (false, 1) => output::text("1 tap has another base now\n")?,
        (false, _) => output::text(&format!("{moved} taps have another base now\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}
