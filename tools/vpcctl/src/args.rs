// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::doctor;
use crate::lanes;
use clap::Parser;
use clap::Subcommand;

/// Shows and changes which lane the packets of each VM take.
#[derive(Parser, Debug)]
#[command(name = "vpcctl", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) sub: Sub,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Sub {
    /// Lanes of taps: which queue of a VM goes with which queue of the uplink.
    Lanes(lanes::Args),
    /// Says what on this host stands in the way of lanes, and what to do.
    Doctor(doctor::Args),
}
