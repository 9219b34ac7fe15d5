// SPDX-License-Identifier: GPL-2.0

//! ACLs and their rules.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::vpc::acl::Key;
use vpc_core::vpc::acl::Rule;
use vpcnet::context::Datapath;
use vpcnet::context::Rtnl;
use vpcnet::percpu::Counters;
use vpcnet::percpu::ThisCpu;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::rcu::RtnlCell;

use crate::compiled::Compiled;
use crate::compiled::Said;
use crate::config::Lists;
use crate::group::Group;
use crate::name::Name;
use crate::sorted::Keyed;
use crate::sorted::Sorted;

/// Rules are counted in portions of so many.
const PORTION: usize = 1024;

/// The most that the rules of an ACL may come to, with a rule for each member of a group.
const MOST_EXPANDED: usize = 1 << 17;
/// The same of all ACLs of a namespace: a change of a group may have all of them compiled, under RTNL.
pub(crate) const MOST_OF_ALL: usize = 1 << 19;

/// From the VM, or to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Egress,
    Ingress,
}

/// An ACL.
pub(crate) struct Acl {
    pub(crate) name: Name,
    rules: RtnlCell<Rules>,
    egress: RcuCell<Compiled>,
    ingress: RcuCell<Compiled>,
    /// Rules in these, with one for each member of a group.
    size: RtnlCell<usize>,
}

/// An ACL in a configuration.
pub(crate) struct Item {
    pub(crate) acl: Arc<Acl>,
    /// It is this configuration's alone, and may be changed.
    pub(crate) owned: bool,
}

impl Keyed for Item {
    type Key = Name;

    fn key(&self) -> Name {
        self.acl.name
    }
}

/// The rules of an ACL.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) list: Sorted<Entry>,
    /// Their counters.
    pub(crate) counters: KVec<Arc<Counters>>,
    /// Counters that rules have had which are gone.
    free: KVVec<u32>,
    /// How many counters have been handed out.
    used: u32,
}

/// A rule.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) priority: u32,
    pub(crate) direction: Direction,
    /// What it matches, apart from groups, and what it does.
    pub(crate) rule: Rule,
    pub(crate) src_group: Option<Name>,
    pub(crate) dst_group: Option<Name>,
    /// What it allows is tracked.
    pub(crate) stateful: bool,
    pub(crate) counter: u32,
    /// What the counter had when the rule came.
    base: u64,
}

impl Keyed for Entry {
    type Key = u32;

    fn key(&self) -> u32 {
        self.priority
    }
}

impl Entry {
    pub(crate) fn new(
        priority: u32,
        direction: Direction,
        rule: Rule,
        src_group: Option<Name>,
        dst_group: Option<Name>,
        stateful: bool,
    ) -> Self {
        Entry {
            priority,
            direction,
            rule,
            src_group,
            dst_group,
            stateful,
            counter: 0,
            base: 0,
        }
    }

    /// Whether it names a group.
    pub(crate) fn names(&self, group: &Name) -> bool {
        self.src_group.as_ref() == Some(group) || self.dst_group.as_ref() == Some(group)
    }
}

pub(crate) fn portion(counter: u32) -> (usize, usize) {
    let counter = counter as usize;
    (counter / PORTION, counter % PORTION)
}

fn sum(counters: &[Arc<Counters>], counter: u32) -> u64 {
    let (portion, index) = portion(counter);
    counters.get(portion).map_or(0, |it| it.sum(index))
}

impl Rules {
    /// Packets that a rule has matched.
    pub(crate) fn packets(&self, entry: &Entry) -> u64 {
        sum(&self.counters, entry.counter).wrapping_sub(entry.base)
    }

    /// Puts a rule in, in the place of one with its priority, whose count it takes over.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then nothing has changed.
    pub(crate) fn put(&mut self, mut entry: Entry) -> Result {
        if let Some(old) = self.list.get_mut(&entry.priority) {
            entry.counter = old.counter;
            entry.base = old.base;
            *old = entry;
            return Ok(());
        }
        // So that it can be given back whenever the rule goes.
        self.free
            .reserve(self.list.len().saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        let reused = self.free.pop();
        entry.counter = match reused {
            Some(counter) => counter,
            None => {
                let (portion, _) = portion(self.used);
                if portion >= self.counters.len() {
                    let counters = Arc::new(Counters::new(PORTION)?, GFP_KERNEL)?;
                    self.counters.push(counters, GFP_KERNEL)?;
                }
                self.used
            }
        };
        entry.base = sum(&self.counters, entry.counter);
        match self.list.put(entry) {
            Ok(_) => {
                if reused.is_none() {
                    self.used = self.used.saturating_add(1);
                }
                Ok(())
            }
            Err(error) => {
                if let Some(counter) = reused {
                    // There was room.
                    let _ = self.free.push_within_capacity(counter);
                }
                Err(error)
            }
        }
    }

    /// Takes a rule out; false if there is none.
    pub(crate) fn take(&mut self, priority: u32) -> bool {
        let Some(entry) = self.list.take(&priority) else {
            return false;
        };
        // `put()` has made room; without, the counter would stay unused.
        let _ = self.free.push_within_capacity(entry.counter);
        true
    }

    fn copy(&self) -> Result<Self> {
        let mut copy = Rules {
            used: self.used,
            ..Rules::default()
        };
        for entry in self.list.iter() {
            copy.list.put(*entry)?;
        }
        for counters in &self.counters {
            copy.counters.push(counters.clone(), GFP_KERNEL)?;
        }
        copy.free.reserve(
            self.list.len().saturating_add(self.free.len()),
            GFP_KERNEL_ACCOUNT,
        )?;
        for &counter in &self.free {
            copy.free.push(counter, GFP_KERNEL)?;
        }
        Ok(copy)
    }
}

/// Compiled rules that packets do not find yet.
pub(crate) struct Ready {
    egress: RcuBox<Compiled>,
    ingress: RcuBox<Compiled>,
    size: usize,
}

impl Ready {
    /// How many they are, with one for each member of a group.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

impl Acl {
    /// One without rules.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: Name) -> Result<Arc<Self>> {
        Ok(Arc::new(
            Acl {
                name,
                rules: RtnlCell::new(Rules::default()),
                egress: RcuCell::empty(),
                ingress: RcuCell::empty(),
                size: RtnlCell::new(0),
            },
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    /// Lends the rules.
    pub(crate) fn with<R>(&self, rtnl: &mut Rtnl, f: impl FnOnce(&mut Rules, &mut Rtnl) -> R) -> R {
        self.rules.with(rtnl, f)
    }

    /// Another one with the same rules and counters, not compiled yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn copy(&self, rtnl: &mut Rtnl) -> Result<Arc<Self>> {
        let copy = Acl::new(self.name)?;
        let rules = self.rules.with(rtnl, |rules, _| rules.copy())?;
        copy.rules.replace(rules, rtnl);
        Ok(copy)
    }

    /// Compiles the rules as they are now, of which there may be so many with those of groups.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG` if groups make too many rules of them.
    pub(crate) fn prepare(
        &self,
        groups: &Sorted<Group>,
        room: usize,
        rtnl: &mut Rtnl,
    ) -> Result<Ready> {
        self.rules.with(rtnl, |rules, rtnl| {
            let most = room.min(MOST_EXPANDED);
            let egress = Compiled::new(rules, Direction::Egress, groups, most, rtnl)?;
            let size = egress.len();
            let most = room.saturating_sub(size).min(MOST_EXPANDED);
            let ingress = Compiled::new(rules, Direction::Ingress, groups, most, rtnl)?;
            Ok(Ready {
                size: size.saturating_add(ingress.len()),
                egress: RcuBox::new(egress)?,
                ingress: RcuBox::new(ingress)?,
            })
        })
    }

    /// Has packets find what has been compiled.
    pub(crate) fn set(&self, ready: Ready, rtnl: &mut Rtnl) {
        self.egress.set(Some(ready.egress), rtnl);
        self.ingress.set(Some(ready.ingress), rtnl);
        self.size.replace(ready.size, rtnl);
    }

    /// Rules that packets find, with one for each member of a group.
    pub(crate) fn size(&self, rtnl: &mut Rtnl) -> usize {
        self.size.with(rtnl, |size, _| *size)
    }

    fn cell(&self, direction: Direction) -> &RcuCell<Compiled> {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    /// Whether connections count that packets belong to.
    #[inline]
    pub(crate) fn tracks(&self, direction: Direction, dp: &Datapath) -> bool {
        let compiled = self.cell(direction).read(dp);
        compiled.is_some_and(|compiled| compiled.tracks)
    }

    /// What it says of a packet; nothing if no rule matches. `key` is what rules look at, and asked for
    /// if that matters. The rule counts it, if `count` says which CPU this is; without, what has been
    /// said before is of no matter, and nothing is kept.
    #[inline]
    pub(crate) fn say(
        &self,
        direction: Direction,
        key: impl Fn() -> Key,
        count: Option<ThisCpu<'_>>,
        dp: &Datapath,
    ) -> Option<Said> {
        self.cell(direction).read(dp)?.say(key, count)
    }
}

/// The ACL with a name, to be changed: if other configurations have it, too, a copy takes its place
/// in this one, and its ports.
///
/// # Errors
///
/// `ENOENT`, `ENOMEM`.
pub(crate) fn own(lists: &mut Lists, name: &Name, rtnl: &mut Rtnl) -> Result<Arc<Acl>> {
    let item = lists.acls.get(name).ok_or(ENOENT)?;
    if item.owned {
        return Ok(item.acl.clone());
    }
    let (old, new) = (item.acl.clone(), item.acl.copy(rtnl)?);
    let mut ready = KVVec::new();
    for port in lists.ports.iter() {
        let Some(settings) = port.settings(&*rtnl) else {
            continue;
        };
        if settings.acls.iter().any(|it| Arc::ptr_eq(it, &old)) {
            let mut settings = settings.copy()?;
            for acl in settings.acls.iter_mut() {
                if Arc::ptr_eq(acl, &old) {
                    *acl = new.clone();
                }
            }
            ready.push((port.clone(), port.prepare(settings)?), GFP_KERNEL)?;
        }
    }
    // From here on nothing fails.
    for (port, settings) in ready {
        port.set(settings, rtnl);
    }
    if let Some(item) = lists.acls.get_mut(name) {
        *item = Item {
            acl: new.clone(),
            owned: true,
        };
    }
    Ok(new)
}
