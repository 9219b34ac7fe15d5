// SPDX-License-Identifier: GPL-2.0

//! What the tun driver keeps to itself and BTF tells: where in a tap's private memory its steering
//! program and its number of queues are.
//!
//! The kernel's own type information is read from `/sys/kernel/btf` when the driver comes, since no
//! header has the structure and it may differ from one build to the next.

use core::ptr;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_void;
use kernel::prelude::*;

use vpc_core::btf;

use crate::bindings;

const UNKNOWN: u32 = u32::MAX;

/// Offsets in `struct tun_struct`, in bytes.
static PROGRAM: AtomicU32 = AtomicU32::new(UNKNOWN);
static QUEUES: AtomicU32 = AtomicU32::new(UNKNOWN);

/// Length of `struct btf_header`.
const BTF_HEADER: usize = 24;
/// No kernel has more type information than this many bytes.
const BTF_MAX: usize = 64 << 20;

/// Bytes of a file.
struct Text {
    raw: *mut c_void,
    len: usize,
}

impl Text {
    /// # Errors
    ///
    /// Those of opening and reading it.
    fn read(path: &CStr, most: usize) -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: Process context; the path ends with 0, and `raw` is written.
        let len = unsafe { bindings::vpcnet_read_file(path.as_char_ptr(), most, &mut raw) };
        to_result(c_int::try_from(len.min(0))?)?;
        Ok(Text {
            raw,
            len: len as usize,
        })
    }

    fn bytes(&self) -> &[u8] {
        if self.raw.is_null() {
            return &[];
        }
        // SAFETY: The kernel has read that many bytes into memory that is ours.
        unsafe { core::slice::from_raw_parts(self.raw.cast(), self.len) }
    }
}

impl core::ops::Drop for Text {
    fn drop(&mut self) {
        // SAFETY: It is ours, or null.
        unsafe { bindings::vpcnet_free_file(self.raw) };
    }
}

/// Looks for the offsets; the driver's own type information is a supplement to the kernel's, and the
/// kernel's has them if the driver is built in.
fn find() -> Result<(u32, u32)> {
    const VMLINUX: &CStr = c"/sys/kernel/btf/vmlinux";
    let (text, base) = match Text::read(c"/sys/kernel/btf/tun", BTF_MAX) {
        Ok(text) => {
            let kernel = Text::read(VMLINUX, BTF_HEADER)?;
            (text, btf::strings_len(kernel.bytes()).ok_or(EINVAL)?)
        }
        Err(_) => (Text::read(VMLINUX, BTF_MAX)?, 0),
    };
    let offset = |name| btf::member_offset(text.bytes(), base, "tun_struct", name);
    let program = offset("steering_prog").ok_or(ENOENT)?;
    // It can be done without, and is not found if the kernel has the name elsewhere, too.
    let queues = offset("numqueues").filter(|offset| offset % 4 == 0);
    // As the readers below load it.
    if program % 8 != 0 {
        return Err(EINVAL);
    }
    Ok((program, queues.unwrap_or(UNKNOWN)))
}

/// Reads the driver's type information when it has come, and forgets it when it goes: the next one may
/// be another build. Process context without RTNL.
pub(crate) extern "C" fn learn(live: bool) {
    let found = if live { find().ok() } else { None };
    let (program, queues) = found.unwrap_or((UNKNOWN, UNKNOWN));
    PROGRAM.store(program, Ordering::Relaxed);
    QUEUES.store(queues, Ordering::Relaxed);
}

/// Whether it is known where a steering program would be.
pub fn is_known() -> bool {
    PROGRAM.load(Ordering::Relaxed) != UNKNOWN
}

/// A word of a tap's private memory.
///
/// # Safety
///
/// `tap` must be a tap of the tun driver, and a `T` be at that offset.
#[inline]
unsafe fn load<T: Copy>(tap: *mut bindings::net_device, offset: u32) -> Option<T> {
    if offset == UNKNOWN {
        return None;
    }
    // SAFETY: By the function's contract; one aligned load, as `READ_ONCE()`.
    unsafe {
        let private = (&raw mut (*tap).priv_).cast::<u8>();
        Some(ptr::read_volatile(
            private.wrapping_add(offset as usize).cast::<T>(),
        ))
    }
}

/// Whether a tap has a steering program, if that is known.
///
/// # Safety
///
/// `tap` must be a tap of the tun driver.
#[inline]
pub(crate) unsafe fn has_program(tap: *mut bindings::net_device) -> Option<bool> {
    // SAFETY: `learn()` has found the offset of the pointer in this driver.
    let program = unsafe { load::<usize>(tap, PROGRAM.load(Ordering::Relaxed)) };
    program.map(|program| program != 0)
}

/// The number of queues that a tap's driver goes by, if that is known.
///
/// # Safety
///
/// `tap` must be a tap of the tun driver.
#[inline]
pub(crate) unsafe fn queues(tap: *mut bindings::net_device) -> Option<u32> {
    // SAFETY: As in `has_program()`: an unsigned int.
    unsafe { load::<u32>(tap, QUEUES.load(Ordering::Relaxed)) }
}
