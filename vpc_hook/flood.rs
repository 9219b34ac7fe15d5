// SPDX-License-Identifier: GPL-2.0

//! Who gets the broadcast and multicast of a VPC.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;

use kernel::prelude::*;
use kernel::sync::Arc;

use vpcnet::clock;

use crate::port::Port;
use crate::remote::Remote;
use crate::state::Change;

/// Frames to all that a port may send in a second.
const RATE: u64 = 1000;

/// All that get what is for everybody.
pub(crate) struct Flood {
    pub(crate) ports: KVVec<Arc<Port>>,
    pub(crate) remotes: KVVec<Arc<Remote>>,
}

/// Counts frames to all, second by second. CPUs that write to it at once may lose a count; that is
/// none too many.
#[derive(Default)]
pub(crate) struct Meter(AtomicU64);

impl Meter {
    /// Counts one; false if there are too many of them.
    pub(crate) fn pass(&self) -> bool {
        const BITS: u32 = 24;
        let now = clock::seconds() << BITS;
        let old = self.0.load(Ordering::Relaxed);
        let new = match old >> BITS == now >> BITS {
            true => old.wrapping_add(1),
            false => now | 1,
        };
        if new & ((1 << BITS) - 1) > RATE {
            return false;
        }
        self.0.store(new, Ordering::Relaxed);
        true
    }
}

impl Change<'_> {
    /// Works out anew who gets what is for everybody in a VPC. In a transaction that is for later.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn flood(&mut self, vpc: u32) -> Result {
        if self.staged {
            return Ok(());
        }
        let mut flood = Flood {
            ports: KVVec::new(),
            remotes: KVVec::new(),
        };
        for port in self.lists.ports.iter() {
            let here = port.settings(&*self.rtnl).map(|it| it.vpc.id) == Some(vpc);
            if here {
                flood.ports.push(port.clone(), GFP_KERNEL)?;
            }
        }
        for item in self.lists.remotes.iter() {
            if item.flood && item.remote.vpc == vpc {
                flood.remotes.push(item.remote.clone(), GFP_KERNEL)?;
            }
        }
        let key = key(vpc);
        let floods = &self.config.floods;
        if flood.ports.is_empty() && flood.remotes.is_empty() {
            floods.remove(&key, self.rtnl);
            return Ok(());
        }
        match floods.get(&key, &*self.rtnl).is_some() {
            true => floods.replace(&key, flood, self.rtnl),
            false => floods.insert(key, flood, self.rtnl),
        }
    }
}

/// The key of a VPC.
#[inline]
pub(crate) fn key(vpc: u32) -> vpcnet::table::Key {
    [vpc.into(), 0, 0, 0, 0, 0]
}
