// SPDX-License-Identifier: GPL-2.0

//! A value for each CPU, in memory that is near to it.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)

use core::marker::PhantomData;
use core::mem::align_of;
use core::mem::size_of;
use core::ptr::NonNull;

use kernel::ffi::c_uint;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Datapath;

/// The CPU that handles a packet, which cannot change while the token lives.
#[derive(Clone, Copy)]
pub struct ThisCpu<'a> {
    /// Distance in bytes from where a value seems to be to this CPU's.
    offset: usize,
    _datapath: PhantomData<&'a Datapath>,
}

impl<'a> ThisCpu<'a> {
    /// Asks which one it is.
    #[inline]
    pub fn get(_dp: &'a Datapath) -> Self {
        // SAFETY: Reads a number; with BH off the CPU stays the same.
        let offset = unsafe { bindings::vpcnet_cpu_offset() };
        ThisCpu {
            offset: offset as usize,
            _datapath: PhantomData,
        }
    }

    /// Takes what a C function has found out already.
    ///
    /// # Safety
    ///
    /// It must be that of the CPU that runs this.
    #[inline]
    pub(crate) unsafe fn from_raw(offset: usize, _dp: &'a Datapath) -> Self {
        ThisCpu {
            offset,
            _datapath: PhantomData,
        }
    }
}

/// A `T` for each CPU that there may ever be.
///
/// # Invariants
///
/// The memory is per-CPU memory of the size of `T`, initialised for all possible CPUs.
pub struct PerCpu<T: Sync>(NonNull<T>);

// SAFETY: The values are owned, and `T` can be sent.
unsafe impl<T: Send + Sync> Send for PerCpu<T> {}
// SAFETY: Shared references to it only give shared references to values that are `Sync`.
unsafe impl<T: Send + Sync> Sync for PerCpu<T> {}

impl<T: Sync> PerCpu<T> {
    /// Makes the values; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `value` says.
    pub fn new(mut value: impl FnMut() -> Result<T>) -> Result<Self> {
        // SAFETY: Allocates; zeroed, and at most a page aligned.
        let memory = unsafe { bindings::vpcnet_percpu_alloc(size_of::<T>(), align_of::<T>()) };
        let memory = NonNull::new(memory.cast::<T>()).ok_or(ENOMEM)?;
        for (made, cpu) in possible_cpus().enumerate() {
            match value() {
                // SAFETY: The CPU is possible and its memory not initialised yet.
                Ok(value) => unsafe { at(memory, cpu).write(value) },
                Err(error) => {
                    // SAFETY: The first `made` were initialised; nobody uses them.
                    unsafe { drop_values(memory, made) };
                    return Err(error);
                }
            }
        }
        // INVARIANT: All are initialised.
        Ok(PerCpu(memory))
    }

    /// The value of this CPU. A packet that comes back in the middle of handling another one sees
    /// the same.
    #[inline]
    pub fn get<'a>(&'a self, cpu: ThisCpu<'a>) -> &'a T {
        // SAFETY: By the type invariant; the offset leads to this CPU's memory.
        unsafe { &*self.0.as_ptr().wrapping_byte_add(cpu.offset) }
    }

    /// The values of all CPUs; any context.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        // SAFETY: By the type invariant.
        possible_cpus().map(|cpu| unsafe { &*at(self.0, cpu) })
    }

    /// The memory, for C functions that find this CPU's value by themselves.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<U: Sync, const N: usize> PerCpu<[U; N]> {
    /// Makes arrays one value after the other, in their place: they may be too large for the stack.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn of_arrays(mut value: impl FnMut() -> U) -> Result<Self> {
        // SAFETY: Allocates; zeroed, and at most a page aligned.
        let memory =
            unsafe { bindings::vpcnet_percpu_alloc(size_of::<[U; N]>(), align_of::<[U; N]>()) };
        let memory = NonNull::new(memory.cast::<[U; N]>()).ok_or(ENOMEM)?;
        for cpu in possible_cpus() {
            for i in 0..N {
                // SAFETY: The CPU is possible, and its memory an array of so many, not initialised yet.
                unsafe { at(memory, cpu).cast::<U>().add(i).write(value()) };
            }
        }
        // INVARIANT: All are initialised.
        Ok(PerCpu(memory))
    }
}

impl<T: Sync> Drop for PerCpu<T> {
    fn drop(&mut self) {
        // SAFETY: All are initialised, and nobody borrows them any more.
        unsafe { drop_values(self.0, usize::MAX) };
    }
}

fn possible_cpus() -> impl Iterator<Item = c_uint> {
    // SAFETY: Read numbers that do not change after boot.
    unsafe { (0..bindings::vpcnet_nr_cpus()).filter(|&cpu| bindings::vpcnet_cpu_possible(cpu)) }
}

/// # Safety
///
/// `memory` must be per-CPU memory, and the CPU possible.
unsafe fn at<T>(memory: NonNull<T>, cpu: c_uint) -> *mut T {
    // SAFETY: By the function's contract.
    unsafe { bindings::vpcnet_percpu_at(memory.as_ptr().cast::<c_void>(), cpu) }.cast()
}

/// Drops the values of the first `made` CPUs and frees the memory of all.
///
/// # Safety
///
/// These must be initialised, and nothing of the memory be used again.
unsafe fn drop_values<T>(memory: NonNull<T>, made: usize) {
    for cpu in possible_cpus().take(made) {
        // SAFETY: By the function's contract.
        unsafe { at(memory, cpu).drop_in_place() };
    }
    // SAFETY: It was allocated as such.
    unsafe { bindings::vpcnet_percpu_free(memory.as_ptr().cast()) };
}

/// Counters for each CPU, as many as are asked for.
///
/// # Invariants
///
/// The memory is per-CPU memory of `len` numbers, zeroed at first. A CPU's are written by itself only,
/// with BH off.
pub struct Counters {
    memory: NonNull<u64>,
    len: usize,
}

// SAFETY: The memory is owned; writers are kept apart as the invariant says, readers load whole words.
unsafe impl Send for Counters {}
// SAFETY: As above.
unsafe impl Sync for Counters {}

impl Counters {
    /// Makes `len` of them, all 0; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also for more than 32 KB.
    pub fn new(len: usize) -> Result<Self> {
        let size = len.max(1).checked_mul(size_of::<u64>()).ok_or(ENOMEM)?;
        // SAFETY: Allocates; zeroed. A cache line, so that no other CPU's data is beside.
        let memory = unsafe { bindings::vpcnet_percpu_alloc(size, 64) };
        let memory = NonNull::new(memory.cast::<u64>()).ok_or(ENOMEM)?;
        Ok(Counters { memory, len })
    }

    /// Counts one more; nothing if there is no such counter.
    #[inline]
    pub fn count(&self, index: usize, cpu: ThisCpu<'_>) {
        if index >= self.len {
            return;
        }
        // SAFETY: By the type invariant the number is there, and with BH off nobody else writes it;
        // volatile, so that a reader sees a whole number.
        unsafe {
            let number = self
                .memory
                .as_ptr()
                .wrapping_byte_add(cpu.offset)
                .add(index);
            number.write_volatile(number.read_volatile().wrapping_add(1));
        }
    }

    /// The sum of all CPUs' counters with an index; any context.
    pub fn sum(&self, index: usize) -> u64 {
        if index >= self.len {
            return 0;
        }
        let each = possible_cpus().map(|cpu| {
            // SAFETY: By the type invariant.
            unsafe { at(self.memory, cpu).add(index).read_volatile() }
        });
        each.fold(0, u64::wrapping_add)
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        // SAFETY: It was allocated as such, and nobody uses it any more.
        unsafe { bindings::vpcnet_percpu_free(self.memory.as_ptr().cast()) };
    }
}

/// Values for each CPU that packets change, in places with numbers. They are copied in and out, so
/// that nobody has a reference to one.
///
/// # Invariants
///
/// The memory is per-CPU memory of `len` values, initialised for all possible CPUs. A CPU's are read
/// and written by itself only, with BH off.
pub struct Slots<T: Copy + Send> {
    memory: NonNull<T>,
    len: usize,
}

// SAFETY: The memory is owned; users are kept apart as the invariant says.
unsafe impl<T: Copy + Send> Send for Slots<T> {}
// SAFETY: As above.
unsafe impl<T: Copy + Send> Sync for Slots<T> {}

impl<T: Copy + Send> Slots<T> {
    /// Makes `len` of them, all with the same value; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also for more than 32 KB.
    pub fn new(len: usize, value: T) -> Result<Self> {
        let size = len.max(1).checked_mul(size_of::<T>()).ok_or(ENOMEM)?;
        // SAFETY: Allocates.
        let memory = unsafe { bindings::vpcnet_percpu_alloc(size, align_of::<T>()) };
        let memory = NonNull::new(memory.cast::<T>()).ok_or(ENOMEM)?;
        for cpu in possible_cpus() {
            for index in 0..len {
                // SAFETY: The CPU is possible, its memory has room for `len`, and nobody uses it.
                unsafe { at(memory, cpu).add(index).write(value) };
            }
        }
        // INVARIANT: All are initialised.
        Ok(Slots { memory, len })
    }

    /// This CPU's place with a number, if there is one.
    #[inline]
    fn slot(&self, index: usize, cpu: ThisCpu<'_>) -> Option<*mut T> {
        let first = self.memory.as_ptr().wrapping_byte_add(cpu.offset);
        (index < self.len).then_some(first.wrapping_add(index))
    }

    /// What is in a place; nothing if there is no such place.
    #[inline]
    pub fn get(&self, index: usize, cpu: ThisCpu<'_>) -> Option<T> {
        let slot = self.slot(index, cpu)?;
        // SAFETY: By the type invariant it is initialised, and with BH off nobody else writes it.
        Some(unsafe { slot.read() })
    }

    /// Puts a value into a place; nothing happens if there is no such place.
    #[inline]
    pub fn put(&self, index: usize, value: T, cpu: ThisCpu<'_>) {
        if let Some(slot) = self.slot(index, cpu) {
            // SAFETY: By the type invariant it is there, and with BH off nobody else uses it.
            unsafe { slot.write(value) };
        }
    }
}

impl<T: Copy + Send> Drop for Slots<T> {
    fn drop(&mut self) {
        // SAFETY: It was allocated as such, and nobody uses it any more; what can be copied has
        // nothing to be dropped.
        unsafe { bindings::vpcnet_percpu_free(self.memory.as_ptr().cast()) };
    }
}
