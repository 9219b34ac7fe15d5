// SPDX-License-Identifier: GPL-2.0

//! `vpcctl doctor`: what on this host stands in the way of lanes.

use std::process::ExitCode;

/// What `vpcctl doctor` is given.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
