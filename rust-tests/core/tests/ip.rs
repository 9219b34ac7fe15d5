// SPDX-License-Identifier: GPL-2.0

//! IP headers, and what a tunnel inherits from them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use proptest::prelude::*;
use vpc_core::csum;
use vpc_core::eth;
use vpc_core::eth::Frame;
use vpc_core::ip::*;

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// An Ethernet frame with `tags` tags in front of `payload`.
fn frame(tags: usize, proto: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = MACS.to_vec();
    for n in 0..tags {
        frame.extend(if n == 0 && tags > 1 {
            [0x88, 0xa8]
        } else {
            [0x81, 0x00]
        });
        frame.extend([0x20, 10 + n as u8]);
    }
    frame.extend(proto.to_be_bytes());
    frame.extend(payload);
    frame
}

fn outer() -> impl Strategy<Value = Outer> {
    (
        any::<[u8; 3]>(),
        20..=u16::MAX,
        any::<u16>(),
        any::<bool>(),
        any::<[u32; 2]>(),
    )
        .prop_map(
            |([tos, ttl, protocol], total_len, id, df, [src, dst])| Outer {
                tos,
                total_len,
                id,
                df,
                ttl,
                protocol,
                src,
                dst,
            },
        )
}

#[test]
fn a_known_header() {
    // 10.0.0.1 > 10.0.0.2, GRE, 84 bytes, as tcpdump shows it.
    let header = Outer {
        tos: 0,
        total_len: 84,
        id: 0,
        df: true,
        ttl: 64,
        protocol: PROTO_GRE,
        src: 0x0a00_0001,
        dst: 0x0a00_0002,
    };
    let bytes = [
        0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 47, 0x26, 0x79, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    assert_eq!(header.encode(), bytes);
}

#[test]
fn malformed_headers_are_refused() {
    let good = Outer {
        tos: 0,
        total_len: 20,
        id: 0,
        df: false,
        ttl: 1,
        protocol: 1,
        src: 0,
        dst: 0,
    }
    .encode();
    let with = |at: usize, value: u8| {
        let mut bytes = good;
        bytes[at] = value;
        bytes
    };
    assert!(Ipv4::parse(&good).is_some());
    assert!(Ipv4::parse(&good[..19]).is_none());
    for (what, bytes) in [
        ("version 6", with(0, 0x65)),
        ("header of 16 bytes", with(0, 0x44)),
        ("header of 24 bytes in 20", with(0, 0x46)),
        ("19 bytes in all", with(3, 19)),
    ] {
        assert!(Ipv4::parse(&bytes).is_none(), "{what}");
    }
    let mut six = [0; 40];
    six[0] = 0x60;
    assert!(Ipv6::parse(&six).is_some());
    assert!(Ipv6::parse(&six[..39]).is_none());
    six[0] = 0x40;
    assert!(Ipv6::parse(&six).is_none());
}

#[test]
fn inherited_under_tags() {
    let four = Outer {
        tos: 0xb9,
        total_len: 20,
        id: 0,
        df: true,
        ttl: 17,
        protocol: 1,
        src: 0,
        dst: 0,
    }
    .encode();
    let mut six = [0; 40];
    six[0] = 0x6b;
    six[1] = 0x90;
    six[7] = 18;
    for tags in 0..=2 {
        let offset = 14 + 4 * tags;
        let inner = Inner::of_frame(&frame(tags, eth::TYPE_IPV4, &four)).unwrap();
        let version = Version::V4;
        assert_eq!(
            inner,
            Inner {
                version,
                offset,
                tos: 0xb9,
                ttl: 17,
                df: true
            }
        );
        let inner = Inner::of_frame(&frame(tags, eth::TYPE_IPV6, &six)).unwrap();
        let version = Version::V6;
        assert_eq!(
            inner,
            Inner {
                version,
                offset,
                tos: 0xb9,
                ttl: 18,
                df: true
            }
        );
    }
    assert_eq!(Inner::of_frame(&frame(3, eth::TYPE_IPV4, &four)), None);
    assert_eq!(Inner::of_frame(&frame(0, 0x0806, &[0; 28])), None);
    assert_eq!(Inner::of_frame(&frame(0, eth::TYPE_IPV4, &six)), None);
}

#[test]
fn tags_come_in_order() {
    let bytes = frame(2, eth::TYPE_IPV4, b"xyz");
    let parsed = Frame::parse(&bytes).unwrap();
    assert_eq!(parsed.dst, [2, 0, 0, 0, 0, 2]);
    assert_eq!(parsed.src, [2, 0, 0, 0, 0, 1]);
    assert_eq!(parsed.tags, [0x200a, 0x200b]);
    assert_eq!(
        (parsed.proto, parsed.payload),
        (eth::TYPE_IPV4, &b"xyz"[..])
    );
    for len in 0..22 {
        assert_eq!(Frame::parse(&bytes[..len]), None);
    }
}

proptest! {
    #[test]
    fn outer_comes_back(outer in outer(), payload: Vec<u8>) {
        let mut packet = outer.encode().to_vec();
        prop_assert_eq!(csum::internet(&packet), 0);
        packet.extend(&payload);
        let (header, rest) = Ipv4::parse(&packet).unwrap();
        prop_assert_eq!(header.header_len(), V4_LEN);
        prop_assert_eq!(header.tos, outer.tos);
        prop_assert_eq!(header.total_len.get(), outer.total_len);
        prop_assert_eq!(header.id.get(), outer.id);
        prop_assert_eq!(header.df(), outer.df);
        prop_assert!(!header.is_fragment());
        prop_assert_eq!(header.ttl, outer.ttl);
        prop_assert_eq!(header.protocol, outer.protocol);
        prop_assert_eq!(header.src.get(), outer.src);
        prop_assert_eq!(header.dst.get(), outer.dst);
        let len = payload.len().min(usize::from(outer.total_len) - V4_LEN);
        prop_assert_eq!(rest, &payload[..len]);
    }

    #[test]
    fn any_bytes_are_an_answer(bytes: Vec<u8>, proto in prop::sample::select(vec![0x0800, 0x86dd, 0x8100]), tags in 0..4_usize) {
        Ipv4::parse(&bytes);
        Ipv6::parse(&bytes);
        Frame::parse(&bytes);
        Inner::of_frame(&bytes);
        let frame = frame(tags, proto, &bytes);
        if let Some(inner) = Inner::of_frame(&frame) {
            prop_assert!(inner.offset < frame.len());
        }
    }

    #[test]
    fn payload_lies_within(mut bytes in prop::collection::vec(any::<u8>(), 40..200), ihl in 5..16_u8) {
        bytes[0] = 0x40 | ihl;
        if let Some((_, rest)) = Ipv4::parse(&bytes) {
            let total = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            let start = usize::from(ihl) * 4;
            prop_assert_eq!(rest, &bytes[start..total.min(bytes.len())]);
        }
        bytes[0] = 0x60;
        let (_, rest) = Ipv6::parse(&bytes).unwrap();
        let len = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
        prop_assert_eq!(rest, &bytes[40..(40 + len).min(bytes.len())]);
    }
}

/// A frame whose IP header says what it likes, right, wrong or cut off.
fn glimpsed() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![Just(0x45), Just(0x46), Just(0x60), any::<u8>()];
    let proto = prop::sample::select(vec![0x0800, 0x86dd, 0x0806]);
    let total = prop_oneof![0..64_u16, any::<u16>()];
    let rest = prop::collection::vec(any::<u8>(), 0..60);
    (0..2_usize, proto, first, total, rest).prop_map(|(tags, proto, first, total, rest)| {
        let mut packet = rest;
        if let [a, _, c, d, ..] = packet.as_mut_slice() {
            *a = first;
            [*c, *d] = total.to_be_bytes();
        }
        frame(tags, proto, &packet)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_glimpse_sees_what_a_look_does(frame in glimpsed()) {
        let inner = Inner::of_frame(&frame);
        if let Some(glimpse) = Glimpse::of_frame(&frame) {
            prop_assert_eq!(inner.map(|ip| (ip.tos, ip.ttl)), Some((glimpse.tos, glimpse.ttl)));
        } else if let Some(ip) = inner {
            // Nothing usual is left to the long way.
            prop_assert!(ip.offset > 14 || frame[14] > 0x45 && frame[14] < 0x60, "{:?}", frame);
        }
    }

    #[test]
    fn a_glimpse_at_any_bytes_is_an_answer(bytes: Vec<u8>) {
        Glimpse::of_frame(&bytes);
    }
}

proptest! {
    #[test]
    fn addresses_are_what_the_standard_library_says(v4: u32, v6: u128, top: u16) {
        use std::net::Ipv4Addr;
        use std::net::Ipv6Addr;

        let std4 = Ipv4Addr::from(v4);
        let unicast = std4.octets()[0] != 0 && std4.octets()[0] < 224;
        prop_assert_eq!(Addr::V4(v4).is_unicast(), unicast);
        prop_assert!(!Addr::V4(v4).is_link_local());
        let near = [0xff02 << 112, 0xfe80 << 112, 0xffff << 32, 0, u128::from(top) << 112];
        for v6 in near.map(|high| high | v6 >> 96).into_iter().chain([v6]) {
            let std6 = Ipv6Addr::from(v6);
            let unicast = !std6.is_multicast()
                && !std6.is_unspecified()
                && std6.to_ipv4_mapped().is_none();
            prop_assert_eq!(Addr::V6(v6).is_unicast(), unicast, "{}", std6);
            let local = std6.is_unicast_link_local();
            prop_assert_eq!(Addr::V6(v6).is_link_local(), local, "{}", std6);
            prop_assert_eq!(Addr::V6(v6).is_none(), std6.is_unspecified());
        }
        for (addr, none) in [(Addr::V4(v4), Addr::V4(0)), (Addr::V6(v6), Addr::V6(0))] {
            prop_assert_eq!(addr.none_like(), none);
            prop_assert_eq!(addr.none_like().version(), addr.version());
            prop_assert!(none.is_none() && !none.is_unicast());
        }
    }
}

#[test]
fn addresses_of_one_host() {
    use vpc_core::ip::Addr;

    let v4 = |text: &str| Addr::V4(u32::from(text.parse::<std::net::Ipv4Addr>().unwrap()));
    let v6 = |text: &str| Addr::V6(u128::from(text.parse::<std::net::Ipv6Addr>().unwrap()));
    for addr in [v4("10.0.0.1"), v4("127.0.0.1"), v4("223.255.255.255")] {
        assert!(addr.is_unicast() && !addr.is_link_local(), "{addr:?}");
    }
    for addr in [
        v4("0.0.0.0"),
        v4("0.1.2.3"),
        v4("224.0.0.5"),
        v4("255.255.255.255"),
    ] {
        assert!(!addr.is_unicast(), "{addr:?}");
    }
    for addr in [v6("fd00::1"), v6("::1"), v6("2001:db8::"), v6("febf::1")] {
        assert!(addr.is_unicast(), "{addr:?}");
    }
    for addr in [v6("::"), v6("ff02::1"), v6("::ffff:10.0.0.1")] {
        assert!(!addr.is_unicast(), "{addr:?}");
    }
    for addr in [v6("fe80::1"), v6("febf::1")] {
        assert!(addr.is_link_local(), "{addr:?}");
    }
    for addr in [v6("fec0::1"), v6("fd00::1"), v6("fe7f::1")] {
        assert!(!addr.is_link_local(), "{addr:?}");
    }
}

#[test]
fn options_that_ask_for_nothing() {
    // What ip6gretap sends: a limit, then padding.
    let limit = [47, 0, 4, 1, 4, 1, 1, 0];
    assert_eq!(pass_options(&limit), Some((47, 8)));
    assert_eq!(pass_options(&[17, 0, 0, 0, 0, 0, 0, 0]), Some((17, 8)));
    let long = [47, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(pass_options(&long), Some((47, 16)));
    // Such as must not be skipped: drop, drop and tell, home address.
    for kind in [0x40, 0x80, 0xc9] {
        assert_eq!(pass_options(&[47, 0, kind, 4, 0, 0, 0, 0]), None);
    }
    // An option that is longer than its header, and one without a length.
    assert_eq!(pass_options(&[47, 0, 4, 5, 0, 0, 0, 0]), None);
    assert_eq!(pass_options(&[47, 0, 1, 3, 0, 0, 0, 4]), None);
    for len in 0..limit.len() {
        assert_eq!(pass_options(&limit[..len]), None);
    }
}

proptest! {
    #[test]
    fn options_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some((next, len)) = pass_options(&bytes) {
            prop_assert_eq!(next, bytes[0]);
            prop_assert!(len <= bytes.len() && len % 8 == 0 && len > 0);
        }
    }
}
