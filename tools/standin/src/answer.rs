// SPDX-License-Identifier: GPL-2.0

//! What a guest makes of a frame: whom it is for, what it is, and what to answer.

use crate::args::Mac;
use crate::args::Net;
use crate::frame;
use crate::frame::End;
use crate::stamp::Read;
use crate::stamp::Stamp;
use etherparse::ArpOperation;
use etherparse::Icmpv4Type;
use etherparse::Icmpv6Slice;
use etherparse::Icmpv6Type;
use etherparse::LinkSlice;
use etherparse::NetSlice;
use etherparse::SlicedPacket;
use etherparse::TransportSlice;
use etherparse::UdpSlice;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// Who the guest is.
pub(crate) struct Identity {
    pub(crate) mac: Mac,
    pub(crate) nets: Vec<Net>,
}

impl Identity {
    fn owns(&self, ip: IpAddr) -> bool {
        self.nets.iter().any(|net| net.addr == ip)
    }

    /// The own address to use towards `to`: one of the same network, else of the same family.
    pub(crate) fn source_for(&self, to: IpAddr) -> Option<IpAddr> {
        let family = || {
            self.nets
                .iter()
                .filter(|net| net.addr.is_ipv4() == to.is_ipv4())
        };
        let near = family().find(|net| net.contains(to));
        near.or_else(|| family().next()).map(|net| net.addr)
    }
}

/// What a frame turned out to be. The frame in it, if any, is the answer.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// For another MAC address.
    Foreign,
    /// ARP; `learned` is the sender's address.
    Arp {
        learned: Option<End>,
        answer: Option<Vec<u8>>,
    },
    /// Neighbour discovery, likewise.
    Neighbour {
        learned: Option<End>,
        answer: Option<Vec<u8>>,
    },
    /// An echo request to one of our addresses.
    EchoRequest { answer: Option<Vec<u8>> },
    /// An echo reply to us: identifier and sequence number.
    EchoReply { id: u16, seq: u16 },
    /// A stand-in's frame.
    Stamped(Stamp),
    /// A stand-in's frame, not as it was sent.
    Corrupt,
    /// Anything else.
    Other,
}

/// Takes `frame` apart. `csum_is_there` is false if the checksum is left to the receiver, as a
/// virtio header may say.
pub(crate) fn understand(me: &Identity, frame: &[u8], csum_is_there: bool) -> Meaning {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
        return Meaning::Other;
    };
    let Some(LinkSlice::Ethernet2(ethernet)) = &packet.link else {
        return Meaning::Other;
    };
    let (to, from) = (Mac(ethernet.destination()), Mac(ethernet.source()));
    if to != me.mac && to.0[0] & 1 == 0 {
        return Meaning::Foreign;
    }
    let (source, destination) = match &packet.net {
        Some(NetSlice::Arp(arp)) => return understand_arp(me, arp),
        Some(NetSlice::Ipv4(ip)) => (
            IpAddr::V4(ip.header().source_addr()),
            IpAddr::V4(ip.header().destination_addr()),
        ),
        Some(NetSlice::Ipv6(ip)) => (
            IpAddr::V6(ip.header().source_addr()),
            IpAddr::V6(ip.header().destination_addr()),
        ),
        None => return Meaning::Other,
    };
    let sender = End {
        mac: from,
        ip: source,
    };
    match &packet.transport {
        Some(TransportSlice::Udp(udp)) => match Stamp::read(udp.payload()) {
            Read::None => Meaning::Other,
            Read::Stamp(stamp) if !csum_is_there || csum_is_right(udp, source, destination) => {
                Meaning::Stamped(stamp)
            }
            Read::Stamp(_) | Read::Corrupt => Meaning::Corrupt,
        },
        Some(TransportSlice::Icmpv4(icmp)) if me.owns(destination) => match icmp.icmp_type() {
            Icmpv4Type::EchoRequest(echo) => {
                echo_answer(me, sender, destination, (echo.id, echo.seq), icmp.payload())
            }
            Icmpv4Type::EchoReply(echo) => Meaning::EchoReply {
                id: echo.id,
                seq: echo.seq,
            },
            _ => Meaning::Other,
        },
        Some(TransportSlice::Icmpv6(icmp)) => match (icmp.icmp_type(), icmp.type_u8(), source) {
            (Icmpv6Type::EchoRequest(echo), _, _) if me.owns(destination) => {
                echo_answer(me, sender, destination, (echo.id, echo.seq), icmp.payload())
            }
            (Icmpv6Type::EchoReply(echo), _, _) if me.owns(destination) => Meaning::EchoReply {
                id: echo.id,
                seq: echo.seq,
            },
            (_, frame::NEIGHBOUR_SOLICITATION, _) => understand_solicitation(me, sender, icmp),
            (_, frame::NEIGHBOUR_ADVERTISEMENT, _) => Meaning::Neighbour {
                learned: target(icmp).map(|ip| End {
                    mac: from,
                    ip: ip.into(),
                }),
                answer: None,
            },
            _ => Meaning::Other,
        },
        _ => Meaning::Other,
    }
}

fn echo_answer(me: &Identity, asker: End, own: IpAddr, id: (u16, u16), data: &[u8]) -> Meaning {
    let own = End {
        mac: me.mac,
        ip: own,
    };
    Meaning::EchoRequest {
        answer: frame::echo(own, asker, true, id, data),
    }
}

fn understand_arp(me: &Identity, arp: &etherparse::ArpPacketSlice<'_>) -> Meaning {
    let Ok(arp) = arp.to_packet().try_eth_ipv4() else {
        return Meaning::Other;
    };
    let asker = (Mac(arp.sender_mac), Ipv4Addr::from(arp.sender_ipv4));
    let wanted = Ipv4Addr::from(arp.target_ipv4);
    let asked = arp.operation == ArpOperation::REQUEST && me.owns(wanted.into());
    Meaning::Arp {
        // An address probe (RFC 5227) has no sender address to learn.
        learned: (!asker.1.is_unspecified()).then_some(End {
            mac: asker.0,
            ip: asker.1.into(),
        }),
        answer: asked.then(|| frame::arp((me.mac, wanted), asker)).flatten(),
    }
}

fn understand_solicitation(me: &Identity, asker: End, icmp: &Icmpv6Slice<'_>) -> Meaning {
    // A probe for duplicates comes from "::" (RFC 4862, 5.4.2); its answer goes to all nodes.
    let probe = asker.ip.is_unspecified();
    let to = if probe {
        End {
            mac: Mac([0x33, 0x33, 0, 0, 0, 1]),
            ip: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        }
    } else {
        asker
    };
    let wanted = target(icmp).filter(|ip| me.owns((*ip).into()));
    Meaning::Neighbour {
        learned: (!probe).then_some(asker),
        answer: wanted.and_then(|ip| frame::advertisement((me.mac, ip), to)),
    }
}

/// The address that a neighbour discovery message is about.
fn target(icmp: &Icmpv6Slice<'_>) -> Option<Ipv6Addr> {
    let (target, _) = icmp.payload().split_first_chunk::<16>()?;
    Some(Ipv6Addr::from(*target))
}

fn csum_is_right(udp: &UdpSlice<'_>, from: IpAddr, to: IpAddr) -> bool {
    let header = udp.to_header();
    let right = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
        }
        _ => return false,
    };
    right.is_ok_and(|right| right == header.checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(last: u8) -> (Identity, End, End) {
        let mac = Mac([2, 0, 0, 0, 0, last]);
        let nets: Vec<Net> = [format!("10.9.0.{last}/24"), format!("fd00:9::{last}/64")]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let end = |n: usize| End {
            mac,
            ip: nets[n].addr,
        };
        let (v4, v6) = (end(0), end(1));
        (Identity { mac, nets }, v4, v6)
    }

    #[test]
    fn arp_question_and_answer() {
        let (a, a4, _) = guest(1);
        let (b, b4, _) = guest(2);
        let (IpAddr::V4(a_ip), IpAddr::V4(b_ip)) = (a4.ip, b4.ip) else {
            panic!()
        };
        let question = frame::arp((a.mac, a_ip), (frame::BROADCAST, b_ip)).unwrap();
        let Meaning::Arp { learned, answer } = understand(&b, &question, true) else {
            panic!()
        };
        assert_eq!(learned, Some(a4));
        let answer = understand(&a, &answer.unwrap(), true);
        assert_eq!(
            answer,
            Meaning::Arp {
                learned: Some(b4),
                answer: None
            }
        );
        // A question about somebody else gets no answer.
        let (c, ..) = guest(3);
        let heard = understand(&c, &question, true);
        assert_eq!(
            heard,
            Meaning::Arp {
                learned: Some(a4),
                answer: None
            }
        );
    }

    #[test]
    fn neighbour_discovery() {
        let (a, _, a6) = guest(1);
        let (b, _, b6) = guest(2);
        let (IpAddr::V6(a_ip), IpAddr::V6(b_ip)) = (a6.ip, b6.ip) else {
            panic!()
        };
        let question = frame::solicitation((a.mac, a_ip), b_ip).unwrap();
        let Meaning::Neighbour { learned, answer } = understand(&b, &question, true) else {
            panic!()
        };
        assert_eq!(learned, Some(a6));
        let answer = understand(&a, &answer.unwrap(), true);
        assert_eq!(
            answer,
            Meaning::Neighbour {
                learned: Some(b6),
                answer: None
            }
        );
    }

    #[test]
    fn echo_both_families() {
        let (a, a4, a6) = guest(1);
        let (b, b4, b6) = guest(2);
        for (from, to) in [(a4, b4), (a6, b6)] {
            let ping = frame::echo(from, to, false, (7, 8), b"data").unwrap();
            let Meaning::EchoRequest { answer } = understand(&b, &ping, true) else {
                panic!()
            };
            let reply = understand(&a, &answer.unwrap(), true);
            assert_eq!(reply, Meaning::EchoReply { id: 7, seq: 8 });
            assert_eq!(understand(&a, &ping, true), Meaning::Foreign);
        }
    }

    #[test]
    fn stamped_frames() {
        let (_, a4, a6) = guest(1);
        let (b, b4, b6) = guest(2);
        let stamp = Stamp {
            id: 1,
            queue: 2,
            run: 3,
            seq: 4,
            total: 5,
        };
        for (from, to) in [(a4, b4), (a6, b6)] {
            let mut frame = frame::udp(from, to, (1000, 9), &stamp.payload(60, None)).unwrap();
            assert_eq!(frame.len(), frame::udp_overhead(to.ip) + 60);
            assert_eq!(understand(&b, &frame, true), Meaning::Stamped(stamp));
            // The last byte of the UDP checksum.
            let at = frame::udp_overhead(to.ip) - 1;
            frame[at] ^= 1;
            assert_eq!(understand(&b, &frame, true), Meaning::Corrupt);
            assert_eq!(understand(&b, &frame, false), Meaning::Stamped(stamp));
        }
    }

    #[test]
    fn cut_off_frames_are_harmless() {
        let (_, a4, _) = guest(1);
        let (b, b4, _) = guest(2);
        let stamp = Stamp {
            id: 1,
            queue: 2,
            run: 3,
            seq: 4,
            total: 5,
        };
        let frame = frame::udp(a4, b4, (1000, 9), &stamp.payload(60, None)).unwrap();
        for len in 0..frame.len() {
            understand(&b, &frame[..len], true);
        }
    }
}
