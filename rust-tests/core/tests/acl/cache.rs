// SPDX-License-Identifier: GPL-2.0

//! What was said before is what the trees say, whatever stands in the table.

use super::*;
use proptest::arbitrary::any;
use proptest::prelude::*;
use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashSet;
use vpc_core::vpc::acl::cache::*;

/// A table of fewer places, which many keys have in common.
struct Small {
    entries: RefCell<[Vec<Entry<Match>>; WAYS]>,
    /// What has been written.
    puts: Cell<usize>,
}

impl Small {
    fn new(sets: usize) -> Small {
        Small {
            entries: RefCell::new([(); WAYS].map(|()| vec![Entry::EMPTY; sets])),
            puts: Cell::new(0),
        }
    }
}

impl Table<Match> for Small {
    fn get(&self, way: usize, place: usize) -> Option<Entry<Match>> {
        assert!(place < PLACES);
        let way = &self.entries.borrow()[way];
        Some(way[place % way.len()])
    }

    fn put(&self, way: usize, place: usize, entry: Entry<Match>) {
        let way = &mut self.entries.borrow_mut()[way];
        let len = way.len();
        way[place % len] = entry;
        self.puts.set(self.puts.get() + 1);
    }
}

/// What is said, and whether the tree was asked.
fn ask(tag: &Tag, key: &Key, table: &Small, lines: &[Line]) -> (Option<Match>, bool) {
    let asked = Cell::new(false);
    let found = tag.ask(key, table, || {
        asked.set(true);
        Snapshot::new(lines).lookup(key)
    });
    (found, asked.get())
}

/// A rule that looks at all bits of a key.
fn whole(ethertype: u16) -> Rule {
    let prefix = match ethertype {
        IPV4 => v4(0x0a00_0001, 32),
        _ => v6(0x2001_0db8 << 96 | 1, 128),
    };
    Rule {
        protocol: Some(TCP),
        src: prefix,
        dst: prefix,
        sport: Ports::one(1),
        dport: Ports::one(2),
        ..sets::any()
    }
}

/// What rules that look at everything are known by.
fn tag(number: u64) -> Tag {
    Tag::new(&[whole(IPV6)], number, 0x1234_5678).unwrap()
}

/// A key, and all those that differ from it in one bit.
fn near(key: Key) -> Vec<Key> {
    let mut keys = vec![key];
    let mut with = |change: &dyn Fn(&mut Key)| {
        let mut key = key;
        change(&mut key);
        keys.push(key);
    };
    for bit in 0..128 {
        with(&|key| key.src ^= 1 << bit);
        with(&|key| key.dst ^= 1 << bit);
    }
    for bit in 0..16 {
        with(&|key| key.ethertype ^= 1 << bit);
        with(&|key| key.sport ^= 1 << bit);
        with(&|key| key.dport ^= 1 << bit);
    }
    for bit in 0..8 {
        with(&|key| key.protocol ^= 1 << bit);
    }
    with(&|key| key.ports ^= true);
    keys
}

#[test]
fn a_flow_is_known_the_second_time() {
    let rules = class_bench(&mut Random::new(1), 300, 10, 10);
    let (lines, table, r) = (lines(&rules), Small::new(PLACES), &mut Random::new(2));
    let mut seen = 0;
    for _ in 0..3000 {
        let key = key_near(r, &rules);
        let first = ask(&tag(1), &key, &table, &lines);
        seen += usize::from(!first.1);
        assert_eq!(ask(&tag(1), &key, &table, &lines), (first.0, false));
    }
    // The keys are so many that few come twice.
    assert!(seen < 100, "{seen}");
    assert_eq!(table.puts.get(), 3000 - seen);
}

#[test]
fn that_no_rule_matches_is_known_too() {
    let (table, key) = (Small::new(1), Key::default());
    assert_eq!(ask(&tag(1), &key, &table, &[]), (None, true));
    assert_eq!(ask(&tag(1), &key, &table, &[]), (None, false));
}

#[test]
fn each_bit_of_a_key_makes_it_another() {
    let r = &mut Random::new(3);
    let keys = [Key::default(), key_near(r, &[]), key_near(r, &[])];
    for key in keys.into_iter().flat_map(near) {
        let table = Small::new(1);
        ask(&tag(1), &key, &table, &[]);
        for other in near(key).into_iter().skip(1) {
            let table = Small {
                entries: RefCell::new(table.entries.borrow().clone()),
                puts: Cell::new(0),
            };
            assert!(ask(&tag(1), &other, &table, &[]).1, "{key:?} {other:?}");
        }
    }
}

/// What no rule looks at makes no difference, and all that one of them looks at does.
#[test]
fn what_no_rule_looks_at_is_no_other_key() {
    let key = Key {
        ethertype: IPV4,
        src: 0x0a00_0001,
        dst: 0x0a00_0002,
        protocol: TCP,
        sport: 40_000,
        dport: 443,
        ports: true,
    };
    let narrow = Rule {
        src: v4(0x0a00_0000, 24),
        dport: Ports::one(443),
        ..sets::any()
    };
    let known = |rules: &[Rule], change: fn(&mut Key)| {
        let (table, tag) = (Small::new(1), Tag::new(rules, 1, 1).unwrap());
        ask(&tag, &key, &table, &[]);
        let mut other = key;
        change(&mut other);
        !ask(&tag, &other, &table, &[]).1
    };
    let (some, all) = (&[sets::any(), narrow][..], &[narrow, whole(IPV4)][..]);
    assert!(known(some, |key| key.sport += 1) && !known(all, |key| key.sport += 1));
    assert!(known(some, |key| key.dst += 1) && !known(all, |key| key.dst += 1));
    assert!(known(some, |key| key.src += 1) && !known(all, |key| key.src += 1));
    assert!(!known(some, |key| key.src += 256));
    assert!(!known(some, |key| key.dport += 1));
    assert!(!known(some, |key| key.protocol = UDP));
    assert!(!known(some, |key| key.ethertype = IPV6));
    assert!(!known(some, |key| key.ports = false));
}

#[test]
fn other_rules_know_nothing_of_it() {
    let (allow, table) = (lines(&[sets::any()]), Small::new(1));
    let key = Key::default();
    for rules in 1..1000 {
        let (lines, expected) = match rules % 2 {
            0 => (&allow[..], true),
            _ => (&[][..], false),
        };
        let (found, asked) = ask(&tag(rules), &key, &table, lines);
        assert_eq!((found.is_some(), asked), (expected, true));
    }
    assert!(Tag::new(&[], 0, 1).is_none(), "an empty place");
}

/// A new answer takes one of two places, and nothing else goes; each gets its turn.
#[test]
fn a_new_answer_takes_one_place() {
    let table = Small::new(1);
    let mut before = table.entries.borrow().clone();
    let mut taken = [0; WAYS];
    for n in 1..=1000 {
        let src = n as u128;
        let key = Key {
            src,
            ..Key::default()
        };
        assert!(ask(&tag(1), &key, &table, &[]).1);
        assert_eq!(table.puts.get(), n);
        let now = table.entries.borrow().clone();
        let differs = |way: usize| format!("{:?}", now[way]) != format!("{:?}", before[way]);
        let changed: Vec<usize> = (0..WAYS).filter(|way| differs(*way)).collect();
        assert_eq!(changed.len(), 1);
        taken[changed[0]] += 1;
        before = now;
    }
    assert!(taken.iter().all(|n| *n > 300), "{taken:?}");
}

/// How many of these flows' answers are there after some packets of each, in a table that has been
/// used before.
fn kept(keys: &[Key], tag: &Tag) -> usize {
    let (table, r) = (Small::new(PLACES), &mut Random::new(6));
    for _ in 0..4 * PLACES {
        ask(tag, &key_near(r, &[]), &table, &[]);
    }
    for _ in 0..30 {
        for key in keys {
            ask(tag, key, &table, &[]);
        }
    }
    let known = |key: &&Key| !ask(tag, key, &table, &[]).1;
    keys.iter().filter(known).count()
}

/// Makes the next flow of a key.
type Change = fn(u128, &mut Key);

/// Of flows that are alike, as those of a VM are, all find a place, or nearly all.
#[test]
fn flows_spread_over_the_table() {
    let key = Key {
        ethertype: IPV4,
        src: 0x0a00_0001,
        dst: 0x0a00_0002,
        protocol: TCP,
        sport: 40_000,
        dport: 443,
        ports: true,
    };
    let wide = Key {
        ethertype: IPV6,
        src: 0x2001_0db8 << 96 | 1,
        dst: 0x2001_0db8 << 96 | 2,
        ..key
    };
    let kinds: [(&str, Key, Change); 7] = [
        ("ports", key, |i, key| key.sport += i as u16),
        ("servers", key, |i, key| key.dport += i as u16),
        ("clients", key, |i, key| key.src += i),
        ("networks", key, |i, key| key.dst += i << 8),
        ("IPv6 clients", wide, |i, key| key.src += i),
        ("IPv6 networks", wide, |i, key| key.dst += i << 64),
        ("IPv6 sites", wide, |i, key| key.src += i << 80),
    ];
    for (name, key, change) in kinds {
        for seed in 0..50 {
            let keys = (0..256).map(|i| {
                let mut key = key;
                change(i, &mut key);
                key
            });
            let keys: Vec<Key> = keys.collect();
            let kept = kept(&keys, &Tag::new(&[whole(IPV6)], 7, seed).unwrap());
            assert!(kept >= 250, "{name}: {kept}, seed {seed}");
        }
    }
}

/// Where flows have their places depends on what nobody knows, and on the rules.
#[test]
fn places_cannot_be_foretold() {
    struct Seen(RefCell<Vec<usize>>);
    impl Table<()> for Seen {
        fn get(&self, _way: usize, place: usize) -> Option<Entry<()>> {
            self.0.borrow_mut().push(place);
            None
        }
        fn put(&self, _way: usize, _place: usize, _entry: Entry<()>) {}
    }
    let places = |number, seed| {
        let seen = Seen(RefCell::default());
        let r = &mut Random::new(5);
        for _ in 0..16 {
            let tag = Tag::new(&[whole(IPV6)], number, seed).unwrap();
            tag.ask(&key_near(r, &[]), &seen, || None);
        }
        seen.0.take()
    };
    let all: HashSet<Vec<usize>> = (0..100)
        .map(|i| places(1 + i % 10, i as u32 / 10))
        .collect();
    assert_eq!(all.len(), 100);
}

proptest! {
    /// Several sets of rules, each of which is made anew from time to time, use a table of any size.
    #[test]
    fn like_the_trees(
        sizes in prop::collection::vec(0..40_usize, 1..4),
        sets in 1..12_usize,
        flows in 1..40_usize,
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..400),
        seed: (u64, u32),
    ) {
        let r = &mut Random::new(seed.0);
        let mut all: Vec<Vec<Rule>> = sizes.iter().map(|n| class_bench(r, *n, 20, 20)).collect();
        let mut trees: Vec<Vec<Line>> = all.iter().map(|rules| lines(rules)).collect();
        let mut tags: Vec<u64> = (1..=all.len() as u64).collect();
        let mut last = all.len() as u64;
        let mut key = |_| {
            let rules = &all[r.below(all.len())];
            key_near(r, rules)
        };
        let keys: Vec<Key> = (0..flows).map(&mut key).collect();
        let table = Small::new(sets);
        for (which, flow, change) in steps {
            let which = usize::from(which) % all.len();
            if change < 20 {
                all[which] = class_bench(r, sizes[which], 20, 20);
                trees[which] = lines(&all[which]);
                last += 1;
                tags[which] = last;
            }
            let key = &keys[usize::from(flow) % flows];
            let tag = Tag::new(&all[which], tags[which], seed.1).unwrap();
            let (found, _) = ask(&tag, key, &table, &trees[which]);
            prop_assert_eq!(found, naive(&all[which], key), "{:?}", key);
        }
    }
}
