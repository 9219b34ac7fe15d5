// SPDX-License-Identifier: GPL-2.0

//! The outer headers of a tunnel, made once for a route and completed for each packet.
//!
//! ```text
//! | IPv4 (20) or IPv6 (40) | UDP (8), with GRE-in-UDP | GRE (4 to 12) | frame ...
//! ```
//!
//! What stays the same for all packets of a tunnel stands in a [`Template`], with its share of the
//! checksum; [`Template::write`] copies it and fills the rest in.

use crate::csum;
use crate::gre;
use crate::ip;
use crate::ip::Addr;

/// Length in bytes of a UDP header (RFC 768).
pub const UDP_LEN: usize = 8;
/// UDP port of GRE-in-UDP (RFC 8086, 8.1).
pub const UDP_PORT: u16 = 4754;
/// Length in bytes of the longest outer headers, which have no GRE sequence number.
pub const MAX_LEN: usize = ip::V6_LEN + UDP_LEN + GRE_MAX;

/// The low bits of a key that are NVGRE's flow id; above them is the id of the virtual subnet
/// (RFC 7637, 3.2).
pub const FLOW_ID_BITS: u32 = 8;

/// Base header, checksum and key.
const GRE_MAX: usize = 12;
/// What follows the first 12 bytes of IPv4, or the first 8 of IPv6.
const TAIL_MAX: usize = 32 + UDP_LEN + GRE_MAX;
/// Source ports of GRE-in-UDP are those for private use (RFC 8086, 3.2.1; RFC 6335, 6).
const FIRST_SPORT: u16 = 49152;

/// The source port for a flow on a lane, so that the receiver's NIC spreads the lanes, and a flow
/// stays in order. The lanes of one flow have ports of their own, as far as there are ports.
#[inline]
pub const fn source_port(lane: u16, hash: u32) -> u16 {
    // An odd factor near 2^14 times the golden ratio: no two lanes meet, neighbours are far apart.
    let port = (hash ^ hash >> 16) as u16 ^ lane.wrapping_mul(0x278d);
    FIRST_SPORT | (port & !FIRST_SPORT)
}

/// What a tunnel puts in front of all of its packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Headers {
    /// Source address.
    pub src: Addr,
    /// Destination address, of the same version.
    pub dst: Addr,
    /// Source and destination port of the UDP header, if there is one.
    pub udp: Option<(u16, u16)>,
    /// The GRE header; a checksum is left zero, to be filled in.
    pub gre: gre::Header,
}

/// What differs from packet to packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Packet {
    /// Length in bytes of what follows the outer headers. Beyond what a length field can say, which
    /// only a packet that is still to be cut into segments is, the field has the low bits.
    pub payload_len: u32,
    /// DSCP and ECN.
    pub tos: u8,
    /// Time to live or hop limit, in hops.
    pub ttl: u8,
    /// "Don't fragment"; IPv4 only.
    pub df: bool,
    /// Identification; IPv4 only, means nothing with `df`.
    pub id: u16,
    /// Flow label; IPv6 only, 20 bits.
    pub flow_label: u32,
    /// Source port of the UDP header, in place of the template's.
    pub sport: Option<u16>,
    /// Flow id, in place of the low 8 bits of the key, if there is one.
    pub flow_id: Option<u8>,
}

/// Outer headers, ready but for what is in [`Packet`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template {
    /// What follows the fields of IP that differ: addresses, UDP, GRE.
    tail: [u8; TAIL_MAX],
    tail_len: u8,
    /// Length in bytes of all.
    len: u8,
    plain: bool,
    /// Protocol behind IP: GRE or UDP.
    protocol: u8,
    version: ip::Version,
    udp: bool,
    /// Destination port, if there is a UDP header.
    dport: u16,
    key: bool,
    /// Partial sum of the addresses, for the checksum of IPv4.
    sum: u32,
}

impl Template {
    /// A template of nothing, whose headers have no length.
    pub const EMPTY: Template = Template {
        tail: [0; TAIL_MAX],
        tail_len: 0,
        len: 0,
        plain: false,
        protocol: 0,
        version: ip::Version::V4,
        udp: false,
        dport: 0,
        key: false,
        sum: 0,
    };

    /// Makes one; `None` if the addresses are of different versions, or GRE has a sequence number.
    pub fn new(headers: &Headers) -> Option<Template> {
        let mut template = Template {
            protocol: match headers.udp {
                Some(_) => ip::PROTO_UDP,
                None => ip::PROTO_GRE,
            },
            version: headers.dst.version(),
            udp: headers.udp.is_some(),
            dport: headers.udp.map_or(0, |(_, dport)| dport),
            key: headers.gre.key.is_some(),
            ..Template::EMPTY
        };
        let rest = template.tail.as_mut_slice();
        let rest = match (headers.src, headers.dst) {
            (Addr::V4(src), Addr::V4(dst)) => {
                put(put(rest, &src.to_be_bytes())?, &dst.to_be_bytes())?
            }
            (Addr::V6(src), Addr::V6(dst)) => {
                put(put(rest, &src.to_be_bytes())?, &dst.to_be_bytes())?
            }
            _ => return None,
        };
        let rest = match headers.udp {
            // Length and checksum are the packet's.
            Some((sport, dport)) => {
                let rest = put(put(rest, &sport.to_be_bytes())?, &dport.to_be_bytes())?;
                put(rest, &[0; 4])?
            }
            None => rest,
        };
        let gre = gre::Header {
            csum: headers.gre.csum.map(|_| 0),
            ..headers.gre
        };
        if gre.seq.is_some() {
            return None;
        }
        let len = gre.encode(rest)?;
        let left = rest.len().checked_sub(len)?;
        template.tail_len = TAIL_MAX.checked_sub(left)? as u8;
        template.len = template.tail_len.checked_add(template.head_len() as u8)?;
        template.plain = template.version == ip::Version::V4 && gre.csum.is_none();
        template.sum = csum::partial(template.tail.get(..8)?, 0);
        Some(template)
    }

    /// Length in bytes of the headers.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Length in bytes of the IP header.
    #[inline]
    pub const fn ip_len(&self) -> usize {
        match self.version {
            ip::Version::V4 => ip::V4_LEN,
            ip::Version::V6 => ip::V6_LEN,
        }
    }

    /// Version of the outer IP header.
    #[inline]
    pub const fn version(&self) -> ip::Version {
        self.version
    }

    #[inline]
    const fn head_len(&self) -> usize {
        match self.version {
            ip::Version::V4 => 12,
            ip::Version::V6 => 8,
        }
    }

    /// Writes the headers for one packet to `out`, whose length must be [`Template::len`]; `None`
    /// if it is not.
    #[inline]
    pub fn write(&self, out: &mut [u8], packet: &Packet) -> Option<()> {
        if out.len() != self.len() {
            return None;
        }
        let len = packet.payload_len.wrapping_add(self.len() as u32);
        let tail = match self.version {
            ip::Version::V4 => {
                let frag = if packet.df { ip::FRAG_DF } else { 0 };
                let word = u32::from(packet.id) << 16 | u32::from(frag);
                self.put4(out, len as u16, packet.tos, packet.ttl, word)?
            }
            ip::Version::V6 => {
                let (head, tail) = out.split_first_chunk_mut::<8>()?;
                *head = self.head6(len.wrapping_sub(ip::V6_LEN as u32) as u16, packet);
                tail
            }
        };
        // A length that the compiler knows makes a few moves of what else is a call.
        match self.tail_len {
            12 => copy::<12>(tail, &self.tail)?,
            16 => copy::<16>(tail, &self.tail)?,
            _ => {
                let from = self.tail.get(..usize::from(self.tail_len))?;
                if tail.len() != from.len() {
                    return None;
                }
                tail.copy_from_slice(from);
            }
        }
        if self.udp {
            let at = self.ip_len().wrapping_sub(self.head_len());
            let len = len.wrapping_sub(self.ip_len() as u32) as u16;
            let (sport, rest) = tail.get_mut(at..)?.split_first_chunk_mut::<2>()?;
            if let Some(port) = packet.sport {
                *sport = port.to_be_bytes();
            }
            *rest.get_mut(2..)?.first_chunk_mut::<2>()? = len.to_be_bytes();
        }
        if let (Some(flow_id), true) = (packet.flow_id, self.key) {
            *tail.last_mut()? = flow_id;
        }
        Some(())
    }

    /// RFC 791, 3.1, up to the checksum; `second` is identification, flags and offset. Returns what
    /// comes after it.
    #[inline]
    fn put4<'a>(
        &self,
        out: &'a mut [u8],
        total_len: u16,
        tos: u8,
        ttl: u8,
        second: u32,
    ) -> Option<&'a mut [u8]> {
        let first = 0x4500_0000 | u32::from(tos) << 16 | u32::from(total_len);
        let third = u32::from(ttl) << 24 | u32::from(self.protocol) << 16;
        // Four words of 32 bits do not overflow 64.
        let sum = u64::from(self.sum)
            .wrapping_add(u64::from(first))
            .wrapping_add(u64::from(second))
            .wrapping_add(u64::from(third));
        // 2^16 is 1 modulo 2^16 - 1, so the halves of each sum may be added.
        let sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
        let sum = (sum & 0xffff).wrapping_add(sum >> 16);
        let sum = (sum & 0xffff).wrapping_add(sum >> 16);
        let sum = (sum & 0xffff).wrapping_add(sum >> 16);
        let third = third | u32::from(!(sum as u16));
        let (head, out) = out.split_first_chunk_mut::<8>()?;
        *head = (u64::from(first) << 32 | u64::from(second)).to_be_bytes();
        let (head, out) = out.split_first_chunk_mut::<4>()?;
        *head = third.to_be_bytes();
        Some(out)
    }

    /// Whether [`Template::write_plain`] can be used: GRE without a checksum right behind IPv4.
    #[inline]
    pub const fn is_plain(&self) -> bool {
        self.plain && !self.udp
    }

    /// Whether [`Template::write_plain_udp`] can be used: the same behind IPv4 and UDP.
    #[inline]
    pub const fn is_plain_udp(&self) -> bool {
        self.plain && self.udp
    }

    /// As [`Template::write`] for what nearly all packets are: with DF set, and without a UDP header.
    /// In fewer steps, since the compiler knows all lengths.
    #[inline]
    pub fn write_plain(&self, out: &mut [u8], total_len: u32, tos: u8, ttl: u8) -> Option<()> {
        if out.len() != self.len() {
            return None;
        }
        match out.len() {
            28 => self.fill::<28>(out, total_len, tos, ttl).map(|_| ()),
            24 => self.fill::<24>(out, total_len, tos, ttl).map(|_| ()),
            _ => None,
        }
    }

    /// The same with a UDP header, whose source port is `sport`.
    #[inline]
    pub fn write_plain_udp(
        &self,
        out: &mut [u8],
        total_len: u32,
        tos: u8,
        ttl: u8,
        sport: u16,
    ) -> Option<()> {
        if out.len() != self.len() {
            return None;
        }
        let out: &mut [u8] = match out.len() {
            36 => self.fill::<36>(out, total_len, tos, ttl)?,
            32 => self.fill::<32>(out, total_len, tos, ttl)?,
            _ => return None,
        };
        let udp: &mut [u8; UDP_LEN] = out.get_mut(ip::V4_LEN..)?.first_chunk_mut()?;
        let len = total_len.wrapping_sub(ip::V4_LEN as u32) as u16;
        let word = u64::from(sport) << 48 | u64::from(self.dport) << 32 | u64::from(len) << 16;
        *udp = word.to_be_bytes();
        Some(())
    }

    /// An IPv4 header with DF, and what follows it as it stands in the template.
    #[inline]
    fn fill<'a, const N: usize>(
        &self,
        out: &'a mut [u8],
        total_len: u32,
        tos: u8,
        ttl: u8,
    ) -> Option<&'a mut [u8; N]> {
        let out: &mut [u8; N] = out.try_into().ok()?;
        let tail = self.put4(out, total_len as u16, tos, ttl, ip::FRAG_DF.into())?;
        // Beyond the template's own length it is zero.
        tail.copy_from_slice(self.tail.get(..tail.len())?);
        Some(out)
    }

    /// RFC 8200, 3, up to the addresses.
    #[inline]
    fn head6(&self, payload_len: u16, packet: &Packet) -> [u8; 8] {
        let first = 6 << 28 | u32::from(packet.tos) << 20 | (packet.flow_label & 0x000f_ffff);
        let second =
            u32::from(payload_len) << 16 | u32::from(self.protocol) << 8 | u32::from(packet.ttl);
        (u64::from(first) << 32 | u64::from(second)).to_be_bytes()
    }
}

#[inline]
fn copy<const N: usize>(out: &mut [u8], from: &[u8; TAIL_MAX]) -> Option<()> {
    let out: &mut [u8; N] = out.try_into().ok()?;
    *out = *from.first_chunk()?;
    Some(())
}

#[inline]
fn put<'a, const N: usize>(out: &'a mut [u8], bytes: &[u8; N]) -> Option<&'a mut [u8]> {
    let (head, rest) = out.split_first_chunk_mut::<N>()?;
    *head = *bytes;
    Some(rest)
}
