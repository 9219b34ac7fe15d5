// SPDX-License-Identifier: GPL-2.0

//! What lookups and compiling take, to be run by hand and alone. The kernel has no vector
//! instructions, so the host should not use them either:
//!
//! `RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp"
//! cargo test --release --test acl -- --ignored --nocapture`

use super::*;
use std::hint::black_box;
use std::time::Instant;

/// Lookups in a round.
const KEYS: usize = 16384;
/// Rounds, of which the median counts.
const ROUNDS: usize = 15;

/// Nanoseconds a lookup.
fn lookup_ns(lines: &[Line], keys: &[Key]) -> f64 {
    let snapshot = Snapshot::new(lines);
    let round = |_| {
        let start = Instant::now();
        for key in keys {
            black_box(snapshot.lookup(black_box(key)));
        }
        start.elapsed().as_secs_f64() * 1e9 / keys.len() as f64
    };
    let mut rounds: Vec<f64> = (0..ROUNDS).map(round).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// For each set: nanoseconds with 10 and with N rules (10,000 unless the environment says
/// otherwise), each packet another; the same for packets of 256 flows; lines read, on average and
/// at most; lines for each rule; milliseconds to compile; and the most that was in the lists.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let n = std::env::var("N").ok().and_then(|n| n.parse().ok());
    let n: usize = n.unwrap_or(10_000);
    println!(
        "{:18} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} {:>6} {:>7} {:>5}",
        "set", "ns 10", "ns", "flows", "steps", "worst", "lines/n", "ms", "lists/n", "work",
    );
    let r = &mut Random::new(1);
    for ((name, few), (_, rules)) in all(10).into_iter().zip(all(n)) {
        let keys: Vec<Key> = (0..KEYS).map(|_| key_near(r, &few)).collect();
        let ten = lookup_ns(&lines(&few), &keys);

        let (mut out, mut other) = (Items::new(), Items::new());
        let (mut lists, mut work) = (Items::new(), Items::new());
        let start = Instant::now();
        compile(&rules, &mut out, &mut other, &mut lists, &mut work).unwrap();
        let ms = start.elapsed().as_secs_f64() * 1e3;

        let keys: Vec<Key> = (0..KEYS).map(|_| key_near(r, &rules)).collect();
        let ns = lookup_ns(&out.items, &keys);
        let flows: Vec<Key> = (0..KEYS).map(|_| keys[r.below(256)]).collect();
        let flows = lookup_ns(&out.items, &flows);
        let steps = keys.iter().map(|key| Snapshot::new(&out.items).steps(key));
        let average = steps.clone().sum::<usize>() as f64 / KEYS as f64;
        let each = |items: usize| items as f64 / n as f64;
        println!(
            "{name:18} {ten:6.1} {ns:6.1} {flows:6.1} {average:6.1} {:6} {:7.2} {ms:6.1} {:7.2} {:5}",
            steps.max().unwrap(),
            each(out.items.len()),
            each(lists.most),
            work.most,
        );
    }
}
