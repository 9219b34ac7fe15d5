// SPDX-License-Identifier: GPL-2.0

//! Why a packet may not pass a port, as counters and messages have it.

/// Why a packet may not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Spoof {
    /// From another source MAC address than the port's.
    Mac,
    /// With a VLAN tag.
    Vlan,
    /// Neither IPv4 nor IPv6 nor ARP.
    EtherType,
    /// From an IPv4 address that is not the port's.
    Ipv4,
    /// From an IPv6 address that is not the port's.
    Ipv6,
    /// ARP with a sender MAC address that is not the port's, or an operation of a server.
    ArpMac,
    /// ARP with a sender IP address that is not the port's.
    ArpIp,
    /// Neighbour discovery that may have come from another link.
    NdHops,
    /// Neighbour discovery with a MAC address that is not the port's.
    NdMac,
    /// A neighbour advertisement for an address that is not the port's, or a claim to one.
    NdTarget,
    /// A router advertisement.
    RouterAdvertisement,
    /// A redirect.
    Redirect,
    /// From a DHCP server.
    DhcpServer,
    /// To a MAC address that is neither the port's nor a group's.
    ToMac,
    /// To an IPv4 address that is not the port's.
    ToIpv4,
    /// To an IPv6 address that is not the port's.
    ToIpv6,
}

impl Spoof {
    /// All of them, in the order of their numbers.
    pub const ALL: [Spoof; 16] = [
        Spoof::Mac,
        Spoof::Vlan,
        Spoof::EtherType,
        Spoof::Ipv4,
        Spoof::Ipv6,
        Spoof::ArpMac,
        Spoof::ArpIp,
        Spoof::NdHops,
        Spoof::NdMac,
        Spoof::NdTarget,
        Spoof::RouterAdvertisement,
        Spoof::Redirect,
        Spoof::DhcpServer,
        Spoof::ToMac,
        Spoof::ToIpv4,
        Spoof::ToIpv6,
    ];

    /// A short name, such as a counter has.
    pub const fn name(self) -> &'static str {
        match self {
            Spoof::Mac => "src_mac",
            Spoof::Vlan => "vlan",
            Spoof::EtherType => "ethertype",
            Spoof::Ipv4 => "src_ipv4",
            Spoof::Ipv6 => "src_ipv6",
            Spoof::ArpMac => "arp_mac",
            Spoof::ArpIp => "arp_ip",
            Spoof::NdHops => "nd_hops",
            Spoof::NdMac => "nd_mac",
            Spoof::NdTarget => "nd_target",
            Spoof::RouterAdvertisement => "router_advertisement",
            Spoof::Redirect => "redirect",
            Spoof::DhcpServer => "dhcp_server",
            Spoof::ToMac => "dst_mac",
            Spoof::ToIpv4 => "dst_ipv4",
            Spoof::ToIpv6 => "dst_ipv6",
        }
    }

    /// What is wrong, as a sentence without its full stop.
    pub const fn sentence(self) -> &'static str {
        match self {
            Spoof::Mac => "the source MAC address is not the port's",
            Spoof::Vlan => "the port may not send frames with VLAN tags",
            Spoof::EtherType => "the port may send IPv4, IPv6 and ARP only",
            Spoof::Ipv4 => "the source IPv4 address is not the port's",
            Spoof::Ipv6 => "the source IPv6 address is not the port's",
            Spoof::ArpMac => "the sender MAC address in ARP is not the port's",
            Spoof::ArpIp => "the sender IP address in ARP is not the port's",
            Spoof::NdHops => "neighbour discovery needs a hop limit of 255 and code 0",
            Spoof::NdMac => "a MAC address in neighbour discovery is not the port's",
            Spoof::NdTarget => "the IPv6 address that is advertised or claimed is not the port's",
            Spoof::RouterAdvertisement => "the port may not send router advertisements",
            Spoof::Redirect => "the port may not send redirects",
            Spoof::DhcpServer => "the port may not send as a DHCP server",
            Spoof::ToMac => "the destination MAC address is neither the port's nor a group's",
            Spoof::ToIpv4 => "the destination IPv4 address is not the port's",
            Spoof::ToIpv6 => "the destination IPv6 address is not the port's",
        }
    }
}
