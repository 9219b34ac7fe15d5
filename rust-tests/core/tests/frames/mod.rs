// SPDX-License-Identifier: GPL-2.0

//! Frames as VMs send them, built byte by byte, and a naive checksum.
#![allow(dead_code)]

use vpc_core::vpc::packet::Packet;
use vpc_core::vpc::packet::Problem;

/// The VM that a test is about, another, a router, and all.
pub(crate) const VM: [u8; 6] = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];
pub(crate) const PEER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
pub(crate) const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];
pub(crate) const ALL: [u8; 6] = [0xff; 6];

pub(crate) fn v4(text: &str) -> u32 {
    text.parse::<std::net::Ipv4Addr>().unwrap().into()
}

pub(crate) fn v6(text: &str) -> u128 {
    text.parse::<std::net::Ipv6Addr>().unwrap().into()
}

/// The whole frame is linear.
pub(crate) fn parse(frame: &[u8]) -> Result<Packet, Problem> {
    Packet::parse(frame, frame.len())
}

/// RFC 1071 by the word.
pub(crate) fn naive_csum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum of an ICMPv6 message with its pseudo header.
pub(crate) fn naive_csum6(src: u128, dst: u128, message: &[u8]) -> u16 {
    let mut bytes = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    bytes.extend((message.len() as u32).to_be_bytes());
    bytes.extend([0, 0, 0, 58]);
    bytes.extend(message);
    naive_csum(&bytes)
}

pub(crate) fn ethernet(dst: [u8; 6], src: [u8; 6], proto: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [dst, src].concat();
    frame.extend(proto.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A packet with DF and a time to live of 64.
pub(crate) fn ip4(src: u32, dst: u32, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(src.to_be_bytes());
    packet.extend(dst.to_be_bytes());
    let csum = naive_csum(&packet);
    packet[10..12].copy_from_slice(&csum.to_be_bytes());
    packet.extend(payload);
    packet
}

pub(crate) fn ip6(src: u128, dst: u128, next: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, hops]);
    packet.extend(src.to_be_bytes());
    packet.extend(dst.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A UDP datagram, or what is like it of another protocol.
pub(crate) fn udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = sport.to_be_bytes().to_vec();
    datagram.extend(dport.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// An ICMPv6 message with its checksum.
pub(crate) fn icmp6(src: u128, dst: u128, kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(body);
    let csum = naive_csum6(src, dst, &message);
    message[2..4].copy_from_slice(&csum.to_be_bytes());
    message
}

pub(crate) fn arp(op: u16, sender: ([u8; 6], u32), target: ([u8; 6], u32)) -> Vec<u8> {
    let mut message = vec![0, 1, 8, 0, 6, 4];
    message.extend(op.to_be_bytes());
    for (mac, ip) in [sender, target] {
        message.extend(mac);
        message.extend(ip.to_be_bytes());
    }
    message
}

/// The body of a message of neighbour discovery, behind its checksum.
pub(crate) fn nd_body(kind: u8, target: u128, options: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0; 4];
    match kind {
        134 => body.extend([0; 8]),
        135 | 136 => body.extend(target.to_be_bytes()),
        137 => {
            body.extend(target.to_be_bytes());
            body.extend([0x11; 16]);
        }
        _ => {}
    }
    body.extend(options.concat());
    body
}

/// The option with the MAC address of the source (1) or target (2).
pub(crate) fn link_option(kind: u8, mac: [u8; 6]) -> Vec<u8> {
    [&[kind, 1][..], &mac].concat()
}

/// A frame of neighbour discovery.
pub(crate) fn nd(
    macs: ([u8; 6], [u8; 6]),
    addrs: (u128, u128),
    kind: u8,
    target: u128,
    options: &[Vec<u8>],
) -> Vec<u8> {
    let (src, dst) = addrs;
    let message = icmp6(src, dst, kind, 0, &nd_body(kind, target, options));
    ethernet(macs.1, macs.0, 0x86dd, &ip6(src, dst, 58, 255, &message))
}

/// The same frame with a VLAN tag.
pub(crate) fn tagged(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame.splice(12..12, [0x81, 0, 0, 5]);
    frame
}
