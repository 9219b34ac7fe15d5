// SPDX-License-Identifier: GPL-2.0

//! So many in a second: the generic cell rate algorithm (ITU-T I.371, annex A), by which one number
//! remembers all that there has been.

/// What a millisecond is to a rate of one in a second.
const UNIT: u64 = 1000;

/// How many there may be in a second, on average, and at once after a second of silence.
#[derive(Clone, Copy)]
pub struct Rate(u32);

impl Rate {
    /// So many in a second.
    pub const fn new(per_second: u32) -> Self {
        Rate(per_second)
    }

    /// What to remember when `n` come at once, with `now` in milliseconds, of what was remembered
    /// before, which is 0 at first. `None` if there are too many already. Where there is room for one
    /// all of them may pass, and what comes next waits for it.
    #[inline]
    pub fn take(self, before: u64, now: u64, n: u32) -> Option<u64> {
        let rate = u64::from(self.0);
        let now = now.saturating_mul(rate);
        let used = before.saturating_sub(now);
        let room = rate.saturating_mul(UNIT).saturating_sub(used);
        if room < UNIT {
            return None;
        }
        let more = u64::from(n).saturating_mul(UNIT);
        Some(before.max(now).saturating_add(more))
    }
}
