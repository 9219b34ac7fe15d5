// SPDX-License-Identifier: GPL-2.0

//! The largest or smallest load among neighbouring lanes, for each lane that they may begin at.
//!
//! For [`crate::spread`], which tries all bases: lanes are a ring there.

/// The loads from lane `start` on, round and round.
pub(crate) fn ring(lanes: &[u32], start: usize) -> impl Iterator<Item = u32> + '_ {
    lanes.iter().copied().cycle().skip(start)
}

/// How many windows are prepared at once. It bounds what is on the stack; a window of no more lanes
/// slides in constant time, a longer one costs its length once a block.
const BLOCK: usize = 64;

/// The largest or smallest load in a window that slides over the ring of lanes.
///
/// The windows of a block share their middle. What they have before it gets less from one to the
/// next, and is prepared from the back; what they have behind it gets more.
pub(crate) struct Window<'a, F> {
    lanes: &'a [u32],
    /// Where the block begins.
    start: usize,
    len: usize,
    pick: F,
    /// The pick of what window k of the block has before the middle.
    heads: [u32; BLOCK],
    /// The pick of the middle, and of what the window has behind it.
    tail: u32,
    done: usize,
}

impl<'a, F: Fn(u32, u32) -> u32 + Copy> Window<'a, F> {
    /// A window of `len` lanes from `start` on; `len` is not 0.
    pub(crate) fn new(lanes: &'a [u32], start: usize, len: usize, pick: F) -> Self {
        let mut window = Window {
            lanes,
            start,
            len,
            pick,
            heads: [0; BLOCK],
            tail: 0,
            done: 0,
        };
        window.prepare();
        window
    }

    /// The pick of this window. The next one begins a lane further on.
    pub(crate) fn slide(&mut self) -> u32 {
        let block = self.block();
        if self.done >= block {
            self.start = self.start.saturating_add(block);
            self.done = 0;
            self.prepare();
        }
        let head = self.heads.get(self.done).copied().unwrap_or(self.tail);
        let pick = (self.pick)(head, self.tail);
        let end = self
            .start
            .saturating_add(self.len)
            .saturating_add(self.done);
        self.tail = (self.pick)(self.tail, self.at(end));
        self.done = self.done.saturating_add(1);
        pick
    }

    fn prepare(&mut self) {
        let block = self.block();
        let (pick, mut loads) = (self.pick, ring(self.lanes, self.start));
        let heads = self.heads.get_mut(..block).unwrap_or_default();
        for (head, load) in heads.iter_mut().zip(&mut loads) {
            *head = load;
        }
        let last = heads.last().copied().unwrap_or(0);
        heads.iter_mut().rev().fold(last, |behind, head| {
            *head = pick(*head, behind);
            *head
        });
        // Beginning with the last of the heads does no harm, since it is in all of the block's.
        self.tail = loads.take(self.len.saturating_sub(block)).fold(last, pick);
    }

    fn block(&self) -> usize {
        self.len.min(BLOCK)
    }

    fn at(&self, lane: usize) -> u32 {
        let lane = lane.checked_rem(self.lanes.len());
        lane.and_then(|lane| self.lanes.get(lane))
            .copied()
            .unwrap_or(0)
    }
}
