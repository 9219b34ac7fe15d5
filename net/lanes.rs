// SPDX-License-Identifier: GPL-2.0

//! The sockets that stand for lanes: a packet that has one leaves on its lane, whatever XPS says.
//!
//! They are the module's, shared by its devices in all namespaces.
//!
//! C header: `net/output.h`

use kernel::error::to_result;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Rtnl;

/// Makes sure that there are sockets for the lanes below `lanes`.
///
/// # Errors
///
/// `ENOMEM` and the like.
pub fn reserve(lanes: u16, _rtnl: &mut Rtnl) -> Result {
    // SAFETY: RTNL is held.
    to_result(unsafe { bindings::vpcnet_lanes_reserve(lanes.into()) })
}

/// Lets go of all sockets.
///
/// # Safety
///
/// No device of the module may be left, nor come.
pub(crate) unsafe fn release() {
    // SAFETY: By the function's contract nobody sends any more.
    unsafe { bindings::vpcnet_lanes_release() };
}
