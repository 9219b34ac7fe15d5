// SPDX-License-Identifier: GPL-2.0

//! Where to cut the packets of a part of the tree, and what comes of it.

use super::key::DIMS;
use super::line::Line;
use super::line::Table;
use super::line::CHILDREN;
use super::line::CUTS;
use super::rule::Rule;
use super::rule::Span;
use super::rule::MAX_RULES;
use core::mem::swap;

/// Of a part with more rules than this, only so many are asked where to cut.
const SAMPLE: usize = 128;

/// The packets that a part is for.
pub(super) type Packets = [Span; DIMS];

/// A rule in a part of the tree: its number, and above it a bit for each number of a key in which
/// it does not match all packets of the part.
#[derive(Clone, Copy)]
pub(super) struct Ref(pub(super) u32);

const NUMBER: u32 = MAX_RULES as u32 - 1;

impl Ref {
    pub(super) const fn new(number: u32, narrow: u32) -> Ref {
        Ref(number & NUMBER | narrow << NUMBER.count_ones())
    }

    pub(super) const fn number(self) -> u32 {
        self.0 & NUMBER
    }

    pub(super) const fn narrow(self) -> u32 {
        self.0 >> NUMBER.count_ones()
    }

    pub(super) const fn narrow_in(self, dim: usize) -> bool {
        self.narrow() >> dim & 1 != 0
    }

    pub(super) fn rule(self, rules: &[Rule]) -> Option<&Rule> {
        rules.get(self.number() as usize)
    }
}

/// Numbers in ascending order, as many as there is room for.
struct Sorted {
    values: [u32; 2 * SAMPLE],
    len: usize,
}

impl Sorted {
    fn push(&mut self, value: u32) {
        if let Some(place) = self.values.get_mut(self.len) {
            *place = value;
            self.len = self.len.wrapping_add(1);
        }
    }

    /// Shell's sort, with Ciura's gaps: that of `core` is large, and made to panic in case.
    fn sort(&mut self) {
        let values = self.values.get_mut(..self.len).unwrap_or_default();
        for gap in [132, 57, 23, 10, 4, 1_usize] {
            for mut at in gap..values.len() {
                while let Some(before) = at.checked_sub(gap) {
                    match values.get_mut(before..=at) {
                        Some([low, .., high]) if *low > *high => swap(low, high),
                        _ => break,
                    }
                    at = before;
                }
            }
        }
    }

    fn items(&self) -> &[u32] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

/// Some of the numbers, at equal distances, each once.
fn quantiles(sorted: &[u32], out: &mut [u32; CUTS]) -> usize {
    let different = |pair: &[u32]| pair.first() != pair.last();
    let distinct = sorted.windows(2).filter(|pair| different(pair)).count();
    let mut len: usize = 0;
    let mut take = |value: u32| {
        let last = len.checked_sub(1).and_then(|last| out.get(last));
        if last == Some(&value) {
            return;
        }
        if let Some(place) = out.get_mut(len) {
            *place = value;
            len = len.wrapping_add(1);
        }
    };
    if distinct < CUTS {
        sorted.iter().copied().for_each(take);
    } else {
        for i in 1..CHILDREN {
            let at = sorted.len().wrapping_mul(i) / CHILDREN;
            sorted.get(at).copied().into_iter().for_each(&mut take);
        }
    }
    len
}

/// The children of a cut.
#[derive(Clone, Copy)]
enum Shape {
    /// Of different sizes; the last number of each but the last.
    Cuts { cuts: [u32; CUTS], len: usize },
    /// Of the same size.
    Table(Table),
}

/// A cut of a part, and how its rules would be divided.
pub(super) struct Plan {
    pub(super) dim: usize,
    shape: Shape,
    /// What is cut.
    packets: Span,
    /// The rules of all children.
    pub(super) total: u32,
    /// The rules of the child that has the most.
    pub(super) largest: u32,
    /// How many lines the children need at least.
    pub(super) needed: u32,
    /// The square of the rules of each child, added up: what a lookup costs on average, times the
    /// rules.
    pub(super) score: u64,
    /// How many rules reach over two children at most, and the most of them in a child.
    pub(super) near: u32,
    pub(super) near_largest: u32,
}

impl Plan {
    const fn new(dim: usize, shape: Shape, packets: Span) -> Plan {
        Plan {
            dim,
            shape,
            packets,
            total: 0,
            largest: 0,
            needed: 0,
            score: 0,
            near: 0,
            near_largest: 0,
        }
    }

    /// How many children there are.
    pub(super) const fn children(&self) -> usize {
        match self.shape {
            Shape::Cuts { len, .. } => len.wrapping_add(1),
            Shape::Table(table) => (table.last as usize).wrapping_add(1),
        }
    }

    /// The line for it.
    pub(super) fn line(&self, children: u32) -> Line {
        match &self.shape {
            Shape::Cuts { cuts, .. } => Line::cut(self.dim, cuts, children),
            Shape::Table(table) => Line::table(self.dim, table, children),
        }
    }

    /// The numbers that a child is for, of those that the part is for.
    pub(super) fn span(&self, child: usize) -> Span {
        let Span { first, last } = self.packets;
        match &self.shape {
            Shape::Cuts { cuts, len } => {
                let cuts = cuts.get(..*len).unwrap_or_default();
                let before = child.checked_sub(1).and_then(|i| cuts.get(i));
                Span {
                    first: before.map_or(first, |cut| cut.wrapping_add(1)),
                    last: cuts.get(child).copied().unwrap_or(last),
                }
            }
            Shape::Table(table) => {
                let size = 1_u64.wrapping_shl(table.shift);
                // The first number of a child.
                let start = |child: u32| {
                    let above = size.saturating_mul(child.saturating_sub(1).into());
                    u64::from(table.first).saturating_add(above)
                };
                let child = child as u32;
                let begin = start(child).clamp(first.into(), last.into()) as u32;
                let end = start(child.saturating_add(1)).saturating_sub(1);
                let end = end.clamp(first.into(), last.into()) as u32;
                Span {
                    first: if child == 0 { first } else { begin },
                    last: if child >= table.last { last } else { end },
                }
            }
        }
    }

    fn child(&self, value: u32) -> usize {
        match &self.shape {
            Shape::Cuts { cuts, .. } => cuts.iter().filter(|cut| **cut < value).count(),
            Shape::Table(table) => table.child(value) as usize,
        }
    }

    /// The first and the last child that a rule belongs to.
    pub(super) fn reach(&self, r: Ref, rule: &Rule) -> (usize, usize) {
        if !r.narrow_in(self.dim) {
            return (0, self.children().wrapping_sub(1));
        }
        let span = rule.span(self.dim);
        let first = span.first.max(self.packets.first);
        let last = span.last.min(self.packets.last);
        (self.child(first), self.child(last))
    }

    /// Whether a rule matches all packets of a child, so that those behind it are of no use there.
    pub(super) fn closes(&self, r: Ref, rule: &Rule, child: usize) -> bool {
        r.narrow() & !(1 << self.dim) == 0 && rule.span(self.dim).covers(self.span(child))
    }

    fn add_child(&mut self, rules: u32) {
        self.total = self.total.saturating_add(rules);
        self.largest = self.largest.max(rules);
        self.needed = self.needed.saturating_add(rules.max(1));
        let square = u64::from(rules).saturating_mul(rules.into());
        self.score = self.score.saturating_add(square);
    }

    fn count_cuts(&mut self, rules: &[Rule], refs: &[u32]) {
        // Children in which a rule has matched everything that is left, a bit each.
        let mut closed: u32 = 0;
        let mut counts = [0_u32; CHILDREN];
        let mut near = [0_u32; CHILDREN];
        for r in refs.iter().map(|r| Ref(*r)) {
            let Some(rule) = r.rule(rules) else { continue };
            let (first, last) = self.reach(r, rule);
            let is_near = last.wrapping_sub(first) < 2;
            self.near = self.near.wrapping_add(is_near.into());
            let pairs = counts.iter_mut().zip(&mut near).enumerate();
            for (child, (count, near)) in pairs
                .skip(first)
                .take(last.wrapping_sub(first).wrapping_add(1))
            {
                if closed >> child & 1 != 0 {
                    continue;
                }
                *count = count.wrapping_add(1);
                *near = near.wrapping_add(is_near.into());
                if self.closes(r, rule, child) {
                    closed |= 1 << child;
                }
            }
        }
        self.near_largest = near.into_iter().max().unwrap_or(0);
        counts
            .into_iter()
            .take(self.children())
            .for_each(|n| self.add_child(n));
    }

    /// Counts the rules of the children of a table, with a list of as many numbers as children and
    /// one more, all 0, in which it adds up what begins and what ends there.
    fn count_table(&mut self, rules: &[Rule], refs: &[u32], ends: &mut [u32]) {
        for r in refs.iter().map(|r| Ref(*r)) {
            let Some(rule) = r.rule(rules) else { continue };
            let (first, last) = self.reach(r, rule);
            if let Some(begin) = ends.get_mut(first) {
                *begin = begin.wrapping_add(1);
            }
            if let Some(end) = ends.get_mut(last.wrapping_add(1)) {
                *end = end.wrapping_sub(1);
            }
        }
        let mut open: u32 = 0;
        for change in ends.iter().take(self.children()) {
            open = open.wrapping_add(*change);
            self.add_child(open);
        }
    }
}

/// The places where rules begin or end in one number.
pub(super) struct Ends {
    dim: usize,
    packets: Span,
    sorted: Sorted,
}

impl Ends {
    /// `None` if there are no such places.
    pub(super) fn new(dim: usize, rules: &[Rule], refs: &[u32], packets: Span) -> Option<Ends> {
        let mut ends = Sorted {
            values: [0; 2 * SAMPLE],
            len: 0,
        };
        let narrow = || refs.iter().map(|r| Ref(*r)).filter(|r| r.narrow_in(dim));
        let step = narrow().count().div_ceil(SAMPLE).max(1);
        for span in narrow().step_by(step).filter_map(|r| r.rule(rules)) {
            let span = span.span(dim);
            if span.first > packets.first {
                ends.push(span.first.wrapping_sub(1));
            }
            if span.last < packets.last {
                ends.push(span.last);
            }
        }
        ends.sort();
        (ends.len > 0).then_some(Ends {
            dim,
            packets,
            sorted: ends,
        })
    }

    /// Cuts at equal shares of these places.
    pub(super) fn cuts(&self, rules: &[Rule], refs: &[u32]) -> Plan {
        let mut cuts = [u32::MAX; CUTS];
        let len = quantiles(self.sorted.items(), &mut cuts);
        let mut plan = Plan::new(self.dim, Shape::Cuts { cuts, len }, self.packets);
        plan.count_cuts(rules, refs);
        plan
    }

    /// A table of up to `size` children from the first to the last of these places, without the
    /// `trim`th part of them at both ends. It needs room for two numbers more.
    pub(super) fn table(&self, size: u32, trim: usize) -> Option<Plan> {
        let sorted = self.sorted.items();
        let skip = sorted.len().checked_div(trim).unwrap_or(0);
        let first = *sorted.get(skip)?;
        let last = *sorted.get(sorted.len().wrapping_sub(1).wrapping_sub(skip))?;
        let mut shift = 0;
        let children = |shift: u32| (last >> shift).wrapping_sub(first >> shift);
        while children(shift) >= size.saturating_sub(1) && shift < 31 {
            shift = shift.wrapping_add(1);
        }
        // The first of these is a number that something ends with, and may be in the middle.
        let first = first >> shift << shift;
        let shape = Shape::Table(Table {
            first,
            shift,
            last: children(shift).wrapping_add(2),
        });
        (first < last).then(|| Plan::new(self.dim, shape, self.packets))
    }
}

impl Plan {
    /// The same, with the rules counted.
    pub(super) fn counted(mut self, rules: &[Rule], refs: &[u32], room: &mut [u32]) -> Plan {
        self.count_table(rules, refs, room);
        self
    }
}

/// Divides rules into as many groups as a fork has branches, by where they begin in one number.
pub(super) struct Groups {
    dim: usize,
    bounds: [u32; 3],
}

impl Groups {
    /// `None` if all begin at the same place.
    pub(super) fn new(dim: usize, rules: &[Rule], refs: &[u32]) -> Option<Groups> {
        let mut starts = Sorted {
            values: [0; 2 * SAMPLE],
            len: 0,
        };
        let step = refs.len().div_ceil(2 * SAMPLE).max(1);
        for rule in refs
            .iter()
            .step_by(step)
            .filter_map(|r| Ref(*r).rule(rules))
        {
            starts.push(rule.span(dim).first);
        }
        starts.sort();
        let sorted = starts.items();
        let first = *sorted.first()?;
        let at = |i: usize| {
            let at = sorted.len().wrapping_mul(i) / 4;
            sorted.get(at).copied().unwrap_or(first)
        };
        let bounds = [at(1), at(2), at(3)];
        let [_, _, last] = bounds;
        (last != first).then_some(Groups { dim, bounds })
    }

    pub(super) fn of(&self, rule: &Rule) -> usize {
        let start = rule.span(self.dim).first;
        let above = |bound: &&u32| start >= **bound;
        self.bounds.iter().filter(above).count()
    }
}
