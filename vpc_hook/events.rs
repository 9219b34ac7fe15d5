// SPDX-License-Identifier: GPL-2.0

//! What listeners are told of packets, not more often than they can read.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;

use vpc_core::ip::Addr;
use vpc_core::vpc::acl::Verdict;
use vpc_core::vpc::pace::Rate;
use vpcnet::context::Datapath;
use vpcnet::netns::Net;
use vpcnet::vpc_hook;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::log;
use vpcnet::vpc_hook::miss;

use crate::acl::Direction;
use crate::compiled::Said;
use crate::name::Name;
use crate::netlink;
use crate::netlink::FAMILY;
use crate::pace::Pace;
use crate::port::Port;
use crate::vpc::Mac;

/// Packets of a port that are logged in a second, and of a namespace.
const LOGS: Rate = Rate::new(10);
const ALL_LOGS: Rate = Rate::new(500);
/// Misses of a port that are told of in a second, and of a namespace.
const MISSES: Rate = Rate::new(1);
const ALL_MISSES: Rate = Rate::new(100);
/// Bytes of a logged frame that are told.
const HEADER: usize = 96;

/// The pace of a namespace's events.
#[derive(Default)]
pub(crate) struct Events {
    misses: Pace,
    logs: Pace,
}

/// The same of a port, so that none of them silences others.
#[derive(Default)]
pub(crate) struct Own {
    misses: Kind,
    logs: Kind,
}

/// Events of a kind, and how many were left out.
#[derive(Default)]
struct Kind {
    pace: Pace,
    left_out: AtomicU64,
}

impl Kind {
    /// How many were left out before this one; `None` if it is to be left out, too.
    fn step(&self, most: Rate, all: &Pace, most_of_all: Rate) -> Option<u64> {
        if self.pace.take(most, 1) && all.take(most_of_all, 1) {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Events {
    /// A port has sent to an address that nobody is known to have.
    #[cold]
    pub(crate) fn miss(
        &self,
        net: &Net,
        vpc: u32,
        port: &Port,
        mac: Option<Mac>,
        addr: Option<Addr>,
        dp: &Datapath,
    ) {
        if !FAMILY.is_heard(net, netlink::MISS) {
            return;
        }
        let own = &port.events.misses;
        let Some(missed) = own.step(MISSES, &self.misses, ALL_MISSES) else {
            return;
        };
        // If memory is short, the event is lost, as any may be.
        let _ = FAMILY.notify_of_packet(
            net,
            netlink::MISS,
            cmd::MISS_NTF,
            128,
            |message| {
                message.put_u32(miss::VPC, vpc)?;
                message.put_u32(miss::IFINDEX, port.ifindex)?;
                if let Some(mac) = &mac {
                    message.put_bytes(miss::MAC, mac)?;
                }
                if let Some(addr) = addr {
                    message.put_addr(miss::ADDRESS, addr)?;
                }
                message.put_uint(miss::MISSED, missed)
            },
            dp,
        );
    }

    /// A rule that logs has matched.
    #[cold]
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn log(
        &self,
        net: &Net,
        port: &Port,
        acl: &Name,
        direction: Direction,
        said: &Said,
        frame: &[u8],
        dp: &Datapath,
    ) {
        if !FAMILY.is_heard(net, netlink::LOG) {
            return;
        }
        let own = &port.events.logs;
        let Some(missed) = own.step(LOGS, &self.logs, ALL_LOGS) else {
            return;
        };
        let header = frame.get(..HEADER).unwrap_or(frame);
        let _ = FAMILY.notify_of_packet(
            net,
            netlink::LOG,
            cmd::LOG_NTF,
            256,
            |message| {
                message.put_u32(log::IFINDEX, port.ifindex)?;
                message.put_str(log::ACL, acl)?;
                message.put_u32(log::PRIORITY, said.priority)?;
                let direction = match direction {
                    Direction::Egress => vpc_hook::EGRESS,
                    Direction::Ingress => vpc_hook::INGRESS,
                };
                message.put_u32(log::DIRECTION, direction)?;
                let action = match said.verdict {
                    Verdict::Allow => vpc_hook::ALLOW,
                    Verdict::Drop => vpc_hook::DROP,
                };
                message.put_u32(log::ACTION, action)?;
                message.put_bytes(log::HEADER, header)?;
                message.put_uint(log::MISSED, missed)
            },
            dp,
        );
    }
}
