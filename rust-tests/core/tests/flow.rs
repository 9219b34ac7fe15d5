// SPDX-License-Identifier: GPL-2.0

//! Flow keys and how their hashes spread over lanes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use proptest::prelude::*;
use vpc_core::flow::*;
use vpc_core::lane;

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// A frame 10.0.0.1 > 10.0.0.2 with `frag` as flags and offset, ports 1000 and 2000.
fn ipv4(protocol: u8, frag: u16) -> Vec<u8> {
    let mut frame = MACS.to_vec();
    frame.extend([0x08, 0x00, 0x45, 0, 0, 28, 0, 1]);
    frame.extend(frag.to_be_bytes());
    frame.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x03, 0xe8, 0x07, 0xd0, 0, 8, 0, 0]);
    frame
}

/// A frame fd00::1 > fd00::2 whose payload is of type `next`.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = MACS.to_vec();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, payload.len() as u8, next, 64]);
    for last in [1, 2] {
        frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    frame.extend(payload);
    frame
}

fn key(frame: &[u8]) -> FlowKey {
    FlowKey::of_frame(frame).unwrap()
}

#[test]
fn udp_over_ipv4() {
    let expected = FlowKey {
        src: 0x0a00_0001,
        dst: 0x0a00_0002,
        ethertype: 0x0800,
        vlan: [0, 0],
        protocol: 17,
        sport: 1000,
        dport: 2000,
    };
    assert_eq!(key(&ipv4(17, 0)), expected);
    assert_eq!(key(&ipv4(17, 0x4000)), expected, "DF is no fragment");
}

#[test]
fn fragments_have_no_ports() {
    let first = key(&ipv4(17, 0x2000));
    let middle = key(&ipv4(17, 0x2001));
    let last = key(&ipv4(17, 0x0001));
    assert_eq!((first.sport, first.dport, first.protocol), (0, 0, 17));
    assert_eq!(first, middle);
    assert_eq!(middle, last);
    // Next header UDP, offset 0 with more to come, then the same with an offset.
    let first = key(&ipv6(44, &[17, 0, 0, 1, 0, 0, 0, 9, 3, 0xe8, 7, 0xd0]));
    let second = key(&ipv6(44, &[17, 0, 0, 8, 0, 0, 0, 9, 1, 2, 3, 4]));
    assert_eq!((first.sport, first.dport, first.protocol), (0, 0, 17));
    assert_eq!(first, second);
}

#[test]
fn icmp_has_no_ports() {
    assert_eq!((key(&ipv4(1, 0)).sport, key(&ipv4(1, 0)).dport), (0, 0));
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let plain = key(&ipv6(17, &[3, 0xe8, 7, 0xd0, 0, 8, 0, 0]));
    assert_eq!((plain.sport, plain.dport, plain.protocol), (1000, 2000, 17));
    assert_eq!(plain.src, 0xfd00 << 112 | 1);
    // Hop-by-hop of 8 bytes, destination options of 16, authentication of 12, then UDP.
    let mut payload = vec![60, 0, 0, 0, 0, 0, 0, 0];
    payload.extend([51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend([17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend([3, 0xe8, 7, 0xd0, 0, 8, 0, 0]);
    assert_eq!(key(&ipv6(0, &payload)), plain);
}

#[test]
fn tags_count_but_their_priority_does_not() {
    let untagged = ipv4(17, 0);
    let tagged = |tci: [u8; 2]| {
        let mut frame = untagged.clone();
        frame.splice(12..12, [0x81, 0, tci[0], tci[1]]);
        key(&frame)
    };
    assert_ne!(tagged([0, 5]), key(&untagged));
    assert_ne!(tagged([0, 5]), tagged([0, 6]));
    assert_eq!(tagged([0, 5]), tagged([0xe0, 5]));
}

#[test]
fn without_ip_the_macs_are_the_flow() {
    let mut frame = MACS.to_vec();
    frame.extend([0x88, 0xcc, 1, 2, 3]);
    let lldp = key(&frame);
    assert_eq!((lldp.dst, lldp.src), (0x0200_0000_0002, 0x0200_0000_0001));
    assert_eq!(lldp.ethertype, 0x88cc);
    assert_eq!(FlowKey::of_frame(&frame[..13]), None);
    // An IPv4 header that is cut off.
    let short = ipv4(17, 0);
    assert_eq!(key(&short[..30]).dst, 0x0200_0000_0002);
}

#[test]
fn known_hashes_stay_known() {
    // A change of these moves flows to other lanes: allowed, but not by accident.
    let key = key(&ipv4(17, 0));
    assert_eq!([hash(&key, 0), hash(&key, 1)], [KNOWN_0, KNOWN_1]);
}
const KNOWN_0: u32 = 309_173_953;
const KNOWN_1: u32 = 1_172_851_629;

/// Chi-squared of how `keys` spread over `n` lanes.
fn chi_squared(keys: impl Iterator<Item = FlowKey>, n: u16, seed: u32) -> f64 {
    let mut count = vec![0.0; usize::from(n)];
    let mut all = 0.0;
    for key in keys {
        count[usize::from(lane::of_hash(hash(&key, seed), n))] += 1.0;
        all += 1.0;
    }
    let even = all / f64::from(n);
    count
        .iter()
        .map(|c: &f64| (c - even) * (c - even) / even)
        .sum()
}

#[test]
fn similar_flows_spread_evenly() {
    let base = key(&ipv4(17, 0));
    let ports = |port: u16| FlowKey {
        sport: port,
        ..base
    };
    let hosts = |host: u16| FlowKey {
        src: base.src + u128::from(host),
        ..base
    };
    let lows = |host: u16| FlowKey {
        dst: u128::from(host) << 112,
        ethertype: 0x86dd,
        ..base
    };
    let pairs = |n: u16| FlowKey {
        sport: n,
        dport: n,
        ..base
    };
    for n in [2, 3, 4, 7, 8, 16, 63] {
        // Six standard deviations above the mean of the distribution: no accident.
        let limit = f64::from(n) - 1.0 + 6.0 * (2.0 * (f64::from(n) - 1.0)).sqrt();
        for seed in [0, 1, 0xdead_beef] {
            for (what, chi) in [
                ("source ports", chi_squared((0..8000).map(ports), n, seed)),
                ("source hosts", chi_squared((0..8000).map(hosts), n, seed)),
                (
                    "high bits of IPv6",
                    chi_squared((0..8000).map(lows), n, seed),
                ),
                ("equal ports", chi_squared((0..8000).map(pairs), n, seed)),
            ] {
                assert!(
                    chi < limit,
                    "{what} over {n} lanes, seed {seed}: {chi} > {limit}"
                );
            }
        }
    }
}

#[test]
fn each_bit_of_the_key_moves_half_of_the_hash() {
    let base = key(&ipv4(17, 0));
    let flips = (0..128)
        .map(|bit| FlowKey {
            src: base.src ^ 1 << bit,
            ethertype: 0x86dd,
            ..base
        })
        .chain((0..16).map(|bit| FlowKey {
            sport: base.sport ^ 1 << bit,
            ethertype: 0x86dd,
            ..base
        }));
    let base = FlowKey {
        ethertype: 0x86dd,
        ..base
    };
    for flipped in flips {
        let mut moved = 0;
        for seed in 0..64 {
            moved += (hash(&base, seed) ^ hash(&flipped, seed)).count_ones();
        }
        let mean = f64::from(moved) / 64.0;
        assert!(
            (13.0..19.0).contains(&mean),
            "{flipped:?} moves {mean} bits"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        kind in prop::sample::select(vec![0x0800_u16, 0x86dd, 0x8100, 0x88a8]),
        first in prop::sample::select(vec![0x45_u8, 0x4f, 0x60, 0x00]),
        next in prop::sample::select(vec![0_u8, 6, 17, 43, 44, 51, 60]),
        seed: u32,
    ) {
        let mut frame = MACS.to_vec();
        frame.extend(kind.to_be_bytes());
        frame.extend([first, 0, 0, 0, 0, 60, next, 64, 0, next]);
        frame.extend(&bytes);
        for len in [bytes.len(), frame.len()] {
            if let Some(key) = FlowKey::of_frame(&frame[..len.min(frame.len())]) {
                hash(&key, seed);
            }
        }
        FlowKey::of_frame(&bytes);
    }

    #[test]
    fn payload_has_no_say(a: Vec<u8>, b: Vec<u8>) {
        let frame = ipv4(17, 0);
        let with = |tail: &[u8]| [&frame[..], tail].concat();
        prop_assert_eq!(key(&with(&a)), key(&with(&b)));
    }
}

/// The short way to a key says what the long one does, and says it for ordinary packets.
#[test]
fn plain_frames() {
    for protocol in [6, 17] {
        let frame = ipv4(protocol, 0x4000);
        assert_eq!(FlowKey::of_plain(&frame), FlowKey::of_frame(&frame));
        assert!(FlowKey::of_plain(&frame).is_some());
    }
    for odd in [
        ipv4(1, 0),
        ipv4(17, 0x2000),
        ipv4(17, 0x0001),
        ipv6(17, &[0; 8]),
    ] {
        assert_eq!(FlowKey::of_plain(&odd), None);
    }
    let mut options = ipv4(17, 0);
    options[14] = 0x46;
    assert_eq!(FlowKey::of_plain(&options), None);
}

proptest! {
    #[test]
    fn plain_is_never_another(
        frame in prop::collection::vec(any::<u8>(), 0..80),
        start in any::<bool>(),
        frag in prop::sample::select(vec![0u16, 0x4000, 0x2000, 3]),
        protocol in prop::sample::select(vec![1u8, 6, 17, 47, 132]),
        length in prop::sample::select(vec![0u16, 19, 20, 23, 24, 28, 60]),
    ) {
        let mut frame = frame;
        if start && frame.len() >= 24 {
            frame[12..15].copy_from_slice(&[8, 0, 0x45]);
            frame[16..18].copy_from_slice(&length.to_be_bytes());
            frame[20..22].copy_from_slice(&frag.to_be_bytes());
            frame[23] = protocol;
        }
        if let Some(key) = FlowKey::of_plain(&frame) {
            prop_assert_eq!(Some(key), FlowKey::of_frame(&frame));
        }
    }
}
