// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::doctor;
use crate::lanes;
use clap::Parser;
use clap::Subcommand;
use clap_complete::Shell;
use std::path::PathBuf;

const STATUS: &str = "\
Exit status:
  0  done
  1  it could not be done; one sentence on standard error says why, and what to do
  2  the command line is wrong";

/// Shows and changes which lane the packets of each VM take.
///
/// A lane is a transmit queue of the uplink, the device that packets leave the host by. Each queue
/// of a VM has a lane, the packets of one do not meet those of another, and what comes back on a
/// lane is led to the queue that has it. The modules tun_mq and mq_gre do the work; this program
/// says what they do, and tells them what to do.
#[derive(Parser, Debug)]
#[command(name = "vpcctl", version, after_long_help = STATUS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) sub: Sub,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Sub {
    /// Lanes of taps: which queue of a VM goes with which queue of the uplink.
    #[command(after_long_help = lanes::EXAMPLES)]
    Lanes(lanes::Args),
    /// Says what on this host stands in the way of lanes, and what to do.
    Doctor(doctor::Args),
    /// Prints what a shell needs to complete the command line.
    ///
    /// For bash: vpcctl completions bash >/usr/share/bash-completion/completions/vpcctl
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Prints the manual page, or writes one for each command to a folder.
    Man {
        /// The folder, which is made if it is not there.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}
