// SPDX-License-Identifier: GPL-2.0

//! A checksum that is written into a frame after it has been judged.
//!
//! A VM may leave it to the host or to a NIC, and says where (virtio 1.2, 5.1.6.2: `csum_start`,
//! `csum_offset`). It can say anywhere, and choose by the payload what comes out: so two bytes that
//! have been looked at could become others.

use crate::ip;
use crate::vpc::packet::Fragment;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;

/// The first two in bytes from the destination MAC address on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sum {
    /// Where that begins which is summed up.
    pub start: usize,
    /// Where the sum is written.
    pub field: usize,
}

/// Bytes behind the IP header that are looked at of what is neither TCP, UDP nor ICMP.
const LOOKED_AT: usize = 8;

impl Packet {
    /// Whether a checksum is one that the packet's own protocol has, or that of a packet within.
    pub fn has_sum(&self, sum: Sum) -> bool {
        let is_ip = matches!(self.kind, Kind::Ip4 { .. } | Kind::Ip6 { .. });
        if !is_ip || self.fragment == Fragment::Later {
            return false;
        }
        let transport = usize::from(self.transport);
        let (Some(start), Some(field)) = (
            sum.start.checked_sub(transport),
            sum.field.checked_sub(transport),
        ) else {
            return false;
        };
        match self.protocol {
            ip::PROTO_TCP => (start, field) == (0, 16),
            ip::PROTO_UDP => (start, field) == (0, 6) || (start >= 8 && field >= start),
            ip::PROTO_ICMP | ip::PROTO_ICMPV6 => (start, field) == (0, 2),
            _ => start >= LOOKED_AT && field >= start,
        }
    }
}
