// SPDX-License-Identifier: GPL-2.0

//! What `vpcctl lanes` is given.

use super::mode::Mode;
use crate::device;
use clap::Args;
use clap::Subcommand;

pub(crate) const EXAMPLES: &str = "\
Examples:
  vpcctl lanes set tap0
      give tap0 lanes of the uplink behind its bridge, the least used ones
  vpcctl lanes set tap0 --uplink eth1 --base 4
      queue 0 of the VM is to use lane 4 of eth1, queue 1 lane 5, and so on
  vpcctl lanes set tap0 --mode ebpf --keep
      the same without ftrace: stays, and keeps a steering program on the tap
  vpcctl lanes show
      what goes where, in tables
  vpcctl lanes show --json | jq '.taps[].queues[].tx_packets'
      the packets that each queue has sent
  vpcctl lanes rebalance --uplink eth1
      spread the taps anew after many have gone";

#[derive(Args, Debug)]
pub(crate) struct LanesArgs {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Shows the queues of the VMs, their lanes, and what went over them.
    ///
    /// One row for each queue: the tap, the queue, its lane, the uplink and its transmit queue,
    /// and the packets from the VM that were given the lane and those to the VM that the lane led
    /// to the queue. Below, one row for each tap: its mode, what becomes of the lanes of packets
    /// to the VM, base, weight, and the packets that could not keep their lane, with the reason.
    Show(Show),
    /// Gives a tap lanes, or changes them.
    ///
    /// What is not named stays as it is; for a tap that is new, it is chosen. Queue q of the VM
    /// has lane (BASE + q) mod N, where N is the number of transmit queues of the uplink.
    Set(Set),
    /// Lets a tap go: the stock driver chooses its queues again.
    Unset(Unset),
    /// Chooses all bases anew that are not pinned.
    ///
    /// Taps that come and go may leave some lanes fuller than others, since a tap keeps its base
    /// while it is there. Packets of the taps that move may overtake each other once.
    Rebalance(Rebalance),
    /// Tells of each change of the lanes, until it is stopped.
    Watch(Watch),
}

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The tap; without it, all that have lanes.
    #[arg(value_name = "TAP", value_parser = device::name)]
    pub(super) tap: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Set {
    /// The tap.
    #[arg(value_name = "TAP", value_parser = device::name)]
    pub(super) tap: String,
    /// Device whose transmit queues are the lanes [default: found behind the tap's bridge].
    #[arg(long, value_name = "DEV", value_parser = device::name)]
    pub(super) uplink: Option<String>,
    /// Lane of queue 0, from 0 to one less than there are lanes; pins the tap to it until it is let go [default: the
    /// one that spreads the taps best].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=4095))]
    pub(super) base: Option<u32>,
    /// How much each queue counts when the taps are spread, from 1 to 1024 [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) weight: Option<u32>,
    /// How packets to the VM get their queue [default: auto].
    #[arg(long)]
    pub(super) mode: Option<Mode>,
    /// Let lanes go before the steering program that the tap has of its own, until it is let go.
    #[arg(long = "override")]
    pub(super) over: bool,
    /// With --mode ebpf: stay, and attach the program again whenever something takes it off, as
    /// QEMU may when the guest changes its queues, or when base or lanes change. Ends with
    /// SIGINT or SIGTERM, when the tap is let go or has another mode, and takes the program off
    /// then.
    #[arg(long)]
    pub(super) keep: bool,
    /// In mode ebpf: use this file descriptor, a queue of the tap that was handed over [default:
    /// found among those of all processes].
    #[arg(long, value_name = "FD", value_parser = clap::value_parser!(i32).range(0..))]
    pub(super) fd: Option<i32>,
}

#[derive(Args, Debug)]
pub(super) struct Unset {
    /// The tap.
    #[arg(value_name = "TAP", value_parser = device::name)]
    pub(super) tap: String,
    /// Take the steering program off through this file descriptor, a queue of the tap that was
    /// handed over [default: found among those of all processes].
    #[arg(long, value_name = "FD", value_parser = clap::value_parser!(i32).range(0..))]
    pub(super) fd: Option<i32>,
}

#[derive(Args, Debug)]
pub(super) struct Rebalance {
    /// Only the taps of this uplink [default: all uplinks].
    #[arg(long, value_name = "DEV", value_parser = device::name)]
    pub(super) uplink: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Watch {
    /// Print one JSON object for each change.
    #[arg(long)]
    pub(super) json: bool,
}
