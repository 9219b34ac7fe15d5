// SPDX-License-Identifier: GPL-2.0

//! Modules that must not go.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use kernel::prelude::*;

use crate::bindings;

/// While there is one, the module cannot be unloaded.
///
/// # Invariants
///
/// A reference of the module is held.
pub struct Pin(&'static ThisModule);

impl Pin {
    /// Makes one; process context.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the module is going.
    pub fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: The module is valid.
        match unsafe { bindings::try_module_get(module.as_ptr().cast()) } {
            // INVARIANT: The reference is ours.
            true => Ok(Pin(module)),
            false => Err(ENODEV),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::module_put(self.0.as_ptr().cast()) };
    }
}
