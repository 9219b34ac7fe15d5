// SPDX-License-Identifier: GPL-2.0

//! Any network device, whoever's it is.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::fmt;
use core::fmt::Write as _;
use core::ops::Deref;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::prelude::*;
use kernel::types::Opaque;

use crate::bindings;
use crate::context::Rtnl;
use crate::netns::Net;

/// A network device that is registered or was; `struct net_device`.
///
/// # Invariants
///
/// A reference is to a device that is not freed while it lives.
#[repr(transparent)]
pub struct NetDev(Opaque<bindings::net_device>);

// SAFETY: What the methods do is allowed from all threads.
unsafe impl Sync for NetDev {}

impl NetDev {
    /// Wraps a pointer.
    ///
    /// # Safety
    ///
    /// As the type invariant says.
    #[inline]
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By the function's contract; the type is transparent.
        unsafe { &*dev.cast() }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// The device with an index in a namespace.
    pub fn by_index<'a>(net: &Net, ifindex: u32, _rtnl: &'a Rtnl) -> Option<&'a Self> {
        let ifindex = c_int::try_from(ifindex).ok()?;
        // SAFETY: The namespace is valid, RTNL is held, and the device stays while it is.
        unsafe {
            let dev = bindings::vpcnet_dev_by_index(net.as_ptr(), ifindex);
            NonNull::new(dev).map(|dev| NetDev::from_raw(dev.as_ptr()))
        }
    }

    /// The device with a name in a namespace.
    pub fn by_name<'a>(net: &Net, name: &CStr, _rtnl: &'a Rtnl) -> Option<&'a Self> {
        // SAFETY: As in `by_index()`; the name ends with 0.
        unsafe {
            let dev = bindings::vpcnet_dev_by_name(net.as_ptr(), name.as_char_ptr());
            NonNull::new(dev).map(|dev| NetDev::from_raw(dev.as_ptr()))
        }
    }

    /// The namespace that it is in. It cannot leave while RTNL is held.
    pub fn net<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a Net {
        // SAFETY: The device is valid, and a registered one keeps its namespace.
        unsafe { Net::from_raw(bindings::vpcnet_dev_net(self.as_ptr())) }
    }

    /// Index of the device.
    pub fn ifindex(&self) -> u32 {
        // SAFETY: The device is valid; one load of an aligned word.
        let index = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).ifindex) };
        index as u32
    }

    /// Name of the device, without the end.
    pub fn name<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a [u8] {
        // SAFETY: The device is valid, its name ends with 0, and changes under RTNL only.
        unsafe { CStr::from_char_ptr(bindings::vpcnet_dev_name(self.as_ptr())) }.to_bytes()
    }

    /// Whether it was made as a link of that kind.
    pub fn is_kind(&self, kind: &CStr) -> bool {
        // SAFETY: The device is valid; it was made so. The name ends with 0.
        unsafe { bindings::vpcnet_is_kind(self.as_ptr(), kind.as_char_ptr()) }
    }

    /// Whether it is a GRE device that takes addresses and keys from its packets.
    pub fn is_external(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid, RTNL is held.
        unsafe { bindings::vpcnet_is_external(self.as_ptr()) }
    }

    /// Whether it only leads back to this host.
    pub fn is_loopback(&self) -> bool {
        // SAFETY: The device is valid; one load of an aligned word.
        let flags = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).flags) };
        flags & bindings::net_device_flags_IFF_LOOPBACK != 0
    }

    /// Longest packet without the link layer's header, in bytes.
    #[inline]
    pub fn mtu(&self) -> u32 {
        // SAFETY: The device is valid; one load of an aligned word, as `READ_ONCE()`.
        unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).mtu) }
    }

    /// Number of transmit queues in use.
    #[inline]
    pub fn tx_queues(&self) -> u16 {
        // SAFETY: The device is valid; one load of an aligned word, as `READ_ONCE()`.
        let n = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).real_num_tx_queues) };
        n as u16
    }

    /// Number of transmit queues that there is memory for.
    pub fn max_tx_queues(&self) -> u16 {
        // SAFETY: The device is valid; the number does not change.
        unsafe { (*self.as_ptr()).num_tx_queues as u16 }
    }

    /// Whether it is being unregistered for good, not only moved to another namespace.
    pub fn is_going(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid, the state changes under RTNL.
        let state = unsafe { c_uint::from((*self.as_ptr()).reg_state) };
        state != bindings::netdev_reg_state_NETREG_REGISTERED
    }

    /// Whether it is a tap of the tun driver.
    pub fn is_tap(&self) -> bool {
        // SAFETY: The device is valid; type and kind are those that it was made with.
        unsafe { bindings::vpcnet_is_tap(self.as_ptr()) }
    }

    /// Whether it is a bridge.
    pub fn is_bridge(&self) -> bool {
        // SAFETY: The device is valid; it was made so.
        unsafe { bindings::vpcnet_is_bridge(self.as_ptr()) }
    }

    /// Whether it is a port of a bridge.
    pub fn is_bridge_port(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid, RTNL is held.
        unsafe { bindings::vpcnet_is_bridge_port(self.as_ptr()) }
    }

    /// Where packets of a tap leave, as far as its bridge tells: the other port that has the most
    /// queues and is no tap; for a tunnel, what that is bound to.
    pub fn uplink<'a>(&self, _rtnl: &'a Rtnl) -> Option<&'a NetDev> {
        // SAFETY: The device is valid, RTNL is held, and keeps what is found.
        unsafe {
            let dev = bindings::vpcnet_uplink_of(self.as_ptr());
            NonNull::new(dev).map(|dev| NetDev::from_raw(dev.as_ptr()))
        }
    }

    /// The device below, or this one, whose transmit queues tell lanes apart.
    pub fn lanes_device<'a>(&self, _rtnl: &'a Rtnl) -> &'a NetDev {
        // SAFETY: The device is valid, RTNL is held, and keeps what is found.
        unsafe { NetDev::from_raw(bindings::vpcnet_lanes_of(self.as_ptr())) }
    }

    /// Whether it is a tap of a driver that follows lanes by itself: it has the attribute `lanes`.
    pub fn has_lanes_attr(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid, its groups of attributes do not change.
        unsafe { bindings::vpcnet_has_lanes_attr(self.as_ptr()) }
    }

    /// Writes the attribute `lanes` of such a tap: base, number of lanes, and whether they go before
    /// a steering program; or switches it off.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` without the attribute, or what the driver says.
    pub fn write_lanes_attr(&self, lanes: Option<(u16, u16, bool)>, _rtnl: &mut Rtnl) -> Result {
        let mut text = Text::default();
        let written = match lanes {
            None => write!(text, "off"),
            Some((base, lanes, false)) => write!(text, "{base} {lanes}"),
            Some((base, lanes, true)) => write!(text, "{base} {lanes} override"),
        };
        written.map_err(|_| EINVAL)?;
        // SAFETY: The device is valid and registered; the text has that length, and an end behind.
        to_result(unsafe {
            bindings::vpcnet_write_lanes_attr(self.as_ptr(), text.buf.as_ptr().cast(), text.len)
        })
    }

    /// A counted reference.
    pub fn hold(&self) -> Hold {
        // SAFETY: The device is valid.
        unsafe { bindings::vpcnet_dev_hold(self.as_ptr()) };
        // INVARIANT: The count was just raised.
        Hold(NonNull::from(self).cast())
    }
}

/// A short text, as it is written to an attribute: zeroes follow it.
#[derive(Default)]
struct Text {
    buf: [u8; 32],
    len: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            // The last byte stays 0.
            let room = self.buf.len().wrapping_sub(1);
            let free = self.buf.get_mut(..room).ok_or(fmt::Error)?;
            *free.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.wrapping_add(1);
        }
        Ok(())
    }
}

impl PartialEq for NetDev {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

/// A counted reference to a device. Unregistration waits for it: whoever keeps one lets go of it when
/// the device is unregistered.
///
/// # Invariants
///
/// A reference of the device is held.
pub struct Hold(NonNull<bindings::net_device>);

// SAFETY: The count is per CPU and may be dropped anywhere; the device is `Sync`.
unsafe impl Send for Hold {}
// SAFETY: As above.
unsafe impl Sync for Hold {}

impl Deref for Hold {
    type Target = NetDev;

    #[inline]
    fn deref(&self) -> &NetDev {
        // SAFETY: By the type invariant the device is not freed.
        unsafe { NetDev::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_dev_put(self.0.as_ptr()) };
    }
}
