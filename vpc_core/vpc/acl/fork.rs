// SPDX-License-Identifier: GPL-2.0

//! Makes forks, which divide rules where cuts would copy too many.

use super::build::portion;
use super::build::Builder;
use super::build::Full;
use super::build::Store;
use super::build::Work;
use super::cut::Groups;
use super::cut::Ref;
use super::line::Branch;
use super::line::Line;
use super::line::BRANCHES;
use super::line::GUARDED;
use super::rule::Rule;
use super::rule::Span;
use core::mem::swap;

/// In this, a share of 1.
const WHOLE: u64 = 1 << 31;

/// How large a part of the packets a span is.
fn share(span: Span, packets: Span) -> u64 {
    let size = |span: Span| u64::from(span.last.saturating_sub(span.first)).saturating_add(1);
    let part = size(span).saturating_mul(WHOLE);
    part.checked_div(size(packets)).unwrap_or(WHOLE)
}

impl<L: Store<Line>, R: Store<u32>, W: Store<Work>> Builder<'_, L, R, W> {
    /// Makes a fork of a part, by the group that each rule belongs to.
    pub(super) fn fork(
        &mut self,
        part: &Work,
        group: impl Fn(Ref, &Rule) -> usize,
    ) -> Result<(), Full> {
        // The groups in order of their first rules.
        let mut order = [usize::MAX; BRANCHES];
        let mut found: usize = 0;
        let mut sizes = [0_usize; BRANCHES];
        for i in part.first..part.end {
            let Some((r, rule)) = self.at(i) else { break };
            let own = group(r, rule);
            let known = order.iter().position(|other| *other == own);
            let branch = known.unwrap_or(found);
            if known.is_none() {
                if let Some(place) = order.get_mut(found) {
                    *place = own;
                }
                found = found.wrapping_add(1);
            }
            if let Some(size) = sizes.get_mut(branch) {
                *size = size.wrapping_add(1);
            }
        }
        let found = found.min(BRANCHES);
        let len = part.end.saturating_sub(part.first);
        let spare = part
            .budget
            .saturating_sub(len.saturating_add(found).saturating_add(1));
        let children = self.children(found)?;
        let mut branches = [Branch {
            dim: 0,
            span: Span::ALL,
            first: 0,
        }; BRANCHES];
        for (branch, (own, size)) in order.into_iter().zip(sizes).take(found).enumerate() {
            let first = self.lists.items().len();
            for i in part.first..part.end {
                let Some((r, rule)) = self.at(i) else { break };
                if group(r, rule) == own {
                    self.lists.push(r.0)?;
                }
            }
            let mut work = Work {
                at: children.saturating_add(branch),
                first,
                end: self.lists.items().len(),
                budget: size.saturating_add(portion(spare, size, len)),
                back: (part.at as u32) << 3 | (branch as u32).wrapping_add(1),
                packets: part.packets,
            };
            if let Some(place) = branches.get_mut(branch) {
                *place = self.guard(&mut work)?;
            }
            self.work.push(work)?;
        }
        let branches = branches.get(..found).unwrap_or_default();
        self.set(part.at, Line::fork(branches, children as u32, part.back));
        Ok(())
    }

    /// Finds out for which packets the rules of a branch are: the number that leaves out the most is
    /// for the fork, the others for a guard.
    fn guard(&mut self, part: &mut Work) -> Result<Branch, Full> {
        let refs = self
            .lists
            .items()
            .get(part.first..part.end)
            .unwrap_or_default();
        let mut best = Branch {
            dim: 0,
            span: Span::ALL,
            first: refs.first().map_or(0, |r| Ref(*r).number()),
        };
        let mut least = u64::MAX;
        let mut spans = [(0, Span::ALL); GUARDED];
        let mut guarded: usize = 0;
        for (dim, packets) in part.packets.iter_mut().enumerate() {
            let Some(mut hull) = self.hull(refs, dim, *packets) else {
                continue;
            };
            let share = share(hull, *packets);
            if share >= WHOLE || guarded >= GUARDED {
                continue;
            }
            *packets = hull;
            let mut of = dim;
            if share < least {
                least = share;
                swap(&mut best.dim, &mut of);
                swap(&mut best.span, &mut hull);
            }
            if hull == Span::ALL {
                continue;
            }
            if let Some(place) = spans.get_mut(guarded) {
                *place = (of, hull);
                guarded = guarded.wrapping_add(1);
            }
        }
        if let Some(spans) = spans.get(..guarded).filter(|spans| !spans.is_empty()) {
            let behind = self.lines.items().len();
            self.set(part.at, Line::guard(spans, behind as u32));
            self.lines.push(Line::EMPTY)?;
            part.at = behind;
        }
        Ok(best)
    }

    /// From the first to the last packet that one of the rules is for. `None` if these are all.
    fn hull(&self, refs: &[u32], dim: usize, packets: Span) -> Option<Span> {
        let mut hull = Span {
            first: u32::MAX,
            last: 0,
        };
        for r in refs.iter().map(|r| Ref(*r)) {
            if !r.narrow_in(dim) {
                return None;
            }
            let span = r.rule(self.rules)?.span(dim);
            hull.first = hull.first.min(span.first).max(packets.first);
            hull.last = hull.last.max(span.last).min(packets.last);
        }
        Some(hull)
    }

    /// Makes a fork where nothing else helps: by where the rules begin in the number in which the
    /// groups are for the fewest packets, or else by precedence.
    pub(super) fn scatter(&mut self, part: &Work, len: usize) -> Result<(), Full> {
        let mut best = None;
        let mut least = u64::MAX;
        for (dim, packets) in part.packets.iter().enumerate() {
            let Some(groups) = Groups::new(dim, self.rules, self.refs(part)) else {
                continue;
            };
            let mut hulls = [None::<Span>; BRANCHES];
            let mut sizes = [0_usize; BRANCHES];
            for rule in self
                .refs(part)
                .iter()
                .filter_map(|r| Ref(*r).rule(self.rules))
            {
                let own = groups.of(rule);
                let span = rule.span(dim);
                if let Some(size) = sizes.get_mut(own) {
                    *size = size.wrapping_add(1);
                }
                if let Some(hull) = hulls.get_mut(own) {
                    let so_far = hull.unwrap_or(span);
                    *hull = Some(Span {
                        first: so_far.first.min(span.first).max(packets.first),
                        last: so_far.last.max(span.last).min(packets.last),
                    });
                }
            }
            if sizes.iter().any(|size| *size > len.saturating_mul(3) / 4) {
                continue;
            }
            let shares = hulls.iter().flatten().map(|hull| share(*hull, *packets));
            let sum = shares.fold(0, u64::saturating_add);
            if sum < least {
                (least, best) = (sum, Some(groups));
            }
        }
        // Groups that are nearly all for all packets are no better than order of precedence.
        let worth = least < WHOLE.saturating_mul(3);
        if let Some(groups) = best.filter(|_| worth) {
            return self.fork(part, |_, rule| groups.of(rule));
        }
        let quarter = len.div_ceil(BRANCHES).max(1);
        let list = |i: usize| self.lists.items().get(i).map_or(0, |r| Ref(*r).number());
        let starts = [1, 2, 3].map(|i: usize| {
            list(
                part.first
                    .saturating_add(quarter.saturating_mul(i))
                    .min(part.end.saturating_sub(1)),
            )
        });
        self.fork(part, |r, _| {
            starts.iter().filter(|start| r.number() >= **start).count()
        })
    }
}
