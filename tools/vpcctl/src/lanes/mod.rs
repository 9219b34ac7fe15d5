// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes`: which queue of a VM goes with which queue of the uplink.

use std::process::ExitCode;

/// What `vpcctl lanes` is given.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
