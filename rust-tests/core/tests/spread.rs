// SPDX-License-Identifier: GPL-2.0

//! Spreading: every choice is the one that trying all bases finds, and what was promised of the
//! lanes' evenness holds after each step.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;
use vpc_core::lane::of_vm_queue;
use vpc_core::spread::*;

/// Adds the load of a tap queue by queue.
fn place(lanes: &mut [u32], tap: &Tap) {
    for q in 0..tap.queues {
        let lane = of_vm_queue(tap.base, q, lanes.len() as u16);
        lanes[usize::from(lane)] += u32::from(tap.weight);
    }
}

fn model(n: u16, taps: &[Tap]) -> Vec<u32> {
    let mut lanes = vec![0; usize::from(n)];
    taps.iter().for_each(|tap| place(&mut lanes, tap));
    lanes
}

fn difference(lanes: &[u32]) -> u32 {
    lanes.iter().max().unwrap() - lanes.iter().min().unwrap()
}

/// What a base is judged by, from the loads as they would be with it.
fn score(lanes: &[u32], base: u16, queues: u16, weight: u16) -> (u32, u32, u64, u64, u16) {
    let mut with = lanes.to_vec();
    place(&mut with, &Tap::new(base, queues, weight));
    let n = lanes.len();
    let squares = with.iter().map(|load| u64::from(*load).pow(2)).sum();
    let steps = (0..n).map(|i| u64::from(with[i].abs_diff(with[(i + 1) % n])));
    let highest = *with.iter().max().unwrap();
    (difference(&with), highest, squares, steps.sum(), base)
}

/// The best base, all of them tried.
fn best(lanes: &[u32], queues: u16, weight: u16) -> u16 {
    let scores = (0..lanes.len() as u16).map(|base| score(lanes, base, queues, weight));
    scores.min().unwrap().4
}

/// Taps that came one by one to lanes that were empty.
fn attach(n: u16, sizes: impl IntoIterator<Item = (u16, u16)>) -> (Vec<u32>, Vec<Tap>) {
    let mut lanes = vec![0; usize::from(n)];
    let mut loads = Loads::new(&mut lanes);
    let mut taps = Vec::new();
    for (queues, weight) in sizes {
        let tap = Tap::new(loads.choose(queues, weight), queues, weight);
        loads.add(&tap);
        taps.push(tap);
    }
    (lanes, taps)
}

#[test]
fn four_taps_of_four_queues() {
    let four = |n| attach(n, [(4, 1); 4]);
    let (lanes, taps) = four(16);
    assert_eq!(lanes, [1; 16]);
    assert_eq!(
        taps.iter().map(|tap| tap.base).collect::<Vec<_>>(),
        [0, 4, 8, 12]
    );
    assert_eq!(four(8).0, [2; 8]);
    for n in [3, 5] {
        assert_eq!(difference(&four(n).0), 1);
    }
    assert_eq!(four(1).0, [16]);
}

#[test]
fn a_hole_is_filled_before_lanes_are_shared() {
    let (mut lanes, taps) = attach(16, [(4, 1), (2, 1), (4, 1), (6, 1)]);
    let mut loads = Loads::new(&mut lanes);
    loads.remove(&taps[2]);
    assert_eq!(loads.choose(4, 1), 6);
    // Two queues do not break it in the middle, five have to share a lane.
    assert_eq!(loads.choose(2, 1), 6);
    assert_eq!(loads.choose(5, 1), 5);
}

#[test]
fn a_hole_that_wraps_stays_whole() {
    let mut lanes = [0, 0, 0, 1, 1, 1, 0, 0];
    let mut loads = Loads::new(&mut lanes);
    let base = loads.choose(2, 1);
    loads.add(&Tap::new(base, 2, 1));
    let base = loads.choose(3, 1);
    loads.add(&Tap::new(base, 3, 1));
    assert_eq!(lanes, [1; 8]);
}

#[test]
fn more_queues_than_lanes_go_round() {
    let (lanes, _) = attach(3, [(7, 5)]);
    assert_eq!(lanes, [15, 10, 10]);
    assert_eq!(attach(3, [(7, 5), (2, 5)]).0, [15; 3]);
    assert_eq!(attach(256, [(256, 1), (256, 1)]).0, [2; 256]);
}

#[test]
fn nothing_to_spread_or_nowhere() {
    let mut none = [];
    let mut loads = Loads::new(&mut none);
    assert_eq!(loads.choose(4, 1), 0);
    loads.add(&Tap::new(3, 4, 1));
    loads.remove(&Tap::new(3, 4, 1));
    let mut taps = [Tap::new(3, 4, 1)];
    assert_eq!(loads.rebalance(&mut taps), 0);
    assert_eq!(loads.evenness().difference, 0);

    let mut lanes = [3, 1, 2];
    let mut loads = Loads::new(&mut lanes);
    assert_eq!(loads.choose(0, 1), 0);
    assert_eq!(loads.rebalance(&mut []), 0);
    assert_eq!(lanes, [0; 3]);
}

#[test]
fn the_ends_of_the_range_hold() {
    let mut lanes = [u32::MAX, u32::MAX - 1, 0];
    let mut loads = Loads::new(&mut lanes);
    let tap = Tap::new(u16::MAX, u16::MAX, u16::MAX);
    assert_eq!(loads.choose(1, u16::MAX), 2);
    loads.add(&tap);
    assert_eq!(loads.evenness().fullest, u32::MAX);
    for _ in 0..4 {
        loads.remove(&tap);
    }
    assert_eq!(lanes, [0, 0, 0]);

    let mut many = vec![0; 70_000];
    let mut loads = Loads::new(&mut many);
    loads.add(&Tap::new(u16::MAX - 1, 2, 1));
    assert_eq!(loads.choose(u16::MAX, 1), 0);
    assert_eq!((many[65_534], many[0], many[65_535]), (1, 1, 0));
}

#[test]
fn a_pinned_tap_and_those_around_it() {
    // All four stand on the same lanes, and one of them shall stay.
    let mut taps = [Tap::new(2, 2, 1); 4];
    taps[3] = taps[3].pinned();
    let mut lanes = [0; 8];
    let mut loads = Loads::new(&mut lanes);
    assert_eq!(loads.rebalance(&mut taps), 3);
    assert_eq!(taps[3].base, 2);
    assert_eq!(loads.rebalance(&mut taps), 0);
    assert_eq!(lanes, [1; 8]);
}

#[test]
fn the_heaviest_choose_first() {
    // In their order, the light ones would break the space that the heavy one needs.
    let mut taps = [Tap::new(0, 1, 1), Tap::new(4, 1, 1), Tap::new(2, 6, 1)];
    let mut lanes = [0; 8];
    assert_eq!(Loads::new(&mut lanes).rebalance(&mut taps), 1);
    assert_eq!(lanes, [1; 8]);
    assert_eq!(taps[2].base, 2);
}

#[test]
fn what_is_even_is_left_alone() {
    // Not the order in which a rebalance would place them, but as good.
    let bases = [12, 0, 8, 4];
    let mut taps = bases.map(|base| Tap::new(base, 4, 1));
    let mut lanes = [0; 16];
    let mut loads = Loads::new(&mut lanes);
    assert_eq!(loads.rebalance(&mut taps), 0);
    assert_eq!(taps.map(|tap| tap.base), bases);
    // And of a spread that one tap spoils, only that one moves.
    taps[1].base = 3;
    assert_eq!(loads.rebalance(&mut taps), 1);
    assert_eq!(taps.map(|tap| tap.base), bases);
}

#[test]
fn beginning_anew_does_what_no_single_move_can() {
    // The three light ones stand so that each hole is too small for the heavy one.
    let mut taps = [0, 3, 6].map(|base| Tap::new(base, 2, 1)).to_vec();
    taps.push(Tap::new(0, 3, 1));
    // And one that goes round has no part in it.
    taps.push(Tap::new(5, 18, 1));
    let mut lanes = [0; 9];
    assert!(Loads::new(&mut lanes).rebalance(&mut taps) > 0);
    assert_eq!(lanes, [3; 9]);
    assert_eq!(taps[4].base, 5);
}

#[test]
fn fewer_lanes_than_a_base_says() {
    let mut taps = [Tap::new(12, 2, 1), Tap::new(14, 2, 1)];
    let mut lanes = [7; 4];
    let mut loads = Loads::new(&mut lanes);
    loads.set(&taps);
    assert_eq!(loads.evenness().difference, 0);
    assert_eq!(loads.rebalance(&mut taps), 0);
    assert_eq!(taps[0].base, 12);
    assert_eq!(lanes, [1; 4]);
}

/// 10,000 steps of taps that come, go and change their number of queues, on each number of lanes.
#[test]
fn ten_thousand_steps() {
    for n in [1, 2, 3, 5, 8, 16, 31] {
        let mut seed = u64::from(n);
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let mut lanes = vec![0; usize::from(n)];
        let mut taps: Vec<Tap> = Vec::new();
        for _ in 0..10_000 {
            let before = lanes.clone();
            let mut loads = Loads::new(&mut lanes);
            let queues = random(9) as u16 + 1;
            match random(5) {
                0 | 1 if taps.len() < 24 => {
                    let tap = Tap::new(loads.choose(queues, 1), queues, 1);
                    loads.add(&tap);
                    taps.push(tap);
                    let possible = score(&before, best(&before, queues, 1), queues, 1).0;
                    assert_eq!(difference(&lanes), possible);
                }
                2 | 3 if !taps.is_empty() => loads.remove(&taps.swap_remove(random(taps.len()))),
                4 if !taps.is_empty() => {
                    let i = random(taps.len());
                    loads.remove(&taps[i]);
                    taps[i].queues = queues;
                    loads.add(&taps[i]);
                }
                _ => {
                    let held: Vec<u16> = taps.iter().map(|tap| tap.base).collect();
                    let moved = loads.rebalance(&mut taps);
                    let differ = taps
                        .iter()
                        .zip(held)
                        .filter(|(tap, base)| tap.base != *base);
                    assert_eq!(moved, differ.count());
                    assert!(difference(&lanes) <= 1);
                }
            }
            assert_eq!(lanes, model(n, &taps));
        }
    }
}

fn tap() -> impl Strategy<Value = Tap> {
    (0..64u16, 0..40u16, 1..=6u16, prop::bool::weighted(0.2)).prop_map(
        |(base, queues, weight, pin)| {
            let tap = Tap::new(base, queues, weight);
            if pin {
                tap.pinned()
            } else {
                tap
            }
        },
    )
}

proptest! {
    #[test]
    fn the_choice_is_the_best(
        lanes in prop_oneof![
            prop::collection::vec(0..3u32, 1..40),
            prop::collection::vec(0..2000u32, 1..40),
        ],
        queues in 0..=256u16,
        weight in 1..=1024u16,
    ) {
        let mut copy = lanes.clone();
        for weight in [1, weight] {
            let choice = Loads::new(&mut copy).choose(queues, weight);
            prop_assert_eq!(choice, best(&lanes, queues, weight));
        }
    }

    #[test]
    fn the_loads_are_the_sum_of_the_queues(n in 1..64u16, taps in prop::collection::vec(tap(), 0..10), gone: prop::sample::Index) {
        let mut lanes = vec![9; usize::from(n)];
        let mut loads = Loads::new(&mut lanes);
        loads.set(&taps);
        prop_assert_eq!(loads.evenness().difference, difference(&model(n, &taps)));
        let gone = gone.index(taps.len() + 1);
        taps[gone..].iter().for_each(|tap| loads.remove(tap));
        prop_assert_eq!(lanes, model(n, &taps[..gone]));
    }

    #[test]
    fn who_only_comes_is_within_one(n in 1..64u16, sizes in prop::collection::vec(0..=80u16, 0..40)) {
        let (lanes, taps) = attach(n, sizes.into_iter().map(|queues| (queues, 1)));
        prop_assert!(difference(&lanes) <= 1);
        prop_assert_eq!(lanes, model(n, &taps));
    }

    #[test]
    fn a_rebalance_makes_it_no_worse_and_is_done_then(n in 1..48u16, taps in prop::collection::vec(tap(), 0..16)) {
        let mut lanes = vec![0; usize::from(n)];
        let mut loads = Loads::new(&mut lanes);
        loads.set(&taps);
        let before = loads.evenness();
        let mut after = taps.clone();
        let moved = loads.rebalance(&mut after);
        let differ = taps.iter().zip(&after).filter(|(old, new)| old.base != new.base).count();
        prop_assert_eq!(moved, differ);
        if moved > 0 {
            prop_assert!(loads.evenness() < before);
        } else {
            prop_assert_eq!(loads.evenness(), before);
        }
        for (old, new) in taps.iter().zip(&after) {
            prop_assert_eq!((old.queues, old.weight, old.pinned), (new.queues, new.weight, new.pinned));
            prop_assert!(!old.pinned || old.base == new.base);
        }
        prop_assert_eq!(loads.rebalance(&mut after), 0);
        prop_assert_eq!(lanes, model(n, &after));
    }

    #[test]
    fn equal_weights_are_within_one_after_a_rebalance(n in 1..48u16, taps in prop::collection::vec((0..48u16, 0..60u16), 0..16)) {
        let mut taps: Vec<Tap> = taps.into_iter().map(|(base, queues)| Tap::new(base, queues, 1)).collect();
        let mut lanes = vec![0; usize::from(n)];
        Loads::new(&mut lanes).rebalance(&mut taps);
        prop_assert!(difference(&lanes) <= 1);
    }
}

proptest! {
    // The model looks at each lane for each base.
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn windows_longer_than_what_is_prepared_at_once(
        lanes in prop::collection::vec(prop_oneof![20 => Just(5u32), 1 => 0..9u32], 250..700),
        queues in 0..800u16,
        weight in 1..6u16,
    ) {
        let mut copy = lanes.clone();
        let choice = Loads::new(&mut copy).choose(queues, weight);
        prop_assert_eq!(choice, best(&lanes, queues, weight));
    }
}
