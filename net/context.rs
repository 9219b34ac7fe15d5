// SPDX-License-Identifier: GPL-2.0

//! The contexts that the network stack calls a driver in, as values.
//!
//! A token costs nothing: it is a zero-sized proof that is passed down from the callback in which
//! the kernel guarantees the context to the function that relies on it.

use core::marker::PhantomData;

use kernel::sync::rcu;

use crate::bindings;

/// The RTNL mutex is held; process context, may sleep.
///
/// C header: [`include/linux/rtnetlink.h`](srctree/include/linux/rtnetlink.h)
pub struct Rtnl {
    // A raw pointer makes the token neither `Send` nor `Sync`: it holds for this call only.
    _local: PhantomData<*mut ()>,
}

impl Rtnl {
    /// Claims that RTNL is held.
    ///
    /// # Safety
    ///
    /// RTNL must be held for as long as the token lives, and there must be no other token of this
    /// call chain: what was read under one is invalidated through `&mut` of the same.
    #[inline]
    pub(crate) unsafe fn assume() -> Self {
        Rtnl {
            _local: PhantomData,
        }
    }

    /// Waits until all packets have been handled that are being handled now.
    pub fn wait_for_packets(&mut self) {
        // SAFETY: Process context.
        unsafe { bindings::synchronize_net() };
    }

    /// Runs `f` with RTNL held; process context. The caller must not hold it yet, which would be a
    /// deadlock, and which who has no token does not.
    pub fn with<R>(f: impl FnOnce(&mut Rtnl) -> R) -> R {
        struct Unlock;
        impl core::ops::Drop for Unlock {
            fn drop(&mut self) {
                // SAFETY: It is held, since before this was made.
                unsafe { bindings::rtnl_unlock() };
            }
        }
        // SAFETY: Process context.
        unsafe { bindings::rtnl_lock() };
        let _unlock = Unlock;
        // SAFETY: It is held until `_unlock` goes, and this is the only token.
        f(&mut unsafe { Rtnl::assume() })
    }
}

/// A packet is being handled: bottom halves are off and the RCU read lock is held.
///
/// Code with this token never sleeps, stays on its CPU, and shares per-CPU data with nobody but
/// hard interrupts.
pub struct Datapath {
    _local: PhantomData<*mut ()>,
}

impl Datapath {
    /// Runs `f` as a packet would be handled; process context.
    pub fn with<R>(f: impl FnOnce(&Datapath) -> R) -> R {
        struct Leave(bool);
        impl Drop for Leave {
            fn drop(&mut self) {
                if self.0 {
                    // SAFETY: It was entered.
                    unsafe { bindings::vpcnet_bh_leave() };
                }
            }
        }
        let _rcu = rcu::read_lock();
        // SAFETY: What is entered is left.
        let _leave = Leave(unsafe { bindings::vpcnet_bh_enter() });
        // SAFETY: Both are true until the end of this function.
        f(&unsafe { Datapath::assume() })
    }

    /// Claims that bottom halves are off and the RCU read lock is held.
    ///
    /// # Safety
    ///
    /// Both must be true for as long as the token lives.
    #[inline]
    pub(crate) unsafe fn assume() -> Self {
        Datapath {
            _local: PhantomData,
        }
    }
}

/// Contexts in which an RCU-protected object cannot be freed.
///
/// # Safety
///
/// While a shared reference to the implementing value exists, either an RCU read-side critical
/// section is active, or nobody can retire an object that a reader may see (for [`Rtnl`]: retiring
/// takes `&mut Rtnl`, which ends all borrows of it). `READ_LOCKED` must be true only for the former.
pub unsafe trait RcuRead {
    /// Whether the RCU read lock itself is held.
    const READ_LOCKED: bool;
}

// SAFETY: `Datapath` includes the RCU read lock.
unsafe impl RcuRead for Datapath {
    const READ_LOCKED: bool = true;
}

// SAFETY: The guard holds the RCU read lock.
unsafe impl RcuRead for rcu::Guard {
    const READ_LOCKED: bool = true;
}

// SAFETY: See the trait: all that retires objects takes `&mut Rtnl`.
unsafe impl RcuRead for Rtnl {
    const READ_LOCKED: bool = false;
}
