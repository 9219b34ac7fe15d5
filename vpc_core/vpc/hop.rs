// SPDX-License-Identifier: GPL-2.0

//! What a router does to a packet that it passes on (RFC 1812, 5.3.1; RFC 8200, 3).

use crate::csum;
use crate::ip::Ipv4;
use crate::ip::Ipv6;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;
use zerocopy::FromBytes;

/// What became of a packet at a router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Hop {
    /// It has one hop less to live, and the MAC addresses of the next link.
    Passed,
    /// It may not live on, and is as it was. See [`crate::vpc::error::Complaint::TimeExceeded`].
    Exceeded,
    /// It is no IP, or its header is cut off. It is as it was.
    NotIp,
}

/// Takes a hop from the time to live of `packet`, which `frame` has, and puts `src` and `dst` in
/// place of the MAC addresses. The checksum of IPv4 follows (RFC 1624): a wrong one stays wrong.
///
/// The header in `frame` must be this packet's own: not shared with a clone.
#[inline]
pub fn decrement_ttl(frame: &mut [u8], packet: &Packet, src: [u8; 6], dst: [u8; 6]) -> Hop {
    let Some((macs, rest)) = frame.split_first_chunk_mut::<12>() else {
        return Hop::NotIp;
    };
    let at = usize::from(packet.offset).saturating_sub(macs.len());
    let Some(bytes) = rest.get_mut(at..) else {
        return Hop::NotIp;
    };
    let passed = match packet.kind {
        Kind::Ip4 { .. } => decrement_v4(bytes),
        Kind::Ip6 { .. } | Kind::Nd { .. } => decrement_v6(bytes),
        Kind::Arp(_) | Kind::Other => Hop::NotIp,
    };
    if passed == Hop::Passed {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (dst, src);
        *macs = [a, b, c, d, e, f, g, h, i, j, k, l];
    }
    passed
}

#[inline]
fn decrement_v4(bytes: &mut [u8]) -> Hop {
    let Ok((header, _)) = Ipv4::mut_from_prefix(bytes) else {
        return Hop::NotIp;
    };
    if header.ttl <= 1 {
        return Hop::Exceeded;
    }
    let old = u16::from_be_bytes([header.ttl, header.protocol]);
    header.ttl = header.ttl.wrapping_sub(1);
    let new = u16::from_be_bytes([header.ttl, header.protocol]);
    header.csum = csum::replace16(header.csum.get(), old, new).into();
    Hop::Passed
}

#[inline]
fn decrement_v6(bytes: &mut [u8]) -> Hop {
    let Ok((header, _)) = Ipv6::mut_from_prefix(bytes) else {
        return Hop::NotIp;
    };
    if header.hop_limit <= 1 {
        return Hop::Exceeded;
    }
    header.hop_limit = header.hop_limit.wrapping_sub(1);
    Hop::Passed
}
