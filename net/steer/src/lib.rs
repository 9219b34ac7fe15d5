// SPDX-License-Identifier: GPL-2.0

//! Steering programs of taps: they choose the queue of each packet to the VM.
//!
//! tun runs such a program (a socket filter) on each packet and takes what it returns, modulo the
//! number of queues. [`policy`] has the one that follows lanes, [`program`] brings it into the
//! kernel, [`tap`] attaches it.

mod policy;
mod program;
mod tap;

pub use policy::Policy;
pub use program::is_there;
pub use program::Program;
pub use tap::attach;
pub use tap::detach;
pub use tap::namespace;
