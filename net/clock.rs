// SPDX-License-Identifier: GPL-2.0

//! Time that passes, to a few milliseconds; any context.
//!
//! C header: [`include/linux/jiffies.h`](srctree/include/linux/jiffies.h)

use crate::bindings;

/// Milliseconds since some time in the past.
pub fn milliseconds() -> u64 {
    // SAFETY: Reads a number.
    unsafe { bindings::vpcnet_milliseconds() }
}

/// Seconds since then.
pub fn seconds() -> u64 {
    milliseconds() / 1000
}
