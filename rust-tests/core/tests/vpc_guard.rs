// SPDX-License-Identifier: GPL-2.0

//! Who may send and get what, by the rules of OVN's port security and our own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod frames;

use frames::*;
use proptest::prelude::*;
use std::collections::HashSet;
use vpc_core::ip::Addr;
use vpc_core::vpc::guard::*;
use vpc_core::vpc::packet::Packet;
use vpc_core::vpc::spoof::Spoof;

/// The link-local address that the VM makes of its MAC address.
const VM_LOCAL: &str = "fe80::11:22ff:fe33:4455";

/// A port's addresses, written as in OVN.
struct Port {
    v4: Vec<Net4>,
    v6: Vec<Net6>,
    allow: Allow,
}

impl Port {
    fn new(addrs: &str) -> Port {
        let (mut v4s, mut v6s) = (vec![], vec![]);
        for text in addrs.split_whitespace() {
            let (addr, prefix) = text.split_once('/').unwrap_or((text, ""));
            if addr.contains(':') {
                v6s.push(Net6::new(v6(addr), prefix.parse().unwrap_or(128)).unwrap());
            } else {
                v4s.push(Net4::new(v4(addr), prefix.parse().unwrap_or(32)).unwrap());
            }
        }
        let allow = Allow::default();
        Port {
            v4: v4s,
            v6: v6s,
            allow,
        }
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            mac: VM,
            v4: &self.v4,
            v6: &self.v6,
            allow: self.allow,
        }
    }

    fn sends(&self, frame: &[u8]) -> Result<(), Spoof> {
        self.guard().from_vm(&parse(frame).unwrap())
    }

    fn gets(&self, frame: &[u8]) -> Result<(), Spoof> {
        self.guard().to_vm(&parse(frame).unwrap())
    }
}

fn udp_packet(src: &str, dst: &str, sport: u16, dport: u16) -> Vec<u8> {
    let payload = udp(sport, dport, b"");
    if src.contains(':') {
        let packet = ip6(v6(src), v6(dst), 17, 64, &payload);
        ethernet(PEER, VM, 0x86dd, &packet)
    } else {
        ethernet(PEER, VM, 0x0800, &ip4(v4(src), v4(dst), 17, &payload))
    }
}

fn from(src: &str) -> Vec<u8> {
    let dst = if src.contains(':') {
        "fd00::2"
    } else {
        "10.0.0.2"
    };
    udp_packet(src, dst, 1000, 2000)
}

fn to(dst: &str) -> Vec<u8> {
    let src = if dst.contains(':') {
        "fd00::2"
    } else {
        "10.0.0.2"
    };
    let mut frame = udp_packet(src, dst, 1000, 2000);
    frame[..6].copy_from_slice(&VM);
    frame[6..12].copy_from_slice(&PEER);
    frame
}

fn arp_from(mac: [u8; 6], ip: &str) -> Vec<u8> {
    let message = arp(2, (mac, v4(ip)), (PEER, v4("10.0.0.2")));
    ethernet(PEER, VM, 0x0806, &message)
}

/// Neighbour discovery from the VM.
fn nd_from(src: &str, dst: &str, kind: u8, target: &str, options: &[Vec<u8>]) -> Vec<u8> {
    nd((VM, PEER), (v6(src), v6(dst)), kind, v6(target), options)
}

#[test]
fn a_mac_address_alone() {
    let port = Port::new("");
    for src in [
        "10.0.0.1",
        "192.0.2.7",
        "0.0.0.0",
        "fd00::1",
        "fe80::7",
        "::",
    ] {
        assert_eq!(port.sends(&from(src)), Ok(()), "{src}");
    }
    for dst in ["10.0.0.1", "192.0.2.7", "fd00::1", "fe80::7"] {
        assert_eq!(port.gets(&to(dst)), Ok(()), "{dst}");
    }
    let mut other = from("10.0.0.1");
    other[6..12].copy_from_slice(&PEER);
    assert_eq!(port.sends(&other), Err(Spoof::Mac));
    for none in [[0; 6], ALL, [3, 0x11, 0x22, 0x33, 0x44, 0x55]] {
        other[6..12].copy_from_slice(&none);
        assert_eq!(port.sends(&other), Err(Spoof::Mac));
    }
    let mut other = to("10.0.0.1");
    other[..6].copy_from_slice(&PEER);
    assert_eq!(port.gets(&other), Err(Spoof::ToMac));
    // The MAC addresses inside are looked at, too.
    assert_eq!(port.sends(&arp_from(VM, "192.0.2.7")), Ok(()));
    assert_eq!(port.sends(&arp_from(PEER, "192.0.2.7")), Err(Spoof::ArpMac));
    for (kind, option) in [(133, 1), (135, 1), (136, 2)] {
        let with = |mac| {
            nd_from(
                "fe80::7",
                "fe80::8",
                kind,
                "fd00::9",
                &[link_option(option, mac)],
            )
        };
        assert_eq!(port.sends(&with(VM)), Ok(()), "{kind}");
        assert_eq!(port.sends(&with(PEER)), Err(Spoof::NdMac), "{kind}");
    }
    assert_eq!(
        port.sends(&nd_from("fe80::7", "fe80::8", 136, "fd00::9", &[])),
        Ok(())
    );
}

#[test]
fn an_ipv4_address_with_a_subnet() {
    let port = Port::new("192.168.1.10/24");
    assert_eq!(port.sends(&from("192.168.1.10")), Ok(()));
    for src in [
        "192.168.1.11",
        "192.168.1.0",
        "192.168.1.255",
        "0.0.0.0",
        "255.255.255.255",
    ] {
        assert_eq!(port.sends(&from(src)), Err(Spoof::Ipv4), "{src}");
    }
    for dst in [
        "192.168.1.10",
        "192.168.1.255",
        "255.255.255.255",
        "224.0.0.1",
        "239.255.255.255",
    ] {
        assert_eq!(port.gets(&to(dst)), Ok(()), "{dst}");
    }
    for dst in [
        "192.168.1.11",
        "192.168.2.255",
        "240.0.0.1",
        "223.255.255.255",
        "0.0.0.0",
    ] {
        assert_eq!(port.gets(&to(dst)), Err(Spoof::ToIpv4), "{dst}");
    }
    assert_eq!(port.sends(&arp_from(VM, "192.168.1.10")), Ok(()));
    assert_eq!(port.sends(&arp_from(VM, "192.168.1.11")), Err(Spoof::ArpIp));
    assert_eq!(
        port.sends(&arp_from(PEER, "192.168.1.10")),
        Err(Spoof::ArpMac)
    );
    // No IPv6 at all, neighbour discovery included.
    for src in ["fd00::1", VM_LOCAL, "::"] {
        assert_eq!(port.sends(&from(src)), Err(Spoof::Ipv6), "{src}");
        let solicitation = nd_from(src, "ff02::1", 135, "fd00::9", &[]);
        assert_eq!(port.sends(&solicitation), Err(Spoof::Ipv6), "{src}");
    }
    for dst in ["fd00::1", VM_LOCAL, "ff02::1"] {
        assert_eq!(port.gets(&to(dst)), Err(Spoof::ToIpv6), "{dst}");
    }
}

#[test]
fn a_whole_subnet() {
    let port = Port::new("10.1.0.0/16 2001:db8:1::/48");
    for src in [
        "10.1.0.0",
        "10.1.2.3",
        "10.1.255.255",
        "2001:db8:1::",
        "2001:db8:1:ffff::1",
    ] {
        assert_eq!(port.sends(&from(src)), Ok(()), "{src}");
        assert_eq!(port.gets(&to(src)), Ok(()), "{src}");
    }
    assert_eq!(port.sends(&from("10.2.0.0")), Err(Spoof::Ipv4));
    assert_eq!(port.sends(&from("2001:db8:2::1")), Err(Spoof::Ipv6));
    assert_eq!(port.gets(&to("10.2.0.0")), Err(Spoof::ToIpv4));
    assert_eq!(port.gets(&to("2001:db8:2::1")), Err(Spoof::ToIpv6));
    assert_eq!(port.sends(&arp_from(VM, "10.1.7.7")), Ok(()));
    assert_eq!(
        port.sends(&nd_from(VM_LOCAL, "fe80::8", 136, "2001:db8:1::7", &[])),
        Ok(())
    );
    let everything = Port::new("0.0.0.0/0 ::/0");
    for addr in ["1.2.3.4", "0.0.0.0", "fd00::1", "::"] {
        assert_eq!(everything.sends(&from(addr)), Ok(()), "{addr}");
    }
}

#[test]
fn an_ipv6_address() {
    let port = Port::new("fd00::1/64");
    for src in ["fd00::1", VM_LOCAL] {
        assert_eq!(port.sends(&from(src)), Ok(()), "{src}");
        assert_eq!(port.gets(&to(src)), Ok(()), "{src}");
    }
    for src in [
        "fd00::2",
        "fd00::",
        "fe80::1",
        "fe80::11:22ff:fe33:4456",
        "::",
    ] {
        assert_eq!(port.sends(&from(src)), Err(Spoof::Ipv6), "{src}");
        assert_eq!(port.gets(&to(src)), Err(Spoof::ToIpv6), "{src}");
    }
    for dst in ["ff02::1", "ff0e::7"] {
        assert_eq!(port.gets(&to(dst)), Ok(()), "{dst}");
    }
    // Neither IPv4 nor ARP.
    assert_eq!(port.sends(&from("10.0.0.1")), Err(Spoof::Ipv4));
    assert_eq!(
        port.sends(&udp_packet("0.0.0.0", "255.255.255.255", 68, 67)),
        Err(Spoof::Ipv4)
    );
    assert_eq!(port.sends(&arp_from(VM, "10.0.0.1")), Err(Spoof::ArpIp));
    for dst in ["10.0.0.1", "255.255.255.255", "224.0.0.1"] {
        assert_eq!(port.gets(&to(dst)), Err(Spoof::ToIpv4), "{dst}");
    }
}

#[test]
fn frames_to_a_group() {
    // Whatever is inside, as in OVN.
    let port = Port::new("10.0.0.1");
    for mac in [ALL, [0x33, 0x33, 0, 0, 0, 1], [1, 0, 0x5e, 0, 0, 1]] {
        for dst in ["10.0.0.9", "fd00::9"] {
            let mut frame = to(dst);
            frame[..6].copy_from_slice(&mac);
            assert_eq!(port.gets(&frame), Ok(()), "{dst}");
        }
    }
    // And ARP and others, if to the port.
    for proto in [0x0806, 0x88cc] {
        let message = arp(2, (PEER, v4("10.0.0.9")), (VM, v4("10.0.0.7")));
        assert_eq!(port.gets(&ethernet(VM, PEER, proto, &message)), Ok(()));
        assert_eq!(
            port.gets(&ethernet(PEER, VM, proto, &message)),
            Err(Spoof::ToMac)
        );
    }
}

#[test]
fn a_dhcp_client_without_an_address() {
    let port = Port::new("10.0.0.1 fd00::1");
    let from_none = |dst, sport, dport| port.sends(&udp_packet("0.0.0.0", dst, sport, dport));
    assert_eq!(from_none("255.255.255.255", 68, 67), Ok(()));
    assert_eq!(from_none("10.0.0.2", 68, 67), Err(Spoof::Ipv4));
    assert_eq!(from_none("255.255.255.255", 68, 53), Err(Spoof::Ipv4));
    assert_eq!(from_none("255.255.255.255", 53, 67), Err(Spoof::Ipv4));
    let tcp = ip4(0, u32::MAX, 6, &udp(68, 67, b""));
    assert_eq!(
        port.sends(&ethernet(ALL, VM, 0x0800, &tcp)),
        Err(Spoof::Ipv4)
    );
    // DHCPv6 has the link-local address.
    assert_eq!(
        port.sends(&udp_packet(VM_LOCAL, "ff02::1:2", 546, 547)),
        Ok(())
    );
    assert_eq!(
        port.sends(&udp_packet("::", "ff02::1:2", 546, 547)),
        Err(Spoof::Ipv6)
    );
}

#[test]
fn a_dhcp_server() {
    for addrs in ["", "10.0.0.1 fd00::1"] {
        let mut port = Port::new(addrs);
        let replies = [
            udp_packet("10.0.0.1", "255.255.255.255", 67, 68),
            udp_packet("10.0.0.1", "10.0.0.9", 67, 67),
            udp_packet("fd00::1", "fe80::9", 547, 546),
        ];
        for reply in &replies {
            assert_eq!(port.sends(reply), Err(Spoof::DhcpServer));
        }
        // In fragments the first one has the ports.
        let mut first = replies[0].clone();
        first[20..22].copy_from_slice(&[0x20, 0]);
        assert_eq!(port.sends(&first), Err(Spoof::DhcpServer));
        port.allow.dhcp_server = true;
        for reply in &replies {
            assert_eq!(port.sends(reply), Ok(()));
        }
        // But not as somebody else.
        if !addrs.is_empty() {
            assert_eq!(
                port.sends(&udp_packet("10.0.0.9", "10.0.0.2", 67, 68)),
                Err(Spoof::Ipv4)
            );
        }
    }
}

#[test]
fn arp_before_the_address_is_used() {
    let port = Port::new("10.0.0.1");
    let arp_of = |op, sender: &str, target: &str| {
        let message = arp(op, (VM, v4(sender)), ([0; 6], v4(target)));
        port.sends(&ethernet(ALL, VM, 0x0806, &message))
    };
    assert_eq!(arp_of(1, "0.0.0.0", "10.0.0.1"), Ok(()), "probe");
    assert_eq!(arp_of(1, "10.0.0.1", "10.0.0.1"), Ok(()), "announcement");
    assert_eq!(
        arp_of(1, "0.0.0.0", "10.0.0.2"),
        Err(Spoof::ArpIp),
        "probe for another"
    );
    assert_eq!(
        arp_of(2, "0.0.0.0", "10.0.0.1"),
        Err(Spoof::ArpIp),
        "reply of nobody"
    );
    assert_eq!(
        arp_of(1, "10.0.0.2", "10.0.0.2"),
        Err(Spoof::ArpIp),
        "of another"
    );
}

#[test]
fn a_vm_that_has_moved_to_this_host() {
    // What QEMU sends then, in the name of the VM.
    let port = Port::new("10.0.0.1");
    let reverse = |op, mac, ip: &str| {
        let message = arp(op, (mac, v4(ip)), (VM, 0));
        port.sends(&ethernet(ALL, VM, 0x8035, &message))
    };
    assert_eq!(reverse(3, VM, "0.0.0.0"), Ok(()));
    assert_eq!(reverse(3, VM, "10.0.0.1"), Ok(()));
    assert_eq!(reverse(3, VM, "10.0.0.2"), Err(Spoof::ArpIp));
    assert_eq!(reverse(3, PEER, "0.0.0.0"), Err(Spoof::ArpMac));
    assert_eq!(reverse(4, VM, "10.0.0.1"), Err(Spoof::ArpMac), "an answer");
}

#[test]
fn neighbour_discovery_with_addresses() {
    let port = Port::new("fd00::1");
    let (own, other) = ([link_option(1, VM)], [link_option(1, PEER)]);
    let own_target = [link_option(2, VM)];
    let other_target = [link_option(2, PEER)];
    for (src, kind, target, options, expected) in [
        ("fd00::1", 135, "fd00::9", &own[..], Ok(())),
        (VM_LOCAL, 135, "fd00::9", &[], Ok(())),
        ("fd00::1", 135, "fd00::9", &other, Err(Spoof::NdMac)),
        ("fd00::2", 135, "fd00::9", &own, Err(Spoof::Ipv6)),
        (VM_LOCAL, 133, "::", &own, Ok(())),
        (VM_LOCAL, 133, "::", &other, Err(Spoof::NdMac)),
        ("fd00::1", 136, "fd00::1", &own_target, Ok(())),
        ("fd00::1", 136, VM_LOCAL, &own_target, Ok(())),
        (VM_LOCAL, 136, "fd00::1", &[], Ok(())),
        ("fd00::1", 136, "fd00::1", &other_target, Err(Spoof::NdMac)),
        ("fd00::1", 136, "fd00::9", &own_target, Err(Spoof::NdTarget)),
        ("fd00::1", 136, "fe80::9", &own_target, Err(Spoof::NdTarget)),
        ("fd00::2", 136, "fd00::1", &own_target, Err(Spoof::Ipv6)),
    ] {
        let frame = nd_from(src, "ff02::1", kind, target, options);
        assert_eq!(port.sends(&frame), expected, "{src} {kind} {target}");
    }
}

#[test]
fn neighbour_discovery_without_an_address() {
    let port = Port::new("fd00::1");
    let from_none = |dst, kind, target| port.sends(&nd_from("::", dst, kind, target, &[]));
    assert_eq!(from_none("ff02::1:ff00:1", 135, "fd00::1"), Ok(()));
    assert_eq!(from_none("ff02::1:ff33:4455", 135, VM_LOCAL), Ok(()));
    assert_eq!(from_none("ff02::2", 133, "::"), Ok(()));
    // To keep another from using its address.
    assert_eq!(
        from_none("ff02::1:ff00:9", 135, "fd00::9"),
        Err(Spoof::NdTarget)
    );
    assert_eq!(
        from_none("ff05::1:ff00:1", 135, "fd00::1"),
        Err(Spoof::Ipv6)
    );
    assert_eq!(from_none("fd00::9", 135, "fd00::1"), Err(Spoof::Ipv6));
    assert_eq!(from_none("ff02::1", 136, "fd00::1"), Err(Spoof::Ipv6));
    // Groups are joined before there is an address.
    for (kind, code, expected) in [
        (131, 0, Ok(())),
        (143, 0, Ok(())),
        (143, 1, Err(Spoof::Ipv6)),
        (128, 0, Err(Spoof::Ipv6)),
    ] {
        let report = icmp6(0, v6("ff02::16"), kind, code, &[0; 20]);
        let packet = ip6(0, v6("ff02::16"), 58, 1, &report);
        assert_eq!(
            port.sends(&ethernet(ALL, VM, 0x86dd, &packet)),
            expected,
            "{kind} {code}"
        );
        let packet = ip6(0, v6("ff0e::16"), 58, 1, &report);
        assert_eq!(
            port.sends(&ethernet(ALL, VM, 0x86dd, &packet)),
            Err(Spoof::Ipv6)
        );
    }
}

#[test]
fn what_a_sender_says_it_has() {
    let said = |frame: &[u8]| -> Vec<_> {
        let packet = parse(frame).unwrap();
        claims(&packet).into_iter().flatten().collect()
    };
    let (at4, at6) = (|ip| Addr::V4(v4(ip)), |ip| Addr::V6(v6(ip)));
    assert_eq!(said(&from("10.0.0.7")), [(at4("10.0.0.7"), Spoof::Ipv4)]);
    assert_eq!(said(&from("fd00::7")), [(at6("fd00::7"), Spoof::Ipv6)]);
    let arp = arp_from(VM, "10.0.0.7");
    assert_eq!(said(&arp), [(at4("10.0.0.7"), Spoof::ArpIp)]);
    let nd = |src, kind| said(&nd_from(src, "ff02::1", kind, "fd00::7", &[]));
    let (src, target) = (
        (at6("fd00::1"), Spoof::Ipv6),
        (at6("fd00::7"), Spoof::NdTarget),
    );
    assert_eq!(nd("fd00::1", 136), [src, target]);
    assert_eq!(nd("fd00::1", 135), [src]);
    assert_eq!(nd("::", 135), [(at6("::"), Spoof::Ipv6), target]);
    assert_eq!(nd("fd00::1", 137), [src]);
    assert_eq!(said(&ethernet(PEER, VM, 0x88cc, &[0; 50])), []);
}

#[test]
fn neighbour_discovery_is_of_this_link() {
    for addrs in ["", "fd00::1"] {
        let port = Port::new(addrs);
        for kind in 133..=136 {
            let mut frame = nd_from("fd00::1", "ff02::1", kind, "fd00::1", &[]);
            frame[21] = 254;
            assert_eq!(port.sends(&frame), Err(Spoof::NdHops));
            frame[21] = 255;
            frame[55] = 1;
            assert_eq!(port.sends(&frame), Err(Spoof::NdHops));
        }
    }
}

#[test]
fn a_router() {
    for addrs in ["", "fd00::1"] {
        let mut port = Port::new(addrs);
        let advertisement = |mac| nd_from(VM_LOCAL, "ff02::1", 134, "::", &[link_option(1, mac)]);
        let redirect = nd_from(VM_LOCAL, "fe80::9", 137, "fe80::7", &[link_option(2, PEER)]);
        assert_eq!(
            port.sends(&advertisement(VM)),
            Err(Spoof::RouterAdvertisement)
        );
        assert_eq!(port.sends(&redirect), Err(Spoof::Redirect));
        port.allow.router = true;
        assert_eq!(port.sends(&advertisement(VM)), Ok(()));
        assert_eq!(port.sends(&advertisement(PEER)), Err(Spoof::NdMac));
        assert_eq!(port.sends(&redirect), Ok(()));
    }
}

#[test]
fn other_frames_from_the_vm() {
    let mut port = Port::new("10.0.0.1");
    // LLDP, spanning tree, a third tag.
    let others = [
        ethernet(PEER, VM, 0x88cc, &[0; 46]),
        ethernet(PEER, VM, 0x0026, &[0x42; 46]),
    ];
    for other in &others {
        assert_eq!(port.sends(other), Err(Spoof::EtherType));
    }
    port.allow.ethertypes = true;
    for other in &others {
        assert_eq!(port.sends(other), Ok(()));
    }
    for frame in [
        tagged(&from("10.0.0.1")),
        tagged(&tagged(&tagged(&from("10.0.0.1")))),
    ] {
        assert_eq!(port.sends(&frame), Err(Spoof::Vlan));
    }
    port.allow.vlan = true;
    assert_eq!(port.sends(&tagged(&from("10.0.0.1"))), Ok(()));
    assert_eq!(port.sends(&tagged(&from("10.0.0.2"))), Err(Spoof::Ipv4));
    assert_eq!(
        port.sends(&tagged(&arp_from(VM, "10.0.0.2"))),
        Err(Spoof::ArpIp)
    );
}

#[test]
fn reasons_have_names() {
    let names: HashSet<_> = Spoof::ALL.iter().map(|spoof| spoof.name()).collect();
    let sentences: HashSet<_> = Spoof::ALL.iter().map(|spoof| spoof.sentence()).collect();
    assert_eq!(
        (names.len(), sentences.len()),
        (Spoof::ALL.len(), Spoof::ALL.len())
    );
    for (n, spoof) in Spoof::ALL.into_iter().enumerate() {
        assert_eq!(spoof as usize, n);
        assert!(spoof
            .name()
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c == b'_' || c.is_ascii_digit()));
    }
}

#[test]
fn prefixes() {
    assert_eq!((Net4::new(0, 33), Net6::new(0, 129)), (None, None));
    assert!(Net4::new(0, 0).is_some() && Net6::new(0, 0).is_some());
}

/// Whether an address is allowed, bit by bit.
fn model_holds(net: u128, prefix: u32, width: u32, addr: u128) -> bool {
    let bit = |value: u128, n: u32| value >> (width - 1 - n) & 1;
    let host_is_zero = (prefix..width).all(|n| bit(net, n) == 0);
    let compared = if host_is_zero { prefix } else { width };
    (0..compared).all(|n| bit(net, n) == bit(addr, n))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn addresses_as_a_model_has_them(
        nets in prop::collection::vec((any::<u32>(), 0..=32_u8, any::<bool>()), 1..5),
        flips in prop::collection::vec((0..5_usize, 0..32_u32), 0..20),
    ) {
        let nets: Vec<(u32, u8)> = nets.into_iter().map(|(addr, prefix, cut)| {
            let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            (if cut { addr & !host } else { addr }, prefix)
        }).collect();
        let guarded: Vec<_> = nets.iter().map(|(addr, prefix)| Net4::new(*addr, *prefix).unwrap()).collect();
        let wide: Vec<_> = nets.iter().map(|(addr, prefix)| Net6::new(u128::from(*addr) << 96, *prefix).unwrap()).collect();
        let guard = Guard { mac: VM, v4: &guarded, v6: &wide, allow: Allow::default() };
        for (n, bit) in flips {
            let addr = nets[n % nets.len()].0 ^ 1 << bit;
            let expected = nets.iter().any(|(net, prefix)| {
                model_holds(u128::from(*net), (*prefix).into(), 32, addr.into())
            });
            let packet = parse(&ethernet(PEER, VM, 0x0800, &ip4(addr, 7, 17, &udp(1, 2, b"")))).unwrap();
            prop_assert_eq!(guard.from_vm(&packet).is_ok(), expected);
            let packet = parse(&ethernet(VM, PEER, 0x0800, &ip4(7, addr, 17, &udp(1, 2, b"")))).unwrap();
            let broadcast = nets.iter().any(|(net, prefix)| {
                let host = u32::MAX.checked_shr((*prefix).into()).unwrap_or(0);
                addr == net | host
            });
            let hears = expected || broadcast || addr == u32::MAX || addr >> 28 == 14;
            prop_assert_eq!(guard.to_vm(&packet).is_ok(), hears);

            let addr = u128::from(addr) << 96;
            let expected = nets.iter().any(|(net, prefix)| {
                model_holds(u128::from(*net) << 96, (*prefix).into(), 128, addr)
            });
            let packet = parse(&ethernet(PEER, VM, 0x86dd, &ip6(addr, 7, 59, 64, b""))).unwrap();
            prop_assert_eq!(guard.from_vm(&packet).is_ok(), expected);
            let packet = parse(&ethernet(VM, PEER, 0x86dd, &ip6(7, addr, 59, 64, b""))).unwrap();
            prop_assert_eq!(guard.to_vm(&packet).is_ok(), expected || addr >> 120 == 0xff);
        }
    }

    #[test]
    fn link_local_addresses(mac: [u8; 6]) {
        let [a, b, c, d, e, f] = mac.map(u16::from);
        let std = std::net::Ipv6Addr::new(
            0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f,
        );
        prop_assert_eq!(link_local(mac), u128::from(std));
    }

    /// Nothing passes from another MAC address, whatever it is.
    #[test]
    fn no_other_mac_address_gets_through(mut bytes in prop::collection::vec(any::<u8>(), 14..90), proto in prop::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x8100])) {
        bytes[12..14].copy_from_slice(&proto.to_be_bytes());
        if let Ok(packet) = Packet::parse(&bytes, bytes.len()) {
            let mut port = Port::new("");
            port.allow = Allow { dhcp_server: true, router: true, ethertypes: true, vlan: true };
            prop_assert_eq!(port.guard().from_vm(&packet), Err(Spoof::Mac));
        }
    }
}
