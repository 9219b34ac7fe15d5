// SPDX-License-Identifier: GPL-2.0

//! Entries: behind which port or remote a MAC address is, and which MAC address an IP address has.
//!
//! A port makes the entries of its own addresses by itself.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::ip::Addr;
use vpcnet::attr::Message;
use vpcnet::clock;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::table::Key;
use vpcnet::table::Spare;
use vpcnet::table::Walk;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::entry as attr;

use crate::config::Config;
use crate::port::Port;
use crate::remote;
use crate::remote::Remote;
use crate::state;
use crate::state::Change;
use crate::vpc;
use crate::vpc::Mac;

/// Longest time that frames are sent on after a VM has moved, in milliseconds.
const LONGEST_FORWARD: u32 = 600_000;

/// What is known of an address. One of a million is 24 bytes, a key and what the table needs.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) mac: Mac,
    pub(crate) target: Target,
}

/// Where a MAC address is.
#[derive(Clone)]
pub(crate) enum Target {
    /// Behind a port.
    Port(Arc<Port>),
    /// Behind a remote.
    Remote(Arc<Remote>),
    /// Behind a remote since a short time ago; before, it was behind a port of this host.
    Moved(Arc<Moved>),
    /// See the entry of the MAC address: this one is of an IP address.
    ByMac,
}

/// Where a VM has moved.
pub(crate) struct Moved {
    pub(crate) remote: Arc<Remote>,
    /// Until when frames from the wire are sent on, by [`clock::milliseconds`].
    pub(crate) until: u64,
}

const KIND_MAC: u64 = 0;
const KIND_V4: u64 = 4;
const KIND_V6: u64 = 6;

/// The key of a MAC address in a VPC.
#[inline]
pub(crate) fn mac_key(vpc: u32, mac: Mac) -> Key {
    let [a, b, c, d, e, f] = mac;
    // Two loads.
    let (high, low) = (u32::from_ne_bytes([a, b, c, d]), u16::from_ne_bytes([e, f]));
    let mac = u64::from(high) << 16 | u64::from(low);
    [u64::from(vpc) << 8 | KIND_MAC, mac, 0, 0, 0, 0]
}

/// The key of an IP address in a VPC.
#[inline]
pub(crate) fn addr_key(vpc: u32, addr: Addr) -> Key {
    let vpc = u64::from(vpc) << 8;
    match addr {
        Addr::V4(addr) => [vpc | KIND_V4, addr.into(), 0, 0, 0, 0],
        Addr::V6(addr) => [vpc | KIND_V6, (addr >> 64) as u64, addr as u64, 0, 0, 0],
    }
}

/// VPC and IP address of a key, the latter unless it is that of a MAC address.
fn of_key(key: &Key) -> (u32, Option<Addr>) {
    let [first, high, low, ..] = *key;
    let addr = match first & 0xff {
        KIND_V4 => Some(Addr::V4(high as u32)),
        KIND_V6 => Some(Addr::V6(u128::from(high) << 64 | u128::from(low))),
        _ => None,
    };
    ((first >> 8) as u32, addr)
}

/// The remote that a target is behind.
fn remote_of(target: &Target) -> Option<&Arc<Remote>> {
    match target {
        Target::Remote(remote) => Some(remote),
        Target::Moved(moved) => Some(&moved.remote),
        Target::Port(_) | Target::ByMac => None,
    }
}

impl Change<'_> {
    fn count_remote(&mut self, target: &Target, add: bool) {
        let Some(remote) = remote_of(target) else {
            return;
        };
        let key = remote::key(remote.vpc, remote.addr);
        if let Some(item) = self.lists.remotes.get_mut(&key) {
            item.entries = match add {
                true => item.entries.saturating_add(1),
                false => item.entries.saturating_sub(1),
            };
        }
    }

    /// Puts an entry into the table, in the place of what is there.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then the table is as it was.
    pub(crate) fn put_entry(&mut self, key: &Key, entry: Entry) -> Result {
        let target = entry.target.clone();
        match self.config.entries.get(key, &*self.rtnl).cloned() {
            Some(old) => {
                self.config.entries.replace(key, entry, self.rtnl)?;
                self.count_remote(&old.target, false);
            }
            None => {
                self.config.entries.insert(*key, entry, self.rtnl)?;
                let (vpc, _) = of_key(key);
                if let Some(item) = self.lists.vpcs.get_mut(&vpc) {
                    item.entries = item.entries.saturating_add(1);
                }
            }
        }
        self.count_remote(&target, true);
        Ok(())
    }

    /// Puts entries into the table, in the place of what is there: all of them or none.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then the table is as it was.
    pub(crate) fn put_entries(&mut self, wanted: KVec<(Key, Entry)>) -> Result {
        let mut made = KVec::with_capacity(wanted.len(), GFP_KERNEL)?;
        let mut spares = KVec::with_capacity(wanted.len(), GFP_KERNEL)?;
        let mut put = |change: &mut Self, key: Key, entry: Entry| -> Result {
            if change.config.entries.get(&key, &*change.rtnl).is_some() {
                return Ok(spares.push(Spare::new(key, entry)?, GFP_KERNEL)?);
            }
            change.put_entry(&key, entry)?;
            Ok(made.push(key, GFP_KERNEL)?)
        };
        for (key, entry) in wanted {
            if let Err(error) = put(self, key, entry) {
                for key in &made {
                    self.take_entry(key);
                }
                return Err(error);
            }
        }
        // From here on nothing fails.
        for spare in spares {
            let target = spare.value().target.clone();
            let old = self.config.entries.get(spare.key(), &*self.rtnl);
            let old = old.map(|entry| entry.target.clone());
            if self.config.entries.replace_with(spare, self.rtnl).is_ok() {
                if let Some(old) = old {
                    self.count_remote(&old, false);
                }
                self.count_remote(&target, true);
            }
        }
        Ok(())
    }

    /// Takes an entry out of the table, if it is there.
    pub(crate) fn take_entry(&mut self, key: &Key) {
        let Some(old) = self.config.entries.get(key, &*self.rtnl).cloned() else {
            return;
        };
        self.config.entries.remove(key, self.rtnl);
        self.count_remote(&old.target, false);
        let (vpc, _) = of_key(key);
        if let Some(item) = self.lists.vpcs.get_mut(&vpc) {
            item.entries = item.entries.saturating_sub(1);
        }
    }
}

/// The address that a request is about: that of an attribute, an IP address if there is one.
fn key(request: &Request<'_>, vpc: u32) -> Result<(Key, Option<Addr>)> {
    if let Some(attr) = request.attrs.get(attr::ADDRESS) {
        let Some(addr) = attr.addr().filter(|addr| addr.is_unicast()) else {
            let why = c"this is no address of one host";
            return Err(request.ack.refuse_attr(&attr, EINVAL, why));
        };
        return Ok((addr_key(vpc, addr), Some(addr)));
    }
    match vpc::mac(request, attr::MAC)? {
        Some(mac) => Ok((mac_key(vpc, mac), None)),
        None => Err(request
            .ack
            .refuse(EINVAL, c"name the entry, by mac or address")),
    }
}

/// `entry-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    let Some(mac) = vpc::mac(request, attr::MAC)? else {
        return Err(request.ack.refuse(EINVAL, c"an entry has a MAC address"));
    };
    let forward = match request.attrs.get(attr::FORWARD) {
        None => 0,
        Some(attr) => match attr.u32().filter(|&ms| ms <= LONGEST_FORWARD) {
            Some(ms) => ms,
            None => {
                let why = c"frames are sent on for 600000 ms at most";
                return Err(request.ack.refuse_attr(&attr, ERANGE, why));
            }
        },
    };
    state::change(request, |change| {
        let vpc = vpc::named(request, attr::VPC, change.lists)?.vpc.id;
        let (key, addr) = key(request, vpc)?;
        let target = match (addr, request.attrs.has(attr::REMOTE)) {
            (Some(_), false) => Target::ByMac,
            (Some(_), true) => {
                let why = c"where it is belongs to the entry of the MAC address";
                return Err(request.ack.refuse(EINVAL, why));
            }
            (None, false) => {
                let why = c"the entry of a MAC address has a remote";
                return Err(request.ack.refuse(EINVAL, why));
            }
            (None, true) => {
                let addr = remote::addr(request, attr::REMOTE)?;
                let Some(item) = change.lists.remotes.get(&remote::key(vpc, addr)) else {
                    return Err(request.ack.refuse(ENOENT, c"the VPC has no such remote"));
                };
                let remote = item.remote.clone();
                match forward {
                    0 => Target::Remote(remote),
                    ms => {
                        let until = clock::milliseconds().saturating_add(ms.into());
                        Target::Moved(Arc::new(Moved { remote, until }, GFP_KERNEL_ACCOUNT)?)
                    }
                }
            }
        };
        match change.config.entries.get(&key, &*change.rtnl) {
            Some(_) if !request.replaces() => {
                return Err(request.ack.refuse(EEXIST, c"the entry is there already"));
            }
            Some(_) => (),
            None if change.config.entries.len() >= change.max_entries => {
                let why = c"this namespace has as many entries as it may have";
                return Err(request.ack.refuse(ENOSPC, why));
            }
            None => (),
        }
        change.put_entry(&key, Entry { mac, target })
    })
}

/// `entry-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    state::change(request, |change| {
        let vpc = vpc::named(request, attr::VPC, change.lists)?.vpc.id;
        let (key, _) = key(request, vpc)?;
        let Some(entry) = change.config.entries.get(&key, &*change.rtnl) else {
            return Err(request.ack.refuse(ENOENT, c"there is no such entry"));
        };
        if port_of(change.config, &key, entry, &*change.rtnl).is_some() {
            return Err(request.ack.refuse(EBUSY, c"the entry is that of a port"));
        }
        change.take_entry(&key);
        Ok(())
    })
}

/// Index of the port that has made an entry.
fn port_of(
    config: &Config,
    key: &Key,
    entry: &Entry,
    alive: &impl vpcnet::context::RcuRead,
) -> Option<u32> {
    let (vpc, addr) = of_key(key);
    match (&entry.target, addr) {
        (Target::Port(port), _) => Some(port.ifindex),
        (Target::ByMac, Some(addr)) => {
            let by_mac = config.entries.get(&mac_key(vpc, entry.mac), alive)?;
            let Target::Port(port) = &by_mac.target else {
                return None;
            };
            port.settings(alive)?.has(addr).then_some(port.ifindex)
        }
        _ => None,
    }
}

fn fill(
    config: &Config,
    key: &Key,
    entry: &Entry,
    message: &mut Message<'_>,
    alive: &impl vpcnet::context::RcuRead,
) -> Result {
    let (vpc, addr) = of_key(key);
    message.put_u32(attr::VPC, vpc)?;
    message.put_bytes(attr::MAC, &entry.mac)?;
    if let Some(addr) = addr {
        message.put_addr(attr::ADDRESS, addr)?;
    }
    if let Some(remote) = remote_of(&entry.target) {
        message.put_addr(attr::REMOTE, remote.addr)?;
    }
    if let Some(ifindex) = port_of(config, key, entry, alive) {
        message.put_u32(attr::PORT, ifindex)?;
    }
    if let Target::Moved(moved) = &entry.target {
        let left = moved.until.saturating_sub(clock::milliseconds());
        message.put_u32(attr::FORWARD, left.try_into().unwrap_or(u32::MAX))?;
    }
    Ok(())
}

/// `entry-get` of one.
pub(crate) fn get(request: &Request<'_>) -> Result {
    state::look(request, |view| {
        let vpc = vpc::named(request, attr::VPC, view.lists)?.vpc.id;
        let (key, _) = key(request, vpc)?;
        let Some(entry) = view.config.entries.get(&key, view.rtnl) else {
            return Err(request.ack.refuse(ENOENT, c"there is no such entry"));
        };
        request.reply(cmd::ENTRY_GET, 128, |message| {
            fill(view.config, &key, entry, message, view.rtnl)
        })
    })
}

/// `entry-get` of all. The configuration that the dump began with is kept until its end.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    let mut walk = match dump.kept::<Walk<Arc<Config>>>() {
        Some(walk) => walk,
        None if dump.place() != 0 => return Ok(()),
        None => match state::running(dump.net()) {
            None => return Ok(()),
            Some((config, _)) => KBox::new(Walk::new(config)?, GFP_KERNEL)?,
        },
    };
    if let Some((_, generation)) = state::running(dump.net()) {
        dump.as_of(generation);
    }
    let config = walk.of().clone();
    let mut result = Ok(true);
    let done = walk.go_on(|key, entry, alive| {
        result = dump.put(cmd::ENTRY_GET, 1, |message| {
            fill(&config, key, entry, message, alive)
        });
        matches!(result, Ok(true))
    });
    result?;
    if !done {
        dump.keep(walk);
    }
    Ok(())
}
