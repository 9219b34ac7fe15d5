// SPDX-License-Identifier: GPL-2.0

//! What may not happen too often.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;

use vpc_core::vpc::pace::Rate;
use vpcnet::clock;

/// What there has been against a rate. CPUs that come at once write to one line: not every packet
/// comes here.
#[derive(Default)]
pub(crate) struct Pace(AtomicU64);

impl Pace {
    /// Counts so many; false if there have been too many already.
    pub(crate) fn take(&self, rate: Rate, n: u32) -> bool {
        let now = clock::milliseconds();
        let step = |before| rate.take(before, now, n);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .is_ok()
    }
}
