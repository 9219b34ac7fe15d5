// SPDX-License-Identifier: GPL-2.0

//! The GRE header against RFC 2784 and RFC 2890.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use proptest::prelude::*;
use vpc_core::csum;
use vpc_core::gre::*;

prop_compose! {
    fn header()(
        proto: u16,
        csum: Option<u16>,
        key: Option<u32>,
        seq: Option<u32>,
    ) -> Header {
        Header { proto, csum, key, seq }
    }
}

#[test]
fn bytes_as_in_the_rfcs() {
    let plain = Header {
        proto: PROTO_TEB,
        csum: None,
        key: None,
        seq: None,
    };
    let keyed = Header {
        key: Some(7),
        ..plain
    };
    let full = Header {
        csum: Some(0x1234),
        key: Some(0xdead_beef),
        seq: Some(3),
        ..plain
    };
    let cases: [(Header, &[u8]); 3] = [
        (plain, &[0, 0, 0x65, 0x58]),
        (keyed, &[0x20, 0, 0x65, 0x58, 0, 0, 0, 7]),
        (
            full,
            &[
                0xb0, 0, 0x65, 0x58, 0x12, 0x34, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 3,
            ],
        ),
    ];
    for (header, bytes) in cases {
        let mut out = [0xff; MAX_LEN];
        assert_eq!(header.encode(&mut out), Some(bytes.len()));
        assert_eq!(&out[..bytes.len()], bytes);
        assert_eq!(Header::decode(bytes), Ok((header, bytes.len())));
    }
}

#[test]
fn each_forbidden_bit_is_refused() {
    for bit in 0..16 {
        let flags = 0x8000_u16 >> bit;
        let mut bytes = [0; MAX_LEN];
        bytes[..2].copy_from_slice(&flags.to_be_bytes());
        let decoded = Header::decode(&bytes);
        match bit {
            // C, K, S: ours. Bits 6 to 12 must be ignored (RFC 2784, 2.3).
            0 | 2 | 3 | 6..=12 => assert!(decoded.is_ok(), "bit {bit}"),
            1 | 4 => assert_eq!(decoded, Err(DecodeError::Routing), "bit {bit}"),
            5 => assert_eq!(decoded, Err(DecodeError::Reserved), "bit {bit}"),
            _ => assert_eq!(decoded, Err(DecodeError::Version), "bit {bit}"),
        }
    }
}

#[test]
fn a_checksum_that_is_filled_in_is_right() {
    let mut header = Header {
        proto: PROTO_TEB,
        csum: Some(0),
        key: Some(9),
        seq: None,
    };
    let mut packet = [0xa5; 61];
    let len = header.encode(&mut packet).unwrap();
    assert!(!csum_is_right(&packet));
    header.csum = Some(csum::internet(&packet));
    assert_eq!(header.encode(&mut packet), Some(len));
    assert!(csum_is_right(&packet));
}

proptest! {
    #[test]
    fn comes_back(header in header(), tail: Vec<u8>) {
        let mut out = [0; MAX_LEN];
        let len = header.encode(&mut out).unwrap();
        prop_assert_eq!(len, header.len());
        let mut packet = out[..len].to_vec();
        packet.extend(&tail);
        prop_assert_eq!(Header::decode(&packet), Ok((header, len)));
    }

    #[test]
    fn one_byte_less_is_too_short(header in header()) {
        let mut out = [0; MAX_LEN];
        let len = header.encode(&mut out).unwrap();
        for cut in 0..len {
            prop_assert_eq!(Header::decode(&out[..cut]), Err(DecodeError::Short));
        }
    }

    #[test]
    fn writes_nothing_beyond_or_in_too_little_room(header in header(), room in 0..24_usize) {
        let mut out = [0x5a; 24];
        let written = header.encode(&mut out[..room]);
        if room < header.len() {
            prop_assert_eq!(written, None);
            prop_assert_eq!(out, [0x5a; 24]);
        } else {
            prop_assert_eq!(written, Some(header.len()));
            prop_assert!(out[header.len()..].iter().all(|b| *b == 0x5a));
        }
    }

    #[test]
    fn any_bytes_are_an_answer(bytes: Vec<u8>) {
        if let Ok((header, len)) = Header::decode(&bytes) {
            prop_assert!(len <= bytes.len());
            prop_assert_eq!(len, header.len());
            let mut again = [0; MAX_LEN];
            header.encode(&mut again);
            prop_assert_eq!(Header::decode(&again), Ok((header, len)));
        }
    }

    #[test]
    fn four_bytes_tell_whether_it_is_ethernet(header in header(), cut in 0..24_usize, bytes: Vec<u8>) {
        let mut out = [0; 24];
        header.encode(&mut out).unwrap();
        let is_teb = header.proto == PROTO_TEB && cut >= BASE_LEN;
        prop_assert_eq!(begins_ethernet(&out[..cut]), is_teb);
        let teb = Header { proto: PROTO_TEB, ..header };
        teb.encode(&mut out).unwrap();
        prop_assert_eq!(begins_ethernet(&out[..cut]), cut >= BASE_LEN);
        // Where the whole header is there, both have the same opinion.
        if let Ok((header, _)) = Header::decode(&bytes) {
            prop_assert_eq!(begins_ethernet(&bytes), header.proto == PROTO_TEB);
        }
    }

    #[test]
    fn ignored_bits_change_nothing(header in header(), noise: u16, reserved1: u16) {
        let mut bytes = [0; MAX_LEN];
        header.encode(&mut bytes);
        let flags = header.flags() | (noise & 0x03f8);
        bytes[..2].copy_from_slice(&flags.to_be_bytes());
        if header.csum.is_some() {
            bytes[6..8].copy_from_slice(&reserved1.to_be_bytes());
        }
        prop_assert_eq!(Header::decode(&bytes), Ok((header, header.len())));
    }
}
