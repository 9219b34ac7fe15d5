// SPDX-License-Identifier: GPL-2.0

//! What ACLs have said of flows, kept on each CPU. See [`vpc_core::vpc::acl::cache`].
//!
//! All ACLs of all namespaces share one table, which is there from the first on that has many rules,
//! until the module goes: 64 KB for each CPU. A CPU looks at its own only, and neither a change of
//! rules nor of ports is of interest to it.

use core::mem::size_of;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::vpc::acl::cache::Entry;
use vpc_core::vpc::acl::cache::Table;
use vpc_core::vpc::acl::cache::Tag;
use vpc_core::vpc::acl::cache::PLACES;
use vpc_core::vpc::acl::cache::WAYS;
use vpc_core::vpc::acl::Key;
use vpc_core::vpc::acl::Rule;
use vpcnet::context::Rtnl;
use vpcnet::percpu::Slots;
use vpcnet::percpu::ThisCpu;
use vpcnet::random;
use vpcnet::rcu::RtnlCell;

use crate::compiled::Found;

const _: () = assert!(size_of::<Entry<Found>>() == 64);

/// Each way is a piece of its own: 32 KB, the most that there is in one.
struct Ways([Slots<Entry<Found>>; WAYS]);

impl Ways {
    fn new() -> Result<Arc<Self>> {
        let way = || Slots::new(PLACES, Entry::EMPTY);
        Ok(Arc::new(Ways([way()?, way()?]), GFP_KERNEL)?)
    }
}

/// The table, once there is one.
static SHARED: RtnlCell<Option<Arc<Ways>>> = RtnlCell::new(None);

/// The module's hold on the table.
pub(crate) struct Memory;

impl Drop for Memory {
    fn drop(&mut self) {
        Rtnl::with(|rtnl| SHARED.replace(None, rtnl));
    }
}

/// What rules were called last.
static LAST: AtomicU64 = AtomicU64::new(0);

/// What has been said by some rules.
pub(crate) struct Answers {
    ways: Arc<Ways>,
    tag: Tag,
}

impl Answers {
    /// For rules that have just been compiled. Nothing has been said by them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(rules: &[Rule], rtnl: &mut Rtnl) -> Result<Self> {
        let ways = SHARED.with(rtnl, |shared, _| -> Result<_> {
            let ways = match shared {
                Some(ways) => ways.clone(),
                None => shared.insert(Ways::new()?).clone(),
            };
            Ok(ways)
        })?;
        let number = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let tag = Tag::new(rules, number, random::seed()).ok_or(EOVERFLOW)?;
        Ok(Answers { ways, tag })
    }

    /// What the rules say of a packet, as they have said it on this CPU before, or as `tree` does.
    #[inline]
    pub(crate) fn ask(
        &self,
        key: &Key,
        cpu: ThisCpu<'_>,
        tree: impl FnOnce() -> Option<Found>,
    ) -> Option<Found> {
        let ways = &*self.ways;
        self.tag.ask(key, &Here { ways, cpu }, tree)
    }
}

/// This CPU's table.
struct Here<'a> {
    ways: &'a Ways,
    cpu: ThisCpu<'a>,
}

impl Table<Found> for Here<'_> {
    #[inline]
    fn get(&self, way: usize, place: usize) -> Option<Entry<Found>> {
        self.ways.0.get(way)?.get(place, self.cpu)
    }

    #[inline]
    fn put(&self, way: usize, place: usize, entry: Entry<Found>) {
        if let Some(way) = self.ways.0.get(way) {
            way.put(place, entry, self.cpu);
        }
    }
}
