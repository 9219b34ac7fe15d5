// SPDX-License-Identifier: GPL-2.0

//! UDP ports that tunnels receive on.
//!
//! C header: [`include/net/udp_tunnel.h`](srctree/include/net/udp_tunnel.h)

use core::ptr::NonNull;

use kernel::error::from_err_ptr;
use kernel::prelude::*;

use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Rtnl;
use crate::link::LinkDriver;
use crate::netns::Net;
use crate::underlay;

/// A UDP port of a namespace, whose packets the kind of link gets that opened it. Several users
/// share one; the last one that is dropped closes it, and may sleep for it.
///
/// # Invariants
///
/// The pointer is valid and counts as a user.
pub struct UdpPort(NonNull<bindings::vpcnet_udp>);

// SAFETY: The counting is under a mutex.
unsafe impl Send for UdpPort {}
// SAFETY: There are no methods on a shared reference.
unsafe impl Sync for UdpPort {}

impl UdpPort {
    /// Opens a port for kind `L`, on top of which in `net` there must be a device for as long as the
    /// port is open.
    ///
    /// # Errors
    ///
    /// `EADDRINUSE` if somebody else has it, `EAFNOSUPPORT` if the host does not know the version of
    /// IP, `ENOMEM`.
    pub fn open<L: LinkDriver>(
        net: &Net,
        version: Version,
        port: u16,
        _rtnl: &mut Rtnl,
    ) -> Result<Self> {
        // SAFETY: The kind is registered, or nobody would ask, and the namespace is alive. Its state
        // goes when all devices on top of it have gone, which waits for RCU after each; see the
        // `underlay` module.
        let udp = from_err_ptr(unsafe {
            bindings::vpcnet_udp_open(
                net.as_ptr(),
                version == Version::V6,
                port,
                Some(underlay::udp_receive::<L>),
                underlay::per_net::<L>(net.as_ptr()).cast(),
            )
        })?;
        // INVARIANT: The C function counts us as a user.
        NonNull::new(udp).map(UdpPort).ok_or(ENOMEM)
    }
}

impl Drop for UdpPort {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_udp_close(self.0.as_ptr()) };
    }
}
