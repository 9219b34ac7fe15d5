// SPDX-License-Identifier: GPL-2.0

//! What the hook reads of a frame, however much of it is linear.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod frames;

use frames::*;
use proptest::prelude::*;
use vpc_core::flow::FlowKey;
use vpc_core::vpc::arp::Arp;
use vpc_core::vpc::nd::Message;
use vpc_core::vpc::nd::Nd;
use vpc_core::vpc::nd::MAX_OPTIONS;
use vpc_core::vpc::packet::*;
use vpc_core::vpc::sum::Sum;

fn frame4(packet: &[u8]) -> Vec<u8> {
    ethernet(PEER, VM, 0x0800, packet)
}

fn frame6(packet: &[u8]) -> Vec<u8> {
    ethernet(PEER, VM, 0x86dd, packet)
}

fn udp4() -> Vec<u8> {
    frame4(&ip4(
        v4("10.0.0.1"),
        v4("10.0.0.2"),
        17,
        &udp(1000, 2000, b"data"),
    ))
}

/// The same IPv4 packet with other flags and offset.
fn fragment4(protocol: u8, frag: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = ip4(v4("10.0.0.1"), v4("10.0.0.2"), protocol, payload);
    packet[6..8].copy_from_slice(&frag.to_be_bytes());
    frame4(&packet)
}

/// An IPv6 packet fd00::1 > fd00::2.
fn packet6(next: u8, payload: &[u8]) -> Vec<u8> {
    frame6(&ip6(v6("fd00::1"), v6("fd00::2"), next, 63, payload))
}

#[test]
fn udp_over_ipv4() {
    let expected = Packet {
        dst: PEER,
        src: VM,
        ethertype: 0x0800,
        tagged: false,
        offset: 14,
        transport: 34,
        kind: Kind::Ip4 {
            src: 0x0a00_0001,
            dst: 0x0a00_0002,
        },
        protocol: 17,
        ttl: 64,
        fragment: Fragment::Whole,
        sport: 1000,
        dport: 2000,
    };
    assert_eq!(parse(&udp4()), Ok(expected));
    let padded = [udp4(), vec![0; 14]].concat();
    assert_eq!(parse(&padded), Ok(expected));

    let with_tag = Packet {
        tagged: true,
        offset: 18,
        transport: 38,
        ..expected
    };
    assert_eq!(parse(&tagged(&udp4())), Ok(with_tag));
    let two = parse(&tagged(&tagged(&udp4()))).unwrap();
    assert_eq!((two.offset, two.ethertype), (22, 0x0800));
    let three = parse(&tagged(&tagged(&tagged(&udp4())))).unwrap();
    assert_eq!((three.kind, three.tagged), (Kind::Other, true));
    assert_eq!(three.ethertype, 0x8100);
}

#[test]
fn options_of_ipv4_are_passed() {
    let mut packet = udp4()[14..].to_vec();
    packet.splice(20..20, [1, 1, 1, 0]);
    packet[0] = 0x46;
    packet[3] += 4;
    let parsed = parse(&frame4(&packet)).unwrap();
    assert_eq!(
        (parsed.transport, parsed.sport, parsed.dport),
        (38, 1000, 2000)
    );
}

#[test]
fn icmp_has_type_and_code() {
    let echo = frame4(&ip4(1 << 24, 2 << 24, 1, &[8, 3, 0, 0, 0, 1, 0, 1]));
    let parsed = parse(&echo).unwrap();
    assert_eq!(
        (parsed.protocol, parsed.sport, parsed.dport),
        (1, 0, 0x0803)
    );
    let echo = packet6(58, &[128, 1, 0, 0, 0, 1, 0, 1]);
    let parsed = parse(&echo).unwrap();
    assert_eq!(
        (parsed.protocol, parsed.sport, parsed.dport),
        (58, 0, 0x8001)
    );
    assert!(matches!(parsed.kind, Kind::Ip6 { .. }));
    // ICMP of the other version says nothing.
    let parsed = parse(&packet6(1, &[8, 3, 0, 0])).unwrap();
    assert_eq!(parsed.dport, 0);
    let parsed = parse(&frame4(&ip4(1, 2, 58, &[135, 0, 0, 0]))).unwrap();
    assert_eq!(parsed.dport, 0);
}

#[test]
fn fragments_of_ipv4() {
    let first = parse(&fragment4(17, 0x2000, &udp(1, 2, b""))).unwrap();
    assert_eq!(
        (first.fragment, first.sport, first.dport),
        (Fragment::First, 1, 2)
    );
    for frag in [0x2002, 0x0002, 0x1fff] {
        let later = parse(&fragment4(17, frag, &udp(1, 2, b""))).unwrap();
        assert_eq!(
            (later.fragment, later.sport, later.dport),
            (Fragment::Later, 0, 0)
        );
    }
    // Its ports would come with the next one.
    let tiny = fragment4(17, 0x2000, &[0, 1, 0, 2]);
    assert_eq!(parse(&tiny), Err(Problem::Fragment));
    assert_eq!(parse(&fragment4(17, 0, &[0, 1, 0, 2])), Err(Problem::Short));
    // It would replace the flags of TCP. UDP has nothing there.
    assert_eq!(parse(&fragment4(6, 1, &[0; 16])), Err(Problem::Fragment));
    assert!(parse(&fragment4(17, 1, &[0; 16])).is_ok());
    assert!(parse(&fragment4(6, 2, &[0; 16])).is_ok());
}

#[test]
fn lengths_of_ipv4() {
    let with = |at: usize, value: u8| {
        let mut frame = udp4();
        frame[at] = value;
        parse(&frame)
    };
    assert_eq!(with(14, 0x65), Err(Problem::Header), "version");
    assert_eq!(with(14, 0x44), Err(Problem::Header), "header of 16 bytes");
    assert_eq!(with(14, 0x4f), Err(Problem::Short), "header of 60 bytes");
    assert_eq!(with(17, 19), Err(Problem::Header), "19 bytes in all");
    assert_eq!(
        with(17, 33),
        Err(Problem::Short),
        "a byte more than there is"
    );
    assert_eq!(with(16, 0xff), Err(Problem::Short), "65,000 bytes");
    assert_eq!(with(17, 27), Err(Problem::Short), "half a UDP header");
    assert!(with(17, 28).is_ok());
    assert!(with(17, 32).is_ok());
    assert_eq!(with(17, 0), Err(Problem::Header), "no length at all");
}

#[test]
fn no_length_of_what_is_longer_than_it_could_say() {
    // Still to be cut into segments by the kernel.
    let mut packet = udp4()[14..].to_vec();
    packet[2..4].copy_from_slice(&[0, 0]);
    let frame = frame4(&packet);
    let big = Packet::parse(&frame, 70_000).unwrap();
    assert_eq!((big.sport, big.dport), (1000, 2000));
    assert_eq!(Packet::parse(&frame, 65_549), Err(Problem::Header));

    let mut frame = packet6(6, &[0, 1, 0, 2, 0, 0, 0, 0]);
    frame[18..20].copy_from_slice(&[0, 0]);
    let big = Packet::parse(&frame, 70_000).unwrap();
    assert_eq!((big.sport, big.dport), (1, 2));
    assert_eq!(Packet::parse(&frame, 65_000), Err(Problem::Short));
}

#[test]
fn lengths_of_ipv6() {
    let with = |at: usize, value: u8| {
        let mut frame = packet6(17, &udp(1, 2, b""));
        frame[at] = value;
        parse(&frame)
    };
    assert_eq!(with(14, 0x40), Err(Problem::Header), "version");
    assert_eq!(
        with(19, 9),
        Err(Problem::Short),
        "a byte more than there is"
    );
    assert_eq!(with(19, 7), Err(Problem::Short), "less than a UDP header");
    assert!(with(19, 8).is_ok());
    // No next header.
    let none = parse(&packet6(59, b"")).unwrap();
    assert_eq!((none.protocol, none.transport, none.ttl), (59, 54, 63));
}

#[test]
fn chains_of_ipv6() {
    let udp = udp(1, 2, b"");
    let extension = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    let chain = |kinds: &[u8]| {
        let mut payload = vec![];
        for next in kinds[1..].iter().chain(&[17]) {
            payload.extend(extension(*next));
        }
        payload.extend(&udp);
        parse(&packet6(kinds[0], &payload))
    };
    let longest = chain(&[0, 60, 43, 60, 43, 60]).unwrap();
    assert_eq!((longest.protocol, longest.transport), (17, 54 + 48));
    assert_eq!((longest.sport, longest.dport), (1, 2));
    assert_eq!(chain(&[0, 60, 43, 60, 43, 60, 60]), Err(Problem::Chain));
    assert_eq!(chain(&[60, 0]), Err(Problem::Chain), "hop-by-hop not first");
    // A header that is longer than the packet.
    let long = packet6(60, &[17, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(&long), Err(Problem::Short));
    assert_eq!(parse(&packet6(60, &[17])), Err(Problem::Short));
    // ESP tells nothing of what is inside.
    let esp = parse(&packet6(50, &udp)).unwrap();
    assert_eq!((esp.protocol, esp.sport, esp.dport), (50, 0, 0));
}

#[test]
fn fragments_of_ipv6() {
    let with = |next: u8, word: u16, payload: &[u8]| {
        let [high, low] = word.to_be_bytes();
        let header = [next, 0, high, low, 0, 0, 0, 1];
        parse(&packet6(44, &[&header, payload].concat()))
    };
    let udp = udp(1, 2, b"");
    let ports = |packet: Packet| (packet.fragment, packet.protocol, packet.sport, packet.dport);
    assert_eq!(
        ports(with(17, 1, &udp).unwrap()),
        (Fragment::First, 17, 1, 2)
    );
    assert_eq!(
        ports(with(17, 8, &udp).unwrap()),
        (Fragment::Later, 17, 0, 0)
    );
    assert_eq!(
        ports(with(17, 9, b"").unwrap()),
        (Fragment::Later, 17, 0, 0)
    );
    // A fragment that is all of the packet.
    assert_eq!(
        ports(with(17, 0, &udp).unwrap()),
        (Fragment::Whole, 17, 1, 2)
    );
    // The reserved bits say nothing.
    assert_eq!(
        ports(with(17, 6, &udp).unwrap()),
        (Fragment::Whole, 17, 1, 2)
    );
    // What it is would come with the next one.
    assert_eq!(with(17, 1, &udp[..4]), Err(Problem::Fragment));
    assert_eq!(
        with(60, 1, &[17, 1, 0, 0, 0, 0, 0, 0]),
        Err(Problem::Fragment)
    );
    assert_eq!(with(44, 1, &[17, 0, 0, 0, 0, 0, 0, 0]), Err(Problem::Chain));
    // Neighbour discovery is never fragmented, echo may be.
    let solicitation = [&[135, 0, 0, 0][..], &nd_body(135, 7, &[])].concat();
    for word in [0, 1] {
        assert_eq!(with(58, word, &solicitation), Err(Problem::Fragment));
        assert!(with(58, word, &[128, 0, 0, 0, 0, 0, 0, 0]).is_ok());
    }
}

#[test]
fn arp_messages() {
    let request = arp(1, (VM, 0x0a00_0001), ([9; 6], 0x0a00_0002));
    let parsed = parse(&ethernet(ALL, VM, 0x0806, &request)).unwrap();
    let expected = Arp {
        op: 1,
        sender_mac: VM,
        sender_ip: 0x0a00_0001,
        target_mac: [9; 6],
        target_ip: 0x0a00_0002,
    };
    assert_eq!(parsed.kind, Kind::Arp(expected));
    assert_eq!(
        (parsed.ethertype, parsed.offset, parsed.protocol),
        (0x0806, 14, 0)
    );
    assert_eq!(expected.encode().to_vec(), request);
    let reverse = parse(&ethernet(ALL, VM, 0x8035, &request)).unwrap();
    assert_eq!(
        (reverse.kind, reverse.ethertype),
        (Kind::Arp(expected), 0x8035)
    );
    // Token ring, IPX, EUI-64, IPv6.
    for (at, value) in [(1, 6), (3, 0x37), (4, 8), (5, 16)] {
        let mut odd = request.clone();
        odd[at] = value;
        assert_eq!(parse(&ethernet(ALL, VM, 0x0806, &odd)), Err(Problem::Arp));
    }
    let short = ethernet(ALL, VM, 0x0806, &request[..27]);
    assert_eq!(parse(&short), Err(Problem::Short));
    assert_eq!(Packet::parse(&short, 42), Err(Problem::NeedLinear(42)));
}

fn nd_of(kind: u8, body: &[u8]) -> Result<Nd, Problem> {
    let (src, dst) = (v6("fe80::1"), v6("ff02::1"));
    let message = icmp6(src, dst, kind, 0, body);
    let packet = parse(&frame6(&ip6(src, dst, 58, 255, &message)))?;
    match packet.kind {
        Kind::Nd { src: s, dst: d, nd } if (s, d) == (src, dst) => Ok(nd),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn neighbour_discovery() {
    let target = v6("fd00::7");
    for (kind, message, has_target) in [
        (133, Message::RouterSolicitation, false),
        (134, Message::RouterAdvertisement, false),
        (135, Message::NeighbourSolicitation, true),
        (136, Message::NeighbourAdvertisement, true),
        (137, Message::Redirect, true),
    ] {
        // An MTU option, which is passed over, comes first.
        let options = [
            vec![5, 1, 0, 0, 0, 0, 5, 0xdc],
            link_option(1, VM),
            link_option(2, PEER),
        ];
        let mut expected = Nd {
            message,
            target: if has_target { target } else { 0 },
            source_mac: Some(VM),
            target_mac: Some(PEER),
        };
        assert_eq!(nd_of(kind, &nd_body(kind, target, &options)), Ok(expected));
        (expected.source_mac, expected.target_mac) = (None, None);
        let bare = nd_body(kind, target, &[]);
        assert_eq!(nd_of(kind, &bare), Ok(expected));
        assert_eq!(nd_of(kind, &bare[..bare.len() - 1]), Err(Problem::Nd));
    }
}

#[test]
fn options_that_are_none() {
    let with = |options: &[Vec<u8>]| nd_of(135, &nd_body(135, 7, options)).map(|nd| nd.source_mac);
    assert_eq!(with(&[link_option(1, VM)]), Ok(Some(VM)));
    for (what, options) in [
        ("no length", vec![vec![1, 0, 2, 2, 2, 2, 2, 2]]),
        ("cut off", vec![link_option(1, VM)[..7].to_vec()]),
        ("a single byte", vec![vec![1]]),
        (
            "longer than the packet",
            vec![vec![14, 2, 0, 0, 0, 0, 0, 0]],
        ),
        ("of 64 bits", vec![[&[1, 2][..], &[2; 14]].concat()]),
        (
            "two, which differ",
            vec![link_option(1, VM), link_option(1, PEER)],
        ),
        (
            "no length, behind a right one",
            vec![link_option(1, VM), vec![0; 8]],
        ),
        (
            "too many",
            vec![vec![14, 1, 0, 0, 0, 0, 0, 0]; MAX_OPTIONS + 1],
        ),
    ] {
        assert_eq!(with(&options), Err(Problem::Nd), "{what}");
    }
    let many = vec![vec![14, 1, 0, 0, 0, 0, 0, 0]; MAX_OPTIONS];
    assert_eq!(with(&many), Ok(None));
}

#[test]
fn other_frames() {
    for proto in [0x88cc, 0x0026, 0xffff] {
        let parsed = parse(&ethernet(PEER, VM, proto, b"x")).unwrap();
        assert_eq!((parsed.kind, parsed.ethertype), (Kind::Other, proto));
        assert!(!parsed.tagged);
    }
    assert_eq!(parse(&udp4()[..13]), Err(Problem::Short));
    assert_eq!(Packet::parse(&udp4()[..13], 13), Err(Problem::Short));
    assert_eq!(
        Packet::parse(&udp4()[..13], 60),
        Err(Problem::NeedLinear(60))
    );
    assert_eq!(Packet::parse(&[], 1500), Err(Problem::NeedLinear(128)));
    assert_eq!(parse(&[]), Err(Problem::Short));
}

#[test]
fn dhcp() {
    let of4 = |sport, dport| parse(&frame4(&ip4(1, 2, 17, &udp(sport, dport, b"")))).unwrap();
    let of6 = |sport, dport| parse(&packet6(17, &udp(sport, dport, b""))).unwrap();
    for (packet, client, server) in [
        (of4(68, 67), true, false),
        (of4(67, 68), false, true),
        (of4(67, 67), false, true),
        (of4(68, 53), false, false),
        (of4(547, 546), false, false),
        (of6(546, 547), true, false),
        (of6(547, 546), false, true),
        (of6(67, 68), false, false),
        (
            parse(&frame4(&ip4(1, 2, 6, &udp(67, 68, b"")))).unwrap(),
            false,
            false,
        ),
    ] {
        assert_eq!(packet.is_from_dhcp_client(), client, "{packet:?}");
        assert_eq!(packet.is_from_dhcp_server(), server, "{packet:?}");
    }
}

/// What an IPv6 packet is made of: extension headers, each with its type and length in units.
fn chains() -> impl Strategy<Value = (Vec<(u8, u8)>, u8)> {
    let kind = prop::sample::select(vec![0_u8, 43, 51, 60]);
    let headers = prop::collection::vec((kind, 0..4_u8), 0..8);
    (
        headers,
        prop::sample::select(vec![6_u8, 17, 50, 58, 59, 132]),
    )
}

/// Frames that are nearly right: headers of all kinds, some bytes of which are something else.
fn odd_frames() -> impl Strategy<Value = Vec<u8>> {
    let options = prop::collection::vec((0..4_u8, 0..3_u8), 0..4).prop_map(|options| {
        let option = |(kind, units): (u8, u8)| {
            let mut option = vec![kind, units];
            option.resize(8 * usize::from(units.max(1)), 7);
            option
        };
        options.into_iter().map(option).collect::<Vec<_>>()
    });
    let frame =
        (0..9_u8, options, 128..140_u8, any::<u16>()).prop_map(|(n, options, kind, word)| {
            let [high, low] = word.to_be_bytes();
            match n {
                0 => udp4(),
                1 => fragment4(17, word, &udp(1, 2, b"")),
                2 => frame4(&ip4(1, 2, 6, &[0; 20])),
                3 => packet6(17, &udp(1, 2, b"")),
                4 => packet6(
                    44,
                    &[&[17, 0, high, low, 0, 0, 0, 0][..], &udp(1, 2, b"")].concat(),
                ),
                5 => packet6(
                    0,
                    &[
                        &[58, 0, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0],
                        &nd_body(kind, 7, &options)[..],
                    ]
                    .concat(),
                ),
                6 => ethernet(ALL, VM, 0x0806, &arp(1, (VM, 1), (VM, 2))),
                7 => tagged(&packet6(
                    58,
                    &[&[kind, 0, 0, 0], &nd_body(kind, 7, &options)[..]].concat(),
                )),
                _ => tagged(&tagged(&udp4())),
            }
        });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (frame, changes, 0..40_usize).prop_map(|(mut frame, changes, padding)| {
        frame.resize(frame.len() + padding, 0);
        for (at, value) in changes {
            let at = at.index(frame.len());
            frame[at] = value;
        }
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Whatever is linear, the answer is that about the whole frame, or how much is needed for it.
    #[test]
    fn what_is_not_linear_is_asked_for(frame in odd_frames()) {
        let whole = parse(&frame);
        prop_assert!(!matches!(whole, Err(Problem::NeedLinear(_))));
        for linear in 0..frame.len() {
            match Packet::parse(&frame[..linear], frame.len()) {
                Err(Problem::NeedLinear(n)) => {
                    prop_assert!(n > linear && n <= frame.len(), "{} of {}", n, linear);
                }
                answer => prop_assert_eq!(answer, whole, "{} linear", linear),
            }
        }
    }

    /// A caller that pulls what it is asked for gets there in a few steps.
    #[test]
    fn pulling_comes_to_an_end(frame in odd_frames()) {
        let mut linear = 0;
        let mut pulls = 0;
        let answer = loop {
            match Packet::parse(&frame[..linear], frame.len()) {
                Err(Problem::NeedLinear(n)) => linear = n,
                answer => break answer,
            }
            pulls += 1;
        };
        prop_assert_eq!(answer, parse(&frame));
        prop_assert!(pulls <= 4, "{} times", pulls);
    }

    #[test]
    fn any_bytes_are_an_answer(bytes: Vec<u8>, proto in prop::sample::select(vec![0x0800, 0x86dd, 0x0806, 0x8100]), more in 0..2000_usize) {
        for frame in [bytes.clone(), ethernet(PEER, VM, proto, &bytes)] {
            // A length that nothing has: no sum may overflow.
            let _ = Packet::parse(&frame, usize::MAX);
            if let Ok(packet) = Packet::parse(&frame, frame.len() + more) {
                prop_assert!(packet.offset <= packet.transport);
                prop_assert!(usize::from(packet.transport) <= frame.len() + more);
            }
            Nd::parse(&frame);
            Arp::parse(&frame);
        }
    }

    #[test]
    fn chains_as_a_model_walks_them((headers, last) in chains()) {
        let mut payload = vec![];
        let kinds = headers.iter().map(|(kind, _)| *kind).chain([last]);
        for ((kind, units), next) in headers.iter().zip(kinds.clone().skip(1)) {
            let len = match kind {
                51 => 4 * (usize::from(*units) + 2),
                _ => 8 * (usize::from(*units) + 1),
            };
            payload.extend([next, *units]);
            payload.resize(payload.len() + len - 2, 0);
        }
        let transport = 54 + payload.len();
        payload.extend([0, 80, 0, 81, 0, 0, 0, 0]);
        let parsed = parse(&packet6(kinds.clone().next().unwrap(), &payload));
        let hop_by_hop_later = headers.iter().skip(1).any(|(kind, _)| *kind == 0);
        if headers.len() > 6 || hop_by_hop_later {
            prop_assert_eq!(parsed, Err(Problem::Chain));
        } else {
            let packet = parsed.unwrap();
            let ports = match last {
                6 | 17 | 132 => (80, 81),
                58 => (0, 80),
                _ => (0, 0),
            };
            prop_assert_eq!(usize::from(packet.transport), transport);
            prop_assert_eq!((packet.protocol, packet.sport, packet.dport), (last, ports.0, ports.1));
        }
    }

    /// A tag makes the frame go the long way, and changes nothing else.
    #[test]
    fn short_ways_say_what_the_long_one_does(frame in odd_frames(), cut in 0..20_usize) {
        let frame = &frame[..frame.len().saturating_sub(cut).max(14)];
        let with_tag = parse(&tagged(frame)).map(|packet| Packet {
            tagged: packet.offset > 18,
            offset: packet.offset - 4,
            transport: packet.transport - 4,
            ..packet
        });
        // Two tags become three.
        if !frame[12..].starts_with(&[0x81, 0]) {
            prop_assert_eq!(parse(frame), with_tag);
        }
    }

    /// Flows are made of the same fields; only fragments and ICMP differ.
    #[test]
    fn the_flow_has_the_same_fields(frame in odd_frames()) {
        let (Ok(packet), Some(flow)) = (parse(&frame), FlowKey::of_frame(&frame)) else {
            return Ok(());
        };
        prop_assert_eq!(packet.ethertype, flow.ethertype);
        let addrs = match packet.kind {
            Kind::Ip4 { src, dst } => (src.into(), dst.into()),
            Kind::Ip6 { src, dst } | Kind::Nd { src, dst, .. } => (src, dst),
            _ => return Ok(()),
        };
        prop_assert_eq!(addrs, (flow.src, flow.dst));
        if packet.fragment == Fragment::Whole && flow.sport != 0 {
            prop_assert_eq!((packet.sport, packet.dport), (flow.sport, flow.dport));
        }
    }
}

#[test]
fn usual_checksums() {
    let sum = |start, field| Sum { start, field };
    let udp = parse(&udp4()).unwrap();
    assert!(udp.has_sum(sum(34, 40)));
    // Of a packet within.
    assert!(udp.has_sum(sum(42, 42)) && udp.has_sum(sum(60, 76)));
    for other in [
        sum(20, 28),
        sum(34, 36),
        sum(33, 40),
        sum(41, 57),
        sum(0, 40),
    ] {
        assert!(!udp.has_sum(other), "{other:?}");
    }
    let tcp = parse(&frame4(&ip4(1, 2, 6, &[0; 20]))).unwrap();
    assert!(tcp.has_sum(sum(34, 50)));
    assert!(!tcp.has_sum(sum(54, 60)));
    let gre = parse(&packet6(47, &[0; 40])).unwrap();
    assert!(gre.has_sum(sum(70, 76)) && !gre.has_sum(sum(54, 58)));
    let later = parse(&fragment4(17, 5, &[0; 20])).unwrap();
    assert!(!later.has_sum(sum(34, 40)));
}

proptest! {
    /// Whatever a checksum turns out to be, the packet is what it was judged to be.
    #[test]
    fn a_checksum_changes_nothing(
        frame in odd_frames(),
        start in 0..120_usize,
        offset in 0..20_usize,
        value in any::<u16>(),
    ) {
        let Ok(packet) = parse(&frame) else { return Ok(()); };
        let transport = usize::from(packet.transport);
        for start in [start, transport, transport + 8] {
            let field = start + offset;
            if field + 2 > frame.len() || !packet.has_sum(Sum { start, field }) {
                continue;
            }
            let mut done = frame.clone();
            done[field..field + 2].copy_from_slice(&value.to_be_bytes());
            prop_assert_eq!(parse(&done), Ok(packet));
        }
    }
}
