// SPDX-License-Identifier: GPL-2.0

//! The outer headers against an encoder that is written field by field from the RFCs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use proptest::prelude::*;
use std::collections::HashSet;
use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::outer::*;

/// RFC 1071, 4.1, with a carry added back after each word.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair[1]);
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    !(sum as u16)
}

/// RFC 2784, 2.1 and RFC 2890, 2; with a flow id RFC 7637, 3.2.
fn naive_gre(header: &gre::Header, flow_id: Option<u8>) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(header.proto.to_be_bytes());
    if header.csum.is_some() {
        out[0] |= 0x80;
        out.extend([0; 4]);
    }
    if let Some(key) = header.key {
        out[0] |= 0x20;
        let [a, b, c, d] = key.to_be_bytes();
        out.extend([a, b, c, flow_id.unwrap_or(d)]);
    }
    out
}

/// RFC 768, without a checksum.
fn naive_udp(sport: u16, dport: u16, payload: usize) -> Vec<u8> {
    [sport, dport, (8 + payload) as u16, 0]
        .map(u16::to_be_bytes)
        .concat()
}

/// RFC 791, 3.1.
fn naive_v4(packet: &Packet, protocol: u8, src: u32, dst: u32, payload: usize) -> Vec<u8> {
    let mut out = vec![0x45, packet.tos];
    out.extend(((20 + payload) as u16).to_be_bytes());
    out.extend(packet.id.to_be_bytes());
    out.extend(if packet.df { [0x40, 0] } else { [0, 0] });
    out.extend([packet.ttl, protocol, 0, 0]);
    out.extend(src.to_be_bytes());
    out.extend(dst.to_be_bytes());
    let sum = checksum(&out);
    out[10..12].copy_from_slice(&sum.to_be_bytes());
    out
}

/// RFC 8200, 3.
fn naive_v6(packet: &Packet, protocol: u8, src: u128, dst: u128, payload: usize) -> Vec<u8> {
    let [_, label @ ..] = packet.flow_label.to_be_bytes();
    let mut out = vec![
        0x60 | packet.tos / 16,
        packet.tos % 16 * 16 + label[0] % 16,
        label[1],
        label[2],
    ];
    out.extend((payload as u16).to_be_bytes());
    out.extend([protocol, packet.ttl]);
    out.extend(src.to_be_bytes());
    out.extend(dst.to_be_bytes());
    out
}

/// All of it, from the inside out.
fn naive(headers: &Headers, packet: &Packet) -> Vec<u8> {
    let payload = packet.payload_len as usize;
    let gre = naive_gre(&headers.gre, packet.flow_id);
    let (protocol, rest) = match headers.udp {
        Some((sport, dport)) => {
            let sport = packet.sport.unwrap_or(sport);
            let udp = naive_udp(sport, dport, gre.len() + payload);
            (17, [udp, gre].concat())
        }
        None => (47, gre),
    };
    let payload = payload + rest.len();
    let ip = match (headers.src, headers.dst) {
        (Addr::V4(src), Addr::V4(dst)) => naive_v4(packet, protocol, src, dst, payload),
        (Addr::V6(src), Addr::V6(dst)) => naive_v6(packet, protocol, src, dst, payload),
        _ => panic!("addresses of two versions"),
    };
    [ip, rest].concat()
}

/// Numbers that a sum may stumble over, and any others.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        prop::sample::select(vec![0, 0xffff, 0xffff_0000, 0xffff_ffff, 0xfffe_0001]),
    ]
}

fn addrs() -> impl Strategy<Value = (Addr, Addr)> {
    prop_oneof![
        (word(), word()).prop_map(|(src, dst)| (Addr::V4(src), Addr::V4(dst))),
        any::<(u128, u128)>().prop_map(|(src, dst)| (Addr::V6(src), Addr::V6(dst))),
    ]
}

prop_compose! {
    fn headers()(
        (src, dst) in addrs(),
        udp: Option<(u16, u16)>,
        proto: u16,
        csum: Option<u16>,
        key: Option<u32>,
    ) -> Headers {
        Headers { src, dst, udp, gre: gre::Header { proto, csum, key, seq: None } }
    }
}

prop_compose! {
    /// The headers of nearly all tunnels.
    fn plain_headers()(src in word(), dst in word(), key: Option<u32>) -> Headers {
        let gre = gre::Header { proto: gre::PROTO_TEB, csum: None, key, seq: None };
        Headers { src: Addr::V4(src), dst: Addr::V4(dst), udp: None, gre }
    }
}

prop_compose! {
    fn packet()(
        // Beyond 16 bits, too: a packet that is still to be cut into segments.
        payload_len in 0..200_000_u32,
        [tos, ttl]: [u8; 2],
        df: bool,
        id: u16,
        flow_label: u32,
        sport: Option<u16>,
        flow_id: Option<u8>,
    ) -> Packet {
        Packet { payload_len, tos, ttl, df, id, flow_label, sport, flow_id }
    }
}

/// What `write` makes of a template for `packet`.
fn written(headers: &Headers, packet: &Packet) -> Vec<u8> {
    let template = Template::new(headers).unwrap();
    let mut out = vec![0xa5; template.len()];
    template.write(&mut out, packet).unwrap();
    out
}

#[test]
fn known_packets() {
    let mut headers = Headers {
        src: Addr::V4(0x0a00_0001),
        dst: Addr::V4(0x0a00_0002),
        udp: None,
        gre: gre::Header {
            proto: gre::PROTO_TEB,
            csum: None,
            key: Some(7),
            seq: None,
        },
    };
    let packet = Packet {
        payload_len: 60,
        ttl: 64,
        df: true,
        ..Packet::default()
    };
    let plain = [
        0x45, 0, 0, 88, 0, 0, 0x40, 0, 64, 47, 0x26, 0x75, 10, 0, 0, 1, 10, 0, 0, 2, //
        0x20, 0, 0x65, 0x58, 0, 0, 0, 7,
    ];
    assert_eq!(written(&headers, &packet), plain);
    headers.udp = Some((0xc000, UDP_PORT));
    let udp = [
        0x45, 0, 0, 96, 0, 0, 0x40, 0, 64, 17, 0x26, 0x8b, 10, 0, 0, 1, 10, 0, 0, 2, //
        0xc0, 0, 0x12, 0x92, 0, 76, 0, 0, //
        0x20, 0, 0x65, 0x58, 0, 0, 0, 7,
    ];
    assert_eq!(written(&headers, &packet), udp);
}

#[test]
fn the_longest_headers_fit() {
    let headers = Headers {
        src: Addr::V6(1),
        dst: Addr::V6(2),
        udp: Some((1, 2)),
        gre: gre::Header {
            proto: 0,
            csum: Some(0xffff),
            key: Some(0),
            seq: None,
        },
    };
    assert_eq!(Template::new(&headers).unwrap().len(), MAX_LEN);
}

#[test]
fn each_combination_of_options() {
    let v4 = (Addr::V4(0xffff_ffff), Addr::V4(0xffff_ffff));
    let v6 = (Addr::V6(u128::MAX), Addr::V6(u128::MAX));
    for bits in 0..32_u16 {
        let has = |bit: u16| bits >> bit & 1 != 0;
        let (src, dst) = if has(0) { v6 } else { v4 };
        let headers = Headers {
            src,
            dst,
            udp: has(1).then_some((1, 0xffff)),
            gre: gre::Header {
                proto: gre::PROTO_TEB,
                csum: has(2).then_some(0x1234),
                key: has(3).then_some(0x0102_0304),
                seq: None,
            },
        };
        for packet in [
            Packet::default(),
            Packet {
                payload_len: 1500,
                tos: 0xff,
                ttl: 0xff,
                df: has(4),
                id: 0xffff,
                flow_label: 0xffff_ffff,
                sport: Some(0xffff),
                flow_id: Some(0xff),
            },
        ] {
            assert_eq!(
                written(&headers, &packet),
                naive(&headers, &packet),
                "{headers:?}"
            );
        }
        let plain = !has(0) && !has(1) && !has(2);
        assert_eq!(
            Template::new(&headers).unwrap().is_plain(),
            plain,
            "{headers:?}"
        );
    }
}

#[test]
fn nothing_has_no_headers() {
    let packet = Packet::default();
    assert_eq!(Template::EMPTY.len(), 0);
    assert!(!Template::EMPTY.is_plain());
    for len in 0..=MAX_LEN {
        let mut out = vec![0; len];
        assert_eq!(Template::EMPTY.write(&mut out, &packet), None, "{len}");
        assert_eq!(
            Template::EMPTY.write_plain(&mut out, 0, 0, 0),
            None,
            "{len}"
        );
    }
}

proptest! {
    #[test]
    fn as_the_naive_one(headers in headers(), packet in packet()) {
        let out = written(&headers, &packet);
        prop_assert_eq!(&out, &naive(&headers, &packet));
        if let Addr::V4(_) = headers.dst {
            prop_assert_eq!(checksum(&out[..20]), 0);
        }
    }

    #[test]
    fn says_how_long_it_is(headers in headers()) {
        let template = Template::new(&headers).unwrap();
        let ip_len = match headers.dst.version() {
            ip::Version::V4 => 20,
            ip::Version::V6 => 40,
        };
        let udp_len = headers.udp.map_or(0, |_| 8);
        prop_assert_eq!(template.version(), headers.dst.version());
        prop_assert_eq!(template.ip_len(), ip_len);
        prop_assert_eq!(template.len(), ip_len + udp_len + headers.gre.len());
    }

    #[test]
    fn plain_is_the_same_in_fewer_steps(headers in plain_headers(), mut packet in packet()) {
        packet = Packet { df: true, id: 0, flow_id: None, ..packet };
        let template = Template::new(&headers).unwrap();
        prop_assert!(template.is_plain());
        let mut out = vec![0xa5; template.len()];
        let total_len = packet.payload_len + template.len() as u32;
        prop_assert_eq!(
            template.write_plain(&mut out, total_len, packet.tos, packet.ttl),
            Some(())
        );
        prop_assert_eq!(out, written(&headers, &packet));
    }

    #[test]
    fn so_is_plain_udp(
        headers in plain_headers(),
        mut packet in packet(),
        dport: u16,
        sport: u16,
    ) {
        let headers = Headers { udp: Some((0, dport)), ..headers };
        let template = Template::new(&headers).unwrap();
        prop_assert!(template.is_plain_udp() && !template.is_plain());
        packet.df = true;
        packet.id = 0;
        packet.flow_id = None;
        packet.sport = Some(sport);
        let total_len = packet.payload_len.wrapping_add(template.len() as u32);
        let mut out = vec![0; template.len()];
        prop_assert_eq!(
            template.write_plain_udp(&mut out, total_len, packet.tos, packet.ttl, sport),
            Some(())
        );
        prop_assert_eq!(out, written(&headers, &packet));
    }

    #[test]
    fn only_the_right_length_will_do(headers in headers(), plain in plain_headers(), packet in packet()) {
        for headers in [headers, plain] {
            let template = Template::new(&headers).unwrap();
            for len in 0..=MAX_LEN + 8 {
                let mut out = vec![0; len];
                let right = len == template.len();
                prop_assert_eq!(template.write(&mut out, &packet).is_some(), right, "{}", len);
                let written = template.write_plain(&mut out, 0, 0, 0).is_some();
                if template.is_plain() {
                    prop_assert_eq!(written, right, "{}", len);
                }
            }
        }
    }

    #[test]
    fn two_versions_or_a_sequence_number_are_refused(headers in headers(), v4: u32, v6: u128, seq: u32) {
        let src = match headers.dst {
            Addr::V4(_) => Addr::V6(v6),
            Addr::V6(_) => Addr::V4(v4),
        };
        prop_assert_eq!(Template::new(&Headers { src, ..headers }), None);
        let gre = gre::Header { seq: Some(seq), ..headers.gre };
        prop_assert_eq!(Template::new(&Headers { gre, ..headers }), None);
    }

    #[test]
    fn source_ports_are_private_ones(lane: u16, hash: u32) {
        prop_assert!(source_port(lane, hash) >= 49152);
    }

    #[test]
    fn flows_are_spread_over_ports(lane: u16, seed: u64) {
        // Sixteen queues, chosen by the port's low bits or by its high ones.
        for shift in [0, 10] {
            let mut buckets = [0; 16];
            for hash in hashes(seed).take(4096) {
                buckets[usize::from(source_port(lane, hash) >> shift & 15)] += 1;
            }
            for count in buckets {
                prop_assert!((128..512).contains(&count), "{:?}", buckets);
            }
        }
    }

    #[test]
    fn lanes_are_spread_over_ports(hash: u32, first in 0..=u16::MAX - 1024) {
        let ports = (first..first + 1024).map(|lane| source_port(lane, hash));
        prop_assert_eq!(ports.collect::<HashSet<_>>().len(), 1024);
        for shift in [0, 10] {
            let mut buckets = [0; 16];
            for lane in first..first + 64 {
                buckets[usize::from(source_port(lane, hash) >> shift & 15)] += 1;
            }
            for count in buckets {
                prop_assert!((2..8).contains(&count), "{:?}", buckets);
            }
        }
    }
}

/// Numbers as a flow hash gives them (the generator of splitmix64).
fn hashes(seed: u64) -> impl Iterator<Item = u32> {
    (1..).map(move |n: u64| {
        let mut x = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ x >> 31) as u32
    })
}
