// SPDX-License-Identifier: GPL-2.0

//! Objects that are read without a lock, replaced under RTNL and freed after a grace period.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::cell::UnsafeCell;
use core::ops::Deref;
use core::ptr;
use core::ptr::NonNull;

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::bindings;
use crate::context::RcuRead;
use crate::context::Rtnl;

/// What an RCU-protected object is allocated as.
#[repr(C)]
struct Node<T> {
    /// First, so that the callback's pointer is the node's.
    head: bindings::callback_head,
    value: T,
}

/// An owned object that RCU readers may come to see.
///
/// Dropping it frees at once; [`RcuBox::retire`] waits for the readers.
///
/// # Invariants
///
/// The pointer comes from `KBox<Node<T>>` and is owned.
pub struct RcuBox<T: Send + Sync + 'static>(NonNull<Node<T>>);

// SAFETY: It is a box of a `T` that is `Send` and `Sync`.
unsafe impl<T: Send + Sync> Send for RcuBox<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuBox<T> {}

impl<T: Send + Sync> RcuBox<T> {
    /// Allocates; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(value: T) -> Result<Self> {
        let node = KBox::new(
            Node {
                head: pin_init::zeroed(),
                value,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        // INVARIANT: Just allocated, and ownership is taken over.
        Ok(RcuBox(NonNull::from(KBox::leak(node))))
    }

    /// Drops the object once all readers that may see it are gone.
    ///
    /// `T` is dropped in softirq context: its destructor must not sleep.
    pub(crate) fn retire(self) {
        let node = self.into_raw();
        // SAFETY: The node is owned and, by the caller's doing, no longer to be found; the callback
        // is in this module's text, and every registration of this crate ends with `rcu_barrier()`
        // before that text goes away.
        unsafe { bindings::vpcnet_call_rcu(&raw mut (*node).head, Some(Self::free)) };
    }

    fn into_raw(self) -> *mut Node<T> {
        let node = self.0.as_ptr();
        core::mem::forget(self);
        node
    }

    /// Callback of `call_rcu()`.
    ///
    /// # Safety
    ///
    /// `head` must be that of an owned node that `retire()` gave up.
    unsafe extern "C" fn free(head: *mut bindings::callback_head) {
        // SAFETY: `retire()` queued the head of an owned node, whose first field it is.
        drop(unsafe { KBox::from_raw(head.cast::<Node<T>>()) });
    }
}

impl<T: Send + Sync> Deref for RcuBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant the node is valid and owned.
        unsafe { &self.0.as_ref().value }
    }
}

impl<T: Send + Sync> Drop for RcuBox<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the value is not used again.
        drop(unsafe { KBox::from_raw(self.0.as_ptr()) });
    }
}

/// A place that holds an [`RcuBox`] or nothing, read by packets and written under RTNL.
///
/// # Invariants
///
/// The pointer is null or an owned node; it is written only under RTNL.
pub struct RcuCell<T: Send + Sync + 'static>(UnsafeCell<*mut Node<T>>);

// SAFETY: Readers get `&T` of a `Sync` type, the writer is alone under RTNL.
unsafe impl<T: Send + Sync> Sync for RcuCell<T> {}
// SAFETY: It owns a `T` that is `Send`.
unsafe impl<T: Send + Sync> Send for RcuCell<T> {}

impl<T: Send + Sync> RcuCell<T> {
    /// A cell with nothing in it.
    pub const fn empty() -> Self {
        RcuCell(UnsafeCell::new(ptr::null_mut()))
    }

    /// A cell with `value` in it.
    pub fn new(value: RcuBox<T>) -> Self {
        RcuCell(UnsafeCell::new(value.into_raw()))
    }

    /// What is there now; any context that keeps RCU objects alive.
    #[inline]
    pub fn read<'a>(&'a self, _alive: &'a impl RcuRead) -> Option<&'a T> {
        // SAFETY: The slot is valid; as in `READ_ONCE()`, one aligned load whose dependent accesses
        // are ordered by the address dependency.
        let node = unsafe { ptr::read_volatile(self.0.get()) };
        // SAFETY: By the type invariant, and `RcuRead` says that the node is not freed while
        // `_alive` is borrowed.
        unsafe { node.as_ref() }.map(|node| &node.value)
    }

    /// Puts `new` there; what was there is dropped when its readers are gone.
    pub fn set(&self, new: Option<RcuBox<T>>, _rtnl: &mut Rtnl) {
        let new = new.map_or(ptr::null_mut(), RcuBox::into_raw);
        // SAFETY: Writers are serialised by RTNL.
        let old = unsafe { *self.0.get() };
        // SAFETY: The slot is valid, and `new` is initialised and owned (or null).
        unsafe { bindings::vpcnet_publish(self.0.get().cast(), new.cast()) };
        if let Some(old) = NonNull::new(old) {
            // INVARIANT: The slot owned it and does not refer to it any more.
            RcuBox(old).retire();
        }
    }
}

impl<T: Send + Sync> Drop for RcuCell<T> {
    fn drop(&mut self) {
        if let Some(node) = NonNull::new(*self.0.get_mut()) {
            // INVARIANT: The slot owned it; nobody borrows the cell any more, so no reader is left.
            drop(RcuBox(node));
        }
    }
}

/// A place that holds an [`Arc`] or nothing, read by packets and written under RTNL.
///
/// For what is too large to be dropped in softirq context, or is referred to from elsewhere, too.
///
/// # Invariants
///
/// The pointer is null or from [`Arc::into_raw`], with its reference; it is written only under RTNL.
pub struct ArcCell<T: Send + Sync + 'static>(UnsafeCell<*mut T>);

// SAFETY: As for `RcuCell`.
unsafe impl<T: Send + Sync> Sync for ArcCell<T> {}
// SAFETY: As for `RcuCell`.
unsafe impl<T: Send + Sync> Send for ArcCell<T> {}

impl<T: Send + Sync> ArcCell<T> {
    /// A cell with nothing in it.
    pub const fn empty() -> Self {
        ArcCell(UnsafeCell::new(ptr::null_mut()))
    }

    /// What is there now; any context that keeps RCU objects alive.
    #[inline]
    pub fn read<'a>(&'a self, _alive: &'a impl RcuRead) -> Option<&'a T> {
        // SAFETY: As in `RcuCell::read()`; the reference is kept for the readers by `replace()`.
        unsafe { ptr::read_volatile(self.0.get()).as_ref() }
    }

    /// What is there now, with a reference.
    pub fn get(&self, _rtnl: &Rtnl) -> Option<Arc<T>> {
        // SAFETY: Writers are kept out by RTNL.
        let value = unsafe { *self.0.get() };
        if value.is_null() {
            return None;
        }
        // SAFETY: By the type invariant; the cell's own reference is not given away.
        let arc = core::mem::ManuallyDrop::new(unsafe { Arc::from_raw(value) });
        Some(Arc::clone(&arc))
    }

    /// Puts `new` there and returns what was there when no packet sees it any more.
    pub fn replace(&self, new: Option<Arc<T>>, rtnl: &mut Rtnl) -> Option<Arc<T>> {
        let new = new.map_or(ptr::null_mut(), |new| Arc::into_raw(new).cast_mut());
        // SAFETY: Writers are serialised by RTNL; the slot is valid.
        let old = unsafe {
            let old = *self.0.get();
            bindings::vpcnet_publish(self.0.get().cast(), new.cast());
            old
        };
        if old.is_null() {
            return None;
        }
        rtnl.wait_for_packets();
        // SAFETY: The cell's reference, which it does not have any more.
        Some(unsafe { Arc::from_raw(old) })
    }
}

impl<T: Send + Sync> Drop for ArcCell<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY: The cell's reference; nobody borrows the cell any more.
            drop(unsafe { Arc::from_raw(value) });
        }
    }
}

/// A place that only who holds RTNL looks into.
pub struct RtnlCell<T>(UnsafeCell<T>);

// SAFETY: Whoever gets at the value holds RTNL, so that is one thread at a time.
unsafe impl<T: Send> Sync for RtnlCell<T> {}

impl<T> RtnlCell<T> {
    /// A cell with `value` in it.
    pub const fn new(value: T) -> Self {
        RtnlCell(UnsafeCell::new(value))
    }

    /// Lends the value to `f`, together with the token. What `f` calls must not come back here: it
    /// would find the default.
    pub fn with<R>(&self, rtnl: &mut Rtnl, f: impl FnOnce(&mut T, &mut Rtnl) -> R) -> R
    where
        T: Default,
    {
        let mut value = self.replace(T::default(), rtnl);
        let result = f(&mut value, rtnl);
        self.replace(value, rtnl);
        result
    }

    /// Puts `new` there and returns what was there.
    pub fn replace(&self, new: T, _rtnl: &mut Rtnl) -> T {
        // SAFETY: RTNL is held, and nobody has a reference to the value.
        core::mem::replace(unsafe { &mut *self.0.get() }, new)
    }
}
