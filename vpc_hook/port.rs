// SPDX-License-Identifier: GPL-2.0

//! Ports: devices, taps as a rule, that are bound to a VPC.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::ip::Addr;
use vpc_core::vpc::acl::Prefix;
use vpc_core::vpc::guard::Allow;
use vpc_core::vpc::guard::Guard;
use vpc_core::vpc::guard::Net4;
use vpc_core::vpc::guard::Net6;
use vpcnet::bridge::Intake;
use vpcnet::conntrack::Zone;
use vpcnet::context::RcuRead;
use vpcnet::context::Rtnl;
use vpcnet::netdev::Hold;
use vpcnet::netdev::NetDev;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::rcu::RtnlCell;
use vpcnet::vpc_hook::port_flags;

use crate::acl::Acl;
use crate::events;
use crate::pace::Pace;
use crate::sorted::Keyed;
use crate::state::State;
use crate::tally::Tally;
use crate::vpc::Mac;
use crate::vpc::Vpc;

/// Connections that a port may have at once, unless it is told otherwise: an eighth of what a
/// namespace can have by default (`nf_conntrack_max`) on a host of more than 4 GiB.
pub(crate) const MOST_CONNECTIONS: u32 = 1 << 15;

/// A port.
pub(crate) struct Port {
    /// Let go of when the port is given up, whoever still refers to that.
    dev: RcuCell<Hold>,
    pub(crate) ifindex: u32,
    pub(crate) tally: Arc<Tally>,
    settings: RcuCell<Settings>,
    /// While its frames are ours.
    intake: RtnlCell<Option<Intake<State>>>,
    /// Copies of what it sends to all.
    pub(crate) floods: Pace,
    /// The pace of events about it.
    pub(crate) events: events::Own,
}

/// What a port is and may do.
pub(crate) struct Settings {
    pub(crate) vpc: Arc<Vpc>,
    pub(crate) mac: Mac,
    /// Its addresses, as they were given.
    pub(crate) addrs: KVec<Prefix>,
    v4: KVec<Net4>,
    v6: KVec<Net6>,
    /// What `flags` say to the judge.
    allow: Allow,
    /// `vpc_hook_port_flags`.
    pub(crate) flags: u32,
    /// In order; without any, everything is allowed.
    pub(crate) acls: KVec<Arc<Acl>>,
    pub(crate) connections: Connections,
}

/// The connections that a port's rules have begun.
#[derive(Clone)]
pub(crate) struct Connections {
    /// Counts them. None without ACLs, or where the kernel cannot track any.
    pub(crate) zone: Option<Arc<Zone>>,
    /// So many at once.
    pub(crate) most: u32,
}

impl Keyed for Arc<Port> {
    type Key = u32;

    fn key(&self) -> u32 {
        self.ifindex
    }
}

/// All bits of an address, which is that of one host then.
pub(crate) fn whole(addr: Addr) -> u8 {
    match addr {
        Addr::V4(_) => 32,
        Addr::V6(_) => 128,
    }
}

/// Whether a prefix is one host, perhaps with the length of its subnet's, as the guard has it.
fn is_host(prefix: &Prefix) -> bool {
    prefix.len == whole(prefix.addr) || has_host_part(prefix)
}

/// Whether bits are set that the prefix leaves out.
pub(crate) fn has_host_part(prefix: &Prefix) -> bool {
    match prefix.addr {
        Addr::V4(addr) => addr.checked_shl(prefix.len.into()).unwrap_or(0) != 0,
        Addr::V6(addr) => addr.checked_shl(prefix.len.into()).unwrap_or(0) != 0,
    }
}

impl Settings {
    /// # Errors
    ///
    /// `ENOMEM`, `EINVAL` for a prefix that cannot be.
    pub(crate) fn new(
        vpc: Arc<Vpc>,
        mac: Mac,
        addrs: KVec<Prefix>,
        flags: u32,
        acls: KVec<Arc<Acl>>,
        connections: Connections,
    ) -> Result<Self> {
        let (mut v4, mut v6) = (KVec::new(), KVec::new());
        for prefix in &addrs {
            match prefix.addr {
                Addr::V4(addr) => {
                    v4.push(Net4::new(addr, prefix.len).ok_or(EINVAL)?, GFP_KERNEL)?;
                }
                Addr::V6(addr) => {
                    v6.push(Net6::new(addr, prefix.len).ok_or(EINVAL)?, GFP_KERNEL)?;
                }
            }
        }
        Ok(Settings {
            vpc,
            mac,
            addrs,
            v4,
            v6,
            allow: Allow {
                dhcp_server: flags & port_flags::DHCP_SERVER != 0,
                router: flags & port_flags::ROUTER != 0,
                ethertypes: flags & port_flags::ANY_ETHERTYPE != 0,
                vlan: flags & port_flags::VLAN != 0,
            },
            flags,
            acls,
            connections,
        })
    }

    /// The same once more.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy(&self) -> Result<Self> {
        let mut addrs = KVec::new();
        addrs.extend_from_slice(&self.addrs, GFP_KERNEL)?;
        let mut acls = KVec::with_capacity(self.acls.len(), GFP_KERNEL)?;
        for acl in &self.acls {
            acls.push(acl.clone(), GFP_KERNEL)?;
        }
        let connections = self.connections.clone();
        let vpc = self.vpc.clone();
        Settings::new(vpc, self.mac, addrs, self.flags, acls, connections)
    }

    fn may(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether packets may come from any address.
    #[inline]
    pub(crate) fn any_source(&self) -> bool {
        self.may(port_flags::ANY_SOURCE)
    }

    /// Whether packets to the VM may have VLAN tags.
    #[inline]
    pub(crate) fn takes_tags(&self) -> bool {
        self.may(port_flags::VLAN)
    }

    /// The judge of what comes from the VM.
    #[inline]
    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard {
            mac: self.mac,
            v4: &self.v4,
            v6: &self.v6,
            allow: self.allow,
        }
    }

    /// The same where packets may come from any address: of all but that.
    pub(crate) fn guard_of_any(&self, mac: Mac) -> Guard<'_> {
        Guard {
            mac,
            v4: &[],
            v6: &[],
            allow: self.allow,
        }
    }

    /// The addresses of one host each: those with a host part, or without a shorter prefix.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = Addr> + '_ {
        self.addrs.iter().filter(|it| is_host(it)).map(|it| it.addr)
    }

    /// Whether an address is one of those.
    pub(crate) fn has(&self, addr: Addr) -> bool {
        self.hosts().any(|own| own == addr)
    }
}

/// Takes over what a device receives, unless that is so.
///
/// # Errors
///
/// Those of [`Intake::new`].
pub(crate) fn take_over(
    intake: &RtnlCell<Option<Intake<State>>>,
    dev: &NetDev,
    rtnl: &mut Rtnl,
) -> Result {
    if intake.with(rtnl, |intake, _| intake.is_none()) {
        let new = Intake::new(dev, rtnl)?;
        intake.replace(Some(new), rtnl);
    }
    Ok(())
}

/// Settings that are ready to be put in place.
pub(crate) struct Prepared(RcuBox<Settings>);

impl Port {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(dev: Hold, tally: Arc<Tally>, settings: Settings) -> Result<Arc<Self>> {
        let ifindex = dev.ifindex();
        Ok(Arc::new(
            Port {
                dev: RcuCell::new(RcuBox::new(dev)?),
                ifindex,
                tally,
                settings: RcuCell::new(RcuBox::new(settings)?),
                intake: RtnlCell::new(None),
                floods: Pace::default(),
                events: events::Own::default(),
            },
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    /// The device; none when the port has been given up.
    #[inline]
    pub(crate) fn dev<'a>(&'a self, alive: &'a impl RcuRead) -> Option<&'a NetDev> {
        self.dev.read(alive).map(|dev| &**dev)
    }

    /// Takes over what its device receives.
    ///
    /// # Errors
    ///
    /// Those of [`Intake::new`].
    pub(crate) fn take_over(&self, rtnl: &mut Rtnl) -> Result {
        match self.dev(&*rtnl).map(NetDev::hold) {
            Some(dev) => take_over(&self.intake, &dev, rtnl),
            None => Ok(()),
        }
    }

    /// Gives it up: if packets still find it, those from the device are dropped.
    pub(crate) fn release(&self, rtnl: &mut Rtnl) {
        drop(self.intake.replace(None, rtnl));
        self.dev.set(None, rtnl);
        self.settings.set(None, rtnl);
    }

    /// What it is and may do, now; nothing when it has been given up.
    #[inline]
    pub(crate) fn settings<'a>(&'a self, alive: &'a impl RcuRead) -> Option<&'a Settings> {
        self.settings.read(alive)
    }

    /// Makes room for other settings.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn prepare(&self, settings: Settings) -> Result<Prepared> {
        Ok(Prepared(RcuBox::new(settings)?))
    }

    /// Puts other settings in place.
    pub(crate) fn set(&self, settings: Prepared, rtnl: &mut Rtnl) {
        self.settings.set(Some(settings.0), rtnl);
    }
}
