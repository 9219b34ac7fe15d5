// SPDX-License-Identifier: GPL-2.0

//! A kind of link: devices that user space makes with `ip link add type KIND`.
//!
//! Every device has an underlay, the namespace that its outer packets travel in. For each namespace
//! there is a list of the devices on top of it and, while the list is not empty, netfilter hooks for
//! both versions of IP that see the packets for this host.
//!
//! Teardown: a device that is unregistered leaves the list (and with the last one go the hooks) in
//! `ndo_uninit`; the core then waits for RCU, for all references, and calls the destructor. A
//! namespace that ends takes all devices on top of it along, wherever they are.
//!
//! C header: [`include/net/rtnetlink.h`](srctree/include/net/rtnetlink.h)

use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::from_result;
use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::ip::Version;

use crate::attr::Attrs;
use crate::attr::Extack;
use crate::attr::Message;
use crate::attr::Policy;
use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::device;
use crate::device::Device;
use crate::device::Driver;
use crate::device::NewDevice;
use crate::device::Slot;
use crate::lanes;
use crate::netfilter::HookSkb;
use crate::netfilter::Verdict;
use crate::netns::Net;
use crate::netns::NetId;
use crate::skb::Skb;
use crate::underlay;
use crate::underlay::PerNet;

/// Highest attribute type of `IFLA_*` that the core parses.
const LINK_MAX: u16 = bindings::VPCNET_IFLA_MAX as u16;

/// A request to make or change a link.
pub struct Request<'a> {
    /// The attributes of all links.
    pub link: Attrs<'a>,
    /// The attributes of the kind.
    pub data: Attrs<'a>,
    /// Where to say what is wrong.
    pub ack: Extack<'a>,
}

/// A driver whose devices are made by user space.
pub trait LinkDriver: Driver {
    /// What there is once for each underlay namespace.
    type Net: Send + Sync;

    /// The kind.
    const KIND: &'static CStr;
    /// Policies of the attributes, by type; the last is the highest type.
    const POLICY: &'static [Policy];
    /// Bytes that [`LinkDriver::fill`] puts at most.
    const FILL_SIZE: usize;

    /// Where the kernel keeps the id of [`LinkDriver::Net`].
    fn net_id() -> &'static NetId;

    /// Number of queues to allocate if the request has none.
    fn default_queues() -> u16;

    /// Makes the state of a namespace.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new_net() -> Result<Self::Net>;

    /// Looks at a request, for a new or an existing device, before anything is changed.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with it, with a message in `ack`.
    fn validate(request: &Request<'_>) -> Result;

    /// Sets a new device up and makes its data.
    ///
    /// # Errors
    ///
    /// Whatever is in the way, with a message in `ack`; nothing is left behind.
    fn create(
        dev: &mut NewDevice<'_, Self>,
        underlay: &Net,
        state: &Self::Net,
        request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result<Self>;

    /// The device is registered: packets may be led to it.
    ///
    /// # Errors
    ///
    /// Unregisters the device again; [`LinkDriver::unregistered`] is called, too.
    fn registered(
        dev: &Device<Self>,
        state: &Self::Net,
        request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result;

    /// Changes a device.
    ///
    /// # Errors
    ///
    /// Whatever is in the way, with a message in `ack`; then nothing is changed.
    fn change(
        dev: &Device<Self>,
        state: &Self::Net,
        request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result;

    /// The device goes away: no packet may be led to it any more, no reference be kept.
    fn unregistered(dev: &Device<Self>, state: &Self::Net, rtnl: &mut Rtnl);

    /// Puts the settings of a device into a message, under RTNL.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`.
    fn fill(dev: &Device<Self>, message: &mut Message<'_>, rtnl: &Rtnl) -> Result;

    /// Whether packets of an IP protocol are to be seen; all others go on at once, whatever their
    /// number. Of IPv6 this is the next header of the fixed one.
    fn wants(version: Version, protocol: u8) -> bool;

    /// Sees a packet for this host.
    fn receive(underlay: &Net, state: &Self::Net, skb: HookSkb, dp: &Datapath) -> Verdict;

    /// Takes a packet that came to a [`crate::udp::UdpPort`]; the UDP header is at `data`.
    fn receive_udp(state: &Self::Net, skb: Skb, dp: &Datapath);
}

/// The registration of a kind of link; dropping it deletes all devices of the kind.
pub struct Registration<L: LinkDriver> {
    ops: NonNull<Ops>,
    _driver: PhantomData<L>,
}

struct Ops {
    link: bindings::rtnl_link_ops,
    pernet: bindings::pernet_operations,
}

// SAFETY: It is only made and dropped.
unsafe impl<L: LinkDriver> Send for Registration<L> {}
// SAFETY: As above.
unsafe impl<L: LinkDriver> Sync for Registration<L> {}

impl<L: LinkDriver> Registration<L> {
    /// Registers; once per kind.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the kind is there, `ENOMEM`.
    pub fn new() -> Result<Self> {
        let mut link: bindings::rtnl_link_ops = pin_init::zeroed();
        link.kind = L::KIND.as_char_ptr();
        link.priv_size = size_of::<Slot<L>>();
        link.setup = Some(setup::<L>);
        link.maxtype = L::POLICY.len().saturating_sub(1) as c_uint;
        link.policy = Policy::table(L::POLICY);
        link.validate = Some(validate::<L>);
        link.newlink = Some(newlink::<L>);
        link.changelink = Some(changelink::<L>);
        link.dellink = Some(bindings::unregister_netdevice_queue);
        link.get_size = Some(get_size::<L>);
        link.fill_info = Some(fill_info::<L>);
        link.get_num_tx_queues = Some(default_queues::<L>);
        link.get_num_rx_queues = Some(default_queues::<L>);
        link.get_link_net = Some(get_link_net::<L>);

        let mut pernet: bindings::pernet_operations = pin_init::zeroed();
        pernet.init = Some(underlay::net_init::<L>);
        pernet.exit_rtnl = Some(underlay::net_exit_rtnl::<L>);
        pernet.exit = Some(underlay::net_exit::<L>);
        // SAFETY: `id` and `size` are const in C only to be set by an initialiser.
        unsafe {
            (&raw const pernet.id)
                .cast_mut()
                .write(L::net_id().as_ptr());
            (&raw const pernet.size)
                .cast_mut()
                .write(size_of::<PerNet<L>>());
        }

        let ops = NonNull::from(KBox::leak(KBox::new(Ops { link, pernet }, GFP_KERNEL)?));
        // SAFETY: The operations are valid and stay where they are until `drop()`, or until they are
        // freed below, when they are not registered.
        unsafe {
            let pernet = &raw mut (*ops.as_ptr()).pernet;
            let mut result = to_result(bindings::register_pernet_device(pernet));
            if result.is_ok() {
                result = to_result(bindings::rtnl_link_register(&raw mut (*ops.as_ptr()).link));
                if result.is_err() {
                    bindings::unregister_pernet_device(pernet);
                    bindings::vpcnet_rcu_barrier();
                }
            }
            if let Err(error) = result {
                drop(KBox::from_raw(ops.as_ptr()));
                return Err(error);
            }
        }
        Ok(Registration {
            ops,
            _driver: PhantomData,
        })
    }
}

impl<L: LinkDriver> Drop for Registration<L> {
    fn drop(&mut self) {
        // All devices go, and that is waited for; then what they sent by; then the state of all
        // namespaces; then what RCU is to free by code of this module is waited for.
        // SAFETY: Both are registered, and after these steps nobody refers to the operations.
        unsafe {
            bindings::rtnl_link_unregister(&raw mut (*self.ops.as_ptr()).link);
            lanes::release();
            bindings::unregister_pernet_device(&raw mut (*self.ops.as_ptr()).pernet);
            bindings::vpcnet_rcu_barrier();
            drop(KBox::from_raw(self.ops.as_ptr()));
        }
    }
}

struct DeviceOps<L>(PhantomData<L>);

impl<L: LinkDriver> DeviceOps<L> {
    const OPS: bindings::net_device_ops = device::ops::<L>(underlay::uninit::<L>);
}

/// `rtnl_link_ops::setup`.
///
/// # Safety
///
/// The core passes a device just allocated with `priv_size` bytes of zeroed private memory.
unsafe extern "C" fn setup<L: LinkDriver>(dev: *mut bindings::net_device) {
    // SAFETY: The core has just allocated the device with `priv_size` bytes.
    unsafe { device::setup::<L>(dev, &DeviceOps::<L>::OPS) };
}

/// `rtnl_link_ops::get_num_tx_queues` and `get_num_rx_queues`.
///
/// # Safety
///
/// None; the C type has it.
unsafe extern "C" fn default_queues<L: LinkDriver>() -> c_uint {
    L::default_queues().into()
}

/// # Safety
///
/// The pointers must be those of an rtnl link operation, valid for the lifetime.
unsafe fn request<'a, L: LinkDriver>(
    link: *mut *mut bindings::nlattr,
    data: *mut *mut bindings::nlattr,
    ack: *mut bindings::netlink_ext_ack,
) -> Request<'a> {
    // SAFETY: By the function's contract: the core parses that many types.
    unsafe {
        Request {
            link: Attrs::from_raw(link, LINK_MAX),
            data: Attrs::from_raw(data, L::POLICY.len().saturating_sub(1) as u16),
            ack: Extack::from_raw(ack),
        }
    }
}

/// `rtnl_link_ops::validate`.
///
/// # Safety
///
/// The core passes tables of `IFLA_MAX + 1` and `maxtype + 1` attributes.
unsafe extern "C" fn validate<L: LinkDriver>(
    link: *mut *mut bindings::nlattr,
    data: *mut *mut bindings::nlattr,
    ack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The pointers are the core's.
    let request = unsafe { request::<L>(link, data, ack) };
    from_result(|| L::validate(&request).map(|()| 0))
}

/// `rtnl_link_ops::newlink`.
///
/// # Safety
///
/// The core holds RTNL and passes a device that `setup()` has made, valid parameters, and
/// namespaces that are alive.
unsafe extern "C" fn newlink<L: LinkDriver>(
    dev: *mut bindings::net_device,
    params: *mut bindings::rtnl_newlink_params,
    ack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The core holds RTNL, passes a device just allocated by `setup()` and zeroed, valid
    // parameters, and namespaces that are alive.
    unsafe {
        let mut rtnl = Rtnl::assume();
        let underlay = if (*params).link_net.is_null() {
            bindings::vpcnet_dev_net(dev)
        } else {
            (*params).link_net
        };
        let state = &(*underlay::per_net::<L>(underlay)).state;
        let request = request::<L>((*params).tb, (*params).data, ack);
        let explain = |error| request.ack.explain(error, c"the device cannot be made");
        from_result(|| {
            let mut new = NewDevice::from_raw(dev);
            let net = Net::from_raw(underlay);
            let data = L::create(&mut new, net, state, &request, &mut rtnl).map_err(explain)?;
            new.fill(data, underlay).map_err(explain)?;
            if let Err(error) = to_result(bindings::register_netdevice(dev)) {
                // Unless registration got as far as to do it. If it got even further, the core is
                // about to, once the device is out of use.
                if c_uint::from((*dev).reg_state) == bindings::netdev_reg_state_NETREG_UNINITIALIZED
                {
                    device::destroy::<L>(dev);
                }
                let why = c"the device cannot be registered: its name is taken or wrong";
                return Err(request.ack.explain(error, why));
            }
            if let Err(error) = underlay::bind::<L>(dev)
                .and_then(|()| L::registered(Device::from_raw(dev), state, &request, &mut rtnl))
            {
                // The core frees the device when it is out of use.
                bindings::unregister_netdevice_queue(dev, ptr::null_mut());
                return Err(request
                    .ack
                    .explain(error, c"no packets can be led to the device"));
            }
            Ok(0)
        })
    }
}

/// `rtnl_link_ops::changelink`.
///
/// # Safety
///
/// The core holds RTNL and passes a registered device of the kind, and tables as for
/// [`validate`].
unsafe extern "C" fn changelink<L: LinkDriver>(
    dev: *mut bindings::net_device,
    link: *mut *mut bindings::nlattr,
    data: *mut *mut bindings::nlattr,
    ack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The core holds RTNL and passes a registered device.
    unsafe {
        let mut rtnl = Rtnl::assume();
        let request = request::<L>(link, data, ack);
        from_result(|| {
            let slot = device::slot::<L>(dev);
            let underlay = (*slot).underlay;
            if !bindings::rtnl_dev_link_net_capable(dev, underlay) {
                return Err(request.ack.refuse(
                    EPERM,
                    c"changing the tunnel needs CAP_NET_ADMIN in its underlay's namespace",
                ));
            }
            let state = &(*underlay::per_net::<L>(underlay)).state;
            L::change(Device::from_raw(dev), state, &request, &mut rtnl)
                .map(|()| 0)
                .map_err(|error| request.ack.explain(error, c"the device cannot be changed"))
        })
    }
}

/// `rtnl_link_ops::get_size`.
///
/// # Safety
///
/// None; the C type has it.
unsafe extern "C" fn get_size<L: LinkDriver>(_dev: *const bindings::net_device) -> usize {
    L::FILL_SIZE
}

/// `rtnl_link_ops::fill_info`.
///
/// # Safety
///
/// The core holds RTNL, passes a message being built and a registered device of the kind.
unsafe extern "C" fn fill_info<L: LinkDriver>(
    skb: *mut bindings::sk_buff,
    dev: *const bindings::net_device,
) -> c_int {
    // SAFETY: The core holds RTNL, passes a message being built and a registered device.
    unsafe {
        let rtnl = Rtnl::assume();
        let mut message = Message::from_raw(skb);
        from_result(|| {
            L::fill(Device::from_raw(dev.cast_mut()), &mut message, &rtnl)
                .map(|()| 0)
                .map_err(|_| EMSGSIZE)
        })
    }
}

/// `rtnl_link_ops::get_link_net`.
///
/// # Safety
///
/// The core passes a registered device of the kind.
unsafe extern "C" fn get_link_net<L: LinkDriver>(
    dev: *const bindings::net_device,
) -> *mut bindings::net {
    // SAFETY: The core passes a registered device.
    unsafe { (*device::slot::<L>(dev.cast_mut())).underlay }
}
