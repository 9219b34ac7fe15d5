// SPDX-License-Identifier: GPL-2.0

//! Parts in which rules differ in one number of a key only: one line for all of them.

use super::build::Builder;
use super::build::Store;
use super::build::Work;
use super::cut::Packets;
use super::cut::Ref;
use super::key::DIMS;
use super::line::Line;
use super::line::Outcome;
use super::line::Pieces;
use super::rule::Rule;
use super::rule::Span;

/// Parts with more rules are cut first.
const MOST: usize = 16;

impl<L: Store<Line>, R: Store<u32>, W: Store<Work>> Builder<'_, L, R, W> {
    /// Makes the part, if it can be made in this way.
    pub(super) fn pieces(&mut self, part: &Work) -> bool {
        let line = line(self.rules, self.refs(part), &part.packets);
        line.is_some_and(|line| {
            self.set(part.at, line);
            true
        })
    }
}

fn line(rules: &[Rule], refs: &[u32], packets: &Packets) -> Option<Line> {
    if refs.is_empty() || refs.len() > MOST {
        return None;
    }
    let mut dims = 0;
    let mut used: usize = 0;
    for r in refs.iter().map(|r| Ref(*r)) {
        let rule = r.rule(rules)?;
        let bounds = |(dim, packets): &(usize, &Span)| {
            r.narrow_in(*dim) && !rule.span(*dim).covers(**packets)
        };
        let own = packets.iter().enumerate().filter(bounds);
        let own = own.fold(0_u32, |own, (dim, _)| own | 1 << dim);
        dims |= own;
        used = used.wrapping_add(1);
        // It matches all that is left.
        if own == 0 {
            break;
        }
    }
    if dims.count_ones() > 1 {
        return None;
    }
    let dim = dims.trailing_zeros() as usize % DIMS;
    let (refs, packets) = (refs.get(..used)?, packets.get(dim)?);
    let mut pieces = Pieces::new(dim);
    let mut first = packets.first;
    loop {
        let mut last = packets.last;
        let mut outcome = Outcome::NONE;
        for r in refs.iter().map(|r| Ref(*r)).rev() {
            let rule = r.rule(rules)?;
            let span = rule.span(dim);
            if span.first > first {
                last = last.min(span.first.wrapping_sub(1));
            } else if span.last >= first {
                last = last.min(span.last);
                outcome = Outcome::new(r.number(), rule);
            }
        }
        pieces.push(last, outcome)?;
        if last >= packets.last {
            return Some(pieces.line());
        }
        first = last.wrapping_add(1);
    }
}
