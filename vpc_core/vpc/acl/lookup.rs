// SPDX-License-Identifier: GPL-2.0

//! The way of a packet through a tree.

use super::key::Key;
use super::key::Words;
use super::line::root;
use super::line::Kind;
use super::line::Line;
use super::line::NOWHERE;
use super::line::NO_RULE;
use super::rule::Verdict;

/// The rule that decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// Which of the rules, counted from 0.
    pub rule: u32,
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// Whether it is to be logged.
    pub log: bool,
}

/// Rules that have been compiled.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    lines: &'a [Line],
}

impl<'a> Snapshot<'a> {
    /// What [`super::compile`] has made. No lines are no rules.
    #[inline]
    pub const fn new(lines: &'a [Line]) -> Snapshot<'a> {
        Snapshot { lines }
    }

    /// The first rule that matches, `None` if there is none.
    #[inline]
    pub fn lookup(self, key: &Key) -> Option<Match> {
        self.walk(key).0
    }

    /// How many lines a lookup of this key reads, each worth a few nanoseconds: to find out what a
    /// set of rules costs.
    pub fn steps(self, key: &Key) -> usize {
        self.walk(key).1
    }

    #[inline]
    fn walk(self, key: &Key) -> (Option<Match>, usize) {
        let words = Words::of(key);
        let mut best = NO_RULE;
        let mut found = None;
        let mut at = root(key.ethertype);
        let mut place = NOWHERE;
        // Of a tree no search reads a line twice, apart from coming back to a fork for each of its
        // branches. What has been spoilt may go in circles, and ends here.
        let limit = self.lines.len().saturating_mul(4);
        let mut steps: usize = 0;
        while steps < limit {
            steps = steps.wrapping_add(1);
            let Some(line) = self.lines.get(at as usize) else {
                break;
            };
            match line.kind() {
                Kind::Cut => {
                    at = line.child(&words);
                    continue;
                }
                Kind::Table => {
                    at = line.table_child(&words);
                    continue;
                }
                Kind::Guard => {
                    if line.passes(&words) {
                        at = line.link();
                        continue;
                    }
                }
                Kind::Rule => {
                    let entry = line.entry();
                    let outcome = entry.outcome();
                    if outcome.number() < best {
                        if entry.matches(&words) {
                            best = outcome.number();
                            found = Some(outcome);
                        } else if line.link() != 0 {
                            at = line.link();
                            continue;
                        }
                    }
                }
                Kind::Pieces => {
                    let outcome = line.outcome(&words);
                    if outcome.number() < best {
                        best = outcome.number();
                        found = Some(outcome);
                    }
                }
                Kind::Fork => place = at << 3,
                Kind::Empty => {}
            }
            match self.resume(place, &words, best, &mut steps) {
                Some((next, rest)) => (at, place) = (next, rest),
                None => break,
            }
        }
        let found = found.map(|outcome| Match {
            rule: outcome.number(),
            verdict: outcome.verdict(),
            log: outcome.log(),
        });
        (found, steps)
    }

    /// The next branch of a fork, or of those around it, that could have a better rule: its line,
    /// and where to go on behind it.
    #[inline]
    fn resume(
        self,
        mut place: u32,
        words: &Words,
        best: u32,
        steps: &mut usize,
    ) -> Option<(u32, u32)> {
        let limit = self.lines.len().saturating_mul(4);
        while place != NOWHERE && *steps < limit {
            *steps = steps.wrapping_add(1);
            let fork = self.lines.get((place >> 3) as usize)?;
            let branch = place & 7;
            place = match fork.branch(branch, words, best) {
                Some(true) => {
                    return Some((fork.link().wrapping_add(branch), place.wrapping_add(1)))
                }
                Some(false) => place.wrapping_add(1),
                None => fork.back(),
            };
        }
        None
    }
}
