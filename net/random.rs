// SPDX-License-Identifier: GPL-2.0

//! Random numbers.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use crate::bindings;

/// A number that nobody outside can know, the same until the module is loaded again.
#[inline]
pub fn seed() -> u32 {
    // SAFETY: Reads a number, which the first caller makes.
    unsafe { bindings::vpcnet_seed() }
}

/// Another number each time.
pub fn number() -> u32 {
    // SAFETY: Takes nothing; any context.
    unsafe { bindings::vpcnet_random() }
}
