// SPDX-License-Identifier: GPL-2.0

//! Checksums against a naive reference, word by word as RFC 1071 defines them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use proptest::prelude::*;
use vpc_core::csum::*;

/// RFC 1071, 4.1, with a carry added back after each word.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    !(sum as u16)
}

#[test]
fn example_of_rfc_1071() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(fold(partial(&bytes, 0)), 0xddf2);
    assert_eq!(internet(&bytes), !0xddf2);
}

#[test]
fn longest_packet_of_ones() {
    let bytes = [0xff; 65_535];
    assert_eq!(internet(&bytes), naive(&bytes));
    assert_eq!(fold(partial(&bytes, u32::MAX)), !naive(&bytes));
}

#[test]
fn example_of_rfc_1624() {
    // Section 4: equation 3 gives 0x0000 where RFC 1141 gave 0xffff.
    assert_eq!(replace16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

proptest! {
    #[test]
    fn as_the_naive_one(bytes: Vec<u8>) {
        prop_assert_eq!(internet(&bytes), naive(&bytes));
    }

    #[test]
    fn in_pieces_as_at_once(bytes: Vec<u8>, at: prop::sample::Index, init: u32) {
        let at = at.index(bytes.len() / 2 + 1) * 2;
        let (head, tail) = bytes.split_at(at.min(bytes.len()));
        let whole = fold(partial(&bytes, init));
        prop_assert_eq!(fold(partial(tail, partial(head, init))), whole);
        prop_assert_eq!(fold(add(partial(tail, 0), partial(head, init))), whole);
    }

    #[test]
    fn over_its_own_checksum_it_is_zero(mut bytes: Vec<u8>) {
        bytes.splice(0..0, [0, 0]);
        let csum = internet(&bytes);
        bytes[..2].copy_from_slice(&csum.to_be_bytes());
        prop_assert_eq!(internet(&bytes), 0);
    }

    #[test]
    fn update_16_as_recomputed(
        words in prop::collection::vec(any::<u16>(), 1..40),
        at: prop::sample::Index,
        new: u16,
    ) {
        let at = at.index(words.len());
        let mut changed = words.clone();
        changed[at] = new;
        let bytes = |words: &[u16]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        let updated = replace16(naive(&bytes(&words)), words[at], new);
        prop_assert!(same(updated, naive(&bytes(&changed))));
    }

    #[test]
    fn update_32_as_recomputed(
        words in prop::collection::vec(any::<u32>(), 1..20),
        at: prop::sample::Index,
        new: u32,
    ) {
        let at = at.index(words.len());
        let mut changed = words.clone();
        changed[at] = new;
        let bytes = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        let updated = replace32(naive(&bytes(&words)), words[at], new);
        prop_assert!(same(updated, naive(&bytes(&changed))));
    }
}

/// Ones' complement has two zeros. Only data that is all zero has a sum of +0 (checksum 0xffff);
/// an update cannot know that, so it may give the other one there.
fn same(updated: u16, recomputed: u16) -> bool {
    updated == recomputed || (updated == 0 && recomputed == 0xffff)
}
