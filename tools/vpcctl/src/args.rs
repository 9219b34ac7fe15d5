// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::doctor;
use crate::lanes;
use crate::top;
use crate::vpc::apply;
use crate::vpc::command;
use clap::Parser;
use clap::Subcommand;
use clap_complete::Shell;
use std::path::PathBuf;

const STATUS: &str = "\
Exit status:
  0  done
  1  it could not be done; one sentence on standard error says why, and what to do
  2  the command line is wrong";

/// Shows and changes VPCs, and which lane the packets of each VM take.
///
/// A VPC is the network of one tenant: ports, which are taps of VMs on this host, and remotes, the
/// hosts that other VMs of it are on. The module vpc_hook leads frames from one to the other, lets
/// ports send only from their own addresses, and applies ACLs.
///
/// A lane is a transmit queue of the uplink, the device that packets leave the host by. Each queue
/// of a VM has a lane, the packets of one do not meet those of another, and what comes back on a
/// lane is led to the queue that has it. The modules tun_mq and mq_gre do that.
///
/// All commands are about the network namespace that they are given in.
#[derive(Parser, Debug)]
#[command(name = "vpcctl", version, after_long_help = STATUS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) sub: Sub,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Sub {
    /// Tenant networks.
    Vpc(command::vpc::Args),
    /// Taps that are bound to a VPC.
    #[command(after_long_help = command::port::EXAMPLES)]
    Port(command::port::Args),
    /// Hosts that a VPC spans.
    Remote(command::remote::Args),
    /// Where MAC and IP addresses are that no port here has.
    Route(command::route::Args),
    /// Lists of rules that say what may pass a port.
    #[command(after_long_help = command::acl::EXAMPLES)]
    Acl(command::acl::Args),
    /// Groups of addresses that rules name.
    Group(command::group::Args),
    /// What belongs to no object: the tunnel, and limits.
    Config(command::config::Args),
    /// Makes the configuration what a file says.
    ///
    /// The file is all of the configuration: what it does not name is removed. What differs is
    /// shown, one line for each object: + for what is added, ~ for what becomes another, - for what
    /// is removed. It is carried out as a whole or, if something is refused, not at all; what stays
    /// as it is keeps its counters. If nothing differs, nothing is done.
    #[command(after_long_help = apply::EXAMPLE)]
    Apply(apply::Args),
    /// Asks the kernel what would become of a frame, and why.
    ///
    /// Nothing is sent, and nothing is counted. The frame is given in hexadecimal digits, or by
    /// what is in it.
    #[command(after_long_help = command::trace::EXAMPLES)]
    Trace(Box<command::trace::Args>),
    /// Shows the counters of all VPCs, ports and remotes, and what was dropped and why.
    Stats(command::stats::Args),
    /// Shows how many packets go through ports and lanes now, until it is stopped.
    Top(top::Args),
    /// Tells of each change, of addresses that nobody has, and of what rules log.
    Watch(command::watch::Args),
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
