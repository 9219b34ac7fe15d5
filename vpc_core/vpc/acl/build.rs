// SPDX-License-Identifier: GPL-2.0

//! Makes the tree.
//!
//! Parts that are still to be made are on a stack of our own, since the kernel's is small. What is
//! put on it last is made first, so that the lists of rules, too, can be on a stack.

use super::cut::Ends;
use super::cut::Packets;
use super::cut::Plan;
use super::cut::Ref;
use super::key;
use super::key::DIMS;
use super::line::Line;
use super::line::BRANCHES;
use super::line::NOWHERE;
use super::line::ROOTS;
use super::rule::Invalid;
use super::rule::Rule;
use super::rule::Span;
use super::rule::MAX_RULES;
use super::sample;
use crate::eth;

/// Up to so many lines for all of a sample, there is little to gain from a second attempt.
const LONG: usize = 6 * sample::KEYS;
/// A leaf has up to so many rules, unless the budget is used up.
const LEAF: usize = 4;
/// A cut may make so many times as many rules of those that it divides, and so many more.
const GROWTH: u32 = 2;
const GROWTH_MORE: u32 = 48;
/// The same for the second attempt.
const MORE_GROWTH: u32 = 4;
/// A part with fewer rules than this gets no table.
const TABLE_FROM: usize = 128;
/// A table has about as many children as rules, up to so many.
const TABLE_LARGEST: usize = 1 << 16;
/// A child that a rule has matched all packets of; what is below are places in lists.
const CLOSED: u32 = 1 << 31;
/// Lines for each rule, and for all of them together: the budget of a tree.
const LINES_PER_RULE: usize = 16;
const LINES_MORE: usize = 64;

/// How many lines so many rules need at most.
pub const fn max_lines(rules: usize) -> usize {
    rules
        .saturating_mul(LINES_PER_RULE)
        .saturating_add(LINES_MORE)
}

/// Memory that grows. The kernel and the host have vectors of their own.
pub trait Store<T> {
    /// Adds an item, or says that there is no memory for it.
    fn push(&mut self, item: T) -> Result<(), Full>;
    /// Forgets all items but the first `len`.
    fn truncate(&mut self, len: usize);
    /// The items.
    fn items(&self) -> &[T];
    /// The items, to be changed.
    fn items_mut(&mut self) -> &mut [T];
}

/// There is no memory left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Why rules cannot be compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// There is no memory for it.
    Full,
    /// There are more than [`MAX_RULES`].
    TooMany,
    /// A rule is not valid.
    Invalid {
        /// Which of them, counted from 0.
        rule: usize,
        /// What is wrong with it.
        why: Invalid,
    },
}

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        Error::Full
    }
}

/// A part of the tree that is still to be made.
#[derive(Clone, Copy)]
pub struct Work {
    /// The line that it begins at.
    pub(super) at: usize,
    /// Its rules, in the list of all parts' rules.
    pub(super) first: usize,
    pub(super) end: usize,
    /// How many lines it may have, at least one for each rule.
    pub(super) budget: usize,
    /// Where a search goes on behind it.
    pub(super) back: u32,
    /// The packets that come here.
    pub(super) packets: Packets,
}

/// Makes `lines` of the rules, which are in order of precedence. What was in the stores is
/// forgotten; the others are needed only in here. The same rules make the same lines.
///
/// Each part has at most 15/16 of the rules of the part that it belongs to, mostly far fewer: the
/// time is in proportion to n log n for n rules.
///
/// Whether more copies are better, which spare forks, or fewer, which leave room for those below, is
/// not to be seen before it is tried. So where lookups are long there is a second attempt, in `other`.
pub fn compile<L: Store<Line>>(
    rules: &[Rule],
    lines: &mut L,
    other: &mut L,
    lists: &mut impl Store<u32>,
    work: &mut impl Store<Work>,
) -> Result<(), Error> {
    if rules.len() > MAX_RULES {
        return Err(Error::TooMany);
    }
    for (rule, checked) in rules.iter().map(Rule::check).enumerate() {
        checked.map_err(|why| Error::Invalid { rule, why })?;
    }
    attempt(rules, GROWTH, lines, lists, work)?;
    let first = sample::steps(rules, lines.items());
    if first > LONG {
        attempt(rules, MORE_GROWTH, other, lists, work)?;
        // Hardly fewer are not worth the memory.
        if sample::steps(rules, other.items()) < first.saturating_mul(3) / 4 {
            core::mem::swap(lines, other);
        }
    }
    Ok(())
}

fn attempt(
    rules: &[Rule],
    growth: u32,
    lines: &mut impl Store<Line>,
    lists: &mut impl Store<u32>,
    work: &mut impl Store<Work>,
) -> Result<(), Full> {
    lines.truncate(0);
    lists.truncate(0);
    work.truncate(0);
    for _ in ROOTS {
        lines.push(Line::EMPTY)?;
    }
    for (at, ethertype) in ROOTS.into_iter().enumerate() {
        let first = lists.items().len();
        for (number, rule) in rules.iter().enumerate() {
            if may_match(rule, ethertype) {
                lists.push(Ref::new(number as u32, u32::MAX).0)?;
            }
        }
        work.push(Work {
            at,
            first,
            end: lists.items().len(),
            budget: 0,
            back: NOWHERE,
            packets: all_packets(ethertype),
        })?;
    }
    // Each tree has its share of the budget, by its rules.
    let total = lists.items().len();
    let spare = max_lines(rules.len())
        .saturating_sub(total)
        .saturating_sub(ROOTS.len());
    for part in work.items_mut() {
        let own = part.end.saturating_sub(part.first);
        let share = portion(spare, own, total);
        part.budget = own.saturating_add(1).saturating_add(share);
    }
    let mut builder = Builder {
        rules,
        growth,
        lines,
        lists,
        work,
    };
    while let Some(part) = builder.work.items().last().copied() {
        let rest = builder.work.items().len().saturating_sub(1);
        builder.work.truncate(rest);
        builder.make(part)?;
    }
    Ok(())
}

/// Whether a rule may match packets of the EtherType, or, without one, of any but IP, which have
/// protocol 0.
fn may_match(rule: &Rule, ethertype: Option<u16>) -> bool {
    match (rule.only_ethertype(), ethertype) {
        (kind, None) => {
            kind.is_none_or(|kind| !ROOTS.contains(&Some(kind))) && rule.protocol.unwrap_or(0) == 0
        }
        (None, _) => true,
        (kind, ethertype) => kind == ethertype,
    }
}

/// The packets of an EtherType.
fn all_packets(ethertype: Option<u16>) -> Packets {
    let mut packets = [Span::ALL; DIMS];
    for (dim, span) in packets.iter_mut().enumerate() {
        *span = match dim {
            key::PROTOCOL => Span::new(0, 0x1ff),
            key::ETHERTYPE => match ethertype {
                Some(kind) => Span::new(kind, kind),
                None => Span::new(0, u16::MAX),
            },
            key::SPORT | key::DPORT => Span::new(0, u16::MAX),
            // IPv4 has only the last word of each address.
            _ if ethertype == Some(eth::TYPE_IPV4) && dim & 3 != 3 => Span::new(0, 0),
            _ => Span::ALL,
        };
    }
    packets
}

pub(super) struct Builder<'a, L, R, W> {
    pub(super) rules: &'a [Rule],
    /// What a cut may make of rules, see [`GROWTH`].
    growth: u32,
    pub(super) lines: &'a mut L,
    pub(super) lists: &'a mut R,
    pub(super) work: &'a mut W,
}

impl<L: Store<Line>, R: Store<u32>, W: Store<Work>> Builder<'_, L, R, W> {
    fn make(&mut self, mut part: Work) -> Result<(), Full> {
        self.narrow(&mut part);
        let len = part.end.saturating_sub(part.first);
        if self.pieces(&part) {
            return Ok(());
        }
        if len <= LEAF || part.budget <= len.saturating_add(BRANCHES) {
            return self.leaf(&part);
        }
        let growth = self.growth;
        let mut best: Option<Plan> = None;
        let mut near: Option<Plan> = None;
        let mut judge = |plan: Plan| {
            if fits(&plan, len, growth, part.budget) {
                if best.as_ref().is_none_or(|best| plan.score < best.score) {
                    best = Some(plan);
                }
            } else if separates(&plan, len)
                && near.as_ref().is_none_or(|near| plan.near > near.near)
            {
                near = Some(plan);
            }
        };
        for (dim, packets) in part.packets.iter().enumerate() {
            let Some(ends) = Ends::new(dim, self.rules, self.refs(&part), *packets) else {
                continue;
            };
            judge(ends.cuts(self.rules, self.refs(&part)));
            if len < TABLE_FROM {
                continue;
            }
            let size = len.min(TABLE_LARGEST).next_power_of_two();
            for trim in [usize::MAX, 32] {
                if let Some(plan) = ends.table(size as u32, trim) {
                    judge(self.count(&part, plan)?);
                }
            }
        }
        match (best, near) {
            (Some(plan), _) => self.cut(&part, &plan),
            (_, Some(plan)) => self.fork(&part, |r, rule| {
                let (first, last) = plan.reach(r, rule);
                usize::from(last.wrapping_sub(first) > 1)
            }),
            _ => self.scatter(&part, len),
        }
    }

    pub(super) fn refs(&self, part: &Work) -> &[u32] {
        let lists = self.lists.items();
        lists.get(part.first..part.end).unwrap_or_default()
    }

    /// Counts the rules of a table's children, with room behind the lists.
    fn count(&mut self, part: &Work, plan: Plan) -> Result<Plan, Full> {
        for _ in 0..=plan.children() {
            self.lists.push(0)?;
        }
        let (lists, room) = self
            .lists
            .items_mut()
            .split_at_mut_checked(part.end)
            .unwrap_or_default();
        let refs = lists.get(part.first..part.end).unwrap_or_default();
        let plan = plan.counted(self.rules, refs, room);
        self.lists.truncate(part.end);
        Ok(plan)
    }

    pub(super) fn at(&self, i: usize) -> Option<(Ref, &Rule)> {
        let r = Ref(*self.lists.items().get(i)?);
        Some((r, r.rule(self.rules)?))
    }

    /// Finds out in which numbers each rule leaves out packets of the part, and forgets the rules
    /// behind one that matches them all.
    fn narrow(&mut self, part: &mut Work) {
        self.lists.truncate(part.end);
        let lists = self.lists.items_mut();
        let refs = lists.get_mut(part.first..part.end).unwrap_or_default();
        for (i, place) in refs.iter_mut().enumerate() {
            let r = Ref(*place);
            let Some(rule) = r.rule(self.rules) else {
                continue;
            };
            let mut narrow = r.narrow();
            for (dim, packets) in part.packets.iter().enumerate() {
                if r.narrow_in(dim) && rule.span(dim).covers(*packets) {
                    narrow &= !(1 << dim);
                }
            }
            *place = Ref::new(r.number(), narrow).0;
            if narrow == 0 {
                part.end = part.first.saturating_add(i).saturating_add(1);
                break;
            }
        }
        self.lists.truncate(part.end);
    }

    pub(super) fn set(&mut self, at: usize, line: Line) {
        if let Some(place) = self.lines.items_mut().get_mut(at) {
            *place = line;
        }
    }

    /// All rules of the part, one after the other.
    fn leaf(&mut self, part: &Work) -> Result<(), Full> {
        let mut at = part.at;
        for i in part.first..part.end {
            let more = i.saturating_add(1) < part.end;
            let next = if more { self.lines.items().len() } else { 0 };
            let Some((r, rule)) = self.at(i) else {
                break;
            };
            let line = Line::rule(r.number(), rule, next as u32);
            self.set(at, line);
            if more {
                self.lines.push(Line::EMPTY)?;
            }
            at = next;
        }
        Ok(())
    }

    /// Takes lines for the children of a part.
    pub(super) fn children(&mut self, children: usize) -> Result<usize, Full> {
        let first = self.lines.items().len();
        for _ in 0..children {
            self.lines.push(Line::EMPTY)?;
        }
        Ok(first)
    }

    fn cut(&mut self, part: &Work, plan: &Plan) -> Result<(), Full> {
        let children = plan.children();
        let lines = self.children(children)?;
        self.set(part.at, plan.line(lines as u32));
        // For each child where its list begins, and ends when it is filled.
        let table = self.lists.items().len();
        for _ in 0..children {
            self.lists.push(0)?;
        }
        self.distribute(part, plan, |table, _, child| {
            if let Some(count) = table.get_mut(child) {
                *count = count.wrapping_add(1);
            }
        });
        let mut total: u32 = 0;
        for place in self.lists.items_mut().iter_mut().skip(table) {
            let count = *place & !CLOSED;
            *place = total;
            total = total.wrapping_add(count);
        }
        for _ in 0..total {
            self.lists.push(0)?;
        }
        self.distribute(part, plan, |table, r, child| {
            let Some((places, lists)) = table.split_at_mut_checked(children) else {
                return;
            };
            let Some(place) = places.get_mut(child) else {
                return;
            };
            if let Some(item) = lists.get_mut(*place as usize) {
                *item = r.0;
            }
            *place = place.wrapping_add(1);
        });
        let lists = table.saturating_add(children);
        let spare = part
            .budget
            .saturating_sub(plan.needed as usize)
            .saturating_sub(1);
        let mut first = lists;
        for child in 0..children {
            let end = self
                .lists
                .items()
                .get(table.saturating_add(child))
                .copied()
                .unwrap_or(0);
            let end = lists.saturating_add((end & !CLOSED) as usize);
            let own = end.saturating_sub(first);
            let mut below = *part;
            (below.at, below.first, below.end) = (lines.saturating_add(child), first, end);
            if let Some(span) = below.packets.get_mut(plan.dim) {
                *span = plan.span(child);
            }
            if self.pieces(&below) {
                // It is made.
            } else if own <= LEAF {
                self.leaf(&below)?;
            } else {
                let share = portion(spare, own, total as usize);
                below.budget = own.saturating_add(share);
                self.work.push(below)?;
            }
            first = end;
        }
        Ok(())
    }

    /// Calls `put` for each rule of a part and each child it belongs to, with what is in the lists
    /// behind the part. A child gets none behind a rule that closes it.
    fn distribute(&mut self, part: &Work, plan: &Plan, put: impl Fn(&mut [u32], Ref, usize)) {
        let lists = self.lists.items_mut().split_at_mut_checked(part.end);
        let (refs, table) = lists.unwrap_or_default();
        for r in refs.iter().skip(part.first).map(|r| Ref(*r)) {
            let Some(rule) = r.rule(self.rules) else {
                continue;
            };
            let (from, to) = plan.reach(r, rule);
            for child in from..=to {
                if table.get(child).is_none_or(|place| place & CLOSED != 0) {
                    continue;
                }
                put(table, r, child);
                if plan.closes(r, rule, child) {
                    if let Some(place) = table.get_mut(child) {
                        *place |= CLOSED;
                    }
                }
            }
        }
    }
}

/// What is due to some rules of all.
pub(super) fn portion(spare: usize, rules: usize, all: usize) -> usize {
    spare.saturating_mul(rules).checked_div(all).unwrap_or(0)
}

/// Whether a cut divides the rules well enough, without too many copies.
fn fits(plan: &Plan, len: usize, growth: u32, budget: usize) -> bool {
    let len = len as u32;
    plan.total <= len.saturating_mul(growth).saturating_add(GROWTH_MORE)
        && plan.largest <= len.saturating_mul(3) / 4
        && (plan.needed as usize) < budget
}

/// Whether rules that a cut would copy can be put aside, so that it divides the others well. Both
/// have to be more than a few, or there would be a fork for each of them.
fn separates(plan: &Plan, len: usize) -> bool {
    let near = plan.near as usize;
    let far = len.saturating_sub(near);
    near >= len / 4 && far > len / 16 && plan.near_largest <= plan.near.saturating_mul(3) / 4
}
