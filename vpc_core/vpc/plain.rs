// SPDX-License-Identifier: GPL-2.0

//! Short ways to read what nearly all frames are: TCP and UDP over IP without options, extension
//! headers and VLAN tags. They say what [`Packet::parse`] says of any frame, or nothing.

use crate::eth;
use crate::flow::FlowKey;
use crate::ip;
use crate::ip::Ipv6;
use crate::vpc::packet::Fragment;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;
use crate::vpc::packet::TRANSPORT_MIN;

/// What differs between such frames with IPv4. No [`Packet`] yet: to move one copies all of its bytes.
pub struct Plain {
    dst: [u8; 6],
    src: [u8; 6],
    ttl: u8,
    flow: FlowKey,
}

impl Plain {
    /// Reads a frame, see [`Packet::parse`]; `None` for any other one.
    #[inline]
    pub fn of_frame(frame: &[u8], len: usize) -> Option<Plain> {
        let flow = FlowKey::of_plain(frame)?;
        let (&dst, rest) = frame.split_first_chunk()?;
        let (&src, rest) = rest.split_first_chunk()?;
        let &[_, _, _, _, high, low, _, _, _, _, ttl] = rest.first_chunk()?;
        let total = usize::from(u16::from_be_bytes([high, low]));
        if total < ip::V4_LEN + TRANSPORT_MIN || total.wrapping_add(eth::HEADER_LEN) > len {
            return None;
        }
        Some(Plain {
            dst,
            src,
            ttl,
            flow,
        })
    }

    /// The packet.
    #[inline]
    pub const fn packet(self) -> Packet {
        Packet {
            dst: self.dst,
            src: self.src,
            ethertype: eth::TYPE_IPV4,
            tagged: false,
            offset: eth::HEADER_LEN as u16,
            transport: (eth::HEADER_LEN + ip::V4_LEN) as u16,
            kind: Kind::Ip4 {
                src: self.flow.src as u32,
                dst: self.flow.dst as u32,
            },
            protocol: self.flow.protocol,
            ttl: self.ttl,
            fragment: Fragment::Whole,
            sport: self.flow.sport,
            dport: self.flow.dport,
        }
    }
}

/// Such a frame with IPv6. `None` for any other.
#[inline]
pub(super) fn ipv6(frame: &[u8], len: usize) -> Option<Packet> {
    const TRANSPORT: usize = eth::HEADER_LEN + ip::V6_LEN;
    let bytes: &[u8; TRANSPORT + TRANSPORT_MIN] = frame.first_chunk()?;
    let (&dst, rest) = bytes.split_first_chunk()?;
    let (&src, rest) = rest.split_first_chunk()?;
    let (&proto, rest) = rest.split_first_chunk()?;
    if u16::from_be_bytes(proto) != eth::TYPE_IPV6 {
        return None;
    }
    let (header, payload) = Ipv6::parse(rest)?;
    let end = TRANSPORT.wrapping_add(header.payload_len.get().into());
    let &[a, b, c, d, ..] = payload.first_chunk::<TRANSPORT_MIN>()?;
    if end > len || !matches!(header.next_header, ip::PROTO_TCP | ip::PROTO_UDP) {
        return None;
    }
    Some(Packet {
        dst,
        src,
        ethertype: eth::TYPE_IPV6,
        tagged: false,
        offset: eth::HEADER_LEN as u16,
        transport: TRANSPORT as u16,
        kind: Kind::Ip6 {
            src: u128::from_be_bytes(header.src),
            dst: u128::from_be_bytes(header.dst),
        },
        protocol: header.next_header,
        ttl: header.hop_limit,
        fragment: Fragment::Whole,
        sport: u16::from_be_bytes([a, b]),
        dport: u16::from_be_bytes([c, d]),
    })
}
