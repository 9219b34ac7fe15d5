// SPDX-License-Identifier: GPL-2.0

//! What the hook has to know of a frame, read in one pass.
//!
//! A packet's headers may lie partly in pages, which cannot be read here: then the answer is how
//! many bytes have to be linear. Nothing is read beyond these, whatever the lengths in the packet
//! say.

use crate::eth;
use crate::ip;
use crate::ip::Addr;
use crate::ip::Ipv4;
use crate::ip::Ipv6;
use crate::vpc::arp;
use crate::vpc::arp::Arp;
use crate::vpc::nd::Message;
use crate::vpc::nd::Nd;
use crate::vpc::plain;
use crate::vpc::plain::Plain;
use crate::vpc::view::View;

/// UDP ports of DHCP (RFC 2131, 4.1) and DHCPv6 (RFC 8415, 7.2).
const DHCP_SERVER: u16 = 67;
const DHCP_CLIENT: u16 = 68;
const DHCPV6_CLIENT: u16 = 546;
const DHCPV6_SERVER: u16 = 547;

/// The least that follows the IP header where there are ports, as every first fragment has it.
pub(super) const TRANSPORT_MIN: usize = 8;

/// Why a frame cannot be judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// So many bytes from the destination MAC address on must be linear: more than are, no more than
    /// the frame has. To be tried again then.
    NeedLinear(usize),
    /// It ends before a header or the length that a header gives does.
    Short,
    /// Version or length in the IP header is wrong.
    Header,
    /// An ARP message about something else than IPv4 over Ethernet.
    Arp,
    /// A malformed message of neighbour discovery.
    Nd,
    /// More IPv6 extension headers than [`ip::MAX_EXTENSIONS`], or such as must not follow each
    /// other (RFC 8200, 4.1).
    Chain,
    /// A fragment that hides what it is: a first one without the header behind IP (RFC 1858, 3;
    /// RFC 7112), TCP that would replace the flags (RFC 3128), neighbour discovery (RFC 6980).
    Fragment,
    /// A checksum is to be written where the packet has none, and cannot be written before.
    Sum,
}

impl Problem {
    /// A short name, such as a counter has.
    pub const fn name(self) -> &'static str {
        match self {
            Problem::NeedLinear(_) => "need_linear",
            Problem::Short => "short",
            Problem::Header => "bad_ip",
            Problem::Arp => "bad_arp",
            Problem::Nd => "bad_nd",
            Problem::Chain => "bad_chain",
            Problem::Fragment => "bad_fragment",
            Problem::Sum => "bad_checksum",
        }
    }
}

/// Which part of a packet it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fragment {
    /// All of it.
    Whole,
    /// The first part, which has the ports.
    First,
    /// A later part, without ports.
    Later,
}

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
// A tag of its own is told apart faster than one that is hidden in a field.
#[repr(u8)]
pub enum Kind {
    /// IPv4.
    Ip4 {
        /// Source address.
        src: u32,
        /// Destination address.
        dst: u32,
    },
    /// IPv6, except neighbour discovery.
    Ip6 {
        /// Source address.
        src: u128,
        /// Destination address.
        dst: u128,
    },
    /// ARP, or reverse ARP: see [`Packet::ethertype`].
    Arp(Arp),
    /// Neighbour discovery in IPv6.
    Nd {
        /// Source address.
        src: u128,
        /// Destination address.
        dst: u128,
        /// The message.
        nd: Nd,
    },
    /// Something else.
    Other,
}

/// What a frame says, behind up to two VLAN tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Destination MAC address.
    pub dst: [u8; 6],
    /// Source MAC address.
    pub src: [u8; 6],
    /// EtherType behind the tags; below 0x600 the length of an IEEE 802.3 frame.
    pub ethertype: u16,
    /// Whether there are VLAN tags in the frame. One that the kernel keeps beside it does not count.
    pub tagged: bool,
    /// Bytes from the destination MAC address to what follows the Ethernet header and its tags.
    pub offset: u16,
    /// Bytes from the destination MAC address to what follows the IP header, its options and
    /// extension headers; without IP as `offset`.
    pub transport: u16,
    /// What the frame carries.
    pub kind: Kind,
    /// IP protocol, behind extension headers; 0 without IP.
    pub protocol: u8,
    /// Time to live or hop limit, in hops; 0 without IP.
    pub ttl: u8,
    /// Which part of the IP packet it is.
    pub fragment: Fragment,
    /// Source port; 0 if there are no ports.
    pub sport: u16,
    /// Destination port, likewise; of ICMP the type in the upper byte and the code in the lower.
    pub dport: u16,
}

impl Packet {
    /// Reads a frame of `len` bytes. `frame` is as much of it as is linear, from the destination MAC
    /// address on.
    ///
    /// Checksums are not looked at. Lengths are: an IP packet that is cut off is [`Problem::Short`].
    pub fn parse(frame: &[u8], len: usize) -> Result<Packet, Problem> {
        match Plain::of_frame(frame, len) {
            Some(plain) => Ok(plain.packet()),
            None => Packet::any(frame, len),
        }
    }

    /// Reads any other frame.
    fn any(frame: &[u8], len: usize) -> Result<Packet, Problem> {
        if let Some(packet) = plain::ipv6(frame, len) {
            return Ok(packet);
        }
        let view = View::new(frame, len);
        let parsed = eth::Frame::parse(frame).ok_or(view.lacks(frame.len().wrapping_add(1)))?;
        let offset = frame.len().saturating_sub(parsed.payload.len());
        let mut packet = Packet {
            dst: parsed.dst,
            src: parsed.src,
            ethertype: parsed.proto,
            tagged: offset != eth::HEADER_LEN
                || matches!(parsed.proto, eth::TYPE_VLAN | eth::TYPE_QINQ),
            offset: offset as u16,
            transport: offset as u16,
            kind: Kind::Other,
            protocol: 0,
            ttl: 0,
            fragment: Fragment::Whole,
            sport: 0,
            dport: 0,
        };
        let taken = match parsed.proto {
            eth::TYPE_IPV4 => packet.take_ipv4(view),
            eth::TYPE_IPV6 => packet.take_ipv6(view),
            eth::TYPE_ARP | eth::TYPE_RARP => packet.take_arp(view),
            _ => Ok(()),
        };
        match taken {
            Ok(()) => Ok(packet),
            // What a first fragment lacks is in the next one.
            Err(Problem::Short) if packet.fragment == Fragment::First => Err(Problem::Fragment),
            Err(problem) => Err(problem),
        }
    }

    fn take_arp(&mut self, view: View<'_>) -> Result<(), Problem> {
        let message = view.chunk::<{ arp::LEN }>(self.offset.into())?;
        self.kind = Kind::Arp(Arp::parse(message).ok_or(Problem::Arp)?);
        Ok(())
    }

    fn take_ipv4(&mut self, view: View<'_>) -> Result<(), Problem> {
        let at = usize::from(self.offset);
        view.chunk::<{ ip::V4_LEN }>(at)?;
        let header = Ipv4::view(view.rest(at)).ok_or(Problem::Header)?;
        let header_len = header.header_len();
        let payload = at.wrapping_add(header_len);
        view.slice(at, payload)?;
        let view = match usize::from(header.total_len.get()) {
            0 => view.beyond(at),
            total if total < header_len => return Err(Problem::Header),
            total => view.until(at.wrapping_add(total)),
        }?;
        self.kind = Kind::Ip4 {
            src: header.src.get(),
            dst: header.dst.get(),
        };
        self.protocol = header.protocol;
        self.ttl = header.ttl;
        self.transport = payload as u16;
        self.fragment = match (header.is_fragment(), header.is_first()) {
            (false, _) => Fragment::Whole,
            (true, true) => Fragment::First,
            (true, false) => Fragment::Later,
        };
        if header.protocol == ip::PROTO_TCP && header.frag.get() & ip::FRAG_OFFSET == 1 {
            return Err(Problem::Fragment);
        }
        match (header.protocol, self.fragment) {
            (_, Fragment::Later) => Ok(()),
            (ip::PROTO_ICMP, _) => self.take_icmp(view),
            _ => self.take_ports(view),
        }
    }

    fn take_ipv6(&mut self, view: View<'_>) -> Result<(), Problem> {
        let at = usize::from(self.offset);
        view.chunk::<{ ip::V6_LEN }>(at)?;
        let (header, _) = Ipv6::parse(view.rest(at)).ok_or(Problem::Header)?;
        let payload = at.wrapping_add(ip::V6_LEN);
        let view = match usize::from(header.payload_len.get()) {
            0 if view.beyond(payload).is_ok() => view,
            len => view.until(payload.wrapping_add(len))?,
        };
        let (src, dst) = (
            u128::from_be_bytes(header.src),
            u128::from_be_bytes(header.dst),
        );
        self.kind = Kind::Ip6 { src, dst };
        self.ttl = header.hop_limit;
        let fragmented = self.take_extensions(view, header.next_header, payload)?;
        match (self.protocol, self.fragment) {
            (_, Fragment::Later) => Ok(()),
            (ip::PROTO_ICMPV6, _) => {
                self.take_icmp(view)?;
                if Message::of_type((self.dport >> 8) as u8).is_none() {
                    return Ok(());
                }
                if fragmented {
                    return Err(Problem::Fragment);
                }
                let message = view.slice(self.transport.into(), view.end)?;
                let nd = Nd::parse(message).ok_or(Problem::Nd)?;
                self.kind = Kind::Nd { src, dst, nd };
                Ok(())
            }
            _ => self.take_ports(view),
        }
    }

    /// Walks from the header of type `next` at `at` to the one that is no extension, or to what is
    /// in another fragment. Returns whether there is a fragment header, of the whole packet even
    /// (RFC 6946).
    fn take_extensions(
        &mut self,
        view: View<'_>,
        next: u8,
        mut at: usize,
    ) -> Result<bool, Problem> {
        let mut fragmented = false;
        self.protocol = next;
        for n in 0..=ip::MAX_EXTENSIONS {
            // Seven times 2,056 bytes at most.
            self.transport = at as u16;
            let kind = self.protocol;
            if kind == ip::NEXT_FRAGMENT {
                let &[next, _, high, low, ..] = view.chunk::<8>(at)?;
                // Offset in units of 8 bytes, two reserved bits, more fragments.
                let word = u16::from_be_bytes([high, low]);
                if fragmented {
                    return Err(Problem::Chain);
                }
                fragmented = true;
                self.protocol = next;
                at = at.wrapping_add(8);
                match (word >> 3, word & 1) {
                    (0, 0) => {}
                    (0, _) => self.fragment = Fragment::First,
                    _ => {
                        self.fragment = Fragment::Later;
                        self.transport = at as u16;
                        return Ok(true);
                    }
                }
                continue;
            }
            if ip::extension_len(kind, 0).is_none() {
                return Ok(fragmented);
            }
            let &[next, units] = view.chunk::<2>(at)?;
            let len = ip::extension_len(kind, units).unwrap_or(0);
            // Hop-by-hop options come first or not at all.
            if kind == ip::NEXT_HOP_BY_HOP && n > 0 {
                return Err(Problem::Chain);
            }
            self.protocol = next;
            at = at.wrapping_add(len);
            if at > view.end {
                return Err(Problem::Short);
            }
        }
        Err(Problem::Chain)
    }

    fn take_icmp(&mut self, view: View<'_>) -> Result<(), Problem> {
        let &[kind, code, _, _] = view.chunk(self.transport.into())?;
        self.dport = u16::from_be_bytes([kind, code]);
        Ok(())
    }

    fn take_ports(&mut self, view: View<'_>) -> Result<(), Problem> {
        if ip::has_ports(self.protocol) {
            let &[a, b, c, d, ..] = view.chunk::<TRANSPORT_MIN>(self.transport.into())?;
            self.sport = u16::from_be_bytes([a, b]);
            self.dport = u16::from_be_bytes([c, d]);
        }
        Ok(())
    }

    /// Source and destination address of an IP packet.
    #[inline]
    pub const fn addrs(&self) -> Option<(Addr, Addr)> {
        match self.kind {
            Kind::Ip4 { src, dst } => Some((Addr::V4(src), Addr::V4(dst))),
            Kind::Ip6 { src, dst } | Kind::Nd { src, dst, .. } => {
                Some((Addr::V6(src), Addr::V6(dst)))
            }
            Kind::Arp(_) | Kind::Other => None,
        }
    }

    /// Whether it is from a DHCP or DHCPv6 server, or a relay of one.
    #[inline]
    pub const fn is_from_dhcp_server(&self) -> bool {
        self.protocol == ip::PROTO_UDP
            && match self.kind {
                Kind::Ip4 { .. } => self.sport == DHCP_SERVER,
                _ => self.sport == DHCPV6_SERVER,
            }
    }

    /// Whether it is from a DHCP or DHCPv6 client to a server.
    #[inline]
    pub const fn is_from_dhcp_client(&self) -> bool {
        self.protocol == ip::PROTO_UDP
            && match self.kind {
                Kind::Ip4 { .. } => matches!((self.sport, self.dport), (DHCP_CLIENT, DHCP_SERVER)),
                _ => matches!((self.sport, self.dport), (DHCPV6_CLIENT, DHCPV6_SERVER)),
            }
    }
}
