// SPDX-License-Identifier: GPL-2.0

//! Network namespaces and what a module keeps in each of them.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use kernel::types::Opaque;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;

use crate::bindings;
use crate::tunnel::words_of;

/// A network namespace; `struct net`.
///
/// # Invariants
///
/// A reference is to a valid namespace.
#[repr(transparent)]
pub struct Net(Opaque<bindings::net>);

// SAFETY: What the methods do is allowed from all threads.
unsafe impl Sync for Net {}

impl Net {
    /// Wraps a pointer.
    ///
    /// # Safety
    ///
    /// The namespace must be valid for the lifetime.
    #[inline]
    pub(crate) unsafe fn from_raw<'a>(net: *mut bindings::net) -> &'a Self {
        // SAFETY: By the function's contract; the type is transparent.
        unsafe { &*net.cast() }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::net {
        self.0.get()
    }

    /// Whether nobody keeps the namespace any more: its devices go, then itself.
    pub fn has_ended(&self) -> bool {
        // SAFETY: The namespace is valid.
        unsafe { bindings::vpcnet_net_has_ended(self.as_ptr()) }
    }

    /// Whether packets to an address are for this host, in this namespace.
    pub fn has_address(&self, addr: Addr) -> bool {
        let words = words_of(addr);
        // SAFETY: The namespace is valid, the address four words.
        unsafe {
            bindings::vpcnet_has_address(
                self.as_ptr(),
                words.as_ptr(),
                addr.version() == Version::V6,
            )
        }
    }
}

impl PartialEq for Net {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

/// The number under which the kernel keeps a module's data in each namespace.
///
/// One static per kind of link; the kernel writes it on registration.
pub struct NetId(UnsafeCell<c_uint>);

use kernel::ffi::c_uint;
use kernel::ffi::c_void;

// SAFETY: Written once, on registration, before anybody reads it.
unsafe impl Sync for NetId {}

impl NetId {
    /// An id that is not registered yet.
    pub const fn new() -> Self {
        NetId(UnsafeCell::new(0))
    }

    pub(crate) fn as_ptr(&self) -> *mut c_uint {
        self.0.get()
    }

    /// The module's data in a namespace: zeroed memory of the registered size.
    ///
    /// # Safety
    ///
    /// The id must be registered.
    #[inline]
    pub(crate) unsafe fn data(&self, net: *const bindings::net) -> Option<NonNull<c_void>> {
        // SAFETY: By the function's contract, and the callers pass valid namespaces.
        NonNull::new(unsafe { bindings::vpcnet_net_generic(net, *self.0.get()) })
    }
}

impl Default for NetId {
    fn default() -> Self {
        NetId::new()
    }
}
