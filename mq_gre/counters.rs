// SPDX-License-Identifier: GPL-2.0

//! Why packets are dropped, and what `ethtool -S` shows.

use core::fmt;

use vpcnet::device::Device;
use vpcnet::ethtool::Ethtool;
use vpcnet::skb::Reason;

use crate::port::MqGre;

macro_rules! drops {
    ($($(#[$doc:meta])* $variant:ident: $name:literal, $reason:ident;)*) => {
        /// Why a packet was dropped: a counter of the device each.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Drop {
            $($(#[$doc])* $variant,)*
        }

        impl Drop {
            /// All of them, in the order of their counters.
            pub(crate) const ALL: &'static [Drop] = &[$(Drop::$variant,)*];

            /// The counter's name; its first two letters tell the direction.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Drop::$variant => $name,)*
                }
            }

            /// The kernel's nearest word for it, for `drop_monitor` and the like.
            pub(crate) const fn reason(self) -> Reason {
                match self {
                    $(Drop::$variant => Reason::$reason,)*
                }
            }
        }
    };
}

drops! {
    /// Received, but shorter than its headers say.
    RxShort: "rx_short", TooShort;
    /// The GRE checksum is wrong, missing, or there and not expected.
    RxBadCsum: "rx_bad_csum", Checksum;
    /// The key matches, the payload is no Ethernet frame. Not dropped: the stock stack gets it.
    RxBadProto: "rx_bad_proto", UnknownProto;
    /// The frame within is cut off or malformed.
    RxBadInner: "rx_bad_inner", CutHeader;
    /// The outer header has a congestion mark that the inner one cannot take.
    RxBadEcn: "rx_bad_ecn", Ecn;
    /// Conntrack or an IPsec policy refused the outer packet.
    RxPolicy: "rx_policy", Netfilter;
    /// Memory was short.
    RxNoMemory: "rx_no_memory", NoMemory;
    /// There is no route to the remote.
    TxNoRoute: "tx_no_route", NoRoute;
    /// The route leads back into a tunnel, or tunnels are nested too deep.
    TxRecursion: "tx_recursion", Recursion;
    /// A collect-metadata device got a packet without metadata for IPv4.
    TxNoMetadata: "tx_no_metadata", NoMetadata;
    /// The packet is longer than the path's MTU allows.
    TxTooBig: "tx_too_big", TooBig;
    /// Memory was short.
    TxNoMemory: "tx_no_memory", NoMemory;
    /// The frame to send is cut off.
    TxBadFrame: "tx_bad_frame", CutHeader;
    /// The layers below did not take it.
    TxLower: "tx_lower", NotSpecified;
    /// A router says that a packet was too long for its next link. Not dropped here.
    IcmpTooBig: "icmp_too_big", NotSpecified;
    /// A router or the other end says that a packet did not get there. Not dropped here.
    IcmpUnreachable: "icmp_unreachable", NotSpecified;
    /// Somebody says that something else is wrong with a packet. Not dropped here.
    IcmpOther: "icmp_other", NotSpecified;
}

impl Drop {
    /// Number of reasons.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// Index of its counter.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether it counts as a drop of the device.
    fn is_drop(self) -> bool {
        !matches!(
            self,
            Drop::RxBadProto | Drop::IcmpTooBig | Drop::IcmpUnreachable | Drop::IcmpOther
        )
    }

    fn is_tx(self) -> bool {
        self.name().starts_with("tx_")
    }
}

/// What a line of `ethtool -S` is about.
enum Counter {
    TxPackets(u16),
    TxBytes(u16),
    RxPackets(u16),
    RxBytes(u16),
    Drop(Drop),
}

impl Counter {
    fn count(dev: &Device<MqGre>) -> usize {
        2 * usize::from(dev.tx_queues()) + 2 * usize::from(dev.rx_queues()) + Drop::COUNT
    }

    fn at(dev: &Device<MqGre>, index: usize) -> Option<Counter> {
        let queue = (index / 2) as u16;
        let bytes = index % 2 == 1;
        let tx = dev.tx_queues();
        let rx = dev.rx_queues();
        if queue < tx {
            return Some(match bytes {
                false => Counter::TxPackets(queue),
                true => Counter::TxBytes(queue),
            });
        }
        let queue = queue.wrapping_sub(tx);
        if queue < rx {
            return Some(match bytes {
                false => Counter::RxPackets(queue),
                true => Counter::RxBytes(queue),
            });
        }
        let drop = index.checked_sub(2 * (usize::from(tx) + usize::from(rx)))?;
        Drop::ALL.get(drop).copied().map(Counter::Drop)
    }
}

impl Ethtool for MqGre {
    const NAME: &'static str = "mq_gre";
    const VERSION: &'static str = env!("LANES_VERSION");

    fn counters(dev: &Device<Self>) -> usize {
        Counter::count(dev)
    }

    fn counter_name(dev: &Device<Self>, index: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        match Counter::at(dev, index) {
            Some(Counter::TxPackets(queue)) => write!(out, "tx_queue_{queue}_packets"),
            Some(Counter::TxBytes(queue)) => write!(out, "tx_queue_{queue}_bytes"),
            Some(Counter::RxPackets(queue)) => write!(out, "rx_queue_{queue}_packets"),
            Some(Counter::RxBytes(queue)) => write!(out, "rx_queue_{queue}_bytes"),
            Some(Counter::Drop(drop)) => out.write_str(drop.name()),
            None => Ok(()),
        }
    }

    fn counter(dev: &Device<Self>, index: usize) -> u64 {
        let counters = &dev.data().counters;
        match Counter::at(dev, index) {
            Some(Counter::TxPackets(queue)) => counters.lane(queue).tx_packets,
            Some(Counter::TxBytes(queue)) => counters.lane(queue).tx_bytes,
            Some(Counter::RxPackets(queue)) => counters.lane(queue).rx_packets,
            Some(Counter::RxBytes(queue)) => counters.lane(queue).rx_bytes,
            Some(Counter::Drop(drop)) => counters.drops(drop.index()),
            None => 0,
        }
    }
}

impl MqGre {
    /// Sums of the drops by direction: sending, receiving.
    pub(crate) fn dropped(&self) -> (u64, u64) {
        let mut sums = (0u64, 0u64);
        for drop in Drop::ALL.iter().filter(|drop| drop.is_drop()) {
            let count = self.counters.drops(drop.index());
            let sum = if drop.is_tx() {
                &mut sums.0
            } else {
                &mut sums.1
            };
            *sum = sum.wrapping_add(count);
        }
        sums
    }
}
