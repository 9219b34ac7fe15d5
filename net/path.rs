// SPDX-License-Identifier: GPL-2.0

//! The way of outer packets to their uplink: routes, and what is kept of them on each CPU.
//!
//! A [`Route`] is looked up and owned. A [`Paths`] keeps one route for each CPU together with the
//! outer headers that go with it, so that the next packet needs neither a look-up nor a header made
//! from nothing. A [`Path`] is either of them while a packet is handled.
//!
//! C header: `net/output.h`

use core::cell::UnsafeCell;
use core::mem::align_of;
use core::mem::size_of;
use core::mem::MaybeUninit;
use core::ptr;

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::outer::Packet;
use vpc_core::outer::Template;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::netns::Net;
use crate::percpu::PerCpu;
use crate::percpu::ThisCpu;
use crate::skb::Skb;

/// What a tunnel wants to know of the device below it.
#[derive(Clone, Copy)]
pub struct Uplink {
    /// MTU in bytes.
    pub mtu: u32,
    /// Bytes that it and what is below it put in front.
    pub headroom: u32,
    /// Transmit queues that tell lanes apart: of the device, or of the lowest ones below it.
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
pub struct Flow {
    /// Destination address.
    pub remote: Addr,
    /// Source address, of the same version; none lets the route choose.
    pub local: Addr,
    /// GRE key, which a policy rule may look at.
    pub key: u32,
    /// Ports, if there is a UDP header.
    pub udp: Option<(u16, u16)>,
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
    /// Flow label, for IPv6.
    pub flow_label: u32,
}

impl Flow {
    fn to_raw(self) -> bindings::vpcnet_flow {
        let (sport, dport) = self.udp.unwrap_or((0, 0));
        bindings::vpcnet_flow {
            remote: to_in6(self.remote),
            local: to_in6(self.local),
            key: self.key.to_be(),
            flowlabel: self.flow_label.to_be(),
            hash: self.hash,
            mark: self.mark,
            oif: self.oif as c_int,
            sport: sport.to_be(),
            dport: dport.to_be(),
            proto: match self.udp {
                Some(_) => ip::PROTO_UDP,
                None => ip::PROTO_GRE,
            },
            tos: self.tos,
            flow_flags: self.flags,
            v6: self.remote.version() == ip::Version::V6,
        }
    }
}

/// An address as the helpers pass it: one of IPv4 is the first word.
fn to_in6(addr: Addr) -> bindings::in6_addr {
    let bytes = match addr {
        Addr::V4(addr) => (u128::from(addr) << 96).to_be_bytes(),
        Addr::V6(addr) => addr.to_be_bytes(),
    };
    let mut raw: bindings::in6_addr = pin_init::zeroed();
    raw.in6_u.u6_addr8 = bytes;
    raw
}

/// The source address of a route.
fn local_of(raw: &bindings::vpcnet_path) -> Addr {
    // SAFETY: All members of the union are plain bytes.
    let bytes = unsafe { raw.local.in6_u.u6_addr8 };
    let number = u128::from_be_bytes(bytes);
    match raw.v6 {
        true => Addr::V6(number),
        false => Addr::V4((number >> 96) as u32),
    }
}

/// A route to a remote.
///
/// # Invariants
///
/// `raw.dst` is valid and a reference of it is held.
pub struct Route {
    raw: bindings::vpcnet_path,
}

impl Route {
    /// Looks a route up, in `cache` first.
    ///
    /// # Errors
    ///
    /// What the routing tables say: `ENETUNREACH`, `EHOSTUNREACH`, `EACCES`, ...
    #[inline]
    pub fn lookup(
        net: &Net,
        cache: Option<CacheRef<'_>>,
        flow: &Flow,
        _dp: &Datapath,
    ) -> Result<Self> {
        let cache = cache.map_or(ptr::null_mut(), |cache| cache.0.get());
        // SAFETY: `net` is valid, `cache` is null or valid and used with BH off.
        unsafe { Self::lookup_raw(net, cache, flow) }
    }

    /// As [`Route::lookup`] without a cache, in process context.
    ///
    /// # Errors
    ///
    /// As [`Route::lookup`].
    pub fn resolve(net: &Net, flow: &Flow) -> Result<Self> {
        // SAFETY: `net` is valid; no cache.
        unsafe { Self::lookup_raw(net, ptr::null_mut(), flow) }
    }

    /// # Safety
    ///
    /// `cache` must be null, or valid with BH off.
    unsafe fn lookup_raw(net: &Net, cache: *mut bindings::dst_cache, flow: &Flow) -> Result<Self> {
        let flow = flow.to_raw();
        let mut raw = MaybeUninit::uninit();
        // SAFETY: By the function's contract, and `flow` and `raw` are valid.
        to_result(unsafe {
            bindings::vpcnet_path_lookup(net.as_ptr(), cache, &flow, raw.as_mut_ptr())
        })?;
        // INVARIANT: On success the C function filled the structure in and took a reference.
        // SAFETY: As just said.
        let raw = unsafe { raw.assume_init() };
        Ok(Route { raw })
    }

    /// Source address.
    pub fn local(&self) -> Addr {
        local_of(&self.raw)
    }

    /// The device on the way.
    pub fn uplink(&self) -> Uplink {
        // SAFETY: The route is valid, hence its device.
        let mtu = unsafe { bindings::vpcnet_path_dev_mtu(&self.raw) };
        Uplink {
            mtu,
            headroom: self.raw.headroom,
            tx_queues: self.raw.queues,
        }
    }

    /// The device to leave by.
    pub(crate) fn dev(&self, _dp: &Datapath) -> *mut bindings::net_device {
        // SAFETY: The route is valid and RCU is held.
        unsafe { bindings::vpcnet_path_dev(&self.raw) }
    }

    /// Gives the reference away.
    fn into_raw(self) -> bindings::vpcnet_path {
        let raw = self.raw;
        core::mem::forget(self);
        raw
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        // SAFETY: By the type invariant there is a reference to drop.
        unsafe { bindings::dst_release(self.raw.dst) };
    }
}

/// A route with the headers for it: kept on one CPU, or used for one packet. All zero, there is no
/// route.
#[repr(C)]
struct Slot {
    /// First, since C functions take a pointer to the slot for one to it.
    raw: UnsafeCell<bindings::vpcnet_path>,
    template: UnsafeCell<Template>,
}

// SAFETY: Only the CPU that it belongs to uses a slot, in the datapath, and whoever drops it.
unsafe impl Sync for Slot {}
// SAFETY: A reference of a route can be dropped anywhere.
unsafe impl Send for Slot {}

impl Slot {
    fn new(route: Route, template: Template) -> Self {
        let mut raw = route.into_raw();
        raw.room = raw.headroom.saturating_add(template.len() as u32);
        raw.plain_headers = template.is_plain() || template.is_plain_udp();
        raw.plain = raw.plain_headers && !raw.mtu_locked;
        Slot {
            raw: UnsafeCell::new(raw),
            template: UnsafeCell::new(template),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: It is null, or the slot holds a reference.
        unsafe { bindings::dst_release(self.raw.get_mut().dst) };
    }
}

/// A route with the headers for it, used for one packet.
pub struct Way(Slot);

impl Way {
    /// Puts the two together.
    pub fn new(route: Route, template: Template) -> Self {
        Way(Slot::new(route, template))
    }

    /// It, to be used.
    pub fn path(&mut self) -> Path<'_> {
        // INVARIANT: The slot is valid while `self` is borrowed.
        Path(&self.0)
    }
}

/// A route and its headers for each CPU, for a tunnel that has one remote. Routes are checked for
/// each packet: what changes in the routing tables is seen at once.
pub struct Paths(PerCpu<Slot>);

impl Paths {
    /// Makes empty ones; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        Ok(Paths(PerCpu::new(|| {
            Ok(Slot {
                raw: UnsafeCell::new(pin_init::zeroed()),
                template: UnsafeCell::new(Template::EMPTY),
            })
        })?))
    }

    /// Keeps a route and its headers for the packets of this CPU, and gives them to be used.
    pub fn keep<'a>(&'a self, route: Route, template: Template, cpu: ThisCpu<'a>) -> Path<'a> {
        let slot = self.0.get(cpu);
        let mut new = Slot::new(route, template);
        new.raw.get_mut().kept = true;
        // SAFETY: The slot is this CPU's, and no reference into it is alive: `Path` makes them for
        // the time of a call only, which does not come back here.
        unsafe {
            ptr::swap(slot.raw.get(), new.raw.get());
            ptr::swap(slot.template.get(), new.template.get());
        }
        // INVARIANT: The slot has a route. The old one goes with `new`.
        Path(slot)
    }
}

/// As [`Paths`] for a tunnel whose packets bring along where they go: for each CPU a table of ways, each
/// at a place that follows from what it is for. Two that have one place take turns.
pub struct Ways(PerCpu<[Slot; 1 << bindings::VPCNET_WAYS_BITS]>);

// They are in one piece of per-CPU memory (`PCPU_MIN_UNIT_SIZE`).
const _: () = assert!(size_of::<[Slot; 1 << bindings::VPCNET_WAYS_BITS]>() <= 32 << 10);

impl Ways {
    /// Makes empty ones; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        Ok(Ways(PerCpu::of_arrays(|| Slot {
            raw: UnsafeCell::new(pin_init::zeroed()),
            template: UnsafeCell::new(Template::EMPTY),
        })?))
    }
}

/// Where a way is kept, or may be, on the CPU that handles a packet.
#[derive(Clone, Copy)]
pub struct Place<'a>(&'a Slot);

impl<'a> Place<'a> {
    /// Keeps a route and its headers for what `skb` asks for, in the place of what is there, and gives
    /// them to be used.
    ///
    /// # Errors
    ///
    /// Gives the way back if it may not be kept.
    pub fn keep(self, skb: &Skb, way: Way) -> core::result::Result<Path<'a>, Way> {
        let mut way = way;
        let new = way.0.raw.get_mut();
        // SAFETY: The packet is valid, and the path ours.
        if !unsafe { bindings::vpcnet_path_to(skb.as_const_ptr(), new) } {
            return Err(way);
        }
        // SAFETY: As in `Paths::keep()`.
        unsafe {
            ptr::swap(self.0.raw.get(), way.0.raw.get());
            ptr::swap(self.0.template.get(), way.0.template.get());
        }
        // INVARIANT: The slot has a route. The old one goes with `way`.
        Ok(Path(self.0))
    }
}

/// As [`begin`] for a packet that brings along where it goes; and where its way is kept, or may be. It
/// is ready if what it asks for is a plain header, too.
///
/// # Errors
///
/// See [`Refusal`].
#[inline]
pub fn begin_to<'a>(
    skb: &mut Skb,
    ways: &'a Ways,
    dp: &'a Datapath,
) -> core::result::Result<(Begun<'a>, Option<Place<'a>>), Refusal> {
    const STATE: usize = align_of::<Slot>() - 1;
    let memory = ways.0.as_ptr().cast();
    // SAFETY: The packet is valid and ours; the memory is per-CPU memory of as many slots, which begin
    // with what the C function expects.
    let begun = unsafe { bindings::vpcnet_begin_to(skb.as_ptr(), memory, size_of::<Slot>()) };
    // SAFETY: The C function has just asked for it.
    let cpu = unsafe { ThisCpu::from_raw(begun.offset as usize, dp) };
    let word = begun.state as usize;
    // SAFETY: Above the state is null, or the address of one of the slots, which are aligned.
    let slot = unsafe { ((word & !STATE) as *const Slot).as_ref() };
    // INVARIANT: The C function has found a route there.
    let kept = slot.map(Path);
    let (path, ready) = match (word & STATE) as c_uint {
        bindings::vpcnet_begin_state_VPCNET_BEGIN_READY => (kept, true),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_PATH => (kept, false),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_NO_PATH => (None, false),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_TOO_DEEP => return Err(Refusal::TooDeep),
        _ => return Err(Refusal::BadFrame),
    };
    Ok((Begun { cpu, path, ready }, slot.map(Place)))
}

/// How a packet begins its way.
pub struct Begun<'a> {
    /// The CPU that handles it.
    pub cpu: ThisCpu<'a>,
    /// What is kept for it, if that is still good.
    pub path: Option<Path<'a>>,
    /// Whether there is room in front for the headers that are kept, and neither segmentation nor a
    /// checksum left to do.
    pub ready: bool,
}

/// Why a packet is not to be encapsulated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// That would go deeper than the stack allows.
    TooDeep,
    /// The frame is cut off.
    BadFrame,
}

/// What comes first for each packet: makes its Ethernet header, and of the network header as much as
/// IP needs of it, linear (headers may move); looks for what is kept in `paths`.
///
/// # Errors
///
/// See [`Refusal`].
#[inline]
pub fn begin<'a>(
    skb: &mut Skb,
    paths: Option<&'a Paths>,
    dp: &'a Datapath,
) -> core::result::Result<Begun<'a>, Refusal> {
    let memory = paths.map_or(ptr::null_mut(), |paths| paths.0.as_ptr().cast());
    // SAFETY: The packet is valid and ours; the memory is null or per-CPU memory of slots, which
    // begin with what the C function expects.
    let begun = unsafe { bindings::vpcnet_begin(skb.as_ptr(), memory) };
    // SAFETY: The C function has just asked for it.
    let cpu = unsafe { ThisCpu::from_raw(begun.offset as usize, dp) };
    // INVARIANT: The C function has found a route there.
    let kept = || paths.map(|paths| Path(paths.0.get(cpu)));
    let (path, ready) = match begun.state as c_uint {
        bindings::vpcnet_begin_state_VPCNET_BEGIN_READY => (kept(), true),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_PATH => (kept(), false),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_NO_PATH => (None, false),
        bindings::vpcnet_begin_state_VPCNET_BEGIN_TOO_DEEP => return Err(Refusal::TooDeep),
        _ => return Err(Refusal::BadFrame),
    };
    Ok(Begun { cpu, path, ready })
}

/// Where a packet goes and with which headers.
///
/// # Invariants
///
/// Only this CPU uses the slot while the lifetime lasts, and there is a route in it. A packet that
/// comes back to the same tunnel may have another one put there.
#[derive(Clone, Copy)]
pub struct Path<'a>(&'a Slot);

impl Path<'_> {
    #[inline]
    fn raw(&self) -> &bindings::vpcnet_path {
        // SAFETY: By the type invariant nobody writes while the reference lives, which does not
        // outlive the caller's call.
        unsafe { &*self.0.raw.get() }
    }

    #[inline]
    fn template(&self) -> &Template {
        // SAFETY: As above.
        unsafe { &*self.0.template.get() }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::vpcnet_path {
        self.0.raw.get()
    }

    /// MTU of the path in bytes of outer IP.
    #[inline]
    pub fn mtu(&self) -> u32 {
        self.raw().mtu
    }

    /// Whether the path's MTU is pinned, so that DF must not be set.
    #[inline]
    pub fn mtu_locked(&self) -> bool {
        self.raw().mtu_locked
    }

    /// Bytes that the layers below IP put in front.
    #[inline]
    pub fn headroom(&self) -> u32 {
        self.raw().headroom
    }

    /// Source address.
    pub fn local(&self) -> Addr {
        local_of(self.raw())
    }

    /// TOS and TTL that packets ask for which bring along where they go; a TTL of 0 takes the inner
    /// one.
    #[inline]
    pub fn asked(&self) -> (u8, u8) {
        let raw = self.raw();
        (raw.to_tos, raw.to_ttl)
    }

    /// TTL for packets that do not choose one.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.raw().hoplimit
    }

    /// Length in bytes of the outer headers, of IP and what follows.
    #[inline]
    pub fn headers_len(&self) -> u32 {
        self.template().len() as u32
    }

    /// Length in bytes of the outer IP header.
    #[inline]
    pub fn ip_len(&self) -> u32 {
        self.template().ip_len() as u32
    }

    /// Version of the outer IP header.
    #[inline]
    pub fn version(&self) -> ip::Version {
        self.template().version()
    }

    /// Writes the outer headers, as [`Template::write`].
    #[inline]
    pub fn write_headers(&self, out: &mut [u8], packet: &Packet) -> Option<()> {
        self.template().write(out, packet)
    }

    /// Whether [`Path::write_plain`] or, for a tunnel with a UDP header, [`Path::write_plain_udp`]
    /// can be used, and DF be set.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.raw().plain
    }

    /// Writes the outer headers, as [`Template::write_plain`].
    #[inline]
    pub fn write_plain(&self, out: &mut [u8], total_len: u32, tos: u8, ttl: u8) -> Option<()> {
        self.template().write_plain(out, total_len, tos, ttl)
    }

    /// Writes the outer headers, as [`Template::write_plain_udp`].
    #[inline]
    pub fn write_plain_udp(
        &self,
        out: &mut [u8],
        total_len: u32,
        tos: u8,
        ttl: u8,
        sport: u16,
    ) -> Option<()> {
        self.template()
            .write_plain_udp(out, total_len, tos, ttl, sport)
    }

    /// An identification for an IPv4 packet that may be fragmented (RFC 6864, 4): from a block of
    /// this CPU's, where packets come that often.
    pub fn ident(&self, net: &Net, skb: &Skb, _dp: &Datapath) -> u16 {
        /// So many share one write to the counter that all CPUs share.
        const BLOCK: c_uint = 64;
        let block = if self.raw().kept { BLOCK } else { 1 };
        // SAFETY: All pointers are valid, and the path is ours.
        unsafe { bindings::vpcnet_ident(net.as_ptr(), self.as_ptr(), skb.as_const_ptr(), block) }
    }
}

/// A cache that can be asked: that of a packet's metadata.
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
