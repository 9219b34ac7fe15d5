// SPDX-License-Identifier: GPL-2.0

//! What happens to network devices, told as it happens.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::ffi::c_ulong;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Rtnl;
use crate::netdev::NetDev;

/// What has happened to a device, or is about to.
pub enum Event<'a> {
    /// It is there, or has come to this namespace. Told of all devices when the notifier is registered.
    Registered,
    /// It goes, for good or to another namespace ([`NetDev::is_going`]).
    Unregistering,
    /// It has become a port of another device.
    Joined(&'a NetDev),
    /// It is no port of that device any more.
    Left(&'a NetDev),
    /// It is up, down, or something about it has changed: a tap's number of queues, for instance.
    Changed,
}

/// Who wants to know.
pub trait Listener: 'static {
    /// Something has happened, in any namespace.
    fn event(dev: &NetDev, event: Event<'_>, rtnl: &mut Rtnl);
}

/// The registration of a listener; dropping it ends the calls, without RTNL.
pub struct Registration<L: Listener> {
    block: NonNull<bindings::notifier_block>,
    _listener: PhantomData<L>,
}

// SAFETY: It is only made and dropped.
unsafe impl<L: Listener> Send for Registration<L> {}
// SAFETY: As above.
unsafe impl<L: Listener> Sync for Registration<L> {}

impl<L: Listener> Registration<L> {
    /// Registers; process context without RTNL.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let mut block: bindings::notifier_block = pin_init::zeroed();
        block.notifier_call = Some(call::<L>);
        let block = NonNull::from(KBox::leak(KBox::new(block, GFP_KERNEL)?));
        // SAFETY: The block stays where it is until it is unregistered, or was never registered.
        unsafe {
            if let Err(error) = to_result(bindings::register_netdevice_notifier(block.as_ptr())) {
                drop(KBox::from_raw(block.as_ptr()));
                return Err(error);
            }
        }
        Ok(Registration {
            block,
            _listener: PhantomData,
        })
    }
}

impl<L: Listener> Drop for Registration<L> {
    fn drop(&mut self) {
        // SAFETY: It is registered. Unregistering tells of all devices once more that they go, and
        // waits for RTNL, under which all calls are made; afterwards nobody refers to the block.
        unsafe {
            bindings::unregister_netdevice_notifier(self.block.as_ptr());
            drop(KBox::from_raw(self.block.as_ptr()));
        }
    }
}

/// `notifier_call`.
///
/// # Safety
///
/// The core calls it under RTNL, with the information that belongs to the event.
unsafe extern "C" fn call<L: Listener>(
    _block: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    // SAFETY: By the function's contract; all kinds of information begin with that of any event.
    let (dev, mut rtnl) = unsafe {
        let info = info.cast::<bindings::netdev_notifier_info>();
        (NetDev::from_raw((*info).dev), Rtnl::assume())
    };
    let event = match event as c_uint {
        bindings::netdev_cmd_NETDEV_REGISTER => Event::Registered,
        bindings::netdev_cmd_NETDEV_UNREGISTER => Event::Unregistering,
        bindings::netdev_cmd_NETDEV_CHANGEUPPER => {
            // SAFETY: This event comes with this information.
            let (upper, linking) = unsafe {
                let info = info.cast::<bindings::netdev_notifier_changeupper_info>();
                (NetDev::from_raw((*info).upper_dev), (*info).linking)
            };
            if linking {
                Event::Joined(upper)
            } else {
                Event::Left(upper)
            }
        }
        bindings::netdev_cmd_NETDEV_UP
        | bindings::netdev_cmd_NETDEV_DOWN
        | bindings::netdev_cmd_NETDEV_CHANGE => Event::Changed,
        _ => return bindings::NOTIFY_DONE as c_int,
    };
    L::event(dev, event, &mut rtnl);
    bindings::NOTIFY_DONE as c_int
}
