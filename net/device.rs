// SPDX-License-Identifier: GPL-2.0

//! Network devices of our own.
//!
//! A [`Driver`] gets its device as `&Device`, because many CPUs use it at once. What changes a device
//! happens before it is registered ([`NewDevice`]) or under RTNL.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::ethtool;
use crate::ethtool::Ethtool;
use crate::metadata::Metadata;
use crate::netns::Net;
use crate::path::Route;
use crate::qstats;
use crate::queues::InUse;
use crate::skb::Candidate;
use crate::skb::Skb;
use crate::stats::Totals;
use crate::tunnel::Frame;

/// Number of CPUs that there may ever be, at most 4096.
pub fn possible_cpus() -> u16 {
    // SAFETY: Reads a number.
    unsafe { bindings::vpcnet_nr_cpus() }.min(MAX_QUEUES) as u16
}

/// Number of CPUs that run now, at most 4096.
pub fn online_cpus() -> u16 {
    // SAFETY: Reads a number.
    unsafe { bindings::vpcnet_online_cpus() }.min(MAX_QUEUES) as u16
}

/// Queues that rtnetlink allows for a device.
const MAX_QUEUES: c_uint = 4096;

/// Most headroom in bytes to ask of others. The headers' offsets in a packet are 16 bits wide, so
/// headroom without a bound lets them overflow (CVE-2024-26804); the stock tunnels stop here, too.
const MAX_HEADROOM: u16 = 512;

/// What a device does; the value is its private data.
pub trait Driver: Ethtool + Sized + Send + Sync + 'static {
    /// Chooses the transmit queue, less than [`Device::tx_queues`]; not asked if there is only one.
    ///
    /// Any context: packet sockets may ask with BH on and no RCU held.
    fn select_queue(dev: &Device<Self>, skb: Candidate<'_>) -> u16;

    /// Sends a frame, or drops it; several CPUs may do so at once, on one queue even.
    fn transmit(dev: &Device<Self>, skb: Skb, dp: &Datapath);

    /// Packets and bytes so far, and how many were dropped: sending, receiving; any context.
    fn totals(dev: &Device<Self>) -> (Totals, u64, u64);

    /// Packets and bytes so far of the queues with one index; any context.
    fn queue_totals(dev: &Device<Self>, index: u16) -> Totals;

    /// Index of the device that carries the packets; 0 if it is not fixed.
    fn lower_ifindex(dev: &Device<Self>) -> u32;
}

/// A driver's part of the memory that comes with a `net_device`, zeroed at first.
#[repr(C)]
pub(crate) struct Slot<D> {
    /// Whether `data` and `cells` are initialised.
    pub(crate) live: bool,
    /// Whether the device is in the list of its underlay's namespace.
    pub(crate) bound: bool,
    pub(crate) queues: InUse,
    pub(crate) dev: *mut bindings::net_device,
    /// The namespace that the outer packets travel in.
    pub(crate) underlay: *mut bindings::net,
    pub(crate) siblings: bindings::list_head,
    pub(crate) cells: bindings::gro_cells,
    data: MaybeUninit<D>,
}

/// A registered device of driver `D`.
///
/// # Invariants
///
/// A reference is to a `net_device` whose private memory is a live `Slot<D>`, and which stays so
/// while the reference lives.
#[repr(transparent)]
pub struct Device<D> {
    dev: Opaque<bindings::net_device>,
    _driver: PhantomData<D>,
}

// SAFETY: What the methods do is allowed from all threads, and the data is `Sync`.
unsafe impl<D: Sync> Sync for Device<D> {}

impl<D: Driver> Device<D> {
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
        self.dev.get()
    }

    #[inline]
    pub(crate) fn slot(&self) -> *mut Slot<D> {
        // SAFETY: The pointer is valid by the type invariant.
        unsafe { slot(self.as_ptr()) }
    }

    /// The driver's data.
    #[inline]
    pub fn data(&self) -> &D {
        // SAFETY: By the type invariant the slot is live.
        unsafe { (*self.slot()).data.assume_init_ref() }
    }

    /// The namespace that the outer packets travel in.
    #[inline]
    pub fn underlay(&self) -> &Net {
        // SAFETY: Set before registration; `link` deletes the device before that namespace ends.
        unsafe { Net::from_raw((*self.slot()).underlay) }
    }

    /// Whether the device is in another namespace than its underlay.
    #[inline]
    pub fn crosses_netns(&self) -> bool {
        // SAFETY: The device is valid; one load of an aligned word, as `READ_ONCE()`.
        let net = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).nd_net.net) };
        !ptr::eq(net, self.underlay().as_ptr())
    }

    /// MTU in bytes.
    #[inline]
    pub fn mtu(&self) -> u32 {
        // SAFETY: The device is valid; one load of an aligned word, as `READ_ONCE()`.
        unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).mtu) }
    }

    /// Index of the device.
    pub fn ifindex(&self) -> u32 {
        // SAFETY: The device is valid; one load of an aligned word.
        let index = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).ifindex) };
        index as u32
    }

    /// Sets MTU and headroom (512 at most) in bytes when the tunnel's headers change.
    pub fn set_sizes(&self, mtu: Option<u32>, headroom: u16, _rtnl: &mut Rtnl) {
        let dev = self.as_ptr();
        // SAFETY: The device is valid; the fields are written under RTNL in one piece, and readers
        // can do with the old or the new value.
        unsafe {
            if let Some(mtu) = mtu {
                ptr::write_volatile(&raw mut (*dev).mtu, mtu);
            }
            ptr::write_volatile(&raw mut (*dev).needed_headroom, headroom.min(MAX_HEADROOM));
        }
    }

    /// Tells user space that the device's settings have changed.
    pub fn notify_changed(&self, _rtnl: &mut Rtnl) {
        // SAFETY: The device is registered and RTNL is held.
        unsafe { bindings::netdev_state_change(self.as_ptr()) };
    }

    /// Whether a route leads back into this device.
    pub fn is_on(&self, route: &Route, dp: &Datapath) -> bool {
        ptr::eq(self.as_ptr(), route.dev(dp))
    }

    /// Whether this is the same device.
    pub fn is(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }

    /// Whether the device is up.
    #[inline]
    pub fn is_up(&self) -> bool {
        const START: usize = 1 << bindings::netdev_state_t___LINK_STATE_START;
        // SAFETY: The device is valid; one load of an aligned word, as `test_bit()`.
        let state = unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).state) };
        state & START != 0
    }

    /// Hands a decapsulated frame to the stack as received on queue `lane`, or on no known one.
    #[inline]
    pub fn deliver(
        &self,
        frame: Frame<'_>,
        lane: Option<u16>,
        metadata: Option<Metadata>,
        _dp: &Datapath,
    ) {
        let md = metadata.map_or(ptr::null_mut(), Metadata::into_raw);
        let (skb, gro_was_on) = frame.into_parts();
        // SAFETY: The device is live, its cells initialised, BH off; the packet, which is as the
        // function wants it, and the reference of the metadata are given away.
        unsafe {
            bindings::vpcnet_deliver_l2(
                skb.into_raw(),
                &raw mut (*self.slot()).cells,
                md,
                lane.map_or(0, vpc_core::lane::record),
                gro_was_on,
            )
        };
    }

    /// A counted reference, for a table.
    pub fn hold(&self) -> DeviceHold<D> {
        // SAFETY: The device is valid and registered.
        unsafe { bindings::vpcnet_dev_hold(self.as_ptr()) };
        // INVARIANT: The count was just raised.
        DeviceHold {
            dev: self.dev_ptr(),
            _driver: PhantomData,
        }
    }

    fn dev_ptr(&self) -> NonNull<bindings::net_device> {
        NonNull::from(self).cast()
    }
}

/// A counted reference to a registered device. The device is not freed, nor its data dropped, before
/// it is gone: whoever keeps one must let go of it when the device is unregistered.
///
/// # Invariants
///
/// A reference of the device is held; the device is registered or was.
pub struct DeviceHold<D: Driver> {
    dev: NonNull<bindings::net_device>,
    _driver: PhantomData<D>,
}

// SAFETY: The count is per CPU and may be dropped anywhere; the device is `Sync`.
unsafe impl<D: Driver> Send for DeviceHold<D> {}
// SAFETY: As above.
unsafe impl<D: Driver> Sync for DeviceHold<D> {}

impl<D: Driver> Deref for DeviceHold<D> {
    type Target = Device<D>;

    #[inline]
    fn deref(&self) -> &Device<D> {
        // SAFETY: `netdev_run_todo()` waits for all references before it calls the destructor.
        unsafe { Device::from_raw(self.dev.as_ptr()) }
    }
}

impl<D: Driver> Drop for DeviceHold<D> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_dev_put(self.dev.as_ptr()) };
    }
}

/// A device that is being made: allocated, not yet registered, seen by nobody.
///
/// # Invariants
///
/// `dev` is valid, exclusively ours, and its private memory is a `Slot<D>` that is not live.
pub struct NewDevice<'a, D> {
    dev: *mut bindings::net_device,
    _driver: PhantomData<&'a mut D>,
}

impl<D: Driver> NewDevice<'_, D> {
    /// # Safety
    ///
    /// As the type invariant says.
    pub(crate) unsafe fn from_raw(dev: *mut bindings::net_device) -> Self {
        NewDevice {
            dev,
            _driver: PhantomData,
        }
    }

    fn dev(&mut self) -> &mut bindings::net_device {
        // SAFETY: By the type invariant.
        unsafe { &mut *self.dev }
    }

    /// Sets MTU and headroom (512 at most) in bytes.
    pub fn set_sizes(&mut self, mtu: Option<u32>, headroom: u16) {
        let dev = self.dev();
        if let Some(mtu) = mtu {
            dev.mtu = mtu;
        }
        dev.needed_headroom = headroom.min(MAX_HEADROOM);
    }

    /// Gives the device a random MAC address.
    pub fn set_random_mac(&mut self) {
        // SAFETY: The device is ours.
        unsafe { bindings::vpcnet_eth_hw_addr_random(self.dev) };
    }

    /// Number of transmit queues that there is memory for.
    pub fn max_tx_queues(&mut self) -> u16 {
        self.dev().num_tx_queues as u16
    }

    /// Number of receive queues that there is memory for.
    pub fn max_rx_queues(&mut self) -> u16 {
        self.dev().num_rx_queues as u16
    }

    /// Says how many queues to use.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no memory for that many, or for 0.
    pub fn set_queues(&mut self, tx: u16, rx: u16, _rtnl: &mut Rtnl) -> Result {
        // SAFETY: The device is ours, RTNL is held.
        to_result(unsafe { bindings::netif_set_real_num_queues(self.dev, tx.into(), rx.into()) })
    }

    /// Moves the driver's data in, after which the device can be registered.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn fill(self, data: D, underlay: *mut bindings::net) -> Result {
        // SAFETY: By the type invariant the slot is ours.
        unsafe {
            let slot = slot::<D>(self.dev);
            to_result(bindings::gro_cells_init(&raw mut (*slot).cells, self.dev))?;
            bindings::vpcnet_list_init(&raw mut (*slot).siblings);
            (*slot).dev = self.dev;
            (*slot).underlay = underlay;
            (*slot).queues = InUse::of_core(self.dev);
            (*slot).data.write(data);
            (*slot).live = true;
        }
        Ok(())
    }
}

/// Where the private memory of a device begins, `netdev_priv()`.
///
/// # Safety
///
/// `dev` must be valid, and have been allocated for driver `D`.
#[inline]
pub(crate) unsafe fn slot<D>(dev: *mut bindings::net_device) -> *mut Slot<D> {
    // `NETDEV_ALIGN`.
    const_assert!(core::mem::align_of::<Slot<D>>() <= 32);
    // SAFETY: By the function's contract the memory is there.
    unsafe { (&raw mut (*dev).priv_).cast() }
}

/// Drops what [`NewDevice::fill`] put in, once: registration that fails may come by here before its
/// caller does.
///
/// # Safety
///
/// `dev` must be a device of driver `D` that nobody uses any more.
pub(crate) unsafe extern "C" fn destroy<D: Driver>(dev: *mut bindings::net_device) {
    // SAFETY: By the function's contract; `live` says that the fields are initialised.
    unsafe {
        let slot = slot::<D>(dev);
        if core::mem::take(&mut (*slot).live) {
            bindings::gro_cells_destroy(&raw mut (*slot).cells);
            (*slot).data.assume_init_drop();
        }
    }
}

/// Makes a fresh `net_device` an Ethernet device of driver `D`.
///
/// # Safety
///
/// `dev` must be a device just allocated with a `Slot<D>` as private memory.
pub(crate) unsafe fn setup<D: Driver>(
    dev: *mut bindings::net_device,
    ops: &'static bindings::net_device_ops,
) {
    const FEATURES: u64 = bindings::VPCNET_F_SG
        | bindings::VPCNET_F_FRAGLIST
        | bindings::VPCNET_F_HIGHDMA
        | bindings::VPCNET_F_HW_CSUM
        | bindings::VPCNET_F_GSO_SOFTWARE;
    // SAFETY: By the function's contract.
    unsafe {
        bindings::ether_setup(dev);
        bindings::vpcnet_setup_lockless(dev);
        let dev = &mut *dev;
        dev.netdev_ops = ops;
        dev.ethtool_ops = ethtool::ops::<D>();
        dev.stat_ops = qstats::ops::<D>();
        dev.needs_free_netdev = true;
        dev.priv_destructor = Some(destroy::<D>);
        dev.features |= FEATURES;
        dev.hw_features |= FEATURES;
        dev.max_mtu = u32::from(u16::MAX)
            - (vpc_core::ip::V4_LEN + 8 + vpc_core::gre::MAX_LEN + vpc_core::eth::HEADER_LEN)
                as u32;
    }
}

/// The operations of driver `D` but for `ndo_uninit`, which belongs to who registered the device.
pub(crate) const fn ops<D: Driver>(
    uninit: unsafe extern "C" fn(*mut bindings::net_device),
) -> bindings::net_device_ops {
    let mut ops: bindings::net_device_ops = pin_init::zeroed();
    ops.ndo_uninit = Some(uninit);
    ops.ndo_start_xmit = Some(start_xmit::<D>);
    ops.ndo_select_queue = Some(select_queue::<D>);
    ops.ndo_set_mac_address = Some(bindings::eth_mac_addr);
    ops.ndo_validate_addr = Some(bindings::eth_validate_addr);
    ops.ndo_get_stats64 = Some(get_stats64::<D>);
    ops.ndo_get_iflink = Some(get_iflink::<D>);
    ops
}

/// `ndo_start_xmit`.
///
/// # Safety
///
/// The core calls it for a registered device of driver `D`, BH off and RCU held, and gives the
/// packet away for good with `NETDEV_TX_OK`.
unsafe extern "C" fn start_xmit<D: Driver>(
    skb: *mut bindings::sk_buff,
    dev: *mut bindings::net_device,
) -> bindings::netdev_tx_t {
    // SAFETY: The core calls this for a registered device, with BH off and RCU held, and gives the
    // packet away for good with `NETDEV_TX_OK`.
    unsafe {
        let dp = Datapath::assume();
        D::transmit(
            Device::from_raw(dev),
            Skb::from_raw(NonNull::new_unchecked(skb)),
            &dp,
        );
    }
    bindings::netdev_tx_NETDEV_TX_OK
}

/// `ndo_select_queue`.
///
/// # Safety
///
/// The core calls it for a registered device of driver `D` and lends it a packet.
unsafe extern "C" fn select_queue<D: Driver>(
    dev: *mut bindings::net_device,
    skb: *mut bindings::sk_buff,
    _sb_dev: *mut bindings::net_device,
) -> u16 {
    // SAFETY: The core calls this for a registered device and lends the packet.
    unsafe { D::select_queue(Device::from_raw(dev), Candidate::new(&mut *skb)) }
}

/// `ndo_get_stats64`.
///
/// # Safety
///
/// The core calls it for a registered device of driver `D` with a structure to fill in.
unsafe extern "C" fn get_stats64<D: Driver>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::rtnl_link_stats64,
) {
    // SAFETY: The core calls this for a registered device, with a structure to fill in.
    let (dev, stats) = unsafe { (Device::<D>::from_raw(dev), &mut *stats) };
    let (totals, tx_dropped, rx_dropped) = D::totals(dev);
    stats.tx_packets = totals.tx_packets;
    stats.tx_bytes = totals.tx_bytes;
    stats.rx_packets = totals.rx_packets;
    stats.rx_bytes = totals.rx_bytes;
    stats.tx_dropped = tx_dropped;
    stats.rx_dropped = rx_dropped;
}

/// `ndo_get_iflink`.
///
/// # Safety
///
/// The core calls it for a registered device of driver `D`.
unsafe extern "C" fn get_iflink<D: Driver>(dev: *const bindings::net_device) -> c_int {
    // SAFETY: The core calls this for a registered device.
    let dev = unsafe { Device::<D>::from_raw(dev.cast_mut()) };
    match D::lower_ifindex(dev) {
        // The stack's way to say "none": the device's own index.
        // SAFETY: The device is valid.
        0 => unsafe { (*dev.as_ptr()).ifindex },
        index => index as c_int,
    }
}
