// SPDX-License-Identifier: GPL-2.0

//! Lane arithmetic: what is recorded comes back, and what leaves a VM queue returns to it.
#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;
use vpc_core::lane::*;

#[test]
fn zero_means_not_recorded() {
    assert_eq!(recorded(0), None);
    assert_eq!(recorded(1), Some(0));
    assert_eq!(recorded(u16::MAX), Some(u16::MAX - 1));
    assert_eq!(record(0), 1);
    assert_eq!(record(u16::MAX), 0);
}

#[test]
fn no_lanes_is_lane_zero() {
    assert_eq!(reduce(5, 0), 0);
    assert_eq!(of_hash(u32::MAX, 0), 0);
    assert_eq!(of_vm_queue(3, 4, 0), 0);
    assert_eq!(vm_queue(3, 4, 0, 8), 0);
    assert_eq!(vm_queue(3, 4, 8, 0), 0);
}

#[test]
fn four_queues_on_four_and_on_three_lanes() {
    let lanes = |base, n| [0, 1, 2, 3].map(|q| of_vm_queue(base, q, n));
    assert_eq!(lanes(0, 4), [0, 1, 2, 3]);
    assert_eq!(lanes(2, 4), [2, 3, 0, 1]);
    assert_eq!(lanes(0, 3), [0, 1, 2, 0]);
    assert_eq!(lanes(u16::MAX, 4), [3, 0, 1, 2]);
}

#[test]
fn the_high_bits_of_a_hash_decide() {
    assert_eq!(of_hash(0, 4), 0);
    assert_eq!(of_hash(0x3fff_ffff, 4), 0);
    assert_eq!(of_hash(0x4000_0000, 4), 1);
    assert_eq!(of_hash(u32::MAX, 4), 3);
    assert_eq!(of_hash(u32::MAX, u16::MAX), u16::MAX - 1);
}

proptest! {
    #[test]
    fn recorded_comes_back(lane in 0..u16::MAX) {
        prop_assert_eq!(recorded(record(lane)), Some(lane));
    }

    #[test]
    fn always_a_queue_that_is_there(lane: u16, base: u16, q: u16, hash: u32, n in 1..=u16::MAX, m in 1..=u16::MAX) {
        prop_assert!(reduce(lane, n) < n);
        prop_assert!(of_hash(hash, n) < n);
        prop_assert!(of_vm_queue(base, q, n) < n);
        prop_assert!(vm_queue(lane, base, n, m) < m);
    }

    #[test]
    fn reduce_is_the_remainder(lane: u16, n in 1..=u16::MAX) {
        prop_assert_eq!(reduce(lane, n), lane % n);
    }

    #[test]
    fn there_and_back(lanes in 1..=u16::MAX, base: u16, n: prop::sample::Index, q: prop::sample::Index) {
        // A VM with no more queues than there are lanes, and one of its queues.
        let n = n.index(usize::from(lanes)) as u16 + 1;
        let q = q.index(usize::from(n)) as u16;
        let lane = of_vm_queue(base, q, lanes);
        prop_assert_eq!(vm_queue(lane, base, lanes, n), q);
    }

    #[test]
    fn neighbours_have_neighbouring_lanes(base: u16, q in 0..u16::MAX, n in 1..=u16::MAX) {
        let next = reduce(of_vm_queue(base, q, n).checked_add(1).unwrap_or(0), n);
        prop_assert_eq!(of_vm_queue(base, q + 1, n), next);
    }
}
