// SPDX-License-Identifier: GPL-2.0

//! Paces: as many in a second as they say, whatever comes when.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use vpc_core::vpc::pace::Rate;

/// A bucket of coins, of which a thousandth is the least.
struct Bucket {
    rate: i64,
    coins: i64,
    time: u64,
}

impl Bucket {
    fn take(&mut self, now: u64, n: u32) -> bool {
        let more = (now - self.time) as i64 * self.rate;
        self.coins = (self.coins + more).min(self.rate * 1000);
        self.time = now;
        let passes = self.coins >= 1000;
        if passes {
            self.coins -= i64::from(n) * 1000;
        }
        passes
    }
}

#[test]
fn one_in_a_second() {
    let rate = Rate::new(1);
    let first = rate.take(0, 5000, 1).unwrap();
    assert_eq!(rate.take(first, 5000, 1), None);
    assert_eq!(rate.take(first, 5999, 1), None);
    assert!(rate.take(first, 6000, 1).is_some());
}

#[test]
fn none_at_all() {
    assert_eq!(Rate::new(0).take(0, u64::MAX, 1), None);
}

#[test]
fn many_copies_are_paid_for() {
    let rate = Rate::new(10);
    let after = rate.take(0, 1000, 100).unwrap();
    assert_eq!(rate.take(after, 10_099, 1), None);
    assert!(rate.take(after, 10_100, 1).is_some());
}

proptest! {
    #[test]
    fn as_a_bucket(
        rate in 0..3000u32,
        start in 1_000_000..u64::from(u32::MAX),
        steps in vec((0..1500u64, 0..5000u32), 0..200),
    ) {
        let mut bucket = Bucket { rate: rate.into(), coins: i64::from(rate) * 1000, time: start };
        let (mut kept, mut now) = (0, start);
        for (wait, n) in steps {
            now += wait;
            let next = Rate::new(rate).take(kept, now, n);
            prop_assert_eq!(next.is_some(), bucket.take(now, n));
            kept = next.unwrap_or(kept);
        }
    }
}
