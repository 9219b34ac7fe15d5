// SPDX-License-Identifier: GPL-2.0

//! Answers to who asks for the MAC address of a neighbour: ARP (RFC 826) and neighbour discovery
//! (RFC 4861).
//!
//! Each takes two steps: which address is asked for, and, when its MAC address has been looked up,
//! the frame that goes back to the sender.

use crate::eth;
use crate::icmp;
use crate::ip;
use crate::ip::Addr;
use crate::ip::Ipv6;
use crate::vpc::arp;
use crate::vpc::arp::Arp;
use crate::vpc::nd;
use crate::vpc::nd::Message;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;
use zerocopy::IntoBytes;

/// Length in bytes of an answer to ARP.
pub const ARP_LEN: usize = eth::HEADER_LEN + arp::LEN;
/// Length in bytes of an answer to a neighbour solicitation.
pub const ND_LEN: usize = eth::HEADER_LEN + ip::V6_LEN + ADVERTISEMENT_LEN;

/// An advertisement with the target's MAC address.
const ADVERTISEMENT_LEN: usize = nd::NEIGHBOUR_LEN + nd::LINK_OPTION_LEN;

/// All nodes of a link (RFC 4291, 2.7.1), and the MAC address of that group (RFC 2464, 7).
const ALL_NODES: u128 = 0xff02 << 112 | 1;
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// The upper 104 bits of a solicited-node address (RFC 4291, 2.7.1).
const SOLICITED_NODE: u128 = (0xff02 << 112 | 1 << 32 | 0xff00_0000) >> 24;

/// Flags of an advertisement (RFC 4861, 4.4).
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// Which IPv4 address an ARP request asks for. `None` if it is no such request, or must not be
/// answered: it tells of the sender's own address (RFC 5227, 2.3), or the sender is not who sent
/// the frame.
#[inline]
pub fn arp_target(packet: &Packet) -> Option<u32> {
    let Kind::Arp(arp) = packet.kind else {
        return None;
    };
    let asks = packet.ethertype == eth::TYPE_ARP
        && !packet.tagged
        && arp.op == arp::REQUEST
        && arp.sender_mac == packet.src
        && eth::is_station(arp.sender_mac)
        && arp.sender_ip != arp.target_ip
        && Addr::V4(arp.target_ip).is_unicast();
    asks.then_some(arp.target_ip)
}

/// The frame that answers the request: `mac` has the address.
///
/// `None` where [`arp_target`] is, and if it is the sender that has `mac`: an answer to its probe
/// would tell it that its address is taken.
#[inline]
pub fn arp(packet: &Packet, mac: [u8; 6]) -> Option<[u8; ARP_LEN]> {
    let target = arp_target(packet)?;
    let Kind::Arp(request) = packet.kind else {
        return None;
    };
    if request.sender_mac == mac {
        return None;
    }
    let reply = Arp {
        op: arp::REPLY,
        sender_mac: mac,
        sender_ip: target,
        target_mac: request.sender_mac,
        target_ip: request.sender_ip,
    };
    let mut frame = [0; ARP_LEN];
    let rest = put(
        &mut frame,
        &eth::header(request.sender_mac, mac, eth::TYPE_ARP),
    )?;
    put(rest, &reply.encode())?;
    Some(frame)
}

/// Which IPv6 address a neighbour solicitation asks for. `None` if it is no such message, or not
/// valid (RFC 4861, 7.1.1; the checksum is looked at by [`neighbour`]), or a target or source that
/// nobody can be.
#[inline]
pub fn nd_target(packet: &Packet) -> Option<u128> {
    let Kind::Nd { src, dst, nd } = packet.kind else {
        return None;
    };
    let from_one = match src {
        0 => dst >> 24 == SOLICITED_NODE && nd.source_mac.is_none(),
        _ => Addr::V6(src).is_unicast(),
    };
    let asks = nd.message == Message::NeighbourSolicitation
        && !packet.tagged
        && packet.ttl == nd::HOP_LIMIT
        && packet.dport as u8 == 0
        && eth::is_station(packet.src)
        && from_one
        && src != nd.target
        && Addr::V6(nd.target).is_unicast();
    asks.then_some(nd.target)
}

/// The frame that answers the solicitation in `frame`: `mac` has the address, and is a router's or
/// not (RFC 4861, 7.2.4). A sender without an address is answered by way of all nodes.
///
/// `None` where [`nd_target`] is, if the checksum is wrong, and if it is the sender that has `mac`:
/// the answer would tell it that its address is taken.
#[inline]
pub fn neighbour(
    packet: &Packet,
    frame: &[u8],
    mac: [u8; 6],
    is_router: bool,
) -> Option<[u8; ND_LEN]> {
    let target = nd_target(packet)?;
    let Kind::Nd { src, dst, .. } = packet.kind else {
        return None;
    };
    if mac == packet.src || !is_right(packet, frame, src, dst) {
        return None;
    }
    let (flags, to, to_mac) = match src {
        0 => (OVERRIDE, ALL_NODES, ALL_NODES_MAC),
        _ => (SOLICITED | OVERRIDE, src, packet.src),
    };
    let flags = if is_router { flags | ROUTER } else { flags };
    let message = advertisement(target, to, mac, flags)?;
    let header = Ipv6 {
        version_class_label: (6 << 28).into(),
        payload_len: (ADVERTISEMENT_LEN as u16).into(),
        next_header: ip::PROTO_ICMPV6,
        hop_limit: nd::HOP_LIMIT,
        src: target.to_be_bytes(),
        dst: to.to_be_bytes(),
    };
    let mut answer = [0; ND_LEN];
    let rest = put(&mut answer, &eth::header(to_mac, mac, eth::TYPE_IPV6))?;
    let rest = put(rest, header.as_bytes())?;
    put(rest, &message)?;
    Some(answer)
}

/// The ICMPv6 message that says that `target` is at `mac`, with its checksum.
fn advertisement(
    target: u128,
    to: u128,
    mac: [u8; 6],
    flags: u8,
) -> Option<[u8; ADVERTISEMENT_LEN]> {
    let build = |csum: u16| {
        let [high, low] = csum.to_be_bytes();
        let kind = Message::NeighbourAdvertisement as u8;
        let mut message = [0; ADVERTISEMENT_LEN];
        let rest = put(&mut message, &[kind, 0, high, low, flags, 0, 0, 0])?;
        let rest = put(rest, &target.to_be_bytes())?;
        // The option's length is in units of 8 bytes.
        let rest = put(rest, &[nd::OPTION_TARGET, 1])?;
        put(rest, &mac)?;
        Some(message)
    };
    build(icmp::csum_v6(target, to, &build(0)?))
}

/// Whether the ICMPv6 message in a frame has the right checksum.
fn is_right(packet: &Packet, frame: &[u8], src: u128, dst: u128) -> bool {
    let bytes = frame.get(packet.offset.into()..).unwrap_or_default();
    let before = usize::from(packet.transport)
        .saturating_sub(packet.offset.into())
        .saturating_sub(ip::V6_LEN);
    Ipv6::parse(bytes)
        .and_then(|(_, payload)| payload.get(before..))
        .is_some_and(|message| icmp::csum_v6(src, dst, message) == 0)
}

/// Writes `bytes` at the start of `out`; the rest of it, or `None` if it is too short.
#[inline]
pub(super) fn put<'a>(out: &'a mut [u8], bytes: &[u8]) -> Option<&'a mut [u8]> {
    let (head, rest) = out.split_at_mut_checked(bytes.len())?;
    head.copy_from_slice(bytes);
    Some(rest)
}
