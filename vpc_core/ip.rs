// SPDX-License-Identifier: GPL-2.0

//! IP headers: views of both versions, the outer IPv4 header, and what a tunnel inherits from the
//! packet inside.

pub use crate::ecn::ecn_decapsulate;
pub use crate::ecn::ecn_encapsulate;
pub use crate::ecn::Decap;

use crate::csum;
use crate::eth;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::byteorder::network_endian::U32;
use zerocopy::FromBytes;
use zerocopy::IntoBytes;
use zerocopy_derive::FromBytes;
use zerocopy_derive::Immutable;
use zerocopy_derive::IntoBytes;
use zerocopy_derive::KnownLayout;
use zerocopy_derive::Unaligned;

/// Length in bytes of an IPv4 header without options.
pub const V4_LEN: usize = 20;
/// Length in bytes of an IPv4 header with as many options as it can have.
pub const V4_MAX_LEN: usize = 60;
/// Length in bytes of the fixed IPv6 header.
pub const V6_LEN: usize = 40;
/// IP protocol number of GRE.
pub const PROTO_GRE: u8 = 47;
/// ICMP (RFC 792).
pub const PROTO_ICMP: u8 = 1;
/// ICMP for IPv6 (RFC 4443).
pub const PROTO_ICMPV6: u8 = 58;
/// Next header of IPv6 for hop-by-hop options (RFC 8200, 4.3).
pub const NEXT_HOP_BY_HOP: u8 = 0;
/// Next header of IPv6 for destination options (RFC 8200, 4.6).
pub const NEXT_DESTINATION: u8 = 60;
/// Next header of IPv6 for a routing header (RFC 8200, 4.4).
pub const NEXT_ROUTING: u8 = 43;
/// Next header of IPv6 for a fragment header (RFC 8200, 4.5).
pub const NEXT_FRAGMENT: u8 = 44;
/// Next header of IPv6 for an authentication header (RFC 4302).
pub const NEXT_AUTHENTICATION: u8 = 51;
/// So many IPv6 extension headers are looked through; RFC 8200 has no use for more of them.
pub const MAX_EXTENSIONS: usize = 6;
/// IP protocol number of TCP.
pub const PROTO_TCP: u8 = 6;
/// IP protocol number of UDP.
pub const PROTO_UDP: u8 = 17;
/// IP protocol number of DCCP.
pub const PROTO_DCCP: u8 = 33;
/// IP protocol number of SCTP.
pub const PROTO_SCTP: u8 = 132;
/// IP protocol number of UDP-Lite.
pub const PROTO_UDP_LITE: u8 = 136;
/// "Don't fragment" in [`Ipv4::frag`].
pub const FRAG_DF: u16 = 0x4000;
/// "More fragments" in [`Ipv4::frag`].
pub const FRAG_MF: u16 = 0x2000;
/// Fragment offset in [`Ipv4::frag`], in units of 8 bytes.
pub const FRAG_OFFSET: u16 = 0x1fff;
/// The bits of [`Ipv6::version_class_label`] that are the flow label.
pub const FLOW_LABEL: u32 = 0x000f_ffff;

/// An address of either version, as a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Addr {
    /// IPv4.
    V4(u32),
    /// IPv6.
    V6(u128),
}

impl Addr {
    /// An address as on the wire: 4 bytes, or 16.
    #[inline]
    pub fn of_bytes(bytes: &[u8]) -> Option<Addr> {
        if let Ok(v4) = bytes.try_into() {
            return Some(Addr::V4(u32::from_be_bytes(v4)));
        }
        let v6 = bytes.try_into().ok()?;
        Some(Addr::V6(u128::from_be_bytes(v6)))
    }

    /// The version that it belongs to.
    #[inline]
    pub const fn version(self) -> Version {
        match self {
            Addr::V4(_) => Version::V4,
            Addr::V6(_) => Version::V6,
        }
    }

    /// The address of the same version that stands for none, all zero.
    #[inline]
    pub const fn none_like(self) -> Addr {
        match self {
            Addr::V4(_) => Addr::V4(0),
            Addr::V6(_) => Addr::V6(0),
        }
    }

    /// Whether it stands for no address.
    #[inline]
    pub const fn is_none(self) -> bool {
        matches!(self, Addr::V4(0) | Addr::V6(0))
    }

    /// Whether packets can be sent to and from it as the address of one host. An IPv4 address in
    /// IPv6 form (`::ffff:0:0/96`) is none: it must not be on the wire.
    #[inline]
    pub const fn is_unicast(self) -> bool {
        match self {
            // Neither 0/8 nor 224/3, multicast and what is reserved.
            Addr::V4(addr) => addr >> 24 != 0 && addr >> 28 < 0xe,
            Addr::V6(addr) => addr != 0 && addr >> 120 != 0xff && addr >> 32 != 0xffff,
        }
    }

    /// Whether it says which host only together with a link (`fe80::/10`).
    #[inline]
    pub const fn is_link_local(self) -> bool {
        matches!(self, Addr::V6(addr) if addr >> 118 == 0x3fa)
    }
}

/// The fixed part of an IPv4 header as on the wire (RFC 791, 3.1).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct Ipv4 {
    /// Version in the upper half, header length in units of 4 bytes in the lower.
    pub version_ihl: u8,
    /// DSCP (six bits) and ECN (two bits).
    pub tos: u8,
    /// Length in bytes of header and payload.
    pub total_len: U16,
    /// Identification, which joins fragments.
    pub id: U16,
    /// Flags and fragment offset: [`FRAG_DF`], [`FRAG_MF`], [`FRAG_OFFSET`].
    pub frag: U16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Checksum of the header.
    pub csum: U16,
    /// Source address.
    pub src: U32,
    /// Destination address.
    pub dst: U32,
}

impl Ipv4 {
    /// A view of the IPv4 header at the start of `bytes`, whatever total length it gives.
    ///
    /// `None` if the fixed part is cut off, or the version or the length of the header is wrong.
    #[inline]
    pub fn view(bytes: &[u8]) -> Option<&Ipv4> {
        let (header, _) = Ipv4::ref_from_prefix(bytes).ok()?;
        (header.version_ihl >> 4 == 4 && header.header_len() >= V4_LEN).then_some(header)
    }

    /// A view of the IPv4 header at the start of `bytes`, and what follows it and its options, cut
    /// to the length that the header gives.
    ///
    /// `None` if the bytes are too few, or the version or one of the lengths is wrong. If only
    /// payload is missing at the end, the rest is what is there. The checksum is not looked at.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<(&Ipv4, &[u8])> {
        let header = Ipv4::view(bytes)?;
        let len = header.header_len();
        let total = usize::from(header.total_len.get());
        if total < len {
            return None;
        }
        let packet = bytes.get(..total).unwrap_or(bytes);
        Some((header, packet.get(len..)?))
    }

    /// Length in bytes of the header with its options, as it says itself.
    #[inline]
    pub const fn header_len(&self) -> usize {
        ((self.version_ihl & 0x0f) as usize).wrapping_mul(4)
    }

    /// Whether routers may not fragment the packet.
    #[inline]
    pub fn df(&self) -> bool {
        self.frag.get() & FRAG_DF != 0
    }

    /// Whether the packet begins with its payload: it is whole, or the first fragment.
    #[inline]
    pub fn is_first(&self) -> bool {
        self.frag.get() & FRAG_OFFSET == 0
    }

    /// Whether the packet is a fragment, the first one included.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.frag.get() & (FRAG_MF | FRAG_OFFSET) != 0
    }
}

/// The fixed IPv6 header as on the wire (RFC 8200, 3).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct Ipv6 {
    /// Version (4 bits), traffic class (8 bits), flow label (20 bits).
    pub version_class_label: U32,
    /// Length in bytes of what follows this header.
    pub payload_len: U16,
    /// Type of what follows: an extension header or a protocol.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub src: [u8; 16],
    /// Destination address.
    pub dst: [u8; 16],
}

impl Ipv6 {
    /// A view of the IPv6 header at the start of `bytes`, and what follows it, cut to the length
    /// that the header gives.
    ///
    /// `None` if the bytes are too few or the version is wrong. If payload is missing at the end,
    /// the rest is what is there.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<(&Ipv6, &[u8])> {
        let (header, rest) = Ipv6::ref_from_prefix(bytes).ok()?;
        if header.version_class_label.get() >> 28 != 6 {
            return None;
        }
        let len = usize::from(header.payload_len.get());
        Some((header, rest.get(..len).unwrap_or(rest)))
    }

    /// The traffic class: DSCP (six bits) and ECN (two bits), as a TOS byte.
    #[inline]
    pub fn traffic_class(&self) -> u8 {
        (self.version_class_label.get() >> 20) as u8
    }

    /// The flow label, 20 bits.
    #[inline]
    pub fn flow_label(&self) -> u32 {
        self.version_class_label.get() & FLOW_LABEL
    }
}

/// Whether the header of a protocol starts with source and destination port.
#[inline]
pub const fn has_ports(protocol: u8) -> bool {
    matches!(
        protocol,
        PROTO_TCP | PROTO_UDP | PROTO_SCTP | PROTO_UDP_LITE | PROTO_DCCP
    )
}

/// Length in bytes of an IPv6 extension header of type `kind` whose second byte is `units`. `None`
/// if that is no extension header, or that of a fragment, which has no length of its own.
#[inline]
pub const fn extension_len(kind: u8, units: u8) -> Option<usize> {
    match kind {
        // In units of 8 bytes, less the first (RFC 8200, 4.3, 4.4 and 4.6).
        NEXT_HOP_BY_HOP | NEXT_ROUTING | NEXT_DESTINATION => {
            Some((units as usize).wrapping_add(1).wrapping_mul(8))
        }
        // In units of 4 bytes, less two (RFC 4302, 2.2).
        NEXT_AUTHENTICATION => Some((units as usize).wrapping_add(2).wrapping_mul(4)),
        _ => None,
    }
}

/// Passes over a header of destination options that asks for nothing: all its options are such that
/// may be skipped by who does not know them (RFC 8200, 4.2), as the limit that `ip6gretap` sends
/// (RFC 2473, 4.1.1). Returns the next header and the length in bytes of this one.
#[inline]
pub fn pass_options(bytes: &[u8]) -> Option<(u8, usize)> {
    const PAD1: u8 = 0;
    const ACTION: u8 = 0xc0;
    let (&[next, units], _) = bytes.split_first_chunk()?;
    let len = usize::from(units).wrapping_add(1).wrapping_mul(8);
    let mut options = bytes.get(2..len)?;
    while let Some((&kind, rest)) = options.split_first() {
        if kind == PAD1 {
            options = rest;
            continue;
        }
        let (&value_len, rest) = rest.split_first()?;
        if kind & ACTION != 0 {
            return None;
        }
        options = rest.get(usize::from(value_len)..)?;
    }
    Some((next, len))
}

/// What an outer IPv4 header says. It has no options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outer {
    /// DSCP and ECN.
    pub tos: u8,
    /// Length in bytes of header and payload.
    pub total_len: u16,
    /// Identification. Means nothing while `df` is set (RFC 6864, 4.1).
    pub id: u16,
    /// "Don't fragment".
    pub df: bool,
    /// Time to live, in hops.
    pub ttl: u8,
    /// Protocol of the payload, such as [`PROTO_GRE`].
    pub protocol: u8,
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
}

impl Outer {
    /// The header as it goes on the wire, with its checksum.
    #[inline]
    pub fn encode(&self) -> [u8; V4_LEN] {
        let mut header = Ipv4 {
            version_ihl: 0x45,
            tos: self.tos,
            total_len: self.total_len.into(),
            id: self.id.into(),
            frag: if self.df { FRAG_DF } else { 0 }.into(),
            ttl: self.ttl,
            protocol: self.protocol,
            csum: 0.into(),
            src: self.src.into(),
            dst: self.dst.into(),
        };
        header.csum = csum::internet(header.as_bytes()).into();
        zerocopy::transmute!(header)
    }
}

/// The IP version of a packet inside the tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a tunnel inherits from the IP packet inside an Ethernet frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inner {
    /// Version of IP.
    pub version: Version,
    /// Bytes from the start of the frame to the IP header: 14, 18 or 22.
    pub offset: usize,
    /// DSCP and ECN: the TOS byte or the traffic class.
    pub tos: u8,
    /// Time to live or hop limit, in hops.
    pub ttl: u8,
    /// Whether routers may not fragment it. Always so with IPv6.
    pub df: bool,
}

impl Inner {
    /// Looks through up to two VLAN tags for the IP header of `frame`, which starts at the
    /// destination MAC address. `None` if there is none or it is cut off or malformed.
    #[inline]
    pub fn of_frame(frame: &[u8]) -> Option<Inner> {
        let parsed = eth::Frame::parse(frame)?;
        let offset = frame.len().saturating_sub(parsed.payload.len());
        match parsed.proto {
            eth::TYPE_IPV4 => {
                let (ip, _) = Ipv4::parse(parsed.payload)?;
                Some(Inner {
                    version: Version::V4,
                    offset,
                    tos: ip.tos,
                    ttl: ip.ttl,
                    df: ip.df(),
                })
            }
            eth::TYPE_IPV6 => {
                let (ip, _) = Ipv6::parse(parsed.payload)?;
                Some(Inner {
                    version: Version::V6,
                    offset,
                    tos: ip.traffic_class(),
                    ttl: ip.hop_limit,
                    df: true,
                })
            }
            _ => None,
        }
    }
}

/// What an outer header inherits from nearly all packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glimpse {
    /// DSCP and ECN: the TOS byte or the traffic class.
    pub tos: u8,
    /// Time to live or hop limit, in hops.
    pub ttl: u8,
}

impl Glimpse {
    /// The same as [`Inner::of_frame`] says, for an IP packet without VLAN tags whose header is not
    /// cut off; `None` for anything else.
    #[inline]
    pub fn of_frame(frame: &[u8]) -> Option<Glimpse> {
        let header: &[u8; eth::HEADER_LEN + V4_LEN] = frame.first_chunk()?;
        let [_, _, _, _, _, _, _, _, _, _, _, _, kind_high, kind_low, first, second, len_high, len_low, _, _, _, hop_limit, ttl, ..] =
            *header;
        match (u16::from_be_bytes([kind_high, kind_low]), first >> 4) {
            // Without options; the total length covers the header.
            (eth::TYPE_IPV4, 4)
                if first == 0x45 && u16::from_be_bytes([len_high, len_low]) >= V4_LEN as u16 =>
            {
                Some(Glimpse { tos: second, ttl })
            }
            (eth::TYPE_IPV6, 6) if frame.len() >= eth::HEADER_LEN + V6_LEN => Some(Glimpse {
                tos: first << 4 | second >> 4,
                ttl: hop_limit,
            }),
            _ => None,
        }
    }
}
