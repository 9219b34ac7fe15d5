// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets that are closed.
//!
//! C header: [`include/linux/netlink.h`](srctree/include/linux/netlink.h)

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_ulong;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::bindings;
use crate::netns::Net;

/// A netlink socket, which may be closed by now.
///
/// # Invariants
///
/// A reference of the socket is held.
pub struct Socket {
    sk: NonNull<bindings::sock>,
    number: u32,
}

// SAFETY: The reference may be dropped anywhere.
unsafe impl Send for Socket {}
// SAFETY: Only a flag of it is looked at.
unsafe impl Sync for Socket {}

impl Socket {
    /// # Safety
    ///
    /// The socket must be valid.
    pub(crate) unsafe fn hold(sk: *mut bindings::sock, number: u32) -> Self {
        // SAFETY: By the function's contract.
        unsafe { bindings::vpcnet_sock_hold(sk) };
        // INVARIANT: The reference was just taken.
        Socket {
            // SAFETY: A valid socket is not null.
            sk: unsafe { NonNull::new_unchecked(sk) },
            number,
        }
    }

    pub(crate) fn is(&self, sk: *const bindings::sock) -> bool {
        core::ptr::eq(self.sk.as_ptr(), sk)
    }

    /// Whether it had that number, and is closed. The number of a closed socket may be another's
    /// already.
    pub fn was(&self, number: u32) -> bool {
        // SAFETY: By the type invariant.
        self.number == number && unsafe { bindings::vpcnet_sock_is_closed(self.sk.as_ptr()) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_sock_put(self.sk.as_ptr()) };
    }
}

/// Who wants to know.
pub trait Closed: 'static {
    /// A socket of generic netlink with that number is closed; process context without RTNL.
    fn closed(net: &Net, number: u32);
}

/// The registration of who wants to know; dropping it ends the calls and waits for them.
pub struct Registration<C: Closed> {
    block: NonNull<bindings::notifier_block>,
    _closed: PhantomData<C>,
}

// SAFETY: It is only made and dropped.
unsafe impl<C: Closed> Send for Registration<C> {}
// SAFETY: As above.
unsafe impl<C: Closed> Sync for Registration<C> {}

impl<C: Closed> Registration<C> {
    /// Registers; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let mut block: bindings::notifier_block = pin_init::zeroed();
        block.notifier_call = Some(call::<C>);
        let block = NonNull::from(KBox::leak(KBox::new(block, GFP_KERNEL)?));
        // SAFETY: The block stays where it is until it is unregistered, or was never registered.
        unsafe {
            if let Err(error) = to_result(bindings::netlink_register_notifier(block.as_ptr())) {
                drop(KBox::from_raw(block.as_ptr()));
                return Err(error);
            }
        }
        Ok(Registration {
            block,
            _closed: PhantomData,
        })
    }
}

impl<C: Closed> Drop for Registration<C> {
    fn drop(&mut self) {
        // SAFETY: It is registered; the chain is locked while it is called, so that afterwards nobody
        // refers to the block.
        unsafe {
            bindings::netlink_unregister_notifier(self.block.as_ptr());
            drop(KBox::from_raw(self.block.as_ptr()));
        }
    }
}

/// `notifier_call`.
///
/// # Safety
///
/// Netlink calls it with a `struct netlink_notify`.
unsafe extern "C" fn call<C: Closed>(
    _block: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    if event == bindings::NETLINK_URELEASE as c_ulong {
        // SAFETY: By the function's contract; a socket keeps its namespace.
        unsafe {
            let info = &*info.cast::<bindings::netlink_notify>();
            if info.protocol == bindings::NETLINK_GENERIC as c_int {
                C::closed(Net::from_raw(info.net), info.portid);
            }
        }
    }
    bindings::NOTIFY_DONE as c_int
}
