// SPDX-License-Identifier: GPL-2.0

//! Tenant networks.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::eth;
use vpcnet::attr::Message;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::vpc as attr;

use crate::config::Lists;
use crate::entry::mac_key;
use crate::name::Name;
use crate::sorted::Keyed;
use crate::state;
use crate::state::Change;

/// A MAC address.
pub(crate) type Mac = [u8; 6];

/// Highest number, which is a key of 24 bits.
const MOST: u32 = 0x00ff_ffff;

/// The most networks of a namespace, fewer than there are zones of connections.
const MOST_VPCS: usize = 1 << 15;

/// What packets have to know of a tenant network.
pub(crate) struct Vpc {
    pub(crate) id: u32,
    pub(crate) name: Name,
    /// The gateway's MAC address, whose frames are routed.
    pub(crate) gateway: Option<Mac>,
    /// Number of the zone that its connections are in.
    pub(crate) zone: u16,
}

/// A network in a configuration.
pub(crate) struct Item {
    pub(crate) vpc: Arc<Vpc>,
    /// How many of each refer to it.
    pub(crate) ports: u32,
    pub(crate) entries: u32,
    pub(crate) remotes: u32,
}

impl Keyed for Item {
    type Key = u32;

    fn key(&self) -> u32 {
        self.vpc.id
    }
}

/// The network that an attribute of a request names.
///
/// # Errors
///
/// `EINVAL` without one, `ENOENT` if there is no such network.
pub(crate) fn named<'a>(
    request: &Request<'_>,
    kind: u16,
    lists: &'a mut Lists,
) -> Result<&'a mut Item> {
    let id = id(request, kind)?;
    lists
        .vpcs
        .get_mut(&id)
        .ok_or_else(|| request.ack.refuse_fmt(ENOENT, fmt!("there is no VPC {id}")))
}

/// The number that an attribute of a request has.
pub(crate) fn id(request: &Request<'_>, kind: u16) -> Result<u32> {
    let Some(attr) = request.attrs.get(kind) else {
        return Err(request.ack.refuse(EINVAL, c"name the VPC, by its number"));
    };
    let id = attr.u32().filter(|id| (1..=MOST).contains(id));
    id.ok_or_else(|| {
        let why = c"the number of a VPC is from 1 to 16777215";
        request.ack.refuse_attr(&attr, ERANGE, why)
    })
}

/// The MAC address of one station that an attribute of a request has, if it is there.
pub(crate) fn mac(request: &Request<'_>, kind: u16) -> Result<Option<Mac>> {
    let Some(attr) = request.attrs.get(kind) else {
        return Ok(None);
    };
    let mac = attr.mac().filter(|&mac| eth::is_station(mac));
    mac.map(Some).ok_or_else(|| {
        let why = c"this is no MAC address of one station";
        request.ack.refuse_attr(&attr, EINVAL, why)
    })
}

/// `vpc-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    let id = id(request, attr::ID)?;
    let name = match request.attrs.get(attr::NAME) {
        Some(attr) => Name::of(request, &attr)?,
        None => Name::default(),
    };
    let gateway = mac(request, attr::GATEWAY)?;
    state::change(request, |change| {
        let taken = |item: &Item| item.vpc.id != id && item.vpc.name == name;
        if !name.is_empty() && change.lists.vpcs.iter().any(taken) {
            return Err(request.ack.refuse(EEXIST, c"another VPC has that name"));
        }
        if let Some(gateway) = gateway {
            let entry = change
                .config
                .entries
                .get(&mac_key(id, gateway), &*change.rtnl);
            if entry.is_some() {
                let why = c"the gateway's MAC address is that of a VM";
                return Err(request.ack.refuse(EEXIST, why));
            }
        }
        let vpc = Vpc {
            id,
            name,
            gateway,
            zone: zone(change.lists, id)?,
        };
        let vpc = Arc::new(vpc, GFP_KERNEL_ACCOUNT)?;
        match change.lists.vpcs.get(&id) {
            Some(_) if request.replaces() => replace(change, vpc),
            Some(_) => Err(request.ack.refuse(EEXIST, c"the VPC is there already")),
            None if change.lists.vpcs.len() >= MOST_VPCS => {
                let why = c"this namespace has as many VPCs as it may have";
                Err(request.ack.refuse(ENOSPC, why))
            }
            None => {
                let item = Item {
                    vpc,
                    ports: 0,
                    entries: 0,
                    remotes: 0,
                };
                change.lists.vpcs.put(item).map(|_| ())
            }
        }
    })
}

/// The zone of a network: that which it has, or else one that no other has. It depends on the number
/// of the network as far as it can, so that connections outlive a configuration.
///
/// # Errors
///
/// `ENOMEM`.
fn zone(lists: &Lists, id: u32) -> Result<u16> {
    if let Some(item) = lists.vpcs.get(&id) {
        return Ok(item.vpc.zone);
    }
    const ZONES: usize = 1 << 16;
    let mut taken = KVVec::with_capacity(ZONES, GFP_KERNEL)?;
    for zone in 0..ZONES {
        // That is the host's own.
        taken.push(zone == 0, GFP_KERNEL)?;
    }
    for item in lists.vpcs.iter() {
        if let Some(taken) = taken.get_mut(usize::from(item.vpc.zone)) {
            *taken = true;
        }
    }
    let mut zone = id as u16;
    // There are fewer networks than zones.
    while taken.get(usize::from(zone)) == Some(&true) {
        zone = zone.wrapping_add(1);
    }
    Ok(zone)
}

/// Puts a network in the place of the one with its number; its ports have it from now on.
fn replace(change: &mut Change<'_>, vpc: Arc<Vpc>) -> Result {
    let mut ready = KVVec::new();
    for port in change.lists.ports.iter() {
        let Some(settings) = port.settings(&*change.rtnl) else {
            continue;
        };
        if settings.vpc.id == vpc.id {
            let mut settings = settings.copy()?;
            settings.vpc = vpc.clone();
            ready.push((port.clone(), port.prepare(settings)?), GFP_KERNEL)?;
        }
    }
    // From here on nothing fails.
    for (port, settings) in ready {
        port.set(settings, change.rtnl);
    }
    if let Some(item) = change.lists.vpcs.get_mut(&vpc.id) {
        item.vpc = vpc;
    }
    Ok(())
}

/// `vpc-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    state::change(request, |change| {
        let item = named(request, attr::ID, change.lists)?;
        if item.ports | item.entries | item.remotes != 0 {
            let why = c"the VPC still has ports, entries or remotes";
            return Err(request.ack.refuse(EBUSY, why));
        }
        let id = item.vpc.id;
        change.lists.vpcs.take(&id);
        Ok(())
    })
}

fn fill(item: &Item, message: &mut Message<'_>) -> Result {
    message.put_u32(attr::ID, item.vpc.id)?;
    if !item.vpc.name.is_empty() {
        message.put_str(attr::NAME, &item.vpc.name)?;
    }
    if let Some(gateway) = &item.vpc.gateway {
        message.put_bytes(attr::GATEWAY, gateway)?;
    }
    message.put_u32(attr::PORTS, item.ports)?;
    message.put_u32(attr::ENTRIES, item.entries)?;
    message.put_u32(attr::REMOTES, item.remotes)
}

/// `vpc-get` of one.
pub(crate) fn get(request: &Request<'_>) -> Result {
    state::look(request, |view| {
        let item = named(request, attr::ID, view.lists)?;
        request.reply(cmd::VPC_GET, 256, |message| fill(item, message))
    })
}

/// `vpc-get` of all.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        for (n, item) in view.lists.vpcs.iter().enumerate().skip(dump.skip()) {
            if !dump.put(cmd::VPC_GET, n as u32 + 1, |message| fill(item, message))? {
                break;
            }
        }
        Ok(())
    })
}
