// SPDX-License-Identifier: GPL-2.0

//! A configuration: what packets look up, and the lists that it is made of.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpcnet::bridge::Intake;
use vpcnet::context::RcuRead;
use vpcnet::context::Rtnl;
use vpcnet::netdev::Hold;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::rcu::RtnlCell;
use vpcnet::table::HasTable;
use vpcnet::table::Key;
use vpcnet::table::Short;
use vpcnet::table::Table;
use vpcnet::table::Walk;

use crate::acl;
use crate::entry::Entry;
use crate::entry::Target;
use crate::flood::Flood;
use crate::group::Group;
use crate::port;
use crate::port::Port;
use crate::remote;
use crate::remote::Remote;
use crate::sorted::Sorted;
use crate::state::State;
use crate::tally::Tally;
use crate::vpc;

/// Entries that are copied without a break.
const BATCH: usize = 512;

/// A configuration.
pub(crate) struct Config {
    /// The tunnel device.
    tunnel: RcuCell<Tunnel>,
    /// What that receives, once its frames are ours.
    intake: RtnlCell<Option<Intake<State>>>,
    ports: RcuCell<PortMap>,
    /// By [`crate::entry::mac_key`] and [`crate::entry::addr_key`].
    pub(crate) entries: Table<Entry, Short>,
    /// By [`crate::entry::addr_key`].
    pub(crate) remotes: Table<Arc<Remote>, Short>,
    /// By [`crate::flood::key`].
    pub(crate) floods: Table<Flood, Short>,
    /// Frames that belong to no port.
    pub(crate) tally: Arc<Tally>,
    pub(crate) lists: RtnlCell<Lists>,
}

/// The tunnel device.
pub(crate) struct Tunnel {
    pub(crate) dev: Hold,
    pub(crate) ifindex: u32,
}

/// What the requests see.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) vpcs: Sorted<vpc::Item>,
    pub(crate) ports: Sorted<Arc<Port>>,
    pub(crate) remotes: Sorted<remote::Item>,
    pub(crate) acls: Sorted<acl::Item>,
    pub(crate) groups: Sorted<Group>,
    /// Rules of all ACLs.
    pub(crate) rules: u32,
}

/// The ports by index of their device: a hash table without chains, at most half full.
struct PortMap {
    slots: KVVec<Option<Arc<Port>>>,
}

impl PortMap {
    fn new(ports: &Sorted<Arc<Port>>) -> Result<Self> {
        let size = ports.len().saturating_mul(2).max(2).next_power_of_two();
        let mut slots = KVVec::with_capacity(size, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..size {
            slots.push(None, GFP_KERNEL)?;
        }
        let mut map = PortMap { slots };
        for port in ports.iter() {
            let mut at = port.ifindex as usize;
            loop {
                let mask = map.slots.len().wrapping_sub(1);
                match map.slots.get_mut(at & mask) {
                    Some(slot @ None) => {
                        *slot = Some(port.clone());
                        break;
                    }
                    Some(Some(_)) => at = at.wrapping_add(1),
                    None => return Err(EINVAL),
                }
            }
        }
        Ok(map)
    }

    #[inline]
    fn get(&self, ifindex: u32) -> Option<&Port> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = ifindex as usize;
        loop {
            match self.slots.get(at & mask) {
                Some(Some(port)) if port.ifindex == ifindex => return Some(port),
                Some(Some(_)) => at = at.wrapping_add(1),
                // Half of them are empty.
                Some(None) | None => return None,
            }
        }
    }
}

impl HasTable for Config {
    type Value = Entry;
    type Keys = Short;

    fn table(&self) -> &Table<Entry, Short> {
        &self.entries
    }
}

impl Config {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(
            Config {
                tunnel: RcuCell::empty(),
                intake: RtnlCell::new(None),
                ports: RcuCell::empty(),
                entries: Table::new()?,
                remotes: Table::new()?,
                floods: Table::new()?,
                tally: Arc::new(Tally::new()?, GFP_KERNEL)?,
                lists: RtnlCell::new(Lists::default()),
            },
            GFP_KERNEL,
        )?)
    }

    /// The port of a device.
    #[inline]
    pub(crate) fn port<'a>(&'a self, ifindex: u32, alive: &'a impl RcuRead) -> Option<&'a Port> {
        self.ports.read(alive)?.get(ifindex)
    }

    /// The tunnel device.
    #[inline]
    pub(crate) fn tunnel<'a>(&'a self, alive: &'a impl RcuRead) -> Option<&'a Tunnel> {
        self.tunnel.read(alive)
    }

    /// Has another tunnel device, or none, in the place of that which there is. Without an intake its
    /// frames are not taken over before [`Config::publish_tunnel`].
    pub(crate) fn set_tunnel(
        &self,
        tunnel: Option<RcuBox<Tunnel>>,
        intake: Option<Intake<State>>,
        rtnl: &mut Rtnl,
    ) {
        self.tunnel.set(tunnel, rtnl);
        drop(self.intake.replace(intake, rtnl));
    }

    /// Takes over what the tunnel device receives.
    ///
    /// # Errors
    ///
    /// Those of [`Intake::new`].
    pub(crate) fn publish_tunnel(&self, rtnl: &mut Rtnl) -> Result {
        match self.tunnel(&*rtnl).map(|tunnel| tunnel.dev.hold()) {
            Some(dev) => port::take_over(&self.intake, &dev, rtnl),
            None => Ok(()),
        }
    }

    /// Has packets find the ports of the list.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or those of [`Port::take_over`]; then it is as before.
    pub(crate) fn publish_ports(&self, lists: &Lists, rtnl: &mut Rtnl) -> Result {
        for port in lists.ports.iter() {
            port.take_over(rtnl)?;
        }
        let map = RcuBox::new(PortMap::new(&lists.ports)?)?;
        self.ports.set(Some(map), rtnl);
        Ok(())
    }

    /// Whether there is a device whose frames are handled.
    pub(crate) fn is_in_use(&self, rtnl: &mut Rtnl) -> bool {
        self.tunnel(&*rtnl).is_some() || self.lists.with(rtnl, |lists, _| lists.ports.len() != 0)
    }

    /// Gives all devices up: nothing is looked up here any more.
    pub(crate) fn release(&self, rtnl: &mut Rtnl) {
        self.set_tunnel(None, None, rtnl);
        self.lists.with(rtnl, |lists, rtnl| {
            for port in lists.ports.iter() {
                port.release(rtnl);
            }
        });
    }

    /// Another one with the same in it, of which ACLs are shared until one is changed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy(&self, from: &Lists, rtnl: &mut Rtnl) -> Result<Arc<Self>> {
        let copy = Config::new()?;
        let mut lists = Lists {
            rules: from.rules,
            ..Lists::default()
        };
        if let Some(tunnel) = self.tunnel(&*rtnl) {
            let tunnel = RcuBox::new(Tunnel {
                dev: tunnel.dev.hold(),
                ifindex: tunnel.ifindex,
            })?;
            copy.set_tunnel(Some(tunnel), None, rtnl);
        }
        for item in from.vpcs.iter() {
            lists.vpcs.put(vpc::Item {
                vpc: item.vpc.clone(),
                ..*item
            })?;
        }
        for port in from.ports.iter() {
            if let (Some(dev), Some(settings)) = (port.dev(&*rtnl), port.settings(&*rtnl)) {
                let port = Port::new(dev.hold(), port.tally.clone(), settings.copy()?)?;
                lists.ports.put(port)?;
            }
        }
        for item in from.remotes.iter() {
            let remote = item.remote.clone();
            let at = crate::entry::addr_key(remote.vpc, remote.addr);
            copy.remotes.insert(at, remote.clone(), rtnl)?;
            lists.remotes.put(remote::Item { remote, ..*item })?;
        }
        for item in from.acls.iter() {
            lists.acls.put(acl::Item {
                acl: item.acl.clone(),
                owned: false,
            })?;
        }
        for group in from.groups.iter() {
            lists.groups.put(group.copy()?)?;
        }
        self.copy_entries(&copy, &lists, rtnl)?;
        copy.lists.replace(lists, rtnl);
        Ok(copy)
    }

    fn copy_entries(&self, to: &Config, lists: &Lists, rtnl: &mut Rtnl) -> Result {
        let mut batch: KVVec<(Key, Entry)> = KVVec::with_capacity(BATCH, GFP_KERNEL)?;
        let mut walk = Walk::new(self)?;
        loop {
            let done = walk
                .go_on(|key, entry, _| batch.push_within_capacity((*key, entry.clone())).is_ok());
            for (key, mut entry) in batch.drain_all() {
                if let Target::Port(port) = &entry.target {
                    let own = lists.ports.get(&port.ifindex).ok_or(ENODEV)?;
                    entry.target = Target::Port(own.clone());
                }
                match to.entries.insert(key, entry, rtnl) {
                    // The table was being resized, and the walk began anew.
                    Err(error) if error == EEXIST => (),
                    result => result?,
                }
            }
            if done {
                return Ok(());
            }
        }
    }
}
