// SPDX-License-Identifier: GPL-2.0

//! Answers in a neighbour's name: to ARP requests and neighbour solicitations.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod frames;

use frames::*;
use proptest::prelude::*;
use vpc_core::vpc::answer;
use vpc_core::vpc::nd::Message;
use vpc_core::vpc::packet::Kind;
use vpc_core::vpc::packet::Packet;

fn request(sender: &str, target: &str) -> Vec<u8> {
    let message = arp(1, (VM, v4(sender)), ([0; 6], v4(target)));
    ethernet(ALL, VM, 0x0806, &message)
}

/// The answer to a frame with ARP: `PEER` has all addresses.
fn arp_answer(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = parse(frame).unwrap();
    let answer = answer::arp(&packet, PEER);
    assert_eq!(answer.is_some(), answer::arp_target(&packet).is_some());
    answer.map(|answer| answer.to_vec())
}

#[test]
fn who_has() {
    let frame = request("10.0.0.1", "10.0.0.2");
    assert_eq!(
        answer::arp_target(&parse(&frame).unwrap()),
        Some(v4("10.0.0.2"))
    );
    let reply = arp(2, (PEER, v4("10.0.0.2")), (VM, v4("10.0.0.1")));
    let expected = ethernet(VM, PEER, 0x0806, &reply);
    assert_eq!(arp_answer(&frame), Some(expected.clone()));
    // What follows is padding.
    assert_eq!(arp_answer(&[frame, vec![0; 18]].concat()), Some(expected));
}

#[test]
fn is_it_taken() {
    // A probe for an address that another has.
    let frame = request("0.0.0.0", "10.0.0.2");
    let reply = arp(2, (PEER, v4("10.0.0.2")), (VM, 0));
    assert_eq!(arp_answer(&frame), Some(ethernet(VM, PEER, 0x0806, &reply)));
    // And for its own: the answer would take it away.
    assert_eq!(answer::arp(&parse(&frame).unwrap(), VM), None);
    // It asks for itself, in whatever way.
    let own = request("10.0.0.1", "10.0.0.2");
    assert_eq!(answer::arp(&parse(&own).unwrap(), VM), None);
}

#[test]
fn arp_that_is_not_answered() {
    let message = |op, sender| arp(op, sender, ([0; 6], v4("10.0.0.2")));
    let own = (VM, v4("10.0.0.1"));
    for (what, frame) in [
        ("announcement", request("10.0.0.1", "10.0.0.1")),
        ("of nobody for nobody", request("0.0.0.0", "0.0.0.0")),
        ("group", request("10.0.0.1", "224.0.0.1")),
        ("broadcast", request("10.0.0.1", "255.255.255.255")),
        ("reply", ethernet(ALL, VM, 0x0806, &message(2, own))),
        ("operation 0", ethernet(ALL, VM, 0x0806, &message(0, own))),
        (
            "reverse operation",
            ethernet(ALL, VM, 0x0806, &message(3, own)),
        ),
        ("reverse ARP", ethernet(ALL, VM, 0x8035, &message(1, own))),
        ("tag", tagged(&request("10.0.0.1", "10.0.0.2"))),
        (
            "another sender",
            ethernet(ALL, ROUTER, 0x0806, &message(1, own)),
        ),
        (
            "sender a group",
            ethernet(ALL, ALL, 0x0806, &message(1, (ALL, 1 << 24))),
        ),
        (
            "sender nobody",
            ethernet(ALL, [0; 6], 0x0806, &message(1, ([0; 6], 1 << 24))),
        ),
        (
            "no ARP",
            ethernet(ALL, VM, 0x0800, &ip4(1, 2, 17, &udp(1, 2, b""))),
        ),
    ] {
        assert_eq!(arp_answer(&frame), None, "{what}");
    }
}

/// A solicitation from the VM.
fn solicitation(src: &str, dst: &str, target: &str, options: &[Vec<u8>]) -> Vec<u8> {
    nd(
        (VM, [0x33, 0x33, 0xff, 0, 0, 9]),
        (v6(src), v6(dst)),
        135,
        v6(target),
        options,
    )
}

/// The answer to a frame with neighbour discovery: `PEER` has all addresses.
fn nd_answer(frame: &[u8], is_router: bool) -> Option<Vec<u8>> {
    let packet = parse(frame).unwrap();
    let answer = answer::neighbour(&packet, frame, PEER, is_router);
    answer.map(|answer| answer.to_vec())
}

/// The advertisement that is expected, with its flags.
fn advertisement(macs: ([u8; 6], [u8; 6]), src: &str, dst: &str, flags: u8) -> Vec<u8> {
    let mut body = vec![flags, 0, 0, 0];
    body.extend(v6(src).to_be_bytes());
    body.extend(link_option(2, macs.0));
    let message = icmp6(v6(src), v6(dst), 136, 0, &body);
    let packet = ip6(v6(src), v6(dst), 58, 255, &message);
    ethernet(macs.1, macs.0, 0x86dd, &packet)
}

#[test]
fn who_is() {
    for options in [vec![], vec![link_option(1, VM)]] {
        for dst in ["ff02::1:ff00:9", "fd00::9"] {
            let frame = solicitation("fd00::1", dst, "fd00::9", &options);
            assert_eq!(
                answer::nd_target(&parse(&frame).unwrap()),
                Some(v6("fd00::9"))
            );
            // Solicited, override; and router.
            let expected = |flags| Some(advertisement((PEER, VM), "fd00::9", "fd00::1", flags));
            assert_eq!(nd_answer(&frame, false), expected(0x60));
            assert_eq!(nd_answer(&frame, true), expected(0xe0));
            let padded = [&frame[..], &[7; 5]].concat();
            assert_eq!(nd_answer(&padded, false), expected(0x60));
        }
    }
    // Behind hop-by-hop options, which are not in the checksum.
    let (src, dst) = (v6("fd00::1"), v6("fd00::9"));
    let message = icmp6(src, dst, 135, 0, &nd_body(135, dst, &[]));
    let payload = [&[58, 0, 1, 4, 0, 0, 0, 0][..], &message].concat();
    let frame = ethernet(PEER, VM, 0x86dd, &ip6(src, dst, 0, 255, &payload));
    assert_eq!(
        nd_answer(&frame, false),
        Some(advertisement((PEER, VM), "fd00::9", "fd00::1", 0x60))
    );
}

#[test]
fn duplicate_address_detection() {
    let frame = solicitation("::", "ff02::1:ff00:9", "fd00::9", &[]);
    // To all nodes, and not as if it were solicited.
    let all = [0x33, 0x33, 0, 0, 0, 1];
    let expected = advertisement((PEER, all), "fd00::9", "ff02::1", 0x20);
    assert_eq!(nd_answer(&frame, false), Some(expected));
    // The address is its own.
    assert_eq!(
        answer::neighbour(&parse(&frame).unwrap(), &frame, VM, false),
        None
    );
}

#[test]
fn neighbour_discovery_that_is_not_answered() {
    let good = solicitation("fd00::1", "ff02::1:ff00:9", "fd00::9", &[]);
    assert!(nd_answer(&good, false).is_some());
    let with = |at: usize, value: u8| {
        let mut frame = good.clone();
        frame[at] = value;
        // So that it is not the checksum.
        let (src, dst) = (&frame[22..38], &frame[38..54]);
        let number = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().unwrap());
        let csum = {
            let mut message = frame[54..].to_vec();
            message[2..4].copy_from_slice(&[0, 0]);
            naive_csum6(number(src), number(dst), &message)
        };
        frame[56..58].copy_from_slice(&csum.to_be_bytes());
        frame
    };
    let option = [link_option(1, VM)];
    for (what, frame) in [
        ("hop limit", with(21, 254)),
        ("code", with(55, 1)),
        ("a group asks", with(22, 0xff)),
        ("asks for a group", with(62, 0xff)),
        ("sender a group", with(6, 3)),
        (
            "asks for itself",
            solicitation("fd00::9", "fd00::9", "fd00::9", &[]),
        ),
        (
            "asks for nobody",
            solicitation("fd00::1", "fd00::9", "::", &[]),
        ),
        (
            "nobody, with a MAC address",
            solicitation("::", "ff02::1:ff00:9", "fd00::9", &option),
        ),
        (
            "nobody, to one",
            solicitation("::", "fd00::9", "fd00::9", &[]),
        ),
        (
            "nobody, to all",
            solicitation("::", "ff02::1", "fd00::9", &[]),
        ),
        ("tag", tagged(&good)),
        (
            "advertisement",
            nd(
                (VM, PEER),
                (v6("fd00::1"), v6("fd00::9")),
                136,
                v6("fd00::9"),
                &[],
            ),
        ),
        (
            "router",
            nd((VM, PEER), (v6("fd00::1"), v6("fd00::9")), 133, 0, &[]),
        ),
    ] {
        assert_eq!(nd_answer(&frame, false), None, "{what}");
        assert_eq!(answer::nd_target(&parse(&frame).unwrap()), None, "{what}");
    }
    // Options without a length are none that can be parsed.
    assert!(parse(&solicitation(
        "fd00::1",
        "fd00::9",
        "fd00::9",
        &[vec![0; 8]]
    ))
    .is_err());
}

#[test]
fn the_checksum_is_looked_at() {
    let good = solicitation("fd00::1", "ff02::1:ff00:9", "fd00::9", &[]);
    // Each bit of what it covers: addresses, and the message from the checksum on.
    for bit in (22 * 8..54 * 8).chain(56 * 8..good.len() * 8) {
        let mut frame = good.clone();
        frame[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(nd_answer(&frame, false), None, "bit {bit}");
    }
    // And if the frame has less than its headers say.
    let packet = parse(&good).unwrap();
    for len in 0..good.len() {
        assert_eq!(answer::neighbour(&packet, &good[..len], PEER, false), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Both parties can be anybody; the answer is what the parser reads back.
    #[test]
    fn answers_are_right(
        macs in (any::<[u8; 6]>(), any::<[u8; 6]>()),
        addrs in (any::<[u32; 2]>(), any::<[u128; 2]>()),
        is_router: bool,
    ) {
        let (sender, owner) = macs;
        let ([ip, target_ip], [src, target]) = addrs;
        let message = arp(1, (sender, ip), ([0; 6], target_ip));
        let packet = parse(&ethernet(ALL, sender, 0x0806, &message)).unwrap();
        if let Some(answer) = answer::arp(&packet, owner) {
            let packet = parse(&answer).unwrap();
            let Kind::Arp(arp) = packet.kind else { unreachable!("no ARP") };
            prop_assert_eq!((packet.src, packet.dst), (owner, sender));
            prop_assert_eq!((arp.op, arp.sender_mac, arp.sender_ip), (2, owner, target_ip));
            prop_assert_eq!((arp.target_mac, arp.target_ip), (sender, ip));
            prop_assert!(sender != owner && ip != target_ip && sender[0] & 1 == 0);
        }
        let frame = nd((sender, PEER), (src, target), 135, target, &[]);
        let packet = parse(&frame).unwrap();
        if let Some(answer) = answer::neighbour(&packet, &frame, owner, is_router) {
            let packet = parse(&answer).unwrap();
            let Kind::Nd { src: from, dst, nd } = packet.kind else { unreachable!("no ND") };
            prop_assert_eq!(nd.message, Message::NeighbourAdvertisement);
            prop_assert_eq!((from, dst, nd.target), (target, src, target));
            prop_assert_eq!((nd.target_mac, packet.ttl), (Some(owner), 255));
            prop_assert_eq!((packet.src, packet.dst), (owner, sender));
            prop_assert_eq!(naive_csum6(from, dst, &answer[54..]), 0);
            prop_assert_eq!(answer[58] & 0x80 != 0, is_router);
        }
    }

    #[test]
    fn any_bytes_are_fine(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut near = solicitation("fd00::1", "ff02::1:ff00:9", "fd00::9", &[link_option(1, VM)]);
        for (at, value) in changes {
            let at = at.index(near.len());
            near[at] = value;
        }
        let short = &near[..cut.index(near.len())];
        for frame in [&near, &bytes, &ethernet(PEER, VM, 0x0806, &bytes)] {
            for linear in [&frame[..], short] {
                if let Ok(packet) = Packet::parse(frame, frame.len()) {
                    answer::arp(&packet, PEER);
                    answer::neighbour(&packet, linear, PEER, true);
                }
            }
        }
    }
}
