// SPDX-License-Identifier: GPL-2.0

//! Requests about ports.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::ip::Addr;
use vpcnet::attr::Message;
use vpcnet::context::Rtnl;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::netdev::Hold;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::port as attr;
use vpcnet::vpc_hook::port_flags;

use crate::entry::addr_key;
use crate::entry::mac_key;
use crate::entry::Entry;
use crate::entry::Target;
use crate::group;
use crate::name::Name;
use crate::port::whole;
use crate::port::Connections;
use crate::port::Port;
use crate::port::Settings;
use crate::port::MOST_CONNECTIONS;
use crate::state;
use crate::state::Change;
use crate::state::View;
use crate::tally::Tally;
use crate::vpc;
use crate::vpc::Vpc;

/// The most ports of a namespace.
const MOST: usize = 1 << 15;

/// The most addresses and ACLs of a port.
const MOST_ADDRS: usize = 64;
const MOST_ACLS: usize = 8;

const ALL_FLAGS: u32 = port_flags::DHCP_SERVER
    | port_flags::ROUTER
    | port_flags::ANY_ETHERTYPE
    | port_flags::VLAN
    | port_flags::ANY_SOURCE;

/// The connections of a port: those that it has, if its VM and its VPC stay.
fn connections(
    request: &Request<'_>,
    change: &Change<'_>,
    ifindex: u32,
    vpc: &Vpc,
    mac: vpc::Mac,
    has_acls: bool,
) -> Result<Connections> {
    let most = request.attrs.get(attr::MAX_CONNECTIONS);
    let most = most.and_then(|attr| attr.u32()).unwrap_or(MOST_CONNECTIONS);
    let running = change.running.as_ref();
    let port = match change.lists.ports.get(&ifindex) {
        Some(port) => Some(&**port),
        // What is made from nothing goes on counting, too.
        None => running.and_then(|running| running.port(ifindex, &*change.rtnl)),
    };
    let old = port
        .and_then(|port| port.settings(&*change.rtnl))
        // The zone alone may be that of a VPC that has gone.
        .filter(|old| (old.vpc.id, old.vpc.zone, old.mac) == (vpc.id, vpc.zone, mac))
        .and_then(|old| old.connections.zone.clone());
    let zone = match old {
        None if has_acls => match state::new_zone(request.net(), vpc.zone) {
            Ok(zone) => Some(Arc::new(zone, GFP_KERNEL_ACCOUNT)?),
            // Rules that track drop everything then.
            Err(error) if error == EOPNOTSUPP => None,
            Err(error) => return Err(error),
        },
        old => old,
    };
    Ok(Connections { zone, most })
}

/// What a request wants a port to be.
fn settings(request: &Request<'_>, change: &mut Change<'_>, ifindex: u32) -> Result<Settings> {
    let vpc = vpc::named(request, attr::VPC, change.lists)?.vpc.clone();
    let Some(mac) = vpc::mac(request, attr::MAC)? else {
        return Err(request.ack.refuse(EINVAL, c"a port has a MAC address"));
    };
    if vpc.gateway == Some(mac) {
        let why = c"the MAC address is that of the VPC's gateway";
        return Err(request.ack.refuse(EINVAL, why));
    }
    let flags = match request.attrs.get(attr::FLAGS) {
        None => 0,
        Some(attr) => match attr.u32().filter(|flags| flags & !ALL_FLAGS == 0) {
            Some(flags) => flags,
            None => return Err(request.ack.refuse_attr(&attr, EINVAL, c"unknown flag")),
        },
    };
    let mut addrs = KVec::new();
    for payload in request.each(attr::ADDRESS) {
        if addrs.len() >= MOST_ADDRS {
            let why = c"a port has 64 addresses at most";
            return Err(request.ack.refuse(E2BIG, why));
        }
        // With a host part, the prefix says what the subnet's broadcast address is.
        let prefix = group::prefix(request, payload, false)?;
        let is_any = prefix.addr.is_none() && prefix.len < whole(prefix.addr);
        if !prefix.addr.is_unicast() && !is_any {
            let why = c"a port has addresses of hosts, not of groups";
            return Err(request.ack.refuse(EINVAL, why));
        }
        addrs.push(prefix, GFP_KERNEL)?;
    }
    let mut acls = KVec::new();
    for payload in request.each(attr::ACL) {
        if acls.len() >= MOST_ACLS {
            return Err(request.ack.refuse(E2BIG, c"a port has 8 ACLs at most"));
        }
        let name = Name::of_payload(request, payload)?;
        let Some(item) = change.lists.acls.get(&name) else {
            return Err(request.ack.refuse(ENOENT, c"there is no ACL of that name"));
        };
        acls.push(item.acl.clone(), GFP_KERNEL)?;
    }
    let connections = connections(request, change, ifindex, &vpc, mac, !acls.is_empty())?;
    Settings::new(vpc, mac, addrs, flags, acls, connections)
}

impl Change<'_> {
    /// Whether another port than that of a device has an address already.
    fn is_others(&self, key: &vpcnet::table::Key, settings: &Settings, ifindex: u32) -> bool {
        let entry = self.config.entries.get(key, &*self.rtnl);
        let by_mac = match entry {
            Some(Entry {
                mac,
                target: Target::ByMac,
            }) => {
                let key = mac_key(settings.vpc.id, *mac);
                self.config.entries.get(&key, &*self.rtnl)
            }
            entry => entry,
        };
        matches!(by_mac, Some(Entry { target: Target::Port(port), .. }) if port.ifindex != ifindex)
    }

    /// Whether an address is behind a remote.
    fn is_remotes(&self, key: &vpcnet::table::Key, vpc: u32) -> bool {
        match self.config.entries.get(key, &*self.rtnl) {
            Some(Entry {
                mac,
                target: Target::ByMac,
            }) => self.has_moved(vpc, *mac),
            Some(entry) => matches!(entry.target, Target::Remote(_) | Target::Moved(_)),
            None => false,
        }
    }

    /// Makes the entries of a port's addresses, all of them or none.
    fn put_port(&mut self, port: &Arc<Port>, at: &Addresses) -> Result {
        let mac = at.mac;
        let mut entries = KVec::with_capacity(at.hosts.len().saturating_add(1), GFP_KERNEL)?;
        let target = Target::Port(port.clone());
        entries.push((mac_key(at.vpc, mac), Entry { mac, target }), GFP_KERNEL)?;
        for addr in &at.hosts {
            let target = Target::ByMac;
            entries.push((addr_key(at.vpc, *addr), Entry { mac, target }), GFP_KERNEL)?;
        }
        self.put_entries(entries)
    }

    /// Takes the entry of an address that a port has had out, unless it has become another's.
    fn take_addr(&mut self, vpc: u32, mac: vpc::Mac, addr: Addr) {
        let key = addr_key(vpc, addr);
        let own = self.config.entries.get(&key, &*self.rtnl);
        if own.is_some_and(|entry| entry.mac == mac) && !self.has_moved(vpc, mac) {
            self.take_entry(&key);
        }
    }

    /// The same of its MAC address.
    fn take_mac(&mut self, ifindex: u32, vpc: u32, mac: vpc::Mac) {
        let key = mac_key(vpc, mac);
        let own = self.config.entries.get(&key, &*self.rtnl);
        let own = own.is_some_and(
            |entry| matches!(&entry.target, Target::Port(port) if port.ifindex == ifindex),
        );
        if own {
            self.take_entry(&key);
        }
    }

    /// Whether a MAC address is behind a remote.
    fn has_moved(&self, vpc: u32, mac: vpc::Mac) -> bool {
        let entry = self.config.entries.get(&mac_key(vpc, mac), &*self.rtnl);
        entry.is_some_and(|it| matches!(it.target, Target::Remote(_) | Target::Moved(_)))
    }

    /// Takes a port out, with its entries; false if there is none. Nothing in it fails.
    pub(crate) fn remove_port(&mut self, ifindex: u32) -> bool {
        let Some(port) = self.lists.ports.get(&ifindex).cloned() else {
            return false;
        };
        let at = port.settings(&*self.rtnl).map(|it| (it.vpc.id, it.mac));
        if let Some((vpc, mac)) = at {
            // One after the other: a list of them would need memory.
            let host = |n, rtnl: &Rtnl| port.settings(rtnl).and_then(|it| it.hosts().nth(n));
            let mut n: usize = 0;
            while let Some(addr) = host(n, self.rtnl) {
                self.take_addr(vpc, mac, addr);
                n = n.saturating_add(1);
            }
            self.take_mac(ifindex, vpc, mac);
        }
        self.give_up(&port);
        true
    }

    /// Takes a port out that has no entries.
    fn give_up(&mut self, port: &Port) {
        self.lists.ports.take(&port.ifindex);
        // If memory is too short for these two, packets still find the port, and pass it over.
        let _ = self.publish_ports();
        let vpc = port.settings(&*self.rtnl).map(|it| it.vpc.id);
        if let Some(vpc) = vpc {
            if let Some(item) = self.lists.vpcs.get_mut(&vpc) {
                item.ports = item.ports.saturating_sub(1);
            }
            let _ = self.flood(vpc);
        }
        port.release(self.rtnl);
    }
}

/// Where a port is.
struct Addresses {
    vpc: u32,
    mac: vpc::Mac,
    hosts: KVec<Addr>,
}

impl Addresses {
    fn of(settings: &Settings) -> Result<Self> {
        let mut hosts = KVec::new();
        for addr in settings.hosts() {
            hosts.push(addr, GFP_KERNEL)?;
        }
        Ok(Addresses {
            vpc: settings.vpc.id,
            mac: settings.mac,
            hosts,
        })
    }
}

/// `port-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    state::change_in_force(request, |change| {
        let dev = request
            .device(attr::IFINDEX, attr::IFNAME, change.rtnl)?
            .hold();
        let ifindex = dev.ifindex();
        if dev.is_bridge() || dev.is_loopback() {
            let why = c"the device can be no port of a bridge";
            return Err(request.ack.refuse(EINVAL, why));
        }
        let tunnel = change.config.tunnel(&*change.rtnl);
        if tunnel.is_some_and(|tunnel| tunnel.ifindex == ifindex) {
            return Err(request.ack.refuse(EBUSY, c"it is the tunnel device"));
        }
        let settings = settings(request, change, ifindex)?;
        let vpc = settings.vpc.id;
        if change.is_others(&mac_key(vpc, settings.mac), &settings, ifindex) {
            let why = c"another port of the VPC has that MAC address";
            return Err(request.ack.refuse(EEXIST, why));
        }
        for addr in settings.hosts() {
            if change.is_others(&addr_key(vpc, addr), &settings, ifindex) {
                let why = c"another port of the VPC has one of the addresses";
                return Err(request.ack.refuse(EEXIST, why));
            }
        }
        if !request.replaces() {
            let elsewhere = change.is_remotes(&mac_key(vpc, settings.mac), vpc)
                || settings
                    .hosts()
                    .any(|addr| change.is_remotes(&addr_key(vpc, addr), vpc));
            if elsewhere {
                let why = c"an entry says that one of the addresses is behind a remote";
                return Err(request.ack.refuse(EEXIST, why));
            }
        }
        let entries = &change.config.entries;
        let is_new = |key: &vpcnet::table::Key| entries.get(key, &*change.rtnl).is_none();
        let hosts = settings.hosts().map(|addr| addr_key(vpc, addr));
        let more = hosts.filter(is_new).count() as u32;
        let more = more.saturating_add(is_new(&mac_key(vpc, settings.mac)).into());
        if more != 0 && entries.len().saturating_add(more) > change.max_entries {
            let why = c"this namespace has as many entries as it may have";
            return Err(request.ack.refuse(ENOSPC, why));
        }
        match change.lists.ports.get(&ifindex).cloned() {
            Some(port) if request.replaces() => alter(change, &port, settings),
            Some(_) => {
                let why = c"the device is a port already";
                Err(request.ack.refuse(EEXIST, why))
            }
            None if change.lists.ports.len() >= MOST => {
                let why = c"a namespace has 32768 ports at most";
                Err(request.ack.refuse(ENOSPC, why))
            }
            None => add(change, dev, settings),
        }
    })
}

fn add(change: &mut Change<'_>, dev: Hold, settings: Settings) -> Result {
    let at = Addresses::of(&settings)?;
    let tally = Arc::new(Tally::new()?, GFP_KERNEL_ACCOUNT)?;
    let port = Port::new(dev, tally, settings)?;
    change.lists.ports.put(port.clone())?;
    if let Some(item) = change.lists.vpcs.get_mut(&at.vpc) {
        item.ports = item.ports.saturating_add(1);
    }
    let result = change
        .flood(at.vpc)
        // From here on its frames are ours.
        .and_then(|()| change.publish_ports())
        // What is said of its addresses gives way last, so that it need not be given back.
        .and_then(|()| change.put_port(&port, &at));
    if result.is_err() {
        change.give_up(&port);
    }
    result
}

fn alter(change: &mut Change<'_>, port: &Arc<Port>, settings: Settings) -> Result {
    let Some(old) = port.settings(&*change.rtnl) else {
        return Err(EINVAL);
    };
    let (old, new) = (Addresses::of(old)?, Addresses::of(&settings)?);
    let settings = port.prepare(settings)?;
    if new.vpc != old.vpc {
        change.flood_with(new.vpc, Some(port))?;
    }
    if let Err(error) = change.put_port(port, &new) {
        if new.vpc != old.vpc {
            // If memory is short, the port is still in the list, and passed over.
            let _ = change.flood(new.vpc);
        }
        return Err(error);
    }
    // From here on nothing fails.
    port.set(settings, change.rtnl);
    let same = (old.vpc, old.mac) == (new.vpc, new.mac);
    for &addr in &old.hosts {
        if !same || !new.hosts.contains(&addr) {
            change.take_addr(old.vpc, old.mac, addr);
        }
    }
    if !same {
        change.take_mac(port.ifindex, old.vpc, old.mac);
    }
    if new.vpc != old.vpc {
        if let Some(item) = change.lists.vpcs.get_mut(&old.vpc) {
            item.ports = item.ports.saturating_sub(1);
        }
        if let Some(item) = change.lists.vpcs.get_mut(&new.vpc) {
            item.ports = item.ports.saturating_add(1);
        }
        // As above.
        let _ = change.flood(old.vpc);
        if !change.staged {
            // What was on its way to the VM in the old VPC does not reach the one in the new.
            change.rtnl.wait_for_packets();
        }
    }
    Ok(())
}

/// `port-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    state::change(request, |change| {
        let dev = request.device(attr::IFINDEX, attr::IFNAME, change.rtnl)?;
        match change.remove_port(dev.ifindex()) {
            true => Ok(()),
            false => Err(request.ack.refuse(ENOENT, c"the device is no port")),
        }
    })
}

fn fill(port: &Port, message: &mut Message<'_>, rtnl: &Rtnl) -> Result {
    message.put_u32(attr::IFINDEX, port.ifindex)?;
    if let Some(dev) = port.dev(rtnl) {
        message.put_str(attr::IFNAME, dev.name(rtnl))?;
    }
    if let Some(settings) = port.settings(rtnl) {
        message.put_u32(attr::VPC, settings.vpc.id)?;
        message.put_bytes(attr::MAC, &settings.mac)?;
        for prefix in &settings.addrs {
            group::put_prefix(attr::ADDRESS, prefix, message)?;
        }
        message.put_u32(attr::FLAGS, settings.flags)?;
        for acl in &settings.acls {
            message.put_str(attr::ACL, &acl.name)?;
        }
        let Connections { zone, most } = &settings.connections;
        message.put_u32(attr::MAX_CONNECTIONS, *most)?;
        let zone = zone.as_ref();
        message.put_u32(attr::CONNECTIONS, zone.map_or(0, |zone| zone.connections()))?;
    }
    message.put_uint(attr::RX_PACKETS, port.tally.rx())?;
    message.put_uint(attr::TX_PACKETS, port.tally.tx())?;
    message.put_uint(attr::ANSWERED, port.tally.answers())?;
    port.tally.fill(attr::DROP, message)
}

/// Bytes of attributes that a port has at most.
const FILL_SIZE: usize = 8192;

/// `port-get` of one.
pub(crate) fn get(request: &Request<'_>) -> Result {
    state::look(request, |view: &mut View<'_>| {
        let dev = request.device(attr::IFINDEX, attr::IFNAME, view.rtnl)?;
        let Some(port) = view.lists.ports.get(&dev.ifindex()) else {
            return Err(request.ack.refuse(ENOENT, c"the device is no port"));
        };
        request.reply(cmd::PORT_GET, FILL_SIZE, |message| {
            fill(port, message, view.rtnl)
        })
    })
}

/// `port-get` of all.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        for (n, port) in view.lists.ports.iter().enumerate().skip(dump.skip()) {
            let put = dump.put(cmd::PORT_GET, n as u32 + 1, |message| {
                fill(port, message, view.rtnl)
            })?;
            if !put {
                break;
            }
        }
        Ok(())
    })
}
