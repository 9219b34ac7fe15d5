// SPDX-License-Identifier: GPL-2.0

//! What is counted, and why frames are dropped.

use kernel::prelude::*;

use vpc_core::vpc::packet::Problem;
use vpc_core::vpc::spoof::Spoof;
use vpcnet::attr::Message;
use vpcnet::percpu::Counters;
use vpcnet::percpu::ThisCpu;
use vpcnet::skb::Reason;
use vpcnet::vpc_hook::counter as attr;

/// Why a frame does not go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is malformed.
    Malformed(Problem),
    /// Its sender claims to be another.
    Spoof(Spoof),
    /// One of the reasons below.
    Other(Other),
}

/// Reasons that are neither in the frame alone nor in its sender.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Other {
    Egress,
    Ingress,
    UnknownMac,
    UnknownAddress,
    Ttl,
    TooBig,
    FloodRate,
    NoTunnel,
    Hairpin,
    Tagged,
    NoMemory,
    NoKey,
    UnknownPeer,
    NotHere,
    Connection,
    LinkLocal,
    Connections,
}

const OTHERS: [(&CStr, &str); 17] = [
    (c"acl_egress", "no rule allows the VM to send it"),
    (c"acl_ingress", "no rule allows the VM to get it"),
    (
        c"unknown_mac",
        "nobody is known to have its destination's MAC address",
    ),
    (
        c"unknown_address",
        "nobody is known to have its destination's IP address",
    ),
    (c"ttl", "its time to live is up"),
    (c"too_big", "it is longer than the tunnel's MTU"),
    (
        c"flood_rate",
        "too many copies have been made of what the port sends to all",
    ),
    (c"no_tunnel", "there is no tunnel device, or it is not up"),
    (c"hairpin", "it is for where it comes from"),
    (c"tagged", "it has a VLAN tag, which the port does not take"),
    (c"no_memory", "memory is short"),
    (c"no_key", "it came by the tunnel device without a key"),
    (c"unknown_peer", "its key and sender are no remote of a VPC"),
    (
        c"not_here",
        "it came by the tunnel, and its destination is not here",
    ),
    (
        c"connection",
        "it belongs to no connection that there can be",
    ),
    (
        c"link_local",
        "it is for a group that bridges do not forward",
    ),
    (
        c"connections",
        "the port has as many connections as it may have",
    ),
];

const PROBLEMS: [Problem; 8] = [
    Problem::NeedLinear(0),
    Problem::Short,
    Problem::Header,
    Problem::Arp,
    Problem::Nd,
    Problem::Chain,
    Problem::Fragment,
    Problem::Sum,
];

const RX: usize = 0;
const TX: usize = 1;
const ANSWERED: usize = 2;
const FIRST_PROBLEM: usize = 3;
const FIRST_SPOOF: usize = FIRST_PROBLEM + PROBLEMS.len();
const FIRST_OTHER: usize = FIRST_SPOOF + Spoof::ALL.len();
const COUNT: usize = FIRST_OTHER + OTHERS.len();

impl Why {
    fn index(self) -> usize {
        let (first, n) = match self {
            Why::Malformed(problem) => {
                let same = |it: &Problem| it.name() == problem.name();
                (FIRST_PROBLEM, PROBLEMS.iter().position(same).unwrap_or(0))
            }
            Why::Spoof(spoof) => {
                let n = Spoof::ALL.iter().position(|&it| it == spoof);
                (FIRST_SPOOF, n.unwrap_or(0))
            }
            Why::Other(other) => (FIRST_OTHER, other as usize),
        };
        first.wrapping_add(n)
    }

    /// Name of its counter.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Why::Malformed(problem) => problem.name(),
            Why::Spoof(spoof) => spoof.name(),
            Why::Other(other) => OTHERS
                .get(other as usize)
                .and_then(|(name, _)| name.to_str().ok())
                .unwrap_or("other"),
        }
    }

    /// What it means.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Why::Malformed(_) => "it is malformed",
            Why::Spoof(spoof) => spoof.sentence(),
            Why::Other(other) => OTHERS.get(other as usize).map_or("", |(_, text)| text),
        }
    }

    /// The same for `drop_monitor` and the like.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Why::Malformed(Problem::Short | Problem::NeedLinear(_)) => Reason::TooShort,
            Why::Malformed(_) => Reason::CutHeader,
            Why::Other(Other::TooBig) => Reason::TooBig,
            Why::Other(Other::NoMemory) => Reason::NoMemory,
            Why::Other(Other::NoKey | Other::UnknownPeer) => Reason::NoMetadata,
            Why::Other(Other::NoTunnel) => Reason::NoRoute,
            Why::Spoof(_) | Why::Other(_) => Reason::Netfilter,
        }
    }
}

const ALL_OTHERS: [Other; 17] = [
    Other::Egress,
    Other::Ingress,
    Other::UnknownMac,
    Other::UnknownAddress,
    Other::Ttl,
    Other::TooBig,
    Other::FloodRate,
    Other::NoTunnel,
    Other::Hairpin,
    Other::Tagged,
    Other::NoMemory,
    Other::NoKey,
    Other::UnknownPeer,
    Other::NotHere,
    Other::Connection,
    Other::LinkLocal,
    Other::Connections,
];

/// The counters of a port, or of what belongs to none.
pub(crate) struct Tally(Counters);

impl Tally {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Tally(Counters::new(COUNT)?))
    }

    /// A frame from the VM went on.
    #[inline]
    pub(crate) fn received(&self, cpu: ThisCpu<'_>) {
        self.0.count(RX, cpu);
    }

    /// A frame went to the VM.
    #[inline]
    pub(crate) fn sent(&self, cpu: ThisCpu<'_>) {
        self.0.count(TX, cpu);
    }

    /// A frame from the VM was answered here.
    #[inline]
    pub(crate) fn answered(&self, cpu: ThisCpu<'_>) {
        self.0.count(ANSWERED, cpu);
    }

    /// A frame was dropped.
    #[inline]
    pub(crate) fn dropped(&self, why: Why, cpu: ThisCpu<'_>) {
        self.0.count(why.index(), cpu);
    }

    /// Frames from the VM that went on.
    pub(crate) fn rx(&self) -> u64 {
        self.0.sum(RX)
    }

    /// Frames to the VM.
    pub(crate) fn tx(&self) -> u64 {
        self.0.sum(TX)
    }

    /// Frames that were answered.
    pub(crate) fn answers(&self) -> u64 {
        self.0.sum(ANSWERED)
    }

    /// Puts the counts of drops that are not 0, each into an attribute of that type.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`.
    pub(crate) fn fill(&self, kind: u16, message: &mut Message<'_>) -> Result {
        let mut put = |why: Why| {
            let count = self.0.sum(why.index());
            if count == 0 {
                return Ok(());
            }
            message.put_nested(kind, |message| {
                message.put_str(attr::NAME, why.name().as_bytes())?;
                message.put_uint(attr::PACKETS, count)
            })
        };
        PROBLEMS
            .into_iter()
            .map(Why::Malformed)
            .try_for_each(&mut put)?;
        Spoof::ALL
            .into_iter()
            .map(Why::Spoof)
            .try_for_each(&mut put)?;
        ALL_OTHERS
            .into_iter()
            .map(Why::Other)
            .try_for_each(&mut put)
    }
}
