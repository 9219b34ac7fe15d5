// SPDX-License-Identifier: GPL-2.0

//! The kernel's own connection tracking, for frames in a bridge.
//!
//! Linked into the module that tracks, only: so all here is inlined into that. As a function of this
//! crate it would be part of each module, whose link then fails.
//!
//! C header: [`include/net/netfilter/nf_conntrack.h`](srctree/include/net/netfilter/nf_conntrack.h)

use core::ptr::NonNull;

use kernel::error::from_err_ptr;
use kernel::prelude::*;

use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Datapath;
use crate::frame::Frame;
use crate::frame::Received;
use crate::netns::Net;

/// What a frame is to its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conn {
    /// Its first one, as yet.
    New,
    /// One of a connection that is there.
    Known,
    /// About a connection that is there, such as an error, or expected by one.
    Related,
    /// One of none that there can be.
    Invalid,
}

/// A zone: its connections have nothing to do with those of others that have the same addresses.
/// There may be several of one number, for a port each: it counts the connections that began by it,
/// and knows those that the port has allowed.
///
/// # Invariants
///
/// `template` is one of conntrack, of which a reference is held.
pub struct Zone {
    template: NonNull<bindings::nf_conn>,
    port: u16,
}

// SAFETY: The reference may be dropped anywhere.
unsafe impl Send for Zone {}
// SAFETY: It is not changed, but for its count, which is atomic.
unsafe impl Sync for Zone {}

impl Zone {
    /// The zone with a number in a namespace, for the `nth` port there that needs one; process
    /// context. After 65,534 others, what the first one has allowed is the next one's.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EOPNOTSUPP` if the kernel has no connection tracking.
    #[inline]
    pub fn new(net: &Net, number: u16, nth: u32) -> Result<Self> {
        // SAFETY: The namespace is valid.
        let template = unsafe { bindings::vpcnet_zone_new(net.as_ptr(), number) };
        let template = from_err_ptr(template)?;
        // INVARIANT: The reference is ours.
        Ok(Zone {
            template: NonNull::new(template).ok_or(ENOMEM)?,
            // Nobody is 0.
            port: (nth % u32::from(u16::MAX)) as u16 + 1,
        })
    }

    /// Connections that are counted here.
    #[inline]
    pub fn connections(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_zone_count(self.template.as_ptr()) }
    }
}

impl Drop for Zone {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_zone_free(self.template.as_ptr()) };
    }
}

impl Received<'_> {
    /// Finds the connection that an IP packet without VLAN tags belongs to, and attaches it.
    #[inline]
    pub fn track(&self, net: &Net, zone: &Zone, version: Version, _dp: &Datapath) -> Conn {
        let v6 = version == Version::V6;
        // SAFETY: The packet is valid and only ours, its IP header at `data`. Tracking reads what it
        // has to, and takes padding off; it moves nothing, so that what has been looked at is there.
        let conn = unsafe {
            bindings::vpcnet_track(self.as_ptr(), net.as_ptr(), zone.template.as_ptr(), v6)
        };
        match conn {
            bindings::vpcnet_conn_VPCNET_CONN_NEW => Conn::New,
            bindings::vpcnet_conn_VPCNET_CONN_KNOWN => Conn::Known,
            bindings::vpcnet_conn_VPCNET_CONN_RELATED => Conn::Related,
            _ => Conn::Invalid,
        }
    }

    /// Whether the port of a zone, which sends it or gets it, has allowed the connection of a tracked
    /// packet.
    #[inline]
    pub fn is_allowed(&self, zone: &Zone, sends: bool, _dp: &Datapath) -> bool {
        // SAFETY: As for [`Received::count`].
        unsafe { bindings::vpcnet_track_is_allowed(self.as_ptr(), zone.port, sends) }
    }

    /// That port has allowed it.
    #[inline]
    pub fn allow(&self, zone: &Zone, sends: bool, _dp: &Datapath) {
        // SAFETY: As for [`Received::count`].
        unsafe { bindings::vpcnet_track_allow(self.as_ptr(), zone.port, sends) }
    }

    /// Counts the connection that a tracked packet is the first one of, until it is gone. False: there
    /// are `most` already, and the packet may not go on.
    #[inline]
    #[must_use]
    pub fn count(&self, zone: &Zone, most: u32, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and only ours, and [`Received::track`] has attached a connection.
        unsafe { bindings::vpcnet_track_count(self.as_ptr(), zone.template.as_ptr(), most) }
    }
}

impl Frame {
    /// Makes a connection of what a tracked frame is the first of. False: it may not go on.
    #[inline]
    #[must_use]
    pub fn confirm(&mut self, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and ours, and is sent on or dropped after this.
        unsafe { bindings::vpcnet_track_confirm(self.as_ptr()) }
    }
}
