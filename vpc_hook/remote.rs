// SPDX-License-Identifier: GPL-2.0

//! The hosts that a VPC spans.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::ip::Addr;
use vpcnet::attr::Message;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::metadata::Destination;
use vpcnet::percpu::Counters;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::remote as attr;

use crate::entry;
use crate::sorted::Keyed;
use crate::state;
use crate::state::Change;
use crate::vpc;

/// The most remotes of a namespace; each has metadata and counters for each CPU.
const MOST: usize = 1 << 16;

/// Counters of a remote, by index.
pub(crate) const RX: usize = 0;
pub(crate) const TX: usize = 1;

/// A host, as one VPC sees it.
pub(crate) struct Remote {
    pub(crate) vpc: u32,
    pub(crate) addr: Addr,
    pub(crate) to: Destination,
    pub(crate) counters: Counters,
}

/// A remote in a configuration.
pub(crate) struct Item {
    pub(crate) remote: Arc<Remote>,
    /// It gets broadcast and multicast.
    pub(crate) flood: bool,
    /// How many entries lead to it.
    pub(crate) entries: u32,
}

/// What a remote is called: VPC, version and number of its address.
pub(crate) type Key = (u32, bool, u128);

/// The key of an address in a VPC.
pub(crate) fn key(vpc: u32, addr: Addr) -> Key {
    match addr {
        Addr::V4(addr) => (vpc, false, addr.into()),
        Addr::V6(addr) => (vpc, true, addr),
    }
}

impl Keyed for Item {
    type Key = Key;

    fn key(&self) -> Key {
        key(self.remote.vpc, self.remote.addr)
    }
}

/// The address of a host that an attribute of a request has.
///
/// # Errors
///
/// `EINVAL` without one, or if it is no host's.
pub(crate) fn addr(request: &Request<'_>, kind: u16) -> Result<Addr> {
    let Some(attr) = request.attrs.get(kind) else {
        return Err(request
            .ack
            .refuse(EINVAL, c"name the remote, by its address"));
    };
    let addr = attr
        .addr()
        .filter(|addr| addr.is_unicast() && !addr.is_link_local());
    addr.ok_or_else(|| {
        let why = c"this is no address of one host";
        request.ack.refuse_attr(&attr, EINVAL, why)
    })
}

impl Change<'_> {
    /// Makes a remote one that gets broadcast and multicast, or not; all or nothing.
    fn set_flood(&mut self, key: &Key, flood: bool) -> Result {
        let Some(item) = self.lists.remotes.get_mut(key) else {
            return Err(ENOENT);
        };
        let was = core::mem::replace(&mut item.flood, flood);
        if was == flood {
            return Ok(());
        }
        let &(vpc, ..) = key;
        let result = self.flood(vpc);
        if result.is_err() {
            if let Some(item) = self.lists.remotes.get_mut(key) {
                item.flood = was;
            }
        }
        result
    }

    /// Adds a remote that gets no broadcast.
    fn add_remote(&mut self, vpc: u32, addr: Addr) -> Result {
        let remote = Arc::new(
            Remote {
                vpc,
                addr,
                to: Destination::new(addr, vpc)?,
                counters: Counters::new(2)?,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let at = entry::addr_key(vpc, addr);
        let remotes = &self.config.remotes;
        remotes.insert(at, remote.clone(), self.rtnl)?;
        let item = Item {
            remote,
            flood: false,
            entries: 0,
        };
        if let Err(error) = self.lists.remotes.put(item) {
            remotes.remove(&at, self.rtnl);
            return Err(error);
        }
        if let Some(item) = self.lists.vpcs.get_mut(&vpc) {
            item.remotes = item.remotes.saturating_add(1);
        }
        Ok(())
    }

    /// Takes a remote out that no list has. Nothing in it fails.
    fn remove_remote(&mut self, vpc: u32, addr: Addr) {
        self.lists.remotes.take(&key(vpc, addr));
        if let Some(item) = self.lists.vpcs.get_mut(&vpc) {
            item.remotes = item.remotes.saturating_sub(1);
        }
        let at = entry::addr_key(vpc, addr);
        self.config.remotes.remove(&at, self.rtnl);
    }
}

/// `remote-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    let addr = addr(request, attr::ADDRESS)?;
    let flood = request.attrs.has(attr::FLOOD);
    state::change(request, |change| {
        let vpc = vpc::named(request, attr::VPC, change.lists)?.vpc.id;
        if request.net().has_address(addr) {
            let why = c"the remote is an address of this host";
            return Err(request.ack.refuse(EINVAL, why));
        }
        let key = key(vpc, addr);
        if change.lists.remotes.get(&key).is_some() {
            if request.replaces() {
                return change.set_flood(&key, flood);
            }
            let why = c"the remote is there already";
            return Err(request.ack.refuse(EEXIST, why));
        }
        if change.lists.remotes.len() >= MOST {
            let why = c"a namespace has 65536 remotes at most";
            return Err(request.ack.refuse(ENOSPC, why));
        }
        change.add_remote(vpc, addr)?;
        let result = change.set_flood(&key, flood);
        if result.is_err() {
            change.remove_remote(vpc, addr);
        }
        result
    })
}

/// `remote-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    let addr = addr(request, attr::ADDRESS)?;
    state::change(request, |change| {
        let vpc = vpc::named(request, attr::VPC, change.lists)?.vpc.id;
        let key = key(vpc, addr);
        let Some(item) = change.lists.remotes.get(&key) else {
            return Err(request.ack.refuse(ENOENT, c"the VPC has no such remote"));
        };
        if item.entries != 0 {
            return Err(request.ack.refuse(EBUSY, c"entries lead to the remote"));
        }
        change.set_flood(&key, false)?;
        change.remove_remote(vpc, addr);
        Ok(())
    })
}

fn fill(item: &Item, message: &mut Message<'_>) -> Result {
    message.put_u32(attr::VPC, item.remote.vpc)?;
    message.put_addr(attr::ADDRESS, item.remote.addr)?;
    if item.flood {
        message.put_flag(attr::FLOOD)?;
    }
    message.put_uint(attr::RX_PACKETS, item.remote.counters.sum(RX))?;
    message.put_uint(attr::TX_PACKETS, item.remote.counters.sum(TX))
}

/// `remote-get` of one.
pub(crate) fn get(request: &Request<'_>) -> Result {
    let addr = addr(request, attr::ADDRESS)?;
    state::look(request, |view| {
        let vpc = vpc::named(request, attr::VPC, view.lists)?.vpc.id;
        let Some(item) = view.lists.remotes.get(&key(vpc, addr)) else {
            return Err(request.ack.refuse(ENOENT, c"the VPC has no such remote"));
        };
        request.reply(cmd::REMOTE_GET, 128, |message| fill(item, message))
    })
}

/// `remote-get` of all.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        for (n, item) in view.lists.remotes.iter().enumerate().skip(dump.skip()) {
            if !dump.put(cmd::REMOTE_GET, n as u32 + 1, |message| fill(item, message))? {
                break;
            }
        }
        Ok(())
    })
}
