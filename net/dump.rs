// SPDX-License-Identifier: GPL-2.0

//! Dumps: answers of generic netlink that take many messages, and several calls.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use core::any::TypeId;
use core::mem::size_of;
use core::mem::MaybeUninit;

use kernel::error::from_result;
use kernel::ffi::c_int;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::attr::Message;
use crate::bindings;
use crate::genl;
use crate::genl::Run;
use crate::netns::Net;

/// A dump that is going on.
pub struct Dump<'a> {
    family: *const bindings::genl_family,
    skb: *mut bindings::sk_buff,
    cb: &'a mut bindings::netlink_callback,
}

/// What a dump keeps from call to call: the place, and an owned box or nothing.
///
/// # Invariants
///
/// If `kept` is not null, it is from a `KBox` of the type with the id `kind`, which `end` drops.
#[repr(C)]
struct Scratch {
    place: u32,
    kept: *mut c_void,
    kind: MaybeUninit<TypeId>,
    end: MaybeUninit<unsafe fn(*mut c_void)>,
}

/// Drops what a dump has kept.
///
/// # Safety
///
/// The pointer must be from a `KBox<T>`, and given away.
unsafe fn end<T>(kept: *mut c_void) {
    // SAFETY: By the function's contract.
    drop(unsafe { KBox::<T>::from_raw(kept.cast()) });
}

impl Dump<'_> {
    /// The namespace that is asked about.
    pub fn net(&self) -> &Net {
        // SAFETY: The callback is valid, and its socket keeps the namespace.
        unsafe { Net::from_raw(bindings::vpcnet_genl_dump_net(self.cb)) }
    }

    /// Where to go on: 0 at first, then what was last given to [`Dump::put`].
    pub fn place(&self) -> u32 {
        // SAFETY: The scratch memory is valid.
        unsafe { (*self.scratch()).place }
    }

    /// The same as a number of objects to skip.
    pub fn skip(&self) -> usize {
        self.place() as usize
    }

    fn scratch(&self) -> *mut Scratch {
        scratch(&raw const *self.cb)
    }

    /// Keeps something until the next call, or the end of the dump, in place of what was kept.
    pub fn keep<T: Send + 'static>(&mut self, value: KBox<T>) {
        // SAFETY: The scratch memory is this dump's.
        // INVARIANT: All are of `T`.
        unsafe {
            drop_kept(self.scratch());
            (*self.scratch()).kind.write(TypeId::of::<T>());
            (*self.scratch()).end.write(end::<T>);
            (*self.scratch()).kept = KBox::into_raw(value).cast();
        }
    }

    /// What was kept, if it is of that type; it is no longer then.
    pub fn kept<T: Send + 'static>(&mut self) -> Option<KBox<T>> {
        // SAFETY: The scratch memory is this dump's. By its invariant the type is known where there
        // is something, and the box is taken once.
        unsafe {
            let scratch = self.scratch();
            if (*scratch).kept.is_null() || (*scratch).kind.assume_init() != TypeId::of::<T>() {
                return None;
            }
            let kept = core::mem::replace(&mut (*scratch).kept, core::ptr::null_mut());
            Some(KBox::from_raw(kept.cast()))
        }
    }

    /// Says of which state this is a part: all calls of a dump that is consistent say the same.
    pub fn as_of(&mut self, seq: u32) {
        // SAFETY: The callback is valid.
        unsafe { bindings::vpcnet_genl_dump_seq(self.cb, seq) };
    }

    /// Puts one message; `place` is where to go on after it. False: there is no room left.
    ///
    /// # Errors
    ///
    /// What `fill` says but `EMSGSIZE`, and that if the message is too large for any room.
    pub fn put(
        &mut self,
        cmd: u8,
        place: u32,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result<bool> {
        let mut message = MaybeUninit::<bindings::vpcnet_genl_message>::zeroed();
        // SAFETY: All are the core's, valid for this call.
        let message = unsafe {
            if !bindings::vpcnet_genl_dump_new(
                self.family,
                self.skb,
                self.cb,
                cmd,
                message.as_mut_ptr(),
            ) {
                return Ok(false);
            }
            message.assume_init()
        };
        // SAFETY: The message is being built, by nobody else.
        match fill(&mut unsafe { Message::from_raw(self.skb) }) {
            Ok(()) => {
                // SAFETY: The message is complete; the scratch memory is as in `place()`.
                unsafe {
                    bindings::vpcnet_genl_dump_end(&message);
                    (*self.scratch()).place = place;
                }
                Ok(true)
            }
            Err(error) => {
                // SAFETY: The message is taken back.
                unsafe { bindings::vpcnet_genl_dump_cancel(&message) };
                // SAFETY: The room is the core's, valid.
                let empty = unsafe { (*self.skb).len == 0 };
                if error == EMSGSIZE && !empty {
                    return Ok(false);
                }
                Err(error)
            }
        }
    }
}

/// `genl_split_ops::start`: room for a message that does not fit into the usual.
///
/// # Safety
///
/// The core calls it with a callback that is valid.
pub(crate) unsafe extern "C" fn start(cb: *mut bindings::netlink_callback) -> c_int {
    const ROOM: u16 = 1 << 15;
    // SAFETY: By the function's contract.
    unsafe { (*cb).min_dump_alloc = ROOM.into() };
    0
}

/// `genl_split_ops::dumpit`.
///
/// # Safety
///
/// The core calls it with room for messages and a callback, whose data is that of a dump.
pub(crate) unsafe extern "C" fn dumpit(
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
) -> c_int {
    from_result(|| {
        // SAFETY: By the function's contract.
        let (op, mut dump) = unsafe {
            let info = &raw const (*(*cb).data.cast::<bindings::genl_dumpit_info>()).info;
            let op = genl::operation(info, true).ok_or(EOPNOTSUPP)?;
            let dump = Dump {
                family: (*info).family,
                skb,
                cb: &mut *cb,
            };
            (op, dump)
        };
        match op.run {
            Run::Dump(run) => run(&mut dump)?,
            Run::Do(_) => return Err(EOPNOTSUPP),
        }
        // SAFETY: The room is valid. A length other than 0 asks for another call.
        Ok(unsafe { (*skb).len } as c_int)
    })
}

/// `genl_split_ops::done`: the dump has come to its end, or its socket.
///
/// # Safety
///
/// The core calls it once with the callback of a dump that has begun.
pub(crate) unsafe extern "C" fn done(cb: *mut bindings::netlink_callback) -> c_int {
    // SAFETY: By the function's contract.
    unsafe { drop_kept(scratch(cb)) };
    0
}

/// Where a dump has its scratch memory, zero at first.
fn scratch(cb: *const bindings::netlink_callback) -> *mut Scratch {
    const_assert!(size_of::<Scratch>() <= 48);
    // That of the `long`s which C has there.
    const_assert!(core::mem::align_of::<Scratch>() <= core::mem::align_of::<usize>());
    // SAFETY: Only an address within the callback.
    unsafe { (&raw const (*cb).__bindgen_anon_1).cast_mut().cast() }
}

/// Drops what a dump has kept, if anything.
///
/// # Safety
///
/// The scratch memory must be that of a dump that nobody else looks into.
unsafe fn drop_kept(scratch: *mut Scratch) {
    // SAFETY: By the function's contract and the invariant of the scratch memory.
    unsafe {
        let kept = core::mem::replace(&mut (*scratch).kept, core::ptr::null_mut());
        if !kept.is_null() {
            ((*scratch).end.assume_init())(kept);
        }
    }
}
