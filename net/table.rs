// SPDX-License-Identifier: GPL-2.0

//! A hash table that packets search without a lock and that RTNL changes.
//!
//! On top of the kernel's resizable hash table.
//!
//! C header: [`include/linux/rhashtable.h`](srctree/include/linux/rhashtable.h)

use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::from_err_ptr;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::types::Opaque;

use crate::bindings;
use crate::context::RcuRead;
use crate::context::Rtnl;

/// Length of a key in words of 8 bytes.
pub const KEY_WORDS: usize = bindings::VPCNET_KEY_WORDS as usize;

/// A key; two are equal if all words are. All bits count for the hash, which spreads keys well that
/// differ in one of the first three words; words 3 to 5 are folded into these.
pub type Key = [u64; KEY_WORDS];

/// How many words of its keys a table uses.
pub trait Keys: 'static {
    /// The others are zero.
    const WORDS: usize;
}

/// All of them.
pub struct Long;
/// Three, which takes less time.
pub struct Short;

impl Keys for Long {
    const WORDS: usize = KEY_WORDS;
}

impl Keys for Short {
    const WORDS: usize = 3;
}

#[repr(C)]
struct Entry<V> {
    /// First, so that a pointer to it is one to the entry.
    linked: bindings::vpcnet_entry,
    rcu: bindings::callback_head,
    value: V,
}

/// An entry that is in no table.
pub struct Spare<V>(KBox<Entry<V>>);

impl<V> Spare<V> {
    /// Makes one; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(key: Key, value: V) -> Result<Self> {
        let entry = Entry {
            linked: bindings::vpcnet_entry {
                node: pin_init::zeroed(),
                key,
            },
            rcu: pin_init::zeroed(),
            value,
        };
        // There may be as many as whoever configures a namespace wants.
        Ok(Spare(KBox::new(entry, GFP_KERNEL_ACCOUNT)?))
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.0.linked.key
    }

    /// Its value.
    pub fn value(&self) -> &V {
        &self.0.value
    }
}

/// A table from [`Key`] to `V`.
///
/// # Invariants
///
/// `ht` is initialised and all entries in it are owned `KBox<Entry<V>>`, added and removed only
/// under RTNL; their keys have no more words than `K` says.
pub struct Table<V: Send + Sync + 'static, K: Keys = Long> {
    // Boxed because rhashtable's worker keeps a pointer to it.
    ht: KBox<Opaque<bindings::rhashtable>>,
    _values: PhantomData<(V, K)>,
}

// SAFETY: Readers share `V`, which is `Sync`; writers are serialised by RTNL.
unsafe impl<V: Send + Sync, K: Keys> Sync for Table<V, K> {}
// SAFETY: The table owns its values, which are `Send`.
unsafe impl<V: Send + Sync, K: Keys> Send for Table<V, K> {}

impl<V: Send + Sync, K: Keys> Table<V, K> {
    /// Makes an empty table; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let ht = KBox::new(Opaque::uninit(), GFP_KERNEL)?;
        // SAFETY: The memory is valid, stays where it is, and is initialised by this.
        to_result(unsafe { bindings::vpcnet_table_init(ht.get()) })?;
        // INVARIANT: Initialised and empty.
        Ok(Table {
            ht,
            _values: PhantomData,
        })
    }

    #[inline]
    fn find<R: RcuRead>(&self, key: &Key, _alive: &R) -> *mut Entry<V> {
        let ht = self.ht.get();
        let [first, second, third, ..] = *key;
        // SAFETY: The table is initialised and the key has the length that the table expects; the
        // last function takes the RCU read lock for the search, the others need it.
        unsafe {
            match (R::READ_LOCKED, K::WORDS) {
                // An array of its own: the rest of the key need not be in memory then.
                (true, 3) => bindings::vpcnet_table_lookup3(ht, [first, second, third].as_ptr()),
                (true, _) => bindings::vpcnet_table_lookup(ht, key.as_ptr()),
                (false, _) => bindings::vpcnet_table_lookup_unlocked(ht, key.as_ptr()),
            }
        }
        .cast()
    }

    /// Whether there is nothing in it, which costs less to ask than to look up.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // SAFETY: The table is initialised; one load of an aligned word, as `atomic_read()`.
        let count = unsafe { ptr::read_volatile(&raw const (*self.ht.get()).nelems.counter) };
        count == 0
    }

    /// Looks `key` up, of which no other words count than those that `K` says; any context that keeps
    /// RCU objects alive.
    #[inline]
    pub fn get<'a>(&'a self, key: &Key, alive: &'a impl RcuRead) -> Option<&'a V> {
        // SAFETY: By the type invariant it is null or a valid entry, which is not freed while
        // `_alive` is borrowed.
        unsafe { self.find(key, alive).as_ref() }.map(|entry| &entry.value)
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the key is there, `EINVAL` if it has more words than `K` says, `ENOMEM`, `E2BIG`.
    pub fn insert(&self, key: Key, value: V, _rtnl: &mut Rtnl) -> Result {
        if key.iter().skip(K::WORDS).any(|&word| word != 0) {
            return Err(EINVAL);
        }
        let entry = KBox::into_raw(Spare::new(key, value)?.0);
        // SAFETY: The table is initialised; the entry is valid and in no table.
        let found = unsafe { bindings::vpcnet_table_insert(self.ht.get(), entry.cast()) };
        let result = match from_err_ptr(found) {
            Ok(found) if found.is_null() => return Ok(()),
            Ok(_) => Err(EEXIST),
            Err(error) => Err(error),
        };
        // SAFETY: It was not added, so it is still ours alone.
        drop(unsafe { KBox::from_raw(entry) });
        result
    }

    /// Puts `value` in the place of what `key` has; readers find the one or the other. The old one is
    /// dropped (in softirq context) when its readers are gone.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the key is not there, `ENOMEM`.
    pub fn replace(&self, key: &Key, value: V, rtnl: &mut Rtnl) -> Result {
        self.replace_with(Spare::new(*key, value)?, rtnl)
    }

    /// The same with an entry that is ready.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the key is not there, and nothing else.
    pub fn replace_with(&self, spare: Spare<V>, rtnl: &mut Rtnl) -> Result {
        let old = NonNull::new(self.find(spare.key(), rtnl)).ok_or(ENOENT)?;
        let new = KBox::into_raw(spare.0);
        // SAFETY: The table is initialised, the old entry is in it, RTNL keeps others from removing
        // it, and the new one has the same key.
        let error = unsafe {
            bindings::vpcnet_table_replace(self.ht.get(), old.as_ptr().cast(), new.cast())
        };
        if let Err(error) = to_result(error) {
            // SAFETY: It was not added, so it is still ours alone.
            drop(unsafe { KBox::from_raw(new) });
            return Err(error);
        }
        // SAFETY: As in `remove()`.
        unsafe {
            bindings::vpcnet_call_rcu(&raw mut (*old.as_ptr()).rcu, Some(Self::free));
        }
        Ok(())
    }

    /// Number of entries.
    pub fn len(&self) -> u32 {
        // SAFETY: As in `is_empty()`.
        let count = unsafe { ptr::read_volatile(&raw const (*self.ht.get()).nelems.counter) };
        count as u32
    }

    /// Removes an entry, which is dropped (in softirq context) when its readers are gone.
    pub fn remove(&self, key: &Key, rtnl: &mut Rtnl) {
        let Some(entry) = NonNull::new(self.find(key, rtnl)) else {
            return;
        };
        // SAFETY: The entry is in the table, and RTNL keeps others from removing it.
        if unsafe { bindings::vpcnet_table_remove(self.ht.get(), entry.as_ptr().cast()) } != 0 {
            return;
        }
        // SAFETY: It is owned and can no longer be found; every registration of this crate ends with
        // `rcu_barrier()` before the callback's text goes away.
        unsafe {
            bindings::vpcnet_call_rcu(&raw mut (*entry.as_ptr()).rcu, Some(Self::free));
        }
    }

    /// Callback of `call_rcu()`.
    ///
    /// # Safety
    ///
    /// `head` must be that of an owned entry that `remove()` took out.
    unsafe extern "C" fn free(head: *mut bindings::callback_head) {
        // SAFETY: `head` is the field of an owned entry, see `remove()`.
        drop(unsafe {
            KBox::from_raw(head.byte_sub(offset_of!(Entry<V>, rcu)).cast::<Entry<V>>())
        });
    }

    /// Callback of the table's end.
    ///
    /// # Safety
    ///
    /// `entry` must be an owned entry that is in no table any more.
    unsafe extern "C" fn free_now(entry: *mut bindings::vpcnet_entry) {
        // SAFETY: The table hands out each of its entries, which are owned boxes.
        drop(unsafe { KBox::from_raw(entry.cast::<Entry<V>>()) });
    }
}

impl<V: Send + Sync, K: Keys> Drop for Table<V, K> {
    fn drop(&mut self) {
        // SAFETY: Nobody borrows the table any more; entries still in it are owned by it.
        unsafe { bindings::vpcnet_table_destroy(self.ht.get(), Some(Self::free_now)) };
    }
}

/// A way through a table that can be left and taken up again. What is there all the time comes at
/// least once, and once if the table is not changed meanwhile.
///
/// # Invariants
///
/// `iter` was entered into the table that `of` leads to, which stays while this does.
pub struct Walk<O> {
    iter: NonNull<bindings::rhashtable_iter>,
    of: O,
}

// SAFETY: It may be taken up by another thread.
unsafe impl<O: Send> Send for Walk<O> {}

/// Who keeps a table.
pub trait HasTable: Sized {
    /// What is in it.
    type Value: Send + Sync + 'static;
    /// Its keys.
    type Keys: Keys;

    /// The table, always the same one.
    fn table(&self) -> &Table<Self::Value, Self::Keys>;
}

impl<T: HasTable> HasTable for Arc<T> {
    type Value = T::Value;
    type Keys = T::Keys;

    fn table(&self) -> &Table<T::Value, T::Keys> {
        (**self).table()
    }
}

impl<T: HasTable> HasTable for &T {
    type Value = T::Value;
    type Keys = T::Keys;

    fn table(&self) -> &Table<T::Value, T::Keys> {
        (**self).table()
    }
}

impl<O: HasTable> Walk<O> {
    /// Begins one; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(of: O) -> Result<Self> {
        // SAFETY: The table is initialised, and stays while `of` does.
        let iter = unsafe { bindings::vpcnet_walk_new(of.table().ht.get()) };
        let iter = NonNull::new(iter).ok_or(ENOMEM)?;
        Ok(Walk { iter, of })
    }

    /// Whose table it is.
    pub fn of(&self) -> &O {
        &self.of
    }

    /// Calls `f` for entries until it says that it cannot take one, which comes first the next time;
    /// true at the end. `f` must not sleep.
    pub fn go_on(&mut self, mut f: impl FnMut(&Key, &O::Value, &rcu::Guard) -> bool) -> bool {
        struct Stop(*mut bindings::rhashtable_iter);
        impl Drop for Stop {
            fn drop(&mut self) {
                // SAFETY: It was started.
                unsafe { bindings::vpcnet_walk_stop(self.0) };
            }
        }
        let iter = self.iter.as_ptr();
        let guard = rcu::read_lock();
        // SAFETY: The iterator is valid.
        unsafe { bindings::vpcnet_walk_start(iter) };
        let _stop = Stop(iter);
        loop {
            let mut again = false;
            // SAFETY: The iterator was started; entries are freed after an RCU grace period.
            let entry = unsafe {
                bindings::vpcnet_walk_peek(iter, &mut again)
                    .cast::<Entry<O::Value>>()
                    .as_ref()
            };
            match entry {
                Some(entry) if f(&entry.linked.key, &entry.value, &guard) => {
                    // SAFETY: The iterator was started.
                    unsafe { bindings::vpcnet_walk_step(iter) };
                }
                Some(_) => return false,
                None if again => (),
                None => return true,
            }
        }
    }
}

impl<O> Drop for Walk<O> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; `of` is dropped after this.
        unsafe { bindings::vpcnet_walk_free(self.iter.as_ptr()) };
    }
}
