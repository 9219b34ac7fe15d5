// SPDX-License-Identifier: GPL-2.0

//! How many queues of a device are in use, and how that changes while packets fly.
//!
//! The core has numbers of its own, and complains about a packet on a queue beyond them. So packets
//! are led by numbers that are kept beside the driver's data and never exceed the core's: those that
//! shrink do so here first, and the core learns of it when no packet is left that went by the old
//! ones; those that grow do so in the core first.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::ptr;

use kernel::error::to_result;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Rtnl;
use crate::device::Device;
use crate::device::Driver;

/// The numbers of queues that packets go by. Written in one piece under RTNL.
///
/// # Invariants
///
/// None is larger than the core's, and none is 0.
#[repr(C)]
pub(crate) struct InUse {
    tx: u16,
    rx: u16,
}

impl InUse {
    /// The numbers of the core.
    ///
    /// # Safety
    ///
    /// `dev` must be valid, and either not seen by others or RTNL be held.
    pub(crate) unsafe fn of_core(dev: *const bindings::net_device) -> Self {
        // SAFETY: By the function's contract.
        let (tx, rx) = unsafe { ((*dev).real_num_tx_queues, (*dev).real_num_rx_queues) };
        // INVARIANT: They are the core's, which has 1 at least and rtnetlink's 4096 at most.
        InUse {
            tx: tx as u16,
            rx: rx as u16,
        }
    }
}

impl<D: Driver> Device<D> {
    /// Number of transmit queues in use.
    #[inline]
    pub fn tx_queues(&self) -> u16 {
        // SAFETY: The slot is live; one load of an aligned word, as `READ_ONCE()`.
        unsafe { ptr::read_volatile(&raw const (*self.slot()).queues.tx) }
    }

    /// Number of receive queues in use.
    #[inline]
    pub fn rx_queues(&self) -> u16 {
        // SAFETY: As in `tx_queues()`.
        unsafe { ptr::read_volatile(&raw const (*self.slot()).queues.rx) }
    }

    /// Changes the numbers of queues in use, also under load.
    ///
    /// # Errors
    ///
    /// `EINVAL` for 0 or more than there is memory for, `ENOMEM`, and `EBUSY` if an XDP program keeps
    /// received packets where they cannot be waited for. Then nothing is changed.
    pub(crate) fn set_queues(&self, tx: u16, rx: u16, rtnl: &mut Rtnl) -> Result {
        let dev = self.as_ptr();
        let (old_tx, old_rx) = (self.tx_queues(), self.rx_queues());
        let mut result = Ok(());
        if tx != 0 && rx != 0 && (tx < old_tx || rx < old_rx) {
            let less = InUse {
                tx: tx.min(old_tx),
                rx: rx.min(old_rx),
            };
            self.lead_by(less, rtnl);
            // SAFETY: The device is registered with all its cells, RTNL is held.
            result = to_result(unsafe { bindings::vpcnet_drain(dev, rx < old_rx) });
        }
        if result.is_ok() {
            // SAFETY: The device is registered, RTNL is held.
            result = to_result(unsafe {
                bindings::netif_set_real_num_queues(dev, tx.into(), rx.into())
            });
        }
        // Whatever became of it: who reads these numbers after the wait reads no older ones of the
        // core.
        // SAFETY: Process context. The device is valid, RTNL is held.
        let now = unsafe {
            bindings::synchronize_net();
            InUse::of_core(dev)
        };
        self.lead_by(now, rtnl);
        result
    }

    fn lead_by(&self, queues: InUse, _rtnl: &mut Rtnl) {
        // SAFETY: The slot is live, and RTNL keeps other writers away; readers can do with the old or
        // the new value.
        unsafe {
            ptr::write_volatile(&raw mut (*self.slot()).queues.tx, queues.tx);
            ptr::write_volatile(&raw mut (*self.slot()).queues.rx, queues.rx);
        }
    }
}
