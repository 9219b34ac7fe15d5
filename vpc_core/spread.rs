// SPDX-License-Identifier: GPL-2.0

//! Spreading taps over the lanes of an uplink.
//!
//! A tap with base b has its queue q on lane (b + q) mod N ([`crate::lane::of_vm_queue`]), and each
//! of its queues adds the tap's weight to the load of its lane. A tap with more queues than there
//! are lanes goes round: all lanes get the same, and the rest of its queues are what matters. So a
//! tap is a window of lanes in a ring, and choosing a base is sliding the window.
//!
//! Taps come one by one, and one that is there stays where it is until [`Loads::rebalance`]. From
//! no taps on, taps of weight 1 that only come leave a difference of at most 1 between the fullest
//! and the emptiest lane. Holes that others left are filled as well as one tap can.

use crate::lane::{reduce, vm_queue};
use crate::window::{ring, Window};

/// How often a rebalance goes through the taps at most. It has rarely something left to do in the
/// third pass; the limit is for the odd case.
const PASSES: usize = 16;

/// A tap, as far as spreading is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tap {
    /// Lane of queue 0, modulo the number of lanes.
    pub base: u16,
    /// How many queues it has.
    pub queues: u16,
    /// Load of each queue.
    pub weight: u16,
    /// [`Loads::rebalance`] leaves it where it is.
    pub pinned: bool,
    /// The base that a rebalance would give it.
    plan: u16,
}

impl Tap {
    /// A tap that is not pinned.
    pub const fn new(base: u16, queues: u16, weight: u16) -> Tap {
        Tap {
            base,
            queues,
            weight,
            pinned: false,
            plan: base,
        }
    }

    /// The same tap, pinned to its base.
    pub const fn pinned(self) -> Tap {
        Tap {
            pinned: true,
            ..self
        }
    }

    /// The tap where a rebalance would put it.
    const fn planned(self) -> Tap {
        Tap {
            base: self.plan,
            ..self
        }
    }

    fn load(&self) -> u32 {
        u32::from(self.queues).saturating_mul(self.weight.into())
    }
}

/// The load of each lane of an uplink.
///
/// Loads stop at the ends of their range instead of wrapping. That takes millions of taps on a lane.
#[derive(Debug)]
pub struct Loads<'a>(&'a mut [u32]);

/// How evenly loads are spread, the less the better: the difference between the fullest and the
/// emptiest lane, then the fullest, then the sum of the squares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Evenness {
    /// Difference between the fullest and the emptiest lane.
    pub difference: u32,
    /// Load of the fullest lane.
    pub fullest: u32,
    squares: u64,
}

impl<'a> Loads<'a> {
    /// The loads in `lanes`, one for each lane, as they stand there. A base has 16 bits, so that
    /// lanes beyond 65535 are left alone.
    pub fn new(lanes: &'a mut [u32]) -> Loads<'a> {
        let n = lanes.len().min(u16::MAX.into());
        Loads(lanes.get_mut(..n).unwrap_or_default())
    }

    /// Sets the loads to those of `taps` and nothing else, as after a change of the uplink's queues.
    pub fn set<'t>(&mut self, taps: impl IntoIterator<Item = &'t Tap>) {
        self.0.fill(0);
        for tap in taps {
            self.add(tap);
        }
    }

    /// Adds the load of a tap.
    pub fn add(&mut self, tap: &Tap) {
        self.each(tap, u32::saturating_add);
    }

    /// Takes away the load of a tap that was added.
    pub fn remove(&mut self, tap: &Tap) {
        self.each(tap, u32::saturating_sub);
    }

    /// How evenly the lanes are loaded.
    pub fn evenness(&self) -> Evenness {
        let fullest = self.0.iter().copied().max().unwrap_or(0);
        let emptiest = self.0.iter().copied().min().unwrap_or(0);
        let square = |load: &u32| u64::from(*load).saturating_mul(u64::from(*load));
        Evenness {
            difference: fullest.saturating_sub(emptiest),
            fullest,
            squares: self.0.iter().map(square).fold(0, u64::saturating_add),
        }
    }

    /// The best base for a tap that is not among the loads.
    ///
    /// It leaves the smallest difference between the fullest and the emptiest lane; among those,
    /// the lowest fullest lane; then the least load that the tap meets on its lanes; then the
    /// lowest steps between neighbouring lanes, so that holes stay whole; then it is the lowest.
    /// 0 if there are no lanes.
    pub fn choose(&self, queues: u16, weight: u16) -> u16 {
        let n = self.0.len();
        let rest = match rounds(queues, self.lanes()) {
            Some((_, rest)) if rest > 0 => usize::from(rest),
            // All lanes get the same wherever it is.
            _ => return 0,
        };
        let weight = u32::from(weight);
        let fullest = self.0.iter().copied().max().unwrap_or(0);
        let emptiest = self.0.iter().copied().min().unwrap_or(0);
        // The window of the base, and the lanes that it leaves out. Whole rounds are not counted.
        let mut inside = Window::new(self.0, 0, rest, u32::max);
        let mut outside = Window::new(self.0, rest, n.saturating_sub(rest), u32::min);
        let mut meets = self
            .0
            .iter()
            .take(rest)
            .fold(0, |sum: u64, load| sum.saturating_add(u64::from(*load)));
        let before = ring(self.0, n.saturating_sub(1));
        let first = ring(self.0, 0);
        let last = ring(self.0, rest.saturating_sub(1));
        let after = ring(self.0, rest);
        // Between two neighbours of which the first gets the weight: how much the step grows, plus
        // the weight, as it may shrink by that much.
        let step = |inner: u32, outer: u32| {
            let new = inner.saturating_add(weight).abs_diff(outer);
            new.saturating_add(weight)
                .saturating_sub(inner.abs_diff(outer))
        };
        let edges = before.zip(first).zip(last.zip(after));
        let scores = edges.zip(0..self.lanes()).map(|(edge, base)| {
            let ((before, first), (last, after)) = edge;
            // What is fullest now can only be passed by a lane of the window, and what is emptiest
            // either stays so outside or is in the window.
            let high = inside.slide().saturating_add(weight).max(fullest);
            let low = outside.slide().min(emptiest.saturating_add(weight));
            let score = (
                high.saturating_sub(low),
                high,
                meets,
                step(first, before).saturating_add(step(last, after)),
                base,
            );
            meets = meets
                .saturating_add(u64::from(after))
                .saturating_sub(u64::from(first));
            score
        });
        scores.min().map_or(0, |(.., base)| base)
    }

    /// Chooses the bases of `taps` anew where that makes the lanes more even, and says how many have
    /// moved.
    ///
    /// `taps` are all the taps of the uplink, pinned ones too. Moving tap by tap is tried, which
    /// moves few, and beginning anew, which is done only if the difference between the fullest and
    /// the emptiest lane gets smaller by it.
    pub fn rebalance(&mut self, taps: &mut [Tap]) -> usize {
        let few = self.improve(taps);
        let all = self.begin_anew(taps);
        if few.difference <= all.difference {
            self.improve(taps);
        }
        let n = self.lanes();
        let mut moved: usize = 0;
        for tap in taps.iter_mut() {
            if reduce(tap.base, n) != tap.plan {
                tap.base = tap.plan;
                moved = moved.saturating_add(1);
            }
        }
        self.set(taps.iter());
        moved
    }

    /// Plans from where the taps are.
    fn improve(&mut self, taps: &mut [Tap]) -> Evenness {
        let n = self.lanes();
        for tap in taps.iter_mut() {
            tap.plan = reduce(tap.base, n);
        }
        self.set(taps.iter());
        self.settle(taps)
    }

    /// Plans without a look at where the taps are: those with the most load choose first.
    fn begin_anew(&mut self, taps: &mut [Tap]) -> Evenness {
        self.set(taps.iter().filter(|tap| tap.pinned));
        // From load to load downwards, as there is no place to sort them in.
        let mut above = None;
        loop {
            let below = |load: &u32| above.is_none_or(|above| *load < above);
            let free = taps.iter().filter(|tap| !tap.pinned);
            let Some(load) = free.map(Tap::load).filter(below).max() else {
                break;
            };
            above = Some(load);
            for tap in taps.iter_mut() {
                if !tap.pinned && tap.load() == load {
                    // One that loads all lanes alike has no reason to move.
                    if rounds(tap.queues, self.lanes()).is_some_and(|(_, rest)| rest > 0) {
                        tap.plan = self.choose(tap.queues, tap.weight);
                    }
                    self.add(&tap.planned());
                }
            }
        }
        self.settle(taps)
    }

    /// Changes the plan tap by tap, as long as that makes it better.
    fn settle(&mut self, taps: &mut [Tap]) -> Evenness {
        let mut now = self.evenness();
        for _ in 0..PASSES {
            let before = now;
            for tap in taps.iter_mut().filter(|tap| !tap.pinned) {
                let held = *tap;
                self.remove(&held.planned());
                tap.plan = self.choose(tap.queues, tap.weight);
                self.add(&tap.planned());
                let then = self.evenness();
                if then < now {
                    now = then;
                } else {
                    self.remove(&tap.planned());
                    *tap = held;
                    self.add(&tap.planned());
                }
            }
            if now == before {
                break;
            }
        }
        now
    }

    fn lanes(&self) -> u16 {
        // `new` saw to it that they are not more.
        self.0.len().try_into().unwrap_or(u16::MAX)
    }

    fn each(&mut self, tap: &Tap, change: impl Fn(u32, u32) -> u32) {
        let Some((rounds, rest)) = rounds(tap.queues, self.lanes()) else {
            return;
        };
        let weight = u32::from(tap.weight);
        let all = weight.saturating_mul(rounds.into());
        let n = self.lanes();
        for (load, lane) in self.0.iter_mut().zip(0..n) {
            // The queue of the last round that is on this lane, if there is one.
            let queue = vm_queue(lane, tap.base, n, n);
            let last = if queue < rest { weight } else { 0 };
            *load = change(*load, all.saturating_add(last));
        }
    }
}

/// How often `queues` go round `n` lanes, and how many are left then. `None` without lanes.
fn rounds(queues: u16, n: u16) -> Option<(u16, u16)> {
    Some((queues.checked_div(n)?, queues.checked_rem(n)?))
}
