// SPDX-License-Identifier: GPL-2.0

//! Frames at a rate.

use std::thread;
use std::time::Duration;
use std::time::Instant;

/// When the next frame is due.
pub(crate) struct Pace {
    between: Option<Duration>,
    due: Instant,
}

impl Pace {
    /// So many a second; 0 is no limit.
    pub(crate) fn new(rate: u32) -> Pace {
        Pace {
            between: Duration::from_secs(1).checked_div(rate),
            due: Instant::now(),
        }
    }

    /// Waits until a frame is due. What a machine that stood still has held up does not come at once
    /// afterwards: no tap has room for it.
    pub(crate) fn wait(&mut self) {
        let Some(between) = self.between else { return };
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        self.due = (self.due + between).max(Instant::now());
    }
}
