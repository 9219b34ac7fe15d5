// SPDX-License-Identifier: GPL-2.0

//! What happens to devices: taps and uplinks that come, go, change and, with the module's parameter
//! `auto`, join bridges.

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;

use vpcnet::context::Rtnl;
use vpcnet::netdev::NetDev;
use vpcnet::notifier::Event;
use vpcnet::notifier::Listener;

use crate::registry;

/// Whether multiqueue taps are taken that join a bridge.
static AUTO: AtomicBool = AtomicBool::new(false);

/// From now on, multiqueue taps are taken that join a bridge.
pub(crate) fn enable() {
    AUTO.store(true, Ordering::Relaxed);
}

/// Listens to what happens to devices.
pub(crate) struct Devices;

fn may_be_taken(dev: &NetDev) -> bool {
    AUTO.load(Ordering::Relaxed) && dev.is_tap() && dev.max_tx_queues() > 1
}

impl Listener for Devices {
    fn event(dev: &NetDev, event: Event<'_>, rtnl: &mut Rtnl) {
        match event {
            Event::Registered => {
                registry::arrived(dev, rtnl);
                // Told of all that there are when the module comes.
                if may_be_taken(dev) && dev.is_bridge_port(rtnl) {
                    registry::take(dev, rtnl);
                }
            }
            Event::Unregistering => registry::leaving(dev, rtnl),
            Event::Changed => registry::refresh(dev, rtnl),
            Event::Joined(upper) if upper.is_bridge() => {
                if may_be_taken(dev) {
                    registry::take(dev, rtnl);
                } else {
                    registry::find_uplinks(rtnl);
                }
            }
            Event::Left(upper) if upper.is_bridge() => registry::let_go(dev, rtnl),
            // An uplink may be a bond.
            Event::Joined(_) | Event::Left(_) => registry::restack(rtnl),
        }
    }
}
