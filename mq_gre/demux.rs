// SPDX-License-Identifier: GPL-2.0

//! Which device a packet is for.

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;
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

/// What the outer headers of a packet say about who it is for.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) remote: Addr,
    pub(crate) local: Addr,
    pub(crate) key: Option<u32>,
    /// Destination port, if GRE is in UDP; 0 if it is not.
    pub(crate) port: u16,
    /// Index of the device that a link-local `remote` is on; 0 for all others.
    pub(crate) scope: u32,
}

impl Address {
    fn table_key(&self) -> Key {
        const KEYED: u64 = 1;
        const V6: u64 = 2;
        let keyed = if self.key.is_some() { KEYED } else { 0 };
        let family = if self.remote.version() == Version::V6 {
            V6
        } else {
            0
        };
        let [r0, r1] = words(self.remote);
        let [l0, l1] = words(self.local);
        let key = u64::from(self.key.unwrap_or(0));
        [
            r0,
            r1,
            l0,
            l1,
            key << 32 | u64::from(self.scope),
            u64::from(self.port) << 16 | family | keyed,
        ]
    }

    fn with_any_local(self) -> Self {
        Address {
            local: self.local.none_like(),
            ..self
        }
    }

    /// By the id of a virtual subnet, the upper 24 bits of the key (RFC 7637, 3.2).
    fn by_vsid(self) -> Option<Self> {
        let key = self.key? >> 8;
        Some(Address {
            key: Some(key),
            ..self
        })
    }
}

#[inline]
fn words(addr: Addr) -> [u64; 2] {
    match addr {
        Addr::V4(addr) => [0, addr.into()],
        Addr::V6(addr) => [(addr >> 64) as u64, addr as u64],
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
}

impl Place {
    /// That of a device with these settings; `None` in collect-metadata mode.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let peer = config.peer.as_ref()?;
        let address = Address {
            remote: peer.remote,
            local: peer.local,
            key: peer.ikey,
            port: config.udp.map_or(0, |udp| udp.dport),
            scope: match peer.remote.is_link_local() {
                true => config.link,
                false => 0,
            },
        };
        Some(Place {
            way: Way::of(config, peer.local),
            key: address.table_key(),
        })
    }
}

/// Where the packets of a namespace are led to.
pub(crate) struct Ports {
    /// Point-to-point tunnels, by [`Way`].
    tunnels: [Table<DeviceHold<MqGre>>; Way::COUNT],
    /// The device that takes what no tunnel does.
    metadata: RcuCell<DeviceHold<MqGre>>,
}

impl Ports {
    pub(crate) fn new() -> Result<Self> {
        Ok(Ports {
            tunnels: [Table::new()?, Table::new()?, Table::new()?, Table::new()?],
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
        let look = |way, address: Address| -> Option<&'a Device<MqGre>> {
            let table = self.table(way);
            if table.is_empty() {
                return None;
            }
            table.get(&address.table_key(), dp).map(|hold| &**hold)
        };
        if let Some(dev) = look(Way::Exact, *address) {
            return Some(dev);
        }
        if let Some(dev) = look(Way::AnyLocal, address.with_any_local()) {
            return Some(dev);
        }
        let address = address.by_vsid()?;
        look(Way::Vsid, address).or_else(|| look(Way::VsidAnyLocal, address.with_any_local()))
    }

    /// The device that takes what no tunnel does.
    #[inline]
    pub(crate) fn metadata<'a>(&'a self, dp: &'a Datapath) -> Option<&'a Device<MqGre>> {
        self.metadata.read(dp).map(|hold| &**hold)
    }

    /// Leads packets to a device.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`, `E2BIG`.
    pub(crate) fn insert(
        &self,
        place: Option<Place>,
        dev: &Device<MqGre>,
        rtnl: &mut Rtnl,
    ) -> Result {
        match place {
            Some(place) => self.table(place.way).insert(place.key, dev.hold(), rtnl),
            None => {
                self.metadata.set(Some(RcuBox::new(dev.hold())?), rtnl);
                Ok(())
            }
        }
    }

    /// Leads no more packets to a device, if they were led there.
    pub(crate) fn remove(&self, place: Option<Place>, dev: &Device<MqGre>, rtnl: &mut Rtnl) {
        if !self.taken(place, rtnl).is_some_and(|hold| hold.is(dev)) {
            return;
        }
        match place {
            Some(place) => self.table(place.way).remove(&place.key, rtnl),
            None => self.metadata.set(None, rtnl),
        }
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
