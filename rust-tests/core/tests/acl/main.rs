// SPDX-License-Identifier: GPL-2.0

//! ACLs: what the tree finds is what the first rule that matches says, whatever the rules.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![allow(clippy::unwrap_used)]

mod cache;
mod random;
mod rules;
mod sets;
mod speed;

use sets::*;
use vpc_core::vpc::acl::*;
use zerocopy::IntoBytes;

/// A store for the host, which holds no more than it is told to.
struct Items<T> {
    items: Vec<T>,
    room: usize,
    /// The most that it held.
    most: usize,
}

impl<T> Items<T> {
    fn new() -> Items<T> {
        Items::with_room(usize::MAX)
    }

    fn with_room(room: usize) -> Items<T> {
        Items {
            items: Vec::new(),
            room,
            most: 0,
        }
    }
}

impl<T> Store<T> for Items<T> {
    fn push(&mut self, item: T) -> Result<(), Full> {
        if self.items.len() >= self.room {
            return Err(Full);
        }
        self.items.push(item);
        self.most = self.most.max(self.items.len());
        Ok(())
    }
    fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }
    fn items(&self) -> &[T] {
        &self.items
    }
    fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

/// What is meant.
fn naive(rules: &[Rule], key: &Key) -> Option<Match> {
    let rule = rules.iter().position(|rule| rule.matches(key))?;
    let Rule { verdict, log, .. } = rules[rule];
    Some(Match {
        rule: rule as u32,
        verdict,
        log,
    })
}

/// Compiles rules, within the bounds of memory.
fn lines(rules: &[Rule]) -> Vec<Line> {
    let (mut lines, mut other) = (Items::new(), Items::new());
    let (mut lists, mut work) = (Items::new(), Items::new());
    compile(rules, &mut lines, &mut other, &mut lists, &mut work).unwrap();
    let n = rules.len();
    let most = lines.most.max(other.most);
    assert!(most <= max_lines(n), "{most} lines");
    assert!(lists.most <= 16 * n + 1024, "{} in lists", lists.most);
    assert!(work.most <= n / 4 + 512, "{} to do", work.most);
    lines.items
}

fn compare(name: &str, rules: &[Rule], keys: usize) {
    let lines = lines(rules);
    let r = &mut Random::new(7);
    for _ in 0..keys {
        let key = key_near(r, rules);
        let found = Snapshot::new(&lines).lookup(&key);
        let n = rules.len();
        assert_eq!(found, naive(rules, &key), "{name}, {n} rules, {key:?}");
    }
}

#[test]
fn all_sets_are_like_the_model() {
    for n in [0, 1, 2, 5, 10, 30, 100, 1000, 3000] {
        for (name, rules) in all(n) {
            compare(name, &rules, 300);
        }
    }
}

#[test]
fn ten_thousand_rules() {
    for (name, rules) in all(10_000) {
        compare(name, &rules, 60);
    }
}

/// How many lines lookups read in the average.
fn steps(rules: &[Rule]) -> usize {
    let lines = lines(rules);
    let r = &mut Random::new(3);
    let keys = (0..1000).map(|_| key_near(r, rules));
    let steps = keys.map(|key| Snapshot::new(&lines).steps(&key));
    steps.sum::<usize>() / 1000
}

#[test]
fn a_lookup_does_not_take_longer_with_the_number_of_rules() {
    for (name, rules) in all(10_000) {
        let most = match name {
            "group" | "group 4+6" | "members" | "ports" | "prefixes" | "prefixes 6" => 6,
            "services" => 8,
            "class-bench acl" => 25,
            // A list would take thousands.
            _ => 100,
        };
        let steps = steps(&rules);
        assert!(steps <= most, "{name}: {steps}");
    }
}

#[test]
fn no_rules_and_no_lines() {
    let key = Key::default();
    assert_eq!(Snapshot::new(&[]).lookup(&key), None);
    assert_eq!(Snapshot::new(&lines(&[])).lookup(&key), None);
}

#[test]
fn verdict_and_log_are_those_of_the_rule() {
    for verdict in [Verdict::Allow, Verdict::Drop] {
        for log in [false, true] {
            let rule = Rule {
                log,
                ..Rule::any(verdict)
            };
            let found = Snapshot::new(&lines(&[rule])).lookup(&Key::default());
            let rule = 0;
            assert_eq!(found, Some(Match { rule, verdict, log }));
        }
    }
}

#[test]
fn the_same_rules_once_more_change_nothing() {
    let r = &mut Random::new(5);
    let rules = class_bench(r, 500, 10, 10);
    let twice = [rules.clone(), rules.clone()].concat();
    let (once, twice) = (lines(&rules), lines(&twice));
    for _ in 0..2000 {
        let key = key_near(r, &rules);
        let found = Snapshot::new(&once).lookup(&key);
        assert_eq!(found, Snapshot::new(&twice).lookup(&key));
    }
}

#[test]
fn the_order_of_rules_that_do_not_meet_does_not_matter() {
    let r = &mut Random::new(6);
    let mut rules: Vec<Rule> = (0..2000)
        .map(|i| Rule {
            src: v4(i << 8, 24),
            ..any()
        })
        .collect();
    let in_order = lines(&rules);
    let before = rules.clone();
    for i in (1..rules.len()).rev() {
        rules.swap(i, r.below(i + 1));
    }
    let shuffled = lines(&rules);
    for _ in 0..2000 {
        let key = key_near(r, &rules);
        let find = |lines: &[Line], rules: &[Rule]| {
            let found = Snapshot::new(lines).lookup(&key);
            found.map(|found| rules[found.rule as usize])
        };
        assert_eq!(find(&in_order, &before), find(&shuffled, &rules));
    }
}

#[test]
fn stores_can_be_used_again() {
    let r = &mut Random::new(8);
    let (mut out, mut other) = (Items::new(), Items::new());
    let (mut lists, mut work) = (Items::new(), Items::new());
    for n in [300, 10, 1000] {
        let rules = class_bench(r, n, 10, 10);
        compile(&rules, &mut out, &mut other, &mut lists, &mut work).unwrap();
        assert!(out.items == lines(&rules));
    }
}

#[test]
fn no_memory_is_an_error() {
    let rules = half_crosses(&mut Random::new(9), 300);
    let (mut out, mut other) = (Items::new(), Items::new());
    let (mut lists, mut work) = (Items::new(), Items::new());
    compile(&rules, &mut out, &mut other, &mut lists, &mut work).unwrap();
    let with = |out: usize, lists: usize, work: usize| {
        compile(
            &rules,
            &mut Items::with_room(out),
            &mut Items::with_room(out),
            &mut Items::with_room(lists),
            &mut Items::with_room(work),
        )
    };
    let out = out.most.max(other.most);
    let (lists, work) = (lists.most, work.most);
    assert_eq!(with(out, lists, work), Ok(()));
    for part in 0..10 {
        let less = |all: usize| all * part / 10;
        assert_eq!(with(less(out), lists, work), Err(Error::Full));
        assert_eq!(with(out, less(lists), work), Err(Error::Full));
        assert_eq!(with(out, lists, less(work)), Err(Error::Full));
    }
    assert_eq!(with(out - 1, lists, work), Err(Error::Full));
}

#[test]
fn too_many_rules_are_refused() {
    let rules = vec![any(); MAX_RULES + 1];
    let compiled = |rules: &[Rule]| {
        let (lines, other) = (&mut Items::new(), &mut Items::new());
        compile(rules, lines, other, &mut Items::new(), &mut Items::new())
    };
    assert_eq!(compiled(&rules), Err(Error::TooMany));
    assert_eq!(compiled(&rules[1..]), Ok(()));
}

#[test]
fn what_has_been_spoilt_comes_to_an_end() {
    let r = &mut Random::new(10);
    let rules = half_crosses(r, 400);
    let good = lines(&rules);
    for round in 0..300 {
        let mut bad = good.clone();
        for _ in 0..1 + round % 40 {
            let line = r.below(bad.len());
            let byte = r.below(64);
            bad[line].as_mut_bytes()[byte] = r.bits() as u8;
        }
        bad.truncate(bad.len() - r.below(2) * r.below(bad.len()));
        for _ in 0..20 {
            let key = key_near(r, &rules);
            let steps = Snapshot::new(&bad).steps(&key);
            assert!(steps <= 5 * bad.len());
        }
    }
}
