// SPDX-License-Identifier: GPL-2.0

//! Who gets the broadcast and multicast of a VPC.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::vpc::pace::Rate;

use crate::port::Port;
use crate::remote::Remote;
use crate::state::Change;

/// Copies that may be made in a second of what a port sends to all.
pub(crate) const RATE: Rate = Rate::new(10_000);

/// All that get what is for everybody.
#[derive(Default)]
pub(crate) struct Flood {
    pub(crate) ports: KVVec<Arc<Port>>,
    pub(crate) remotes: KVVec<Arc<Remote>>,
}

impl Flood {
    /// Copies that are made of a frame that comes from a port: one for each of the others.
    pub(crate) fn copies(&self) -> u32 {
        let others = self.ports.len().saturating_sub(1);
        others.saturating_add(self.remotes.len()) as u32
    }
}

impl Change<'_> {
    /// Works out anew who gets what is for everybody in a VPC. In a transaction that is for later.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn flood(&mut self, vpc: u32) -> Result {
        self.flood_with(vpc, None)
    }

    /// The same for all VPCs, of a configuration that packets do not see yet.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn all_floods(&mut self) -> Result {
        let count = self.lists.vpcs.len();
        let mut floods: KVVec<Flood> = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            floods.push(Flood::default(), GFP_KERNEL)?;
        }
        for port in self.lists.ports.iter() {
            let vpc = port.settings(&*self.rtnl).map(|it| it.vpc.id);
            let at = vpc.and_then(|vpc| self.lists.vpcs.index(&vpc));
            if let Some(flood) = at.and_then(|at| floods.get_mut(at)) {
                flood.ports.push(port.clone(), GFP_KERNEL_ACCOUNT)?;
            }
        }
        for item in self.lists.remotes.iter().filter(|item| item.flood) {
            let at = self.lists.vpcs.index(&item.remote.vpc);
            if let Some(flood) = at.and_then(|at| floods.get_mut(at)) {
                let remote = item.remote.clone();
                flood.remotes.push(remote, GFP_KERNEL_ACCOUNT)?;
            }
        }
        let vpcs = self.lists.vpcs.iter().map(|item| item.vpc.id);
        for (vpc, flood) in vpcs.zip(floods) {
            if !flood.ports.is_empty() || !flood.remotes.is_empty() {
                self.config.floods.insert(key(vpc), flood, self.rtnl)?;
            }
        }
        Ok(())
    }

    /// The same with a port that is about to come to the VPC.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn flood_with(&mut self, vpc: u32, coming: Option<&Arc<Port>>) -> Result {
        if self.staged {
            return Ok(());
        }
        let mut flood = Flood::default();
        if let Some(port) = coming {
            flood.ports.push(port.clone(), GFP_KERNEL_ACCOUNT)?;
        }
        for port in self.lists.ports.iter() {
            let here = port.settings(&*self.rtnl).map(|it| it.vpc.id) == Some(vpc);
            if here {
                flood.ports.push(port.clone(), GFP_KERNEL_ACCOUNT)?;
            }
        }
        for item in self.lists.remotes.iter() {
            if item.flood && item.remote.vpc == vpc {
                flood
                    .remotes
                    .push(item.remote.clone(), GFP_KERNEL_ACCOUNT)?;
            }
        }
        let key = key(vpc);
        let floods = &self.config.floods;
        if flood.ports.is_empty() && flood.remotes.is_empty() {
            floods.remove(&key, self.rtnl);
            return Ok(());
        }
        match floods.get(&key, &*self.rtnl).is_some() {
            true => floods.replace(&key, flood, self.rtnl),
            false => floods.insert(key, flood, self.rtnl),
        }
    }
}

/// The key of a VPC.
#[inline]
pub(crate) fn key(vpc: u32) -> vpcnet::table::Key {
    [vpc.into(), 0, 0, 0, 0, 0]
}
