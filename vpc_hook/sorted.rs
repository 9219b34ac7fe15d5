// SPDX-License-Identifier: GPL-2.0

//! A list of objects in the order of what they are called.

use kernel::prelude::*;

/// What is in such a list.
pub(crate) trait Keyed {
    /// What it is called.
    type Key: Ord;

    /// Its name, which does not change.
    fn key(&self) -> Self::Key;
}

/// A list in the order of the keys, each of which it has once.
pub(crate) struct Sorted<T: Keyed>(KVVec<T>);

impl<T: Keyed> Default for Sorted<T> {
    fn default() -> Self {
        Sorted(KVVec::new())
    }
}

impl<T: Keyed> Sorted<T> {
    fn place(&self, key: &T::Key) -> Result<usize, usize> {
        self.0.binary_search_by(|item| item.key().cmp(key))
    }

    /// Which one in order the object with a key is.
    pub(crate) fn index(&self, key: &T::Key) -> Option<usize> {
        self.place(key).ok()
    }

    /// The object with a key.
    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        self.place(key).ok().and_then(|at| self.0.get(at))
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, key: &T::Key) -> Option<&mut T> {
        match self.place(key) {
            Ok(at) => self.0.get_mut(at),
            Err(_) => None,
        }
    }

    /// Puts an object in, in the place of one with the same key, which is returned.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then nothing has changed.
    pub(crate) fn put(&mut self, item: T) -> Result<Option<T>> {
        match self.place(&item.key()) {
            Ok(at) => Ok(self.0.get_mut(at).map(|old| core::mem::replace(old, item))),
            Err(at) => {
                self.0.reserve(1, GFP_KERNEL_ACCOUNT)?;
                self.0
                    .insert_within_capacity(at, item)
                    .map_err(|_| ENOMEM)?;
                Ok(None)
            }
        }
    }

    /// Takes the object with a key out.
    pub(crate) fn take(&mut self, key: &T::Key) -> Option<T> {
        let at = self.place(key).ok()?;
        self.0.remove(at).ok()
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// All of them, to be changed in a way that leaves the keys.
    pub(crate) fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
