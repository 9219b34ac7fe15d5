// SPDX-License-Identifier: GPL-2.0

//! Builds the frames that a stand-in sends.

use crate::args::Mac;
use etherparse::ArpEthIpv4Packet;
use etherparse::ArpOperation;
use etherparse::Ethernet2Header;
use etherparse::IpHeaders;
use etherparse::PacketBuilder;
use etherparse::PacketBuilderStep;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// The destination MAC address that reaches everyone.
pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);

/// ICMPv6 types of neighbour discovery (RFC 4861, 4).
pub(crate) const NEIGHBOUR_SOLICITATION: u8 = 135;
pub(crate) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// Bytes of Ethernet, IP and UDP header before the payload of a UDP frame.
pub(crate) fn udp_overhead(to: IpAddr) -> usize {
    14 + 8 + if to.is_ipv4() { 20 } else { 40 }
}

/// One end of a packet's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct End {
    pub(crate) mac: Mac,
    pub(crate) ip: IpAddr,
}

/// A UDP frame. `None` if the payload is too long for IP, or the ends are of two families.
pub(crate) fn udp(from: End, to: End, ports: (u16, u16), payload: &[u8]) -> Option<Vec<u8>> {
    let step = ip(from, to, 64)?.udp(ports.0, ports.1);
    let mut frame = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut frame, payload).ok()?;
    Some(frame)
}

/// An echo request or a reply to one. `None` as for [`udp`].
pub(crate) fn echo(
    from: End,
    to: End,
    reply: bool,
    id: (u16, u16),
    data: &[u8],
) -> Option<Vec<u8>> {
    let step = ip(from, to, 64)?;
    match (to.ip, reply) {
        (IpAddr::V4(_), false) => icmp4(step.icmpv4_echo_request(id.0, id.1), data),
        (IpAddr::V4(_), true) => icmp4(step.icmpv4_echo_reply(id.0, id.1), data),
        (IpAddr::V6(_), false) => icmp6(step.icmpv6_echo_request(id.0, id.1), data),
        (IpAddr::V6(_), true) => icmp6(step.icmpv6_echo_reply(id.0, id.1), data),
    }
}

/// An ARP packet: a question if `to.mac` is the broadcast address, else the answer to `to`.
pub(crate) fn arp(from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) -> Option<Vec<u8>> {
    let asks = to.0 == BROADCAST;
    let packet = ArpEthIpv4Packet {
        operation: if asks {
            ArpOperation::REQUEST
        } else {
            ArpOperation::REPLY
        },
        sender_mac: from.0 .0,
        sender_ipv4: from.1.octets(),
        target_mac: if asks { [0; 6] } else { to.0 .0 },
        target_ipv4: to.1.octets(),
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(from.0 .0, to.0 .0)
        .arp(packet.into())
        .write(&mut frame)
        .ok()?;
    Some(frame)
}

/// A neighbour solicitation for `target`, sent to its multicast group (RFC 4861, 4.3).
pub(crate) fn solicitation(from: (Mac, Ipv6Addr), target: Ipv6Addr) -> Option<Vec<u8>> {
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    );
    let to = End {
        mac: Mac([0x33, 0x33, 0xff, a, b, c]),
        ip: group.into(),
    };
    neighbour(from, to, NEIGHBOUR_SOLICITATION, 0, target, 1)
}

/// The answer to a solicitation from `to`: `from` is at this MAC address (RFC 4861, 4.4).
pub(crate) fn advertisement(from: (Mac, Ipv6Addr), to: End) -> Option<Vec<u8>> {
    // Flags: solicited, override.
    neighbour(from, to, NEIGHBOUR_ADVERTISEMENT, 0x60, from.1, 2)
}

/// A neighbour discovery message with one link-layer address option, of type `option`.
fn neighbour(
    from: (Mac, Ipv6Addr),
    to: End,
    kind: u8,
    flags: u8,
    target: Ipv6Addr,
    option: u8,
) -> Option<Vec<u8>> {
    let mut body = target.octets().to_vec();
    // An option's length is in units of 8 bytes.
    body.extend([option, 1]);
    body.extend(from.0 .0);
    let from = End {
        mac: from.0,
        ip: from.1.into(),
    };
    let step = ip(from, to, 255)?;
    icmp6(step.icmpv6_raw(kind, 0, [flags, 0, 0, 0]), &body)
}

fn ip(from: End, to: End, ttl: u8) -> Option<PacketBuilderStep<IpHeaders>> {
    let step: PacketBuilderStep<Ethernet2Header> = PacketBuilder::ethernet2(from.mac.0, to.mac.0);
    match (from.ip, to.ip) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Some(step.ipv4(from.octets(), to.octets(), ttl)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Some(step.ipv6(from.octets(), to.octets(), ttl)),
        _ => None,
    }
}

fn icmp4(step: PacketBuilderStep<etherparse::Icmpv4Header>, data: &[u8]) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(step.size(data.len()));
    step.write(&mut frame, data).ok()?;
    Some(frame)
}

fn icmp6(step: PacketBuilderStep<etherparse::Icmpv6Header>, data: &[u8]) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(step.size(data.len()));
    step.write(&mut frame, data).ok()?;
    Some(frame)
}
