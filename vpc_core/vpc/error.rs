// SPDX-License-Identifier: GPL-2.0

//! ICMP errors about a VM's packets, as frames that go back to it: what is too big (RFC 792 with
//! RFC 1191, RFC 4443, 3.2) or has been on the way for too long (RFC 792, RFC 4443, 3.3).

use crate::csum;
use crate::eth;
use crate::icmp;
use crate::ip;
use crate::ip::Addr;
use crate::ip::Ipv4;
use crate::ip::Ipv6;
use crate::vpc::answer::put;
use crate::vpc::packet::Fragment;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;
use zerocopy::IntoBytes;

/// Length in bytes of the longest error, a frame with [`V6_BOUND`].
pub const MAX_LEN: usize = eth::HEADER_LEN + V6_BOUND;
/// The longest IPv4 error, in bytes (RFC 1812, 4.3.2.3).
pub const V4_BOUND: usize = 576;
/// The longest IPv6 error, in bytes: what every link takes (RFC 4443, 2.4 (c)).
pub const V6_BOUND: usize = 1280;

/// The least of what follows the quoted IP header (RFC 792).
const QUOTED_MIN: usize = 8;
/// The smallest MTU of a link: RFC 791, 3.2; RFC 8200, 5.
const V4_MIN_MTU: u16 = 68;
const V6_MIN_MTU: u32 = V6_BOUND as u32;
/// What an error says of itself: "internetwork control" (RFC 1812, 4.3.2.5), and no fragments.
const TOS: u8 = 0xc0;
const TTL: u8 = 64;

/// What is wrong with the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Complaint {
    /// It is longer than so many bytes, and must not be fragmented.
    TooBig(u32),
    /// Its time to live, or hop limit, is up.
    TimeExceeded,
}

/// Who complains: a router, or in its place the packet's destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// MAC address.
    pub mac: [u8; 6],
    /// IP address, of the packet's version.
    pub addr: Addr,
}

/// Writes the error about `packet`, of which `frame` has the linear bytes, to the start of `out`.
/// The packet is quoted as far as it is linear, the error may be long and there is room. Returns the
/// length in bytes of the frame, at most [`MAX_LEN`].
///
/// `None` if the packet must not be answered (RFC 1812, 4.3.2.7; RFC 4443, 2.4 (e)), is tagged or
/// may be fragmented, if the sender cannot be one or the MTU not a link's, if there is not even room
/// for what has to be quoted, or this is not linear.
#[inline]
pub fn write(
    complaint: Complaint,
    packet: &Packet,
    frame: &[u8],
    from: &Sender,
    out: &mut [u8],
) -> Option<usize> {
    if !may_answer(complaint, packet) || !from.addr.is_unicast() || !eth::is_station(from.mac) {
        return None;
    }
    let quoted = frame.get(packet.offset.into()..)?;
    match (packet.kind, from.addr) {
        (Kind::Ip4 { src, .. }, Addr::V4(from_ip)) => {
            let (header, quoted) = header_v4(complaint, quoted, out.len())?;
            let len = ip::V4_LEN
                .wrapping_add(header.len())
                .wrapping_add(quoted.len());
            let outer = ip::Outer {
                tos: TOS,
                total_len: len as u16,
                id: 0,
                df: true,
                ttl: TTL,
                protocol: ip::PROTO_ICMP,
                src: from_ip,
                dst: src,
            };
            let sum = csum::partial(quoted, csum::partial(&header, 0));
            let rest = put(out, &eth::header(packet.src, from.mac, eth::TYPE_IPV4))?;
            let rest = put(rest, &outer.encode())?;
            let rest = put(rest, &with_csum(header, !csum::fold(sum)))?;
            put(rest, quoted)?;
            Some(eth::HEADER_LEN.wrapping_add(len))
        }
        (Kind::Ip6 { src, .. }, Addr::V6(from_ip)) => {
            let (header, quoted) = header_v6(complaint, quoted, out.len())?;
            let len = header.len().wrapping_add(quoted.len());
            let outer = Ipv6 {
                version_class_label: (6 << 28 | u32::from(TOS) << 20).into(),
                payload_len: (len as u16).into(),
                next_header: ip::PROTO_ICMPV6,
                hop_limit: TTL,
                src: from_ip.to_be_bytes(),
                dst: src.to_be_bytes(),
            };
            let rest = put(out, &eth::header(packet.src, from.mac, eth::TYPE_IPV6))?;
            let rest = put(rest, outer.as_bytes())?;
            let (message, _) = rest.split_at_mut_checked(len)?;
            put(put(message, &header)?, quoted)?;
            let csum = icmp::csum_v6(from_ip, src, message);
            put(message, &with_csum(header, csum))?;
            Some((eth::HEADER_LEN + ip::V6_LEN).wrapping_add(len))
        }
        _ => None,
    }
}

/// Whether a packet may be answered with an ICMP error.
#[inline]
pub fn may_answer(complaint: Complaint, packet: &Packet) -> bool {
    let Some((src, dst)) = packet.addrs() else {
        return false;
    };
    let kind = (packet.dport >> 8) as u8;
    let is_error = match (packet.kind, packet.protocol) {
        // Of unknown types nobody knows whether they are errors.
        (Kind::Ip4 { .. }, ip::PROTO_ICMP) => !matches!(kind, 0 | 8..=10 | 13..=18),
        (Kind::Ip6 { .. }, ip::PROTO_ICMPV6) => kind < 128,
        // Redirects, and what does not leave a link anyway.
        (Kind::Nd { .. }, _) => true,
        _ => false,
    };
    // For the path MTU of a group (RFC 4443, 2.4 (e.3)).
    let is_group_mtu = matches!(
        (complaint, dst),
        (Complaint::TooBig(_), Addr::V6(dst)) if dst >> 120 == 0xff
    );
    !packet.tagged
        && eth::is_station(packet.src)
        && packet.fragment != Fragment::Later
        && src.is_unicast()
        && !is_loopback(src)
        && (is_group_mtu || dst.is_unicast() && !eth::is_group(packet.dst))
        && !is_error
}

const fn is_loopback(addr: Addr) -> bool {
    match addr {
        Addr::V4(addr) => addr >> 24 == 127,
        Addr::V6(addr) => addr == 1,
    }
}

/// The ICMP header without its checksum, and what of the packet is quoted behind it.
fn header_v4(
    complaint: Complaint,
    packet: &[u8],
    room: usize,
) -> Option<([u8; icmp::HEADER_LEN], &[u8])> {
    let ip = Ipv4::view(packet)?;
    let packet = match usize::from(ip.total_len.get()) {
        // It has no length yet, since it is still to be cut into segments.
        0 => packet,
        total => packet.get(..total).unwrap_or(packet),
    };
    let header = match complaint {
        Complaint::TooBig(mtu) => {
            let mtu = u16::try_from(mtu).ok()?;
            if !ip.df() || mtu < V4_MIN_MTU {
                return None;
            }
            let [high, low] = mtu.to_be_bytes();
            [3, 4, 0, 0, 0, 0, high, low]
        }
        Complaint::TimeExceeded => [11, 0, 0, 0, 0, 0, 0, 0],
    };
    let bound = V4_BOUND - ip::V4_LEN - icmp::HEADER_LEN;
    let room = room.checked_sub(eth::HEADER_LEN + ip::V4_LEN + icmp::HEADER_LEN)?;
    let whole = usize::from(ip.total_len.get());
    let least = ip.header_len().wrapping_add(QUOTED_MIN);
    let least = if whole == 0 { least } else { least.min(whole) };
    Some((header, quote(packet, least, bound.min(room))?))
}

/// The same for ICMPv6.
fn header_v6(
    complaint: Complaint,
    packet: &[u8],
    room: usize,
) -> Option<([u8; icmp::HEADER_LEN], &[u8])> {
    let (ip, payload) = Ipv6::parse(packet)?;
    let packet = packet.get(..ip::V6_LEN.wrapping_add(payload.len()))?;
    let header = match complaint {
        Complaint::TooBig(mtu) if mtu < V6_MIN_MTU => return None,
        Complaint::TooBig(mtu) => {
            let [a, b, c, d] = mtu.to_be_bytes();
            [2, 0, 0, 0, a, b, c, d]
        }
        Complaint::TimeExceeded => [3, 0, 0, 0, 0, 0, 0, 0],
    };
    let bound = V6_BOUND - ip::V6_LEN - icmp::HEADER_LEN;
    let room = room.checked_sub(eth::HEADER_LEN + ip::V6_LEN + icmp::HEADER_LEN)?;
    let least = ip::V6_LEN.wrapping_add(QUOTED_MIN.min(ip.payload_len.get().into()));
    Some((header, quote(packet, least, bound.min(room))?))
}

/// As much of a packet as may be quoted, if this is at least so many bytes.
fn quote(packet: &[u8], least: usize, most: usize) -> Option<&[u8]> {
    let quoted = packet.get(..most).unwrap_or(packet);
    (quoted.len() >= least).then_some(quoted)
}

const fn with_csum(header: [u8; icmp::HEADER_LEN], csum: u16) -> [u8; icmp::HEADER_LEN] {
    let [kind, code, _, _, a, b, c, d] = header;
    let [high, low] = csum.to_be_bytes();
    [kind, code, high, low, a, b, c, d]
}
