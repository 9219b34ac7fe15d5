// SPDX-License-Identifier: GPL-2.0

//! The lines that a tree is made of: one cache line each, a cut, a fork, or a leaf or part of one.
//!
//! The first word of each is its head: kind (three bits), the number that a cut looks at (four), and
//! the line that it leads to (25).

use super::key;
use super::key::Words;
use super::rule::mask;
use super::rule::Rule;
use super::rule::Span;
use super::rule::Verdict;
use crate::eth;
use zerocopy::transmute;
use zerocopy::transmute_ref;
use zerocopy_derive::FromBytes;
use zerocopy_derive::Immutable;
use zerocopy_derive::IntoBytes;
use zerocopy_derive::KnownLayout;

/// A line of a tree. All zero, it is a leaf without rules.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub struct Line {
    head: u32,
    words: [u32; 15],
}

/// The first lines are the roots of three trees, for packets of these EtherTypes and for others.
pub(super) const ROOTS: [Option<u16>; 3] = [None, Some(eth::TYPE_IPV4), Some(eth::TYPE_IPV6)];

/// The root for an EtherType.
#[inline]
pub(super) const fn root(ethertype: u16) -> u32 {
    match ethertype {
        eth::TYPE_IPV4 => 1,
        eth::TYPE_IPV6 => 2,
        _ => 0,
    }
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A leaf without rules.
    Empty,
    /// A leaf, or one more rule of it.
    Rule,
    /// Up to 16 children, where the builder chose to cut.
    Cut,
    /// Any number of children of the same size.
    Table,
    Fork,
    /// Lets only those packets through that rules behind it are for.
    Guard,
    /// A leaf whose rules differ in one number only.
    Pieces,
}

/// Lines are numbered with so many bits.
const LINK_BITS: u32 = 25;
const LINK: u32 = (1 << LINK_BITS) - 1;
/// Rules are numbered with so many bits; what is above them is the verdict or a number of the key.
const RULE_BITS: u32 = 28;
/// A rule's number that stands for none: later than all of them.
pub(super) const NO_RULE: u32 = (1 << RULE_BITS) - 1;
const LOG: u32 = 1 << 28;
const DROP: u32 = 1 << 29;

/// A cut has so many children.
pub(super) const CHILDREN: usize = 16;
/// And so many places to cut at: the last number of each child but the last.
pub(super) const CUTS: usize = CHILDREN - 1;
/// A fork has so many branches.
pub(super) const BRANCHES: usize = 4;

/// Where a search goes on behind a fork's branch: line << 3 | branch.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Line {
    /// A leaf without rules.
    pub const EMPTY: Line = Line {
        head: 0,
        words: [0; 15],
    };

    #[inline]
    pub(super) const fn kind(&self) -> Kind {
        match self.head >> 29 {
            1 => Kind::Rule,
            2 => Kind::Cut,
            3 => Kind::Table,
            4 => Kind::Fork,
            5 => Kind::Guard,
            6 => Kind::Pieces,
            _ => Kind::Empty,
        }
    }

    /// The first child of a cut or fork; what follows a rule in its leaf, 0 for nothing.
    #[inline]
    pub(super) const fn link(&self) -> u32 {
        self.head & LINK
    }

    const fn head(kind: Kind, dim: usize, link: u32) -> u32 {
        (kind as u32) << 29 | (dim as u32) << LINK_BITS | link & LINK
    }
}

/// A rule's number, [`LOG`], [`DROP`]: what is to be known of it when it decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome(u32);

impl Outcome {
    /// No rule decides.
    pub(super) const NONE: Outcome = Outcome(NO_RULE);

    pub(super) const fn new(number: u32, rule: &Rule) -> Outcome {
        let flags = match rule.verdict {
            Verdict::Allow => 0,
            Verdict::Drop => DROP,
        };
        Outcome(number & NO_RULE | flags | if rule.log { LOG } else { 0 })
    }

    /// The rule's number.
    #[inline]
    pub(super) const fn number(self) -> u32 {
        self.0 & NO_RULE
    }

    #[inline]
    pub(super) const fn verdict(self) -> Verdict {
        if self.0 & DROP != 0 {
            Verdict::Drop
        } else {
            Verdict::Allow
        }
    }

    #[inline]
    pub(super) const fn log(self) -> bool {
        self.0 & LOG != 0
    }
}

/// A leaf can have so many pieces.
const PIECES: usize = 8;

/// What becomes of packets, by one number: the last number of each piece but the last, and for each
/// what decides there.
pub(super) struct Pieces {
    dim: usize,
    ends: [u32; PIECES],
    outcomes: [u32; PIECES],
    len: usize,
}

impl Pieces {
    pub(super) const fn new(dim: usize) -> Pieces {
        Pieces {
            dim,
            ends: [u32::MAX; PIECES],
            outcomes: [NO_RULE; PIECES],
            len: 0,
        }
    }

    /// Adds the next one; nothing if it is one too many.
    pub(super) fn push(&mut self, end: u32, outcome: Outcome) -> Option<()> {
        let last = self.len.wrapping_sub(1);
        if self.outcomes.get(last) == Some(&outcome.0) {
            *self.ends.get_mut(last)? = end;
            return Some(());
        }
        *self.ends.get_mut(self.len)? = end;
        *self.outcomes.get_mut(self.len)? = outcome.0;
        self.len = self.len.wrapping_add(1);
        Some(())
    }

    pub(super) fn line(&self) -> Line {
        let mut words = [0; 15];
        let last = self.len.wrapping_sub(1);
        let ends = self.ends.iter().enumerate();
        // What is beyond the last one is none of the part's packets.
        let ends = ends.map(|(i, end)| if i < last { *end } else { u32::MAX });
        let all = ends
            .take(PIECES.wrapping_sub(1))
            .chain(self.outcomes.iter().copied());
        for (word, it) in words.iter_mut().zip(all) {
            *word = it;
        }
        Line {
            head: Line::head(Kind::Pieces, self.dim, 0),
            words,
        }
    }
}

impl Line {
    /// What decides, of a leaf with pieces.
    #[inline]
    pub(super) fn outcome(&self, key: &Words) -> Outcome {
        let value = key.get(self.head >> LINK_BITS);
        let [a, b, c, d, e, f, g, outcomes @ ..] = self.words;
        let above = |end: u32| usize::from(value > end);
        let first = above(a).wrapping_add(above(b)).wrapping_add(above(c));
        let second = above(d).wrapping_add(above(e)).wrapping_add(above(f));
        let piece = first.wrapping_add(second).wrapping_add(above(g));
        Outcome(outcomes.get(piece).copied().unwrap_or(NO_RULE))
    }
}

/// Cuts: in the words are the places to cut at, every fourth of them first, so that two steps of
/// three comparisons find the child.
impl Line {
    /// Cuts number `dim`; `cuts` ascend.
    pub(super) fn cut(dim: usize, cuts: &[u32], children: u32) -> Line {
        let at = |i| cuts.get(i).copied().unwrap_or(u32::MAX);
        let words = [3, 7, 11, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14].map(at);
        Line {
            head: Line::head(Kind::Cut, dim, children),
            words,
        }
    }

    /// The line that a key leads to.
    #[inline]
    pub(super) fn child(&self, key: &Words) -> u32 {
        let value = key.get(self.head >> LINK_BITS);
        let above = |cuts: &[u32; 3]| {
            let [a, b, c] = *cuts;
            u32::from(value > a)
                .wrapping_add(u32::from(value > b))
                .wrapping_add(u32::from(value > c))
        };
        let threes: &[[u32; 3]; 5] = transmute_ref!(&self.words);
        let [first, groups @ ..] = threes;
        let group = above(first);
        let within = groups.get(group as usize).map_or(0, above);
        self.link().wrapping_add(group << 2).wrapping_add(within)
    }
}

/// Tables: the first number, how many bits of what is above it do not matter, how many children
/// there are. Child 0 is for what is below the first number, the last child for all that is beyond.
impl Line {
    pub(super) fn table(dim: usize, table: &Table, children: u32) -> Line {
        let mut words = [0; 15];
        if let Some(three) = words.first_chunk_mut() {
            *three = [table.first, table.shift, table.last];
        }
        Line {
            head: Line::head(Kind::Table, dim, children),
            words,
        }
    }

    /// The line that a key leads to.
    #[inline]
    pub(super) fn table_child(&self, key: &Words) -> u32 {
        let [first, shift, last, ..] = self.words;
        let table = Table { first, shift, last };
        let child = table.child(key.get(self.head >> LINK_BITS));
        self.link().wrapping_add(child)
    }
}

/// Children of the same size: see [`Line::table`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) first: u32,
    pub(super) shift: u32,
    /// The last child, 1 less than there are.
    pub(super) last: u32,
}

impl Table {
    #[inline]
    pub(super) fn child(&self, value: u32) -> u32 {
        let above = value.saturating_sub(self.first).wrapping_shr(self.shift);
        above
            .wrapping_add(u32::from(value >= self.first))
            .min(self.last)
    }
}

/// A part of the rules of a fork.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// It has only rules for packets with this number...
    pub(super) dim: usize,
    /// ...within these bounds.
    pub(super) span: Span,
    /// Its first rule.
    pub(super) first: u32,
}

/// The words of a fork.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Fork {
    /// Where a search goes on when all branches are done.
    back: u32,
    /// First and last number of the packets that each is for; its first rule, and above it which
    /// number it is. Those that there are not have [`NO_RULE`].
    branches: [[u32; 3]; BRANCHES],
    pad: [u32; 2],
}

impl Line {
    pub(super) fn fork(branches: &[Branch], children: u32, back: u32) -> Line {
        let at = |i: usize| branches.get(i);
        let words = |i| {
            at(i).map_or([0, 0, NO_RULE], |branch: &Branch| {
                let Span { first, last } = branch.span;
                let dim = (branch.dim as u32) << RULE_BITS;
                [first, last, dim | branch.first & NO_RULE]
            })
        };
        let branches = [0, 1, 2, 3].map(words);
        Line {
            head: Line::head(Kind::Fork, 0, children),
            words: transmute!(Fork {
                back,
                branches,
                pad: [0; 2]
            }),
        }
    }

    /// Where a search goes on when all branches are done.
    #[inline]
    pub(super) fn back(&self) -> u32 {
        let fork: &Fork = transmute_ref!(&self.words);
        fork.back
    }

    /// A branch, if it could have a rule for this key that comes before `best`. `None` if neither
    /// it nor those behind it could.
    #[inline]
    pub(super) fn branch(&self, i: u32, key: &Words, best: u32) -> Option<bool> {
        let fork: &Fork = transmute_ref!(&self.words);
        let [first, last, rule] = *fork.branches.get(i as usize)?;
        if rule & NO_RULE >= best {
            return None;
        }
        Some(Span { first, last }.holds(key.get(rule >> RULE_BITS)))
    }
}

/// A guard looks at so many numbers.
pub(super) const GUARDED: usize = 7;

/// Guards: the numbers to look at, four bits each, and the first and last that pass.
impl Line {
    pub(super) fn guard(spans: &[(usize, Span)], behind: u32) -> Line {
        let mut words = [0; 15];
        let [dims, bounds @ ..] = &mut words;
        for (i, pair) in bounds.chunks_exact_mut(2).enumerate() {
            let (dim, span) = spans.get(i).copied().unwrap_or((0, Span::ALL));
            *dims |= (dim as u32).wrapping_shl(i.wrapping_mul(4) as u32);
            pair.copy_from_slice(&[span.first, span.last]);
        }
        Line {
            head: Line::head(Kind::Guard, 0, behind),
            words,
        }
    }

    /// Whether it lets a packet through.
    #[inline]
    pub(super) fn passes(&self, key: &Words) -> bool {
        let [mut dims, bounds @ ..] = self.words;
        let bounds: [[u32; 2]; GUARDED] = transmute!(bounds);
        bounds.iter().all(|[first, last]| {
            let value = key.get(dims);
            dims >>= 4;
            *first <= value && value <= *last
        })
    }
}

/// A rule as it stands in a leaf.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Entry {
    head: u32,
    /// See [`Outcome`].
    rule: u32,
    kind: u32,
    kind_mask: u32,
    sport: u16,
    sport_more: u16,
    dport: u16,
    dport_more: u16,
    /// Low bits of the addresses that do not matter.
    src_free: u8,
    dst_free: u8,
    pad: [u8; 6],
    src: [u64; 2],
    dst: [u64; 2],
}

const fn halves(addr: u128) -> [u64; 2] {
    [(addr >> 64) as u64, addr as u64]
}

const fn whole([high, low]: [u64; 2]) -> u128 {
    (high as u128) << 64 | low as u128
}

impl Line {
    /// Rule number `rule`, and the line with the rule behind it.
    pub(super) fn rule(number: u32, rule: &Rule, next: u32) -> Line {
        let ethertype = rule.only_ethertype();
        let kind = key::kind(
            ethertype.unwrap_or(0),
            rule.protocol.unwrap_or(0),
            rule.needs_ports(),
        );
        let kind_mask = key::kind(
            ethertype.map_or(0, |_| u16::MAX),
            rule.protocol.map_or(0, |_| u8::MAX),
            rule.needs_ports(),
        );
        let address = |prefix: Option<super::Prefix>| {
            let (addr, free) = prefix.map_or((0, 128), super::Prefix::parts);
            (halves(addr), free as u8)
        };
        let (src, src_free) = address(rule.src);
        let (dst, dst_free) = address(rule.dst);
        let entry = Entry {
            head: Line::head(Kind::Rule, 0, next),
            rule: Outcome::new(number, rule).0,
            kind,
            kind_mask,
            sport: rule.sport.first,
            sport_more: rule.sport.last.wrapping_sub(rule.sport.first),
            dport: rule.dport.first,
            dport_more: rule.dport.last.wrapping_sub(rule.dport.first),
            src_free,
            dst_free,
            pad: [0; 6],
            src,
            dst,
        };
        transmute!(entry)
    }

    #[inline]
    pub(super) fn entry(&self) -> &Entry {
        transmute_ref!(self)
    }
}

impl Entry {
    #[inline]
    pub(super) const fn outcome(&self) -> Outcome {
        Outcome(self.rule)
    }

    /// The same as [`Rule::matches`], in one piece, since jumps are dearer than what they save.
    #[inline]
    pub(super) fn matches(&self, key: &Words) -> bool {
        let differ = |a, b, free: u8| (whole(a) ^ b) & mask(free.into());
        let beyond = |port: u16, first, more| u32::from(port.wrapping_sub(first) > more);
        let addresses =
            differ(self.src, key.src, self.src_free) | differ(self.dst, key.dst, self.dst_free);
        let others = (self.kind ^ key.kind) & self.kind_mask
            | beyond(key.sport, self.sport, self.sport_more)
            | beyond(key.dport, self.dport, self.dport_more);
        addresses | u128::from(others) == 0
    }
}
