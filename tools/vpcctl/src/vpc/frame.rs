// SPDX-License-Identifier: GPL-2.0

//! Ethernet frames: made for `trace`, and told in a line for `watch`.

use super::command::acl::ethertype_name;
use super::command::acl::protocol_name;
use super::mac::Mac;
use super::object::Icmp;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use etherparse::ArpHardwareId;
use etherparse::ArpOperation;
use etherparse::ArpPacket;
use etherparse::EtherType;
use etherparse::IpNumber;
use etherparse::LaxPacketHeaders;
use etherparse::LinkHeader;
use etherparse::NetHeaders;
use etherparse::PacketBuilder;
use etherparse::TransportHeader;
use std::fmt::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;

/// What is in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Who has the target? Tell the source.
    Arp { source: Ipv4Addr, target: Ipv4Addr },
    Ip {
        source: IpAddr,
        target: IpAddr,
        /// TTL or hop limit.
        ttl: u8,
        upper: Upper,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Upper {
    /// A SYN, as the first packet of a connection is.
    Tcp {
        source: u16,
        target: u16,
    },
    Udp {
        source: u16,
        target: u16,
    },
    /// ICMP or ICMPv6, as the addresses are; an echo request if nothing is said.
    Icmp(Icmp),
    Other(u8),
}

/// The shortest frame on a wire, without its checksum.
const SHORTEST: usize = 60;

pub(super) fn build(from: Mac, to: Mac, inside: &Inside) -> Result<Vec<u8>> {
    let link = PacketBuilder::ethernet2(from.0, to.0);
    let mut frame = Vec::new();
    match *inside {
        Inside::Arp { source, target } => {
            let request = ArpPacket::new(
                ArpHardwareId::ETHERNET,
                EtherType::IPV4,
                ArpOperation::REQUEST,
                &from.0,
                &source.octets(),
                &[0; 6],
                &target.octets(),
            );
            link.arp(request?).write(&mut frame)?;
        }
        Inside::Ip {
            source,
            target,
            ttl,
            ref upper,
        } => {
            let (ip, is_v4) = match (source, target) {
                (IpAddr::V4(source), IpAddr::V4(target)) => {
                    (link.ipv4(source.octets(), target.octets(), ttl), true)
                }
                (IpAddr::V6(source), IpAddr::V6(target)) => {
                    (link.ipv6(source.octets(), target.octets(), ttl), false)
                }
                _ => bail!("{source} and {target} are not of the same version of IP"),
            };
            match *upper {
                Upper::Tcp { source, target } => {
                    let tcp = ip.tcp(source, target, 1, 0xffff).syn();
                    tcp.write(&mut frame, &[])?;
                }
                Upper::Udp { source, target } => {
                    ip.udp(source, target).write(&mut frame, &[0; 8])?;
                }
                Upper::Icmp(Icmp { kind, code }) => {
                    let (code, rest) = (code.unwrap_or(0), [0, 1, 0, 1]);
                    match is_v4 {
                        true => {
                            let icmp = ip.icmpv4_raw(kind, code, rest);
                            icmp.write(&mut frame, &[0; 8])?;
                        }
                        false => {
                            let icmp = ip.icmpv6_raw(kind, code, rest);
                            icmp.write(&mut frame, &[0; 8])?;
                        }
                    }
                }
                Upper::Other(number) => ip.write(&mut frame, IpNumber(number), &[0; 8])?,
            }
        }
    }
    frame.resize(frame.len().max(SHORTEST), 0);
    Ok(frame)
}

/// Bytes from hexadecimal digits, between which there may be blanks and colons.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| {
            c.to_digit(16)
                .with_context(|| format!("{c} is no hexadecimal digit"))
        })
        .collect::<Result<_>>()?;
    if digits.len() % 2 != 0 {
        bail!("an odd number of digits makes no bytes");
    }
    let byte = |pair: &[u32]| pair.iter().fold(0, |all, digit| (all << 4) | *digit as u8);
    Ok(digits.chunks(2).map(byte).collect())
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the first bytes of a frame say, in a line.
pub(super) fn summary(bytes: &[u8]) -> String {
    let Ok(headers) = LaxPacketHeaders::from_ethernet(bytes) else {
        return format!("{} bytes that are no frame", bytes.len());
    };
    let mut words = Vec::new();
    let mut ethertype = None;
    if let Some(LinkHeader::Ethernet2(link)) = &headers.link {
        words.push(format!("{} > {}", Mac(link.source), Mac(link.destination)));
        ethertype = Some(link.ether_type.0);
    }
    for vlan in headers.vlan_ids() {
        words.push(format!("VLAN {}", vlan.value()));
    }
    let (source, target) = match &headers.transport {
        Some(TransportHeader::Tcp(tcp)) => (Some(tcp.source_port), Some(tcp.destination_port)),
        Some(TransportHeader::Udp(udp)) => (Some(udp.source_port), Some(udp.destination_port)),
        _ => (None, None),
    };
    let end = |address: IpAddr, port: Option<u16>| match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    };
    let mut ip = |from: IpAddr, to: IpAddr, protocol: u8| {
        words.push(format!("{} > {}", end(from, source), end(to, target)));
        words.push(protocol_name(protocol));
    };
    match &headers.net {
        Some(NetHeaders::Ipv4(header, extensions)) => {
            let protocol = extensions
                .auth
                .as_ref()
                .map_or(header.protocol, |auth| auth.next_header);
            ip(header.source.into(), header.destination.into(), protocol.0);
        }
        Some(NetHeaders::Ipv6(header, extensions)) => {
            let protocol = extensions.next_header(header.next_header);
            let protocol = protocol.unwrap_or(header.next_header);
            ip(header.source.into(), header.destination.into(), protocol.0);
        }
        Some(NetHeaders::Arp(arp)) => {
            let address = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
                Ok(bytes) => Ipv4Addr::from(bytes).to_string(),
                Err(_) => "?".to_owned(),
            };
            let (source, target) = (arp.sender_protocol_addr(), arp.target_protocol_addr());
            words.push(match arp.operation {
                ArpOperation::REPLY => format!("ARP: {} is here", address(source)),
                _ => format!("ARP: {} asks for {}", address(source), address(target)),
            });
        }
        None => words.extend(ethertype.map(ethertype_name)),
    }
    match &headers.transport {
        Some(TransportHeader::Icmpv4(icmp)) => {
            let bytes = icmp.to_bytes();
            words.extend(bytes.first().map(|kind| format!("type {kind}")));
        }
        Some(TransportHeader::Icmpv6(icmp)) => {
            let bytes = icmp.to_bytes();
            words.extend(bytes.first().map(|kind| format!("type {kind}")));
        }
        _ => (),
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const TO: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const MACS: &str = "02:00:00:00:00:01 > 02:00:00:00:00:02";

    fn ip(source: &str, target: &str, upper: Upper) -> Inside {
        Inside::Ip {
            source: source.parse().unwrap(),
            target: target.parse().unwrap(),
            ttl: 64,
            upper,
        }
    }

    #[test]
    fn an_arp_request_has_the_bytes_of_rfc_826() {
        let inside = Inside::Arp {
            source: Ipv4Addr::new(10, 0, 0, 1),
            target: Ipv4Addr::new(10, 0, 0, 2),
        };
        let frame = build(FROM, Mac([0xff; 6]), &inside).unwrap();
        let expected = from_hex(
            "ff:ff:ff:ff:ff:ff 02:00:00:00:00:01 0806 0001 0800 06 04 0001 \
             020000000001 0a000001 000000000000 0a000002",
        )
        .unwrap();
        assert_eq!(frame[..42], expected);
        assert_eq!(frame.len(), 60);
        let told = summary(&frame);
        assert!(
            told.ends_with(", ARP: 10.0.0.1 asks for 10.0.0.2"),
            "{told}"
        );
    }

    #[test]
    fn frames_are_told_in_a_line() {
        let told = |inside| summary(&build(FROM, TO, &inside).unwrap());
        let ports = (1000, 80);
        let (source, target) = ports;
        assert_eq!(
            told(ip("10.0.0.1", "10.0.0.2", Upper::Tcp { source, target })),
            format!("{MACS}, 10.0.0.1:1000 > 10.0.0.2:80, tcp")
        );
        assert_eq!(
            told(ip("fd00::1", "fd00::2", Upper::Udp { source, target })),
            format!("{MACS}, [fd00::1]:1000 > [fd00::2]:80, udp")
        );
        let echo = Icmp {
            kind: 128,
            code: None,
        };
        assert_eq!(
            told(ip("fd00::1", "fd00::2", Upper::Icmp(echo))),
            format!("{MACS}, fd00::1 > fd00::2, icmpv6, type 128")
        );
        assert_eq!(
            told(ip("10.0.0.1", "10.0.0.2", Upper::Other(132))),
            format!("{MACS}, 10.0.0.1 > 10.0.0.2, 132")
        );
    }

    #[test]
    fn versions_of_ip_are_not_mixed() {
        let inside = ip("10.0.0.1", "fd00::2", Upper::Other(132));
        assert!(build(FROM, TO, &inside).is_err());
    }

    #[test]
    fn any_bytes_can_be_told() {
        assert_eq!(summary(&[1, 2, 3]), "3 bytes that are no frame");
        let inside = ip("10.0.0.1", "10.0.0.2", Upper::Other(6));
        let frame = build(FROM, TO, &inside).unwrap();
        for length in 0..frame.len() {
            assert!(!summary(&frame[..length]).is_empty());
        }
        let lldp = from_hex("0180c200000e 020000000001 88cc 0207").unwrap();
        assert!(summary(&lldp).ends_with(", 0x88cc"));
    }

    #[test]
    fn digits_are_checked() {
        assert_eq!(from_hex("0a:0B ff").unwrap(), [0x0a, 0x0b, 0xff]);
        assert_eq!(to_hex(&[0x0a, 0xff]), "0aff");
        assert!(from_hex("0a0").is_err());
        assert!(from_hex("0x").is_err());
    }
}
