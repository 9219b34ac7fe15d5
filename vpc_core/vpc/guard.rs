// SPDX-License-Identifier: GPL-2.0

//! Which packets a VM may send and get, going by the addresses of its port.
//!
//! The rules are those of OVN's port security (ovn-nb(5), `port_security` of
//! `Logical_Switch_Port`), and beyond them: who may send as DHCP server or router, EtherTypes and
//! VLAN tags.

use crate::eth;
use crate::ip;
use crate::ip::Addr;
use crate::vpc::arp;
use crate::vpc::arp::Arp;
use crate::vpc::nd;
use crate::vpc::nd::Message;
use crate::vpc::nd::Nd;
use crate::vpc::packet::Kind;
use crate::vpc::packet::Packet;
use crate::vpc::spoof::Spoof;

/// ICMPv6 types that join groups (RFC 2710, 3.1; RFC 3810, 5.2).
const MLD_REPORT: u8 = 131;
const MLD2_REPORT: u8 = 143;

/// 255.255.255.255.
const BROADCAST: u32 = u32::MAX;

/// IPv4 addresses of a port: one, or all of a subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Net4 {
    net: u32,
    mask: u32,
    broadcast: u32,
}

impl Net4 {
    /// `addr` with a prefix of so many bits. With a host part of zero these are all addresses of the
    /// subnet; else it is this one, and the subnet says only what its broadcast address is. `None`
    /// if the prefix is too long.
    pub const fn new(addr: u32, prefix: u8) -> Option<Net4> {
        if prefix > 32 {
            return None;
        }
        let host = match u32::MAX.checked_shr(prefix as u32) {
            Some(host) => host,
            None => 0,
        };
        Some(Net4 {
            net: addr,
            mask: if addr & host == 0 { !host } else { u32::MAX },
            broadcast: addr | host,
        })
    }

    #[inline]
    const fn holds(&self, addr: u32) -> bool {
        addr & self.mask == self.net
    }
}

/// IPv6 addresses of a port: one, or all of a subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Net6 {
    net: u128,
    mask: u128,
}

impl Net6 {
    /// The same as [`Net4::new`], for IPv6.
    pub const fn new(addr: u128, prefix: u8) -> Option<Net6> {
        if prefix > 128 {
            return None;
        }
        let host = match u128::MAX.checked_shr(prefix as u32) {
            Some(host) => host,
            None => 0,
        };
        Some(Net6 {
            net: addr,
            mask: if addr & host == 0 { !host } else { u128::MAX },
        })
    }

    #[inline]
    const fn holds(&self, addr: u128) -> bool {
        addr & self.mask == self.net
    }
}

/// What a VM may do beyond the ordinary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allow {
    /// Send as a DHCP or DHCPv6 server.
    pub dhcp_server: bool,
    /// Send router advertisements and redirects.
    pub router: bool,
    /// Send other EtherTypes than those of IPv4, IPv6 and ARP.
    pub ethertypes: bool,
    /// Send frames with VLAN tags. What is behind them is judged like any other.
    pub vlan: bool,
}

/// The addresses of a port, and what else it may do.
///
/// Without any IP address all of them are the port's. With those of one version only, the other
/// version does not pass.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    /// MAC address: that of a station, see [`eth::is_station`], so that a frame from a group or from
    /// nobody has another.
    pub mac: [u8; 6],
    /// IPv4 addresses.
    pub v4: &'a [Net4],
    /// IPv6 addresses, beside the link-local one that is made of the MAC address.
    pub v6: &'a [Net6],
    /// What the VM may do beyond the ordinary.
    pub allow: Allow,
}

impl Guard<'_> {
    /// Whether the VM may send this packet.
    // Inlined, or the guard itself would have to be written to memory for each packet.
    #[inline(always)]
    pub fn from_vm(&self, packet: &Packet) -> Result<(), Spoof> {
        if packet.src != self.mac {
            return Err(Spoof::Mac);
        }
        if packet.tagged && !self.allow.vlan {
            return Err(Spoof::Vlan);
        }
        match packet.kind {
            Kind::Ip4 { src, dst } => {
                if !self.has4(src) && !self.begins4(packet, src, dst) {
                    return Err(Spoof::Ipv4);
                }
                self.serves(packet)
            }
            _ => self.others_from_vm(packet),
        }
    }

    /// The same of what is not IPv4. Out of line, so that the way of IPv4 is short; and by value, so
    /// that only this way has to have a guard in memory.
    #[inline(never)]
    fn others_from_vm(self, packet: &Packet) -> Result<(), Spoof> {
        match packet.kind {
            Kind::Ip6 { src, dst } => {
                if !self.has6(src) && !self.joins6(packet, src, dst) {
                    return Err(Spoof::Ipv6);
                }
                self.serves(packet)
            }
            Kind::Arp(ref arp) => self.says_arp(packet, arp),
            Kind::Nd { src, dst, ref nd } => self.says_nd(packet, src, dst, nd),
            Kind::Other if self.allow.ethertypes => Ok(()),
            Kind::Other | Kind::Ip4 { .. } => Err(Spoof::EtherType),
        }
    }

    /// Whether the VM may get this packet.
    #[inline]
    pub fn to_vm(&self, packet: &Packet) -> Result<(), Spoof> {
        // As in OVN: to a group, whatever the addresses inside.
        if eth::is_group(packet.dst) {
            return Ok(());
        }
        if packet.dst != self.mac {
            return Err(Spoof::ToMac);
        }
        self.to_vm_ip(packet)
    }

    /// The same for a packet that is known to be for the MAC address, or will get it on the way.
    #[inline]
    pub fn to_vm_ip(&self, packet: &Packet) -> Result<(), Spoof> {
        match packet.kind {
            Kind::Ip4 { dst, .. } if !self.has4(dst) && !self.hears4(dst) => Err(Spoof::ToIpv4),
            Kind::Ip6 { dst, .. } | Kind::Nd { dst, .. }
                if !self.has6(dst) && (self.v6.is_empty() || !is_multicast6(dst)) =>
            {
                Err(Spoof::ToIpv6)
            }
            _ => Ok(()),
        }
    }

    #[inline]
    const fn has_any(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    #[inline]
    fn has4(&self, addr: u32) -> bool {
        self.v4.iter().any(|net| net.holds(addr)) || self.has_any()
    }

    #[inline]
    fn has6(&self, addr: u128) -> bool {
        self.v6.iter().any(|net| net.holds(addr))
            || self.has_any()
            || !self.v6.is_empty() && addr == link_local(self.mac)
    }

    /// Whether a VM with IPv4 addresses asks for one of them by DHCP.
    fn begins4(self, packet: &Packet, src: u32, dst: u32) -> bool {
        !self.v4.is_empty() && src == 0 && dst == BROADCAST && packet.is_from_dhcp_client()
    }

    /// Whether a VM with IPv6 addresses that has none yet joins the groups of those.
    fn joins6(&self, packet: &Packet, src: u128, dst: u128) -> bool {
        let [kind, code] = packet.dport.to_be_bytes();
        self.starts6(src, dst)
            && packet.protocol == ip::PROTO_ICMPV6
            && matches!(kind, MLD_REPORT | MLD2_REPORT)
            && code == 0
    }

    /// Whether a VM with IPv6 addresses speaks without one to a group on the link (`ff02::/16`).
    fn starts6(&self, src: u128, dst: u128) -> bool {
        !self.v6.is_empty() && src == 0 && dst >> 112 == 0xff02
    }

    /// Whether an address is one of those that the port hears beside its own.
    fn hears4(&self, addr: u32) -> bool {
        !self.v4.is_empty()
            && (addr == BROADCAST
                || addr >> 28 == 0xe
                || self.v4.iter().any(|net| net.broadcast == addr))
    }

    #[inline]
    fn serves(&self, packet: &Packet) -> Result<(), Spoof> {
        if packet.is_from_dhcp_server() && !self.allow.dhcp_server {
            return Err(Spoof::DhcpServer);
        }
        Ok(())
    }

    fn says_arp(&self, packet: &Packet, arp: &Arp) -> Result<(), Spoof> {
        let reverse = packet.ethertype == eth::TYPE_RARP;
        // A reverse request is how QEMU makes a VM known after a migration. The answers are a
        // server's.
        if arp.sender_mac != self.mac || reverse && arp.op != arp::REVERSE_REQUEST {
            return Err(Spoof::ArpMac);
        }
        // A probe asks whether somebody else has an address that is to be the VM's (RFC 5227).
        let none =
            arp.sender_ip == 0 && (reverse || arp.op == arp::REQUEST && self.has4(arp.target_ip));
        if !none && !self.has4(arp.sender_ip) {
            return Err(Spoof::ArpIp);
        }
        Ok(())
    }

    fn says_nd(&self, packet: &Packet, src: u128, dst: u128, nd: &Nd) -> Result<(), Spoof> {
        let from_none = matches!(
            nd.message,
            Message::NeighbourSolicitation | Message::RouterSolicitation
        ) && self.starts6(src, dst);
        if !self.has6(src) && !from_none {
            return Err(Spoof::Ipv6);
        }
        if packet.ttl != nd::HOP_LIMIT || packet.dport as u8 != 0 {
            return Err(Spoof::NdHops);
        }
        match nd.message {
            Message::RouterAdvertisement if !self.allow.router => {
                return Err(Spoof::RouterAdvertisement)
            }
            Message::Redirect if !self.allow.router => return Err(Spoof::Redirect),
            Message::NeighbourAdvertisement if !self.has6(nd.target) => {
                return Err(Spoof::NdTarget)
            }
            // Without an address it asks whether somebody else has the one that it is to have.
            // About another's, the question would keep that from being used (RFC 4862, 5.4.3).
            Message::NeighbourSolicitation if src == 0 && !self.has6(nd.target) => {
                return Err(Spoof::NdTarget)
            }
            _ => {}
        }
        // The target of a redirect is another host.
        let target_mac = nd.target_mac.filter(|_| nd.message != Message::Redirect);
        for mac in [nd.source_mac, target_mac].into_iter().flatten() {
            if mac != self.mac {
                return Err(Spoof::NdMac);
            }
        }
        Ok(())
    }
}

/// The addresses that a packet says its sender has, each with what is wrong if that is another's.
#[inline]
pub fn claims(packet: &Packet) -> [Option<(Addr, Spoof)>; 2] {
    match packet.kind {
        Kind::Ip4 { src, .. } => [Some((Addr::V4(src), Spoof::Ipv4)), None],
        Kind::Ip6 { src, .. } => [Some((Addr::V6(src), Spoof::Ipv6)), None],
        Kind::Arp(ref arp) => [Some((Addr::V4(arp.sender_ip), Spoof::ArpIp)), None],
        Kind::Nd { src, ref nd, .. } => {
            // A solicitation without a source is for the sender itself (RFC 4862, 5.4.2).
            let is_own = match nd.message {
                Message::NeighbourAdvertisement => true,
                Message::NeighbourSolicitation => src == 0,
                _ => false,
            };
            let target = is_own.then_some((Addr::V6(nd.target), Spoof::NdTarget));
            [Some((Addr::V6(src), Spoof::Ipv6)), target]
        }
        Kind::Other => [None, None],
    }
}

/// The link-local address that is made of a MAC address (RFC 4291, 2.5.1 and appendix A).
#[inline]
pub const fn link_local(mac: [u8; 6]) -> u128 {
    let [a, b, c, d, e, f] = mac;
    u128::from_be_bytes([
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ])
}

#[inline]
const fn is_multicast6(addr: u128) -> bool {
    addr >> 120 == 0xff
}
