// SPDX-License-Identifier: GPL-2.0

//! Which device a packet is for.

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;
use vpc_core::outer::FLOW_ID_BITS;
use vpcnet::context::Datapath;
use vpcnet::context::Rtnl;
use vpcnet::device::Device;
use vpcnet::device::DeviceHold;
use vpcnet::link::Request;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::table::Key;
use vpcnet::table::Table;

use crate::config::Config;
use crate::port::MqGre;

/// What the outer headers of a packet say about who it is for, as it stands in the tables:
///
/// | word | |
/// |---|---|
/// | 0, 1 | remote; of IPv4 in the low bits |
/// | 2, 3 | local, likewise |
/// | 4 | key; index of the link that a link-local remote is on |
/// | 5 | destination port, if GRE is in UDP; flags |
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(Key);

const KEYED: u64 = 1;
const V6: u64 = 2;

impl Address {
    /// Packs it; `port` is 0 without UDP, `scope` for a remote that is not link-local.
    #[inline]
    pub(crate) fn new(remote: Addr, local: Addr, key: Option<u32>, port: u16, scope: u32) -> Self {
        let words = |addr| match addr {
            Addr::V4(addr) => [0, u64::from(addr)],
            Addr::V6(addr) => [(addr >> 64) as u64, addr as u64],
        };
        let [r0, r1] = words(remote);
        let [l0, l1] = words(local);
        let keyed = if key.is_some() { KEYED } else { 0 };
        let v6 = if remote.version() == Version::V6 {
            V6
        } else {
            0
        };
        let key = u64::from(key.unwrap_or(0));
        Address([
            r0,
            r1,
            l0,
            l1,
            key << 32 | u64::from(scope),
            u64::from(port) << 16 | v6 | keyed,
        ])
    }

    #[inline]
    fn addr(&self, high: u64, low: u64) -> Addr {
        let Address([.., flags]) = self;
        match flags & V6 {
            0 => Addr::V4(low as u32),
            _ => Addr::V6(u128::from(high) << 64 | u128::from(low)),
        }
    }

    pub(crate) fn remote(&self) -> Addr {
        let Address([r0, r1, ..]) = *self;
        self.addr(r0, r1)
    }

    pub(crate) fn local(&self) -> Addr {
        let Address([_, _, l0, l1, ..]) = *self;
        self.addr(l0, l1)
    }

    #[inline]
    pub(crate) fn key(&self) -> Option<u32> {
        let Address([.., key, flags]) = self;
        (flags & KEYED != 0).then_some((key >> 32) as u32)
    }

    /// Destination port, if GRE is in UDP, else 0.
    #[inline]
    pub(crate) fn port(&self) -> u16 {
        let Address([.., flags]) = self;
        (flags >> 16) as u16
    }

    #[inline]
    pub(crate) fn is_v6(&self) -> bool {
        let Address([.., flags]) = self;
        flags & V6 != 0
    }

    #[inline]
    fn with_any_local(&self) -> Self {
        let Address([r0, r1, _, _, key, flags]) = *self;
        Address([r0, r1, 0, 0, key, flags])
    }

    /// By the id of a virtual subnet, the upper 24 bits of the key (RFC 7637, 3.2).
    #[inline]
    fn by_vsid(&self) -> Option<Self> {
        let Address([r0, r1, l0, l1, key, flags]) = *self;
        let vsid = key >> (32 + FLOW_ID_BITS);
        let scope = key & u64::from(u32::MAX);
        (flags & KEYED != 0).then_some(Address([r0, r1, l0, l1, vsid << 32 | scope, flags]))
    }
}

/// The ways in which tunnels match, each with a table of its own, so that a way that no tunnel uses
/// costs a packet next to nothing. Packets try them in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Exact,
    AnyLocal,
    Vsid,
    VsidAnyLocal,
}

impl Way {
    const COUNT: usize = 4;

    fn of(config: &Config, local: Addr) -> Self {
        match (config.nvgre, local.is_none()) {
            (false, false) => Way::Exact,
            (false, true) => Way::AnyLocal,
            (true, false) => Way::Vsid,
            (true, true) => Way::VsidAnyLocal,
        }
    }
}

/// Where a tunnel stands in the tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    way: Way,
    key: Key,
    /// The key for the table of sent packets, if that is another.
    okey: Option<Key>,
}

impl Place {
    /// Whether received packets find both alike.
    fn is_same(&self, other: &Self) -> bool {
        (self.way, self.key) == (other.way, other.key)
    }

    /// That of a device with these settings; `None` in collect-metadata mode.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let peer = config.peer.as_ref()?;
        let port = config.udp.map_or(0, |udp| udp.dport);
        let scope = match peer.remote.is_link_local() {
            true => config.link,
            false => 0,
        };
        let by = |key| Address::new(peer.remote, peer.local, key, port, scope).0;
        Some(Place {
            way: Way::of(config, peer.local),
            key: by(peer.ikey),
            okey: (peer.okey != peer.ikey).then(|| by(peer.okey)),
        })
    }
}

/// Where the packets of a namespace are led to.
pub(crate) struct Ports {
    /// Point-to-point tunnels, by [`Way`].
    tunnels: [Table<DeviceHold<MqGre>>; Way::COUNT],
    /// Those with another key for sent packets than for received ones, by the former, for ICMP
    /// errors. Of several that send alike one is here.
    by_okey: Table<DeviceHold<MqGre>>,
    /// The device that takes what no tunnel does.
    metadata: RcuCell<DeviceHold<MqGre>>,
}

impl Ports {
    pub(crate) fn new() -> Result<Self> {
        Ok(Ports {
            tunnels: [Table::new()?, Table::new()?, Table::new()?, Table::new()?],
            by_okey: Table::new()?,
            metadata: RcuCell::empty(),
        })
    }

    #[inline]
    fn table(&self, way: Way) -> &Table<DeviceHold<MqGre>> {
        let [exact, any_local, vsid, vsid_any_local] = &self.tunnels;
        match way {
            Way::Exact => exact,
            Way::AnyLocal => any_local,
            Way::Vsid => vsid,
            Way::VsidAnyLocal => vsid_any_local,
        }
    }

    /// The tunnel that a packet belongs to.
    #[inline]
    pub(crate) fn tunnel<'a>(
        &'a self,
        address: &Address,
        dp: &'a Datapath,
    ) -> Option<&'a Device<MqGre>> {
        let [exact, any_local, vsid, vsid_any_local] = &self.tunnels;
        if !exact.is_empty() {
            if let Some(hold) = exact.get(&address.0, dp) {
                return Some(hold);
            }
        }
        if !any_local.is_empty() {
            if let Some(hold) = any_local.get(&address.with_any_local().0, dp) {
                return Some(hold);
            }
        }
        if vsid.is_empty() && vsid_any_local.is_empty() {
            return None;
        }
        let address = address.by_vsid()?;
        let hold = vsid
            .get(&address.0, dp)
            .or_else(|| vsid_any_local.get(&address.with_any_local().0, dp))?;
        Some(hold)
    }

    /// The device that takes what no tunnel does, if it takes that: what is in UDP, if it came to its
    /// port, and with NVGRE what has a key.
    #[inline]
    pub(crate) fn metadata<'a>(
        &'a self,
        address: &Address,
        dp: &'a Datapath,
    ) -> Option<&'a Device<MqGre>> {
        let dev: &Device<MqGre> = self.metadata.read(dp)?;
        let config = &dev.data().settings(dp)?.config;
        let port = address.port();
        let comes = port == 0 || config.udp.is_some_and(|udp| udp.dport == port);
        let keyed = !config.nvgre || address.key().is_some();
        (comes && keyed).then_some(dev)
    }

    /// The device that has sent a packet, with its settings; here the key is the one that was sent.
    pub(crate) fn sender<'a>(
        &'a self,
        address: &Address,
        dp: &'a Datapath,
    ) -> Option<(&'a Device<MqGre>, &'a Config)> {
        let with_config = |dev: &'a Device<MqGre>| {
            let config = &dev.data().settings(dp)?.config;
            Some((dev, config))
        };
        let sends = |(dev, config): (&'a Device<MqGre>, &'a Config)| {
            let key = match config.nvgre {
                true => address.key().map(|key| key >> FLOW_ID_BITS),
                false => address.key(),
            };
            let peer = config.peer.as_ref()?;
            (peer.okey == key).then_some((dev, config))
        };
        // Most have one key for both ways.
        if let Some(found) = self
            .tunnel(address, dp)
            .and_then(with_config)
            .and_then(sends)
        {
            return Some(found);
        }
        let by_okey = |address: Address| {
            let hold = self.by_okey.get(&address.0, dp)?;
            with_config(hold).and_then(sends)
        };
        if !self.by_okey.is_empty() {
            let found = [Some(*address), address.by_vsid()]
                .into_iter()
                .flatten()
                .find_map(|address| by_okey(address).or_else(|| by_okey(address.with_any_local())));
            if found.is_some() {
                return found;
            }
        }
        let (dev, config) = self.metadata(address, dp).and_then(with_config)?;
        let port = config.udp.map_or(0, |udp| udp.dport);
        (port == address.port()).then_some((dev, config))
    }

    /// Leads packets to a device at a new place; at the old one they still are.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`, `E2BIG`; then all is as before.
    pub(crate) fn insert(
        &self,
        new: Option<Place>,
        old: Option<Place>,
        dev: &Device<MqGre>,
        rtnl: &mut Rtnl,
    ) -> Result {
        let Some(place) = new else {
            self.metadata.set(Some(RcuBox::new(dev.hold())?), rtnl);
            return Ok(());
        };
        let moves = !old.is_some_and(|old| old.is_same(&place));
        if moves {
            self.table(place.way).insert(place.key, dev.hold(), rtnl)?;
        }
        let okey = place
            .okey
            .filter(|_| old.and_then(|old| old.okey) != place.okey);
        match okey.map(|key| self.by_okey.insert(key, dev.hold(), rtnl)) {
            Some(Err(error)) if error != EEXIST => {
                if moves {
                    self.table(place.way).remove(&place.key, rtnl);
                }
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Leads packets no longer to a device at the old place, as far as the new one is another.
    pub(crate) fn remove(
        &self,
        old: Option<Place>,
        new: Option<Place>,
        dev: &Device<MqGre>,
        rtnl: &mut Rtnl,
    ) {
        let Some(place) = old else {
            if self.leads_to(old, dev, rtnl) {
                self.metadata.set(None, rtnl);
            }
            return;
        };
        let stays = new.is_some_and(|new| new.is_same(&place));
        if !stays && self.leads_to(old, dev, rtnl) {
            self.table(place.way).remove(&place.key, rtnl);
        }
        let okey = place
            .okey
            .filter(|_| new.and_then(|new| new.okey) != place.okey);
        let ours = |key: &Key| self.by_okey.get(key, rtnl).is_some_and(|hold| hold.is(dev));
        if let Some(key) = okey.filter(ours) {
            self.by_okey.remove(&key, rtnl);
        }
    }

    fn leads_to(&self, place: Option<Place>, dev: &Device<MqGre>, rtnl: &Rtnl) -> bool {
        self.taken(place, rtnl).is_some_and(|hold| hold.is(dev))
    }

    fn taken<'a>(&'a self, place: Option<Place>, rtnl: &'a Rtnl) -> Option<&'a DeviceHold<MqGre>> {
        match place {
            Some(place) => self.table(place.way).get(&place.key, rtnl),
            None => self.metadata.read(rtnl),
        }
    }

    /// Refuses settings whose packets another device than `except` takes.
    ///
    /// # Errors
    ///
    /// `EEXIST` with a message.
    pub(crate) fn refuse_taken(
        &self,
        place: Option<Place>,
        except: Option<&Device<MqGre>>,
        request: &Request<'_>,
        rtnl: &Rtnl,
    ) -> Result {
        let why = match place {
            Some(_) => c"there is a mqgre device with this local, remote, key and encapsulation",
            None => c"there is a mqgre device in collect-metadata mode",
        };
        match self.taken(place, rtnl) {
            Some(hold) if !except.is_some_and(|dev| hold.is(dev)) => {
                Err(request.ack.refuse(EEXIST, why))
            }
            _ => Ok(()),
        }
    }
}
