// SPDX-License-Identifier: GPL-2.0

//! ICMP errors, and the UDP header.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use proptest::prelude::*;
use vpc_core::icmp::*;
use vpc_core::ip::Addr;
use vpc_core::ip::Version;
use vpc_core::udp::Udp;

fn ipv4(frag: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0x05, 0xdc, 0, 1];
    packet.extend(frag.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(payload);
    packet
}

fn ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0x05, 0xb4, protocol, 64];
    packet.extend(0xfd00_0000_0000_0000_0000_0000_0000_0001u128.to_be_bytes());
    packet.extend(0xfd00_0000_0000_0000_0000_0000_0000_0002u128.to_be_bytes());
    packet.extend(payload);
    packet
}

fn message(kind: u8, code: u8, rest: [u8; 4], quoted: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0xab, 0xcd];
    message.extend(rest);
    message.extend(quoted);
    message
}

#[test]
fn fragmentation_needed() {
    let bytes = message(
        3,
        4,
        [0xff, 0xff, 0x05, 0x14],
        &ipv4(0x4000, 47, b"payload"),
    );
    let error = Error::parse(Version::V4, &bytes).unwrap();
    assert_eq!(error.problem, Problem::TooBig(1300));
    assert_eq!(error.src, Addr::V4(0x0a00_0001));
    assert_eq!(error.dst, Addr::V4(0x0a00_0002));
    assert_eq!((error.protocol, error.payload), (47, &b"payload"[..]));
}

#[test]
fn packet_too_big() {
    let bytes = message(2, 0, [0, 1, 0x05, 0x14], &ipv6(17, b"payload"));
    let error = Error::parse(Version::V6, &bytes).unwrap();
    assert_eq!(error.problem, Problem::TooBig(0x0001_0514));
    assert_eq!(error.src, Addr::V6((0xfd << 120) | 1));
    assert_eq!(error.dst, Addr::V6((0xfd << 120) | 2));
    assert_eq!((error.protocol, error.payload), (17, &b"payload"[..]));
}

#[test]
fn other_errors() {
    let quoted = ipv4(0, 47, b"12345678");
    let of = |kind, code| {
        Error::parse(Version::V4, &message(kind, code, [0; 4], &quoted)).map(|error| error.problem)
    };
    for code in [0, 1, 2, 3, 5, 13] {
        assert_eq!(of(3, code), Some(Problem::Unreachable));
    }
    assert_eq!(of(11, 0), Some(Problem::TimeExceeded));
    assert_eq!(of(12, 0), Some(Problem::Parameter));
    // Echo, redirect, timestamp, and types of ICMPv6.
    for kind in [0, 1, 2, 4, 5, 8, 13, 128, 255] {
        assert_eq!(of(kind, 0), None);
    }

    let quoted = ipv6(47, b"12345678");
    let of = |kind| {
        Error::parse(Version::V6, &message(kind, 0, [0; 4], &quoted)).map(|error| error.problem)
    };
    assert_eq!(of(1), Some(Problem::Unreachable));
    assert_eq!(of(3), Some(Problem::TimeExceeded));
    assert_eq!(of(4), Some(Problem::Parameter));
    for kind in [0, 5, 11, 128, 129, 133, 136, 255] {
        assert_eq!(of(kind), None);
    }
}

#[test]
fn nothing_useful_is_quoted() {
    let no_error = |version, bytes: &[u8]| assert_eq!(Error::parse(version, bytes), None);
    // Of a fragment that is not the first, the payload is something else.
    no_error(
        Version::V4,
        &message(3, 0, [0; 4], &ipv4(0x0001, 47, b"12345678")),
    );
    assert!(Error::parse(
        Version::V4,
        &message(3, 0, [0; 4], &ipv4(0x2000, 47, b"12345678"))
    )
    .is_some());
    no_error(Version::V4, &message(3, 0, [0; 4], &ipv6(47, b"12345678")));
    no_error(
        Version::V6,
        &message(1, 0, [0; 4], &ipv4(0, 47, b"12345678")),
    );
    let whole = message(3, 0, [0; 4], &ipv4(0, 47, b""));
    for len in 0..whole.len() {
        no_error(Version::V4, &whole[..len]);
    }
    let whole = message(1, 0, [0; 4], &ipv6(47, b""));
    for len in 0..whole.len() {
        no_error(Version::V6, &whole[..len]);
    }
}

#[test]
fn udp() {
    let (udp, rest) = Udp::parse(b"\xc0\x00\x12\x92\x00\x0c\x00\x07rest").unwrap();
    assert_eq!((udp.src.get(), udp.dst.get()), (0xc000, 4754));
    assert_eq!((udp.len.get(), udp.csum.get()), (12, 7));
    assert_eq!(rest, b"rest");
    assert!(Udp::parse(&[0; 7]).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_fine(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for version in [Version::V4, Version::V6] {
            if let Some(error) = Error::parse(version, &bytes) {
                prop_assert!(is_error(version, bytes[0]));
                prop_assert_eq!(error.src.version(), version);
                prop_assert_eq!(error.dst.version(), version);
                prop_assert!(error.payload.len() <= bytes.len() - HEADER_LEN - 20);
            }
        }
    }
}
