// SPDX-License-Identifier: GPL-2.0

//! ICMP errors about a VM's packets, and packets that a router passes on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod frames;

use frames::*;
use proptest::prelude::*;
use vpc_core::icmp;
use vpc_core::ip::Addr;
use vpc_core::ip::Version;
use vpc_core::vpc::error;
use vpc_core::vpc::error::Complaint;
use vpc_core::vpc::error::Sender;
use vpc_core::vpc::hop;
use vpc_core::vpc::hop::Hop;
use vpc_core::vpc::packet::Packet;

const TOO_BIG: Complaint = Complaint::TooBig(1450);
const COMPLAINTS: [Complaint; 2] = [TOO_BIG, Complaint::TimeExceeded];

fn sender4() -> Sender {
    Sender {
        mac: ROUTER,
        addr: Addr::V4(v4("10.0.0.254")),
    }
}

fn sender6() -> Sender {
    Sender {
        mac: ROUTER,
        addr: Addr::V6(v6("fd00::fe")),
    }
}

/// The error about a frame of which so much is linear, in a buffer of the largest size, or of `room`.
fn about(complaint: Complaint, frame: &[u8], linear: usize, room: usize) -> Option<Vec<u8>> {
    let packet = parse(frame).unwrap();
    let from = match packet.addrs() {
        Some((Addr::V6(_), _)) => sender6(),
        _ => sender4(),
    };
    let mut out = vec![0x5a; room + 8];
    let len = error::write(
        complaint,
        &packet,
        &frame[..linear],
        &from,
        &mut out[..room],
    );
    let (written, rest) = out.split_at(len.unwrap_or(0));
    assert!(
        len.is_none() || rest.iter().all(|byte| *byte == 0x5a),
        "beyond its length"
    );
    assert!(
        out[room..].iter().all(|byte| *byte == 0x5a),
        "beyond the buffer"
    );
    len.map(|_| written.to_vec())
}

fn error(complaint: Complaint, frame: &[u8]) -> Option<Vec<u8>> {
    about(complaint, frame, frame.len(), error::MAX_LEN)
}

fn udp4(len: usize) -> Vec<u8> {
    let datagram = udp(1000, 2000, &vec![7; len]);
    let packet = ip4(v4("10.0.0.1"), v4("10.9.0.2"), 17, &datagram);
    ethernet(PEER, VM, 0x0800, &packet)
}

fn udp6(len: usize) -> Vec<u8> {
    let datagram = udp(1000, 2000, &vec![7; len]);
    let packet = ip6(v6("fd00::1"), v6("fd09::2"), 17, 64, &datagram);
    ethernet(PEER, VM, 0x86dd, &packet)
}

/// Checks an error as its receiver does; what it quotes.
fn check(complaint: Complaint, error: &[u8], of: &[u8]) -> Vec<u8> {
    assert_eq!(error[..12], [VM, ROUTER].concat());
    let packet = parse(error).unwrap();
    let (src, dst) = packet.addrs().unwrap();
    let (version, from, message) = match src {
        Addr::V4(_) => (Version::V4, sender4().addr, &error[34..]),
        Addr::V6(_) => (Version::V6, sender6().addr, &error[54..]),
    };
    assert_eq!((src, dst), (from, parse(of).unwrap().addrs().unwrap().0));
    match (src, dst) {
        (Addr::V6(src), Addr::V6(dst)) => {
            assert_eq!(naive_csum6(src, dst, message), 0);
            assert!(error.len() <= 14 + 1280);
            assert_eq!(
                usize::from(error[18]) << 8 | usize::from(error[19]),
                error.len() - 54
            );
            assert_eq!(packet.protocol, 58);
        }
        _ => {
            assert_eq!((naive_csum(&error[14..34]), naive_csum(message)), (0, 0));
            assert!(error.len() <= 14 + 576);
            assert_eq!(
                usize::from(error[16]) << 8 | usize::from(error[17]),
                error.len() - 14
            );
            assert_eq!(packet.protocol, 1);
        }
    }
    assert_eq!(packet.ttl, 64);
    let read = icmp::Error::parse(version, message).unwrap();
    assert_eq!(
        read.problem,
        match complaint {
            Complaint::TooBig(mtu) => icmp::Problem::TooBig(mtu),
            Complaint::TimeExceeded => icmp::Problem::TimeExceeded,
        }
    );
    let quoted = message[8..].to_vec();
    assert_eq!(quoted[..], of[14..14 + quoted.len()]);
    quoted
}

#[test]
fn the_first_bytes_of_each() {
    let type_and_code = |complaint, frame: &[u8], at: usize| {
        let error = error(complaint, frame).unwrap();
        (error[at], error[at + 1])
    };
    assert_eq!(type_and_code(TOO_BIG, &udp4(1460), 34), (3, 4));
    assert_eq!(
        type_and_code(Complaint::TimeExceeded, &udp4(9), 34),
        (11, 0)
    );
    assert_eq!(type_and_code(TOO_BIG, &udp6(1460), 54), (2, 0));
    assert_eq!(type_and_code(Complaint::TimeExceeded, &udp6(9), 54), (3, 0));
}

#[test]
fn how_much_is_quoted() {
    for complaint in COMPLAINTS {
        for (len, quoted) in [(0, 28), (100, 128), (520, 548), (521, 548), (1460, 548)] {
            let frame = udp4(len);
            assert_eq!(
                check(complaint, &error(complaint, &frame).unwrap(), &frame).len(),
                quoted
            );
        }
        for (len, quoted) in [
            (0, 48),
            (100, 148),
            (1184, 1232),
            (1185, 1232),
            (1460, 1232),
        ] {
            let frame = udp6(len);
            assert_eq!(
                check(complaint, &error(complaint, &frame).unwrap(), &frame).len(),
                quoted
            );
        }
        // Padding of the frame is no part of the packet.
        for frame in [udp4(2), udp6(2)] {
            let padded = [&frame[..], &[0; 20]].concat();
            assert_eq!(error(complaint, &padded), error(complaint, &frame));
        }
    }
}

#[test]
fn what_has_to_be_quoted() {
    for complaint in COMPLAINTS {
        // The IP header and 8 bytes, or there is no error.
        for (frame, least, before) in [(udp4(1460), 28, 42), (udp6(1460), 48, 62)] {
            assert_eq!(about(complaint, &frame, 14 + least - 1, 1500), None);
            let short = about(complaint, &frame, 14 + least, 1500).unwrap();
            assert_eq!(check(complaint, &short, &frame).len(), least);
            assert_eq!(
                about(complaint, &frame, frame.len(), before + least - 1),
                None
            );
            let short = about(complaint, &frame, frame.len(), before + least).unwrap();
            assert_eq!(check(complaint, &short, &frame).len(), least);
            for room in 0..before + least {
                assert_eq!(about(complaint, &frame, frame.len(), room), None);
            }
        }
        // With options the header is longer.
        let mut packet = udp4(1460)[14..].to_vec();
        packet.splice(20..20, [1, 1, 1, 0]);
        packet[0] = 0x46;
        packet[2..4].copy_from_slice(&1492_u16.to_be_bytes());
        let frame = ethernet(PEER, VM, 0x0800, &packet);
        assert_eq!(about(complaint, &frame, 14 + 31, 1500), None);
        assert!(about(complaint, &frame, 14 + 32, 1500).is_some());
    }
    // A packet that has not got 8 bytes.
    let tiny = ethernet(
        PEER,
        VM,
        0x0800,
        &ip4(v4("10.0.0.1"), v4("10.9.0.2"), 99, b"xy"),
    );
    let answer = error(Complaint::TimeExceeded, &tiny).unwrap();
    assert_eq!(check(Complaint::TimeExceeded, &answer, &tiny).len(), 22);
}

#[test]
fn mtus() {
    for (mtu, four, six) in [
        (0, false, false),
        (67, false, false),
        (68, true, false),
        (1279, true, false),
        (1280, true, true),
        (65_535, true, true),
        (65_536, false, true),
        (u32::MAX, false, true),
    ] {
        let complaint = Complaint::TooBig(mtu);
        let answers = [udp4(60), udp6(60)].map(|frame| {
            let answer = error(complaint, &frame);
            answer
                .map(|answer| check(complaint, &answer, &frame))
                .is_some()
        });
        assert_eq!(answers, [four, six], "{mtu}");
    }
    // Without DF it may be fragmented.
    let mut frame = udp4(1460);
    frame[20] = 0;
    assert_eq!(error(TOO_BIG, &frame), None);
    assert!(error(Complaint::TimeExceeded, &frame).is_some());
}

#[test]
fn a_packet_that_is_still_to_be_cut() {
    // It has no length; it is quoted like any other.
    let mut frame = udp4(1460);
    frame[16..18].copy_from_slice(&[0, 0]);
    let packet = Packet::parse(&frame, 70_000).unwrap();
    let mut out = [0; error::MAX_LEN];
    let len = error::write(TOO_BIG, &packet, &frame, &sender4(), &mut out);
    assert_eq!(len, Some(14 + 576));
}

/// An IPv4 packet with 8 bytes of payload and flags, 10.0.0.1 > 10.9.0.2 but for what is given.
fn odd4(src: &str, dst: &str, protocol: u8, kind: u8, frag: u16) -> Vec<u8> {
    let mut packet = ip4(v4(src), v4(dst), protocol, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    packet[6..8].copy_from_slice(&frag.to_be_bytes());
    ethernet(PEER, VM, 0x0800, &packet)
}

fn odd6(src: &str, dst: &str, next: u8, kind: u8) -> Vec<u8> {
    let packet = ip6(v6(src), v6(dst), next, 64, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    ethernet(PEER, VM, 0x86dd, &packet)
}

fn with_macs(frame: &[u8], dst: [u8; 6], src: [u8; 6]) -> Vec<u8> {
    [&dst[..], &src, &frame[12..]].concat()
}

#[test]
fn what_must_not_be_answered() {
    let (one, two, df) = ("10.0.0.1", "10.9.0.2", 0x4000);
    let group = [1, 0, 0x5e, 0, 0, 1];
    for complaint in COMPLAINTS {
        for kind in 0..=255 {
            // Echo, router discovery and other questions and answers may be.
            let may = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18].contains(&kind);
            let frame = odd4(one, two, 1, kind, df);
            assert_eq!(error(complaint, &frame).is_some(), may, "ICMP {kind}");
            if !(133..=137).contains(&kind) {
                let frame = odd6("fd00::1", "fd09::2", 58, kind);
                assert_eq!(
                    error(complaint, &frame).is_some(),
                    kind >= 128,
                    "ICMPv6 {kind}"
                );
            }
        }
        for (what, frame) in [
            ("later fragment", odd4(one, two, 17, 0, df | 2)),
            ("middle fragment", odd4(one, two, 17, 0, df | 0x2002)),
            ("to a group", odd4(one, "224.0.0.5", 17, 0, df)),
            ("to all", odd4(one, "255.255.255.255", 17, 0, df)),
            ("to nobody", odd4(one, "0.0.0.0", 17, 0, df)),
            ("from nobody", odd4("0.0.0.0", two, 17, 0, df)),
            ("from a group", odd4("224.0.0.5", two, 17, 0, df)),
            ("from all", odd4("255.255.255.255", two, 17, 0, df)),
            ("from itself", odd4("127.0.0.1", two, 17, 0, df)),
            ("from nobody, IPv6", odd6("::", "fd09::2", 17, 0)),
            ("from itself, IPv6", odd6("::1", "fd09::2", 17, 0)),
            ("from a group, IPv6", odd6("ff02::1", "fd09::2", 17, 0)),
            (
                "redirect",
                nd((VM, PEER), (v6("fe80::1"), v6("fd09::2")), 137, 7, &[]),
            ),
            ("to a MAC group", with_macs(&udp4(99), group, VM)),
            ("to a MAC group, IPv6", with_macs(&udp6(99), group, VM)),
            ("to all MACs", with_macs(&udp4(99), ALL, VM)),
            ("from a MAC group", with_macs(&udp4(99), PEER, group)),
            ("from no MAC", with_macs(&udp6(99), PEER, [0; 6])),
            ("tag", tagged(&udp4(99))),
            ("tag, IPv6", tagged(&udp6(99))),
            (
                "ARP",
                ethernet(PEER, VM, 0x0806, &arp(1, (VM, 1), (PEER, 2))),
            ),
            ("another EtherType", ethernet(PEER, VM, 0x88cc, &[0; 80])),
        ] {
            assert_eq!(error(complaint, &frame), None, "{what}");
            let packet = parse(&frame).unwrap();
            assert!(!error::may_answer(complaint, &packet), "{what}");
        }
        assert!(
            error(complaint, &odd4(one, two, 17, 0, df | 0x2000)).is_some(),
            "first fragment"
        );
    }
    // A group has a path MTU, and that is all it is told.
    let to_group = with_macs(
        &odd6("fd00::1", "ff0e::7", 17, 0),
        [0x33, 0x33, 0, 0, 0, 7],
        VM,
    );
    assert!(error(TOO_BIG, &to_group).is_some());
    assert_eq!(error(Complaint::TimeExceeded, &to_group), None);
}

#[test]
fn who_may_complain() {
    let (four, six) = (udp4(99), udp6(99));
    let mut out = [0; error::MAX_LEN];
    let mut write = |frame: &[u8], mac, addr| {
        let packet = parse(frame).unwrap();
        error::write(TOO_BIG, &packet, frame, &Sender { mac, addr }, &mut out).is_some()
    };
    // The destination itself, where there is no router.
    assert!(write(&four, PEER, Addr::V4(v4("10.9.0.2"))));
    assert!(write(&six, PEER, Addr::V6(v6("fd09::2"))));
    assert!(!write(&four, PEER, Addr::V6(1 << 120)), "another version");
    assert!(!write(&six, PEER, Addr::V4(1 << 24)), "another version");
    assert!(!write(&four, PEER, Addr::V4(v4("224.0.0.1"))));
    assert!(!write(&four, PEER, Addr::V4(0)));
    assert!(!write(&six, PEER, Addr::V6(v6("ff0e::1"))));
    assert!(!write(&four, ALL, Addr::V4(1 << 24)));
    assert!(!write(&four, [0; 6], Addr::V4(1 << 24)));
}

fn some_frame() -> impl Strategy<Value = Vec<u8>> {
    let frame = (0..4_u8, 0..1500_usize, any::<u8>()).prop_map(|(n, len, kind)| match n {
        0 => udp4(len),
        1 => udp6(len),
        2 => odd4("10.0.0.1", "10.9.0.2", 1, kind, 0x4000),
        _ => odd6("fd00::1", "fd09::2", 58, kind),
    });
    let changes = prop::collection::vec((0..62_usize, any::<u8>()), 0..3);
    (frame, changes).prop_map(|(mut frame, changes)| {
        for (at, value) in changes {
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn errors_are_right(len in 0..1500_usize, linear in 0..1600_usize, room in 0..1400_usize, is_v6: bool, n in 0..2_usize) {
        let frame = if is_v6 { udp6(len) } else { udp4(len) };
        let linear = linear.min(frame.len());
        let (header, bound) = if is_v6 { (40, 1280) } else { (20, 576) };
        let quoted = (linear.saturating_sub(14))
            .min(bound - header - 8)
            .min(room.saturating_sub(14 + header + 8));
        match about(COMPLAINTS[n], &frame, linear, room) {
            Some(error) => prop_assert_eq!(check(COMPLAINTS[n], &error, &frame).len(), quoted),
            None => prop_assert!(quoted < header + 8),
        }
    }

    #[test]
    fn any_frame_is_fine(frame in some_frame(), linear in 0..1600_usize, room in 0..1400_usize) {
        if let Ok(packet) = Packet::parse(&frame, frame.len()) {
            let mut out = vec![0; room];
            for complaint in COMPLAINTS {
                for from in [sender4(), sender6()] {
                    let linear = &frame[..linear.min(frame.len())];
                    let len = error::write(complaint, &packet, linear, &from, &mut out);
                    prop_assert!(len.is_none_or(|len| len <= room && len <= error::MAX_LEN));
                    prop_assert!(len.is_none() || error::may_answer(complaint, &packet));
                    // An error about the error would go round and round.
                    if let Some(len) = len {
                        let answer = Packet::parse(&out[..len], len).unwrap();
                        prop_assert!(!error::may_answer(complaint, &answer));
                    }
                }
            }
        }
    }

    #[test]
    fn a_router_passes_it_on(mut frame in some_frame(), ttl: u8, tos: u8) {
        let Ok(packet) = Packet::parse(&frame, frame.len()) else { return Ok(()) };
        let Some((src, _)) = packet.addrs() else { return Ok(()) };
        let is_v4 = matches!(src, Addr::V4(_));
        let at = if is_v4 { 22 } else { 21 };
        frame[at] = ttl;
        if is_v4 {
            frame[15] = tos;
            frame[24..26].copy_from_slice(&[0, 0]);
            let header = 14 + 4 * usize::from(frame[14] & 15);
            let csum = naive_csum(&frame[14..header]);
            frame[24..26].copy_from_slice(&csum.to_be_bytes());
        }
        let before = frame.clone();
        let hop = hop::decrement_ttl(&mut frame, &packet, ROUTER, PEER);
        if ttl <= 1 {
            prop_assert_eq!(hop, Hop::Exceeded);
            prop_assert_eq!(frame, before);
        } else {
            prop_assert_eq!(hop, Hop::Passed);
            let mut expected = with_macs(&before, PEER, ROUTER);
            expected[at] = ttl - 1;
            if is_v4 {
                let header = 14 + 4 * usize::from(frame[14] & 15);
                prop_assert_eq!(naive_csum(&frame[14..header]), 0);
                expected[24..26].copy_from_slice(&frame[24..26]);
            }
            prop_assert_eq!(frame, expected);
        }
    }
}

#[test]
fn what_a_router_does_not_pass_on() {
    let mut arp = ethernet(ALL, VM, 0x0806, &arp(1, (VM, 1), (PEER, 2)));
    let before = arp.clone();
    let packet = parse(&arp).unwrap();
    assert_eq!(
        hop::decrement_ttl(&mut arp, &packet, ROUTER, PEER),
        Hop::NotIp
    );
    assert_eq!(arp, before);
    // The header is not there.
    for (frame, header) in [(udp4(9), 34), (udp6(9), 54), (tagged(&udp4(9)), 38)] {
        let packet = parse(&frame).unwrap();
        for len in 0..header {
            let mut short = frame[..len].to_vec();
            assert_eq!(
                hop::decrement_ttl(&mut short, &packet, ROUTER, PEER),
                Hop::NotIp
            );
            assert_eq!(short, frame[..len]);
        }
        let mut whole = frame.clone();
        assert_eq!(
            hop::decrement_ttl(&mut whole, &packet, ROUTER, PEER),
            Hop::Passed
        );
        assert_eq!(parse(&whole).unwrap().ttl, 63);
        assert_eq!(parse(&whole).unwrap().dst, PEER);
    }
}
