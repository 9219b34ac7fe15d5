// SPDX-License-Identifier: GPL-2.0

//! Routes of outer packets, and a cache of them per CPU.
//!
//! C headers: [`include/net/route.h`](srctree/include/net/route.h),
//! [`include/net/dst_cache.h`](srctree/include/net/dst_cache.h)

use core::mem::MaybeUninit;

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::netns::Net;

/// What a tunnel wants to know of the device below it.
#[derive(Clone, Copy)]
pub struct Uplink {
    /// MTU in bytes.
    pub mtu: u32,
    /// Bytes that it and what is below it put in front.
    pub headroom: u32,
    /// Transmit queues in use.
    pub tx_queues: u16,
}

impl Uplink {
    /// The device with an index in a namespace, under RTNL.
    pub fn by_index(net: &Net, ifindex: u32, _rtnl: &Rtnl) -> Option<Self> {
        let mut raw = MaybeUninit::<bindings::vpcnet_uplink>::uninit();
        // SAFETY: The namespace is valid, RTNL is held, `raw` is filled in if the result is true.
        let raw = unsafe {
            if !bindings::vpcnet_uplink(net.as_ptr(), ifindex as c_int, raw.as_mut_ptr()) {
                return None;
            }
            raw.assume_init()
        };
        Some(Uplink {
            mtu: raw.mtu,
            headroom: raw.headroom,
            tx_queues: u16::try_from(raw.tx_queues).unwrap_or(u16::MAX),
        })
    }
}

/// What a route is looked up by.
#[derive(Clone, Copy)]
pub struct Flow4 {
    /// Destination address.
    pub remote: u32,
    /// Source address; 0 lets the route choose.
    pub local: u32,
    /// GRE key, which a policy rule may look at.
    pub key: u32,
    /// Flow hash, for multipath.
    pub hash: u32,
    /// Firewall mark.
    pub mark: u32,
    /// Index of the device to leave by; 0 for any.
    pub oif: u32,
    /// TOS; its DSCP counts.
    pub tos: u8,
    /// `FLOWI_FLAG_*`.
    pub flags: u8,
}

/// A route to a remote.
///
/// # Invariants
///
/// `raw.dst` is valid and a reference of it is held.
pub struct Route4 {
    raw: bindings::vpcnet_route4,
}

impl Route4 {
    /// Looks a route up, in `cache` first.
    ///
    /// # Errors
    ///
    /// What the routing tables say: `ENETUNREACH`, `EHOSTUNREACH`, `EACCES`, ...
    #[inline]
    pub fn lookup(
        net: &Net,
        cache: Option<CacheRef<'_>>,
        flow: &Flow4,
        _dp: &Datapath,
    ) -> Result<Self> {
        let cache = cache.map_or(core::ptr::null_mut(), |cache| cache.0.get());
        // SAFETY: `net` is valid, `cache` is null or valid and used with BH off.
        unsafe { Self::lookup_raw(net, cache, flow) }
    }

    /// As [`Route4::lookup`] without a cache, in process context.
    ///
    /// # Errors
    ///
    /// As [`Route4::lookup`].
    pub fn resolve(net: &Net, flow: &Flow4) -> Result<Self> {
        // SAFETY: `net` is valid; no cache.
        unsafe { Self::lookup_raw(net, core::ptr::null_mut(), flow) }
    }

    /// # Safety
    ///
    /// `cache` must be null, or valid with BH off.
    #[inline]
    unsafe fn lookup_raw(net: &Net, cache: *mut bindings::dst_cache, flow: &Flow4) -> Result<Self> {
        let flow = bindings::vpcnet_flow4 {
            remote: flow.remote.to_be(),
            local: flow.local.to_be(),
            key: flow.key.to_be(),
            hash: flow.hash,
            mark: flow.mark,
            oif: flow.oif as c_int,
            tos: flow.tos,
            flow_flags: flow.flags,
        };
        let mut raw = MaybeUninit::uninit();
        // SAFETY: By the function's contract, and `flow` and `raw` are valid.
        to_result(unsafe {
            bindings::vpcnet_route4(net.as_ptr(), cache, &flow, raw.as_mut_ptr())
        })?;
        // INVARIANT: On success the C function filled the structure in and took a reference.
        // SAFETY: As just said.
        let raw = unsafe { raw.assume_init() };
        Ok(Route4 { raw })
    }

    /// MTU of the path in bytes of IP.
    #[inline]
    pub fn mtu(&self) -> u32 {
        self.raw.mtu
    }

    /// Whether the path's MTU is pinned, so that DF must not be set.
    #[inline]
    pub fn mtu_locked(&self) -> bool {
        self.raw.mtu_locked
    }

    /// Bytes that the layers below IP put in front.
    #[inline]
    pub fn headroom(&self) -> u32 {
        self.raw.headroom
    }

    /// TTL for packets that do not choose one.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.raw.hoplimit
    }

    /// Source address.
    #[inline]
    pub fn local(&self) -> u32 {
        u32::from_be(self.raw.local)
    }

    #[inline]
    pub(crate) fn dev(&self) -> *mut bindings::net_device {
        self.raw.dev
    }

    /// The device on the way.
    pub fn uplink(&self) -> Uplink {
        Uplink {
            mtu: self.raw.dev_mtu,
            headroom: self.raw.headroom,
            tx_queues: u16::try_from(self.raw.dev_tx_queues).unwrap_or(u16::MAX),
        }
    }

    /// Gives the reference away.
    #[inline]
    pub(crate) fn into_dst(self) -> *mut bindings::dst_entry {
        let dst = self.raw.dst;
        core::mem::forget(self);
        dst
    }
}

impl Drop for Route4 {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant there is a reference to drop.
        unsafe { bindings::dst_release(self.raw.dst) };
    }
}

/// A cache that can be asked: a device's own or that of a packet's metadata.
#[derive(Clone, Copy)]
pub struct CacheRef<'a>(&'a Opaque<bindings::dst_cache>);

impl CacheRef<'_> {
    /// Wraps a cache of C code.
    ///
    /// # Safety
    ///
    /// `cache` must be initialised and valid for the lifetime.
    #[inline]
    pub(crate) unsafe fn from_raw(cache: *mut bindings::dst_cache) -> Self {
        // SAFETY: By the function's contract; `Opaque` allows for changes behind it.
        CacheRef(unsafe { &*cache.cast() })
    }
}

/// A route per CPU, forgotten when routing changes.
///
/// # Invariants
///
/// The cache is initialised.
pub struct RouteCache(Opaque<bindings::dst_cache>);

// SAFETY: The cache is per CPU; resetting it is a store of one word.
unsafe impl Sync for RouteCache {}
// SAFETY: It is not tied to a thread.
unsafe impl Send for RouteCache {}

impl RouteCache {
    /// Makes an empty cache; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let cache = RouteCache(Opaque::zeroed());
        // SAFETY: The memory is valid. The cache keeps no pointer to itself, so it may move.
        let result = to_result(unsafe {
            bindings::dst_cache_init(cache.0.get(), kernel::bindings::GFP_KERNEL)
        });
        if result.is_err() {
            // Without per-CPU memory there is nothing to destroy.
            core::mem::forget(cache);
            return Err(ENOMEM);
        }
        // INVARIANT: Initialised.
        Ok(cache)
    }

    /// The cache, to be asked.
    #[inline]
    pub fn by_ref(&self) -> CacheRef<'_> {
        CacheRef(&self.0)
    }
}

impl Drop for RouteCache {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and nobody borrows it any more.
        unsafe { bindings::dst_cache_destroy(self.0.get()) };
    }
}
