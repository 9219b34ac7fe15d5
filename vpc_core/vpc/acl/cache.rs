// SPDX-License-Identifier: GPL-2.0

//! What trees have said of packets, for the next packet of the same flow.
//!
//! An answer stands in one of two places that a hash of the key chooses, one in each of two ways. A
//! new one takes either of them by lot; since two keys hardly ever have both in common, all have a
//! place before long, up to half as many as there are places. An answer is found by all that it
//! depends on, none of it by a hash alone: the rules, and all bits of the key that any of them looks
//! at. (For most rules the port of a client is none of these, so that one answer does for all of its
//! connections.) Rules get a number of their own whenever they are compiled, so that what was said of
//! others is never found again, and nothing has to be cleared.
//!
//! Who sends each packet with another key gets nothing from the table, and takes the places of other
//! flows' answers; then each packet costs what the tree takes, which is bounded, and the writing of
//! one line.

use super::key::kind;
use super::key::Key;
use super::rule::mask;
use super::rule::Ports;
use super::rule::Prefix;
use super::rule::Rule;

/// An answer can be in one place of each way.
pub const WAYS: usize = 2;
const PLACE_BITS: u32 = 9;
/// How many places there are in a way.
pub const PLACES: usize = 1 << PLACE_BITS;

/// A key has so many words, as it is compared.
const WORDS: usize = 5;

/// An odd number without a pattern: 2^64 times the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// The same of 2^32.
const DRAW: u32 = 0x9e37_79b9;

/// One place in the table: a cache line, if `Option<V>` has 12 bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Entry<V> {
    /// Number of the rules; 0 in an empty place.
    rules: u64,
    words: [u64; WORDS],
    /// What was found; nothing if no rule matched.
    found: Option<V>,
    /// The lot that was drawn for it, from those of the answers before.
    lot: u32,
}

impl<V> Entry<V> {
    /// A place that is empty.
    pub const EMPTY: Entry<V> = Entry {
        rules: 0,
        words: [0; WORDS],
        found: None,
        lot: 0,
    };
}

/// The memory of a table, which only one at a time uses.
pub trait Table<V> {
    /// What is in a place of a way: below [`WAYS`] and [`PLACES`].
    fn get(&self, way: usize, place: usize) -> Option<Entry<V>>;
    /// Puts something there.
    fn put(&self, way: usize, place: usize, entry: Entry<V>);
}

/// What rules are known by in the table.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    rules: u64,
    /// The bits of a key that they look at.
    bits: [u64; WORDS],
    /// What the hash multiplies words with.
    factors: [u64; WORDS],
}

impl Tag {
    /// `number` is one that no other rules have or had which use the same table, and is not 0. `seed`
    /// is what others cannot know, so that they cannot tell where flows have their places.
    pub fn new(rules: &[Rule], number: u64, seed: u32) -> Option<Tag> {
        let start = number ^ u64::from(seed) << 32;
        let factor = |i: u64| mix(mix(mix(start).wrapping_add(i))) | 1;
        (number != 0).then_some(Tag {
            rules: number,
            bits: bits(rules),
            factors: [1, 2, 3, 4, 5].map(factor),
        })
    }

    /// What the table has of a key, else what `tree` says, which it has from then on.
    #[inline]
    pub fn ask<V: Copy>(
        &self,
        key: &Key,
        table: &impl Table<V>,
        tree: impl FnOnce() -> Option<V>,
    ) -> Option<V> {
        let mut words = words(key);
        for (word, bits) in words.iter_mut().zip(&self.bits) {
            *word &= bits;
        }
        let [one, two] = self.places(&words);
        let Some(first) = table.get(0, one) else {
            return tree();
        };
        if self.is_of(&first, &words) {
            return first.found;
        }
        let Some(second) = table.get(1, two) else {
            return tree();
        };
        if self.is_of(&second, &words) {
            return second.found;
        }
        let found = tree();
        let lot = (first.lot ^ second.lot).wrapping_mul(DRAW).wrapping_add(1);
        let entry = Entry {
            rules: self.rules,
            words,
            found,
            lot,
        };
        match lot >> 31 {
            0 => table.put(0, one, entry),
            _ => table.put(1, two, entry),
        }
        found
    }

    /// The places of a key: a sum of products with odd numbers that nobody else knows, mixed once
    /// more, since of keys in a row those may be in a row, too.
    #[inline]
    fn places(&self, words: &[u64; WORDS]) -> [usize; WAYS] {
        let products = words.iter().zip(&self.factors);
        let sum = products.fold(0_u64, |sum, (word, factor)| {
            sum.wrapping_add(word.wrapping_mul(*factor))
        });
        let mixed = mix(sum) >> (64 - 2 * PLACE_BITS);
        [
            mixed as usize & (PLACES - 1),
            (mixed >> PLACE_BITS) as usize,
        ]
    }

    /// Word by word: what compares arrays is a function of the kernel's.
    #[inline]
    fn is_of<V>(&self, entry: &Entry<V>, words: &[u64; WORDS]) -> bool {
        let pairs = entry.words.iter().zip(words);
        pairs.fold(entry.rules ^ self.rules, |differ, (a, b)| differ | a ^ b) == 0
    }
}

/// The whole key.
#[inline]
fn words(key: &Key) -> [u64; WORDS] {
    let Key { src, dst, .. } = *key;
    let kind = kind(key.ethertype, key.protocol, key.ports);
    [
        src as u64,
        (src >> 64) as u64,
        dst as u64,
        (dst >> 64) as u64,
        u64::from(kind) << 32 | u64::from(key.sport) << 16 | u64::from(key.dport),
    ]
}

/// The bits of a key that a rule looks at.
fn bits(rules: &[Rule]) -> [u64; WORDS] {
    let address = |of: fn(&Rule) -> Option<Prefix>| {
        let bits = rules.iter().filter_map(of).map(|it| mask(it.parts().1));
        bits.fold(0, |all, bits| all | bits)
    };
    let port = |of: fn(&Rule) -> Ports| match rules.iter().any(|it| of(it) != Ports::ANY) {
        true => u16::MAX,
        false => 0,
    };
    words(&Key {
        ethertype: u16::MAX,
        src: address(|it| it.src),
        dst: address(|it| it.dst),
        protocol: u8::MAX,
        sport: port(|it| it.sport),
        dport: port(|it| it.dport),
        ports: true,
    })
}

/// A number whose upper bits depend on all of another one's.
#[inline]
const fn mix(number: u64) -> u64 {
    (number ^ number >> 32).wrapping_mul(MIX)
}
