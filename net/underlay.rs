// SPDX-License-Identifier: GPL-2.0

//! What there is of a kind of link in each namespace that carries its packets: the devices on top of
//! it, and the hooks and sockets by which packets come in.
//!
//! The hooks come with the first device and go with the last. What they refer to is the namespace's
//! memory, which outlives them by an RCU grace period.

use core::ptr;
use core::ptr::NonNull;

use kernel::error::from_result;
use kernel::prelude::*;

use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::device;
use crate::device::Device;
use crate::device::Slot;
use crate::link::LinkDriver;
use crate::netfilter::HookOps;
use crate::netfilter::HookSkb;
use crate::netns::Net;
use crate::skb::Reason;
use crate::skb::Skb;

/// What a namespace has for a kind; lives in the kernel's per-namespace memory, so it does not move.
pub(crate) struct PerNet<L: LinkDriver> {
    net: *mut bindings::net,
    /// The devices on top of this namespace: `Slot::siblings`. Under RTNL.
    devices: bindings::list_head,
    count: usize,
    hooks: [HookOps; 2],
    pub(crate) state: L::Net,
}

/// The state of a namespace for a kind.
///
/// # Safety
///
/// The kind must be registered and the namespace valid, its `init` done and its `exit` not.
pub(crate) unsafe fn per_net<L: LinkDriver>(net: *mut bindings::net) -> *mut PerNet<L> {
    // `ARCH_KMALLOC_MINALIGN`: the memory is plain `kzalloc()`.
    const_assert!(core::mem::align_of::<PerNet<L>>() <= 8);
    // SAFETY: By the function's contract.
    unsafe { L::net_id().data(net) }.map_or(ptr::null_mut(), |data| data.as_ptr().cast())
}

/// `pernet_operations::init`.
///
/// # Safety
///
/// The core passes a namespace that has memory of the registered size for the kind, not in use yet.
pub(crate) unsafe extern "C" fn net_init<L: LinkDriver>(net: *mut bindings::net) -> c_int {
    from_result(|| {
        // SAFETY: The memory is there (the core allocated it before) and of that size.
        let this = unsafe { per_net::<L>(net) };
        let state = L::new_net()?;
        // SAFETY: As above; nobody else uses it yet.
        unsafe {
            this.write(PerNet {
                net,
                devices: pin_init::zeroed(),
                count: 0,
                hooks: [
                    HookOps::local_in(Version::V4, Some(hook4::<L>), this.cast()),
                    HookOps::local_in(Version::V6, Some(hook6::<L>), this.cast()),
                ],
                state,
            });
            bindings::vpcnet_list_init(&raw mut (*this).devices);
        }
        Ok(0)
    })
}

/// `pernet_operations::exit_rtnl`: deletes the devices on top of a namespace that ends.
///
/// # Safety
///
/// The core holds RTNL, and passes a namespace that went through `net_init()`.
pub(crate) unsafe extern "C" fn net_exit_rtnl<L: LinkDriver>(
    net: *mut bindings::net,
    kill_list: *mut bindings::list_head,
) {
    // SAFETY: The list is of live slots, RTNL is held, and queueing a device for unregistration does
    // not take it out of the list yet.
    unsafe {
        let head = &raw mut (*per_net::<L>(net)).devices;
        let mut item = (*head).next;
        while !ptr::eq(item, head) {
            let slot = item
                .byte_sub(core::mem::offset_of!(Slot<L>, siblings))
                .cast::<Slot<L>>();
            item = (*item).next;
            bindings::unregister_netdevice_queue((*slot).dev, kill_list);
        }
    }
}

/// `pernet_operations::exit`.
///
/// # Safety
///
/// The core passes a namespace that went through `net_init()` and `net_exit_rtnl()`.
pub(crate) unsafe extern "C" fn net_exit<L: LinkDriver>(net: *mut bindings::net) {
    // SAFETY: All devices on top of the namespace are gone, and with the last one went hooks and UDP
    // ports, since when the core has waited for RCU (in unregistering that device). The core frees
    // the memory after this.
    unsafe { per_net::<L>(net).drop_in_place() };
}

/// Puts a registered device into the list of its underlay; the first one brings the hook.
///
/// # Safety
///
/// `dev` must be registered with a live slot, under RTNL.
pub(crate) unsafe fn bind<L: LinkDriver>(dev: *mut bindings::net_device) -> Result {
    // SAFETY: By the function's contract; the namespace's state lives as long as the device.
    unsafe {
        let slot = device::slot::<L>(dev);
        let this = per_net::<L>((*slot).underlay);
        if (*this).count == 0 {
            for hook in &mut (*this).hooks {
                if let Err(error) = hook.register((*this).net) {
                    unhook(this);
                    return Err(error);
                }
            }
        }
        (*this).count += 1;
        bindings::vpcnet_list_add(&raw mut (*slot).siblings, &raw mut (*this).devices);
        (*slot).bound = true;
    }
    Ok(())
}

/// Takes a namespace's hooks out, those that are in.
///
/// # Safety
///
/// RTNL must be held, and the state be valid.
unsafe fn unhook<L: LinkDriver>(this: *mut PerNet<L>) {
    // SAFETY: By the function's contract.
    unsafe {
        for hook in &mut (*this).hooks {
            hook.unregister((*this).net);
        }
    }
}

/// `ndo_uninit`: the reverse of [`bind`]; also called when registration fails, before it.
///
/// # Safety
///
/// The core holds RTNL and passes a device with a live slot.
pub(crate) unsafe extern "C" fn uninit<L: LinkDriver>(dev: *mut bindings::net_device) {
    // SAFETY: The core holds RTNL, and calls this only while the slot is live; where it is bound, the
    // namespace's state is there.
    unsafe {
        let slot = device::slot::<L>(dev);
        if !core::mem::take(&mut (*slot).bound) {
            return;
        }
        let this = per_net::<L>((*slot).underlay);
        let mut rtnl = Rtnl::assume();
        L::unregistered(Device::from_raw(dev), &(*this).state, &mut rtnl);
        bindings::vpcnet_list_del(&raw mut (*slot).siblings);
        (*this).count -= 1;
        if (*this).count == 0 {
            unhook(this);
        }
    }
}

/// The LOCAL_IN hook of a namespace for IPv4.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a packet of the chain, RCU held.
unsafe extern "C" fn hook4<L: LinkDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: As the function's contract says.
    unsafe { hook::<L, false>(private, skb) }
}

/// The LOCAL_IN hook of a namespace for IPv6.
///
/// # Safety
///
/// As for [`hook4`].
unsafe extern "C" fn hook6<L: LinkDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: As the function's contract says.
    unsafe { hook::<L, true>(private, skb) }
}

const fn version(v6: bool) -> Version {
    match v6 {
        false => Version::V4,
        true => Version::V6,
    }
}

/// A LOCAL_IN hook.
///
/// # Safety
///
/// As for [`hook4`].
#[inline]
unsafe fn hook<L: LinkDriver, const V6: bool>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
) -> c_uint {
    // Where in the IP header the protocol stands.
    let protocol = if V6 { 6 } else { 9 };
    // SAFETY: The packet is in the LOCAL_IN chain and ours until we return.
    let skb = unsafe { HookSkb::from_raw(NonNull::new_unchecked(skb), version(V6)) };
    // All other packets of the host come by here, too, and leave again at once.
    match skb.linear().get(protocol) {
        // SAFETY: As the function's contract says.
        Some(&protocol) if L::wants(version(V6), protocol) => unsafe {
            see::<L, V6>(private, skb.into_raw())
        },
        _ => skb.accept().into_raw(),
    }
}

/// A packet in a LOCAL_IN hook, of a protocol that the kind wants to see. Apart from the above, which
/// then has next to nothing to do on the way in; and made for each version of IP, so that nothing
/// asks for it twice.
///
/// # Safety
///
/// As for [`hook4`].
#[inline(never)]
unsafe fn see<L: LinkDriver, const V6: bool>(
    private: *mut c_void,
    skb: NonNull<bindings::sk_buff>,
) -> c_uint {
    // SAFETY: `private` is the namespace's state, which outlives the hook by an RCU grace period (see
    // `net_exit()`). The packet is as in `hook()`. RCU is held; BH is off but where a packet comes
    // back from a queue to user space, and is switched off then.
    unsafe {
        let this = &*private.cast::<PerNet<L>>();
        let skb = HookSkb::from_raw(skb, version(V6));
        let entered = bindings::vpcnet_bh_enter();
        let dp = Datapath::assume();
        let verdict = L::receive(Net::from_raw(this.net), &this.state, skb, &dp);
        if entered {
            bindings::vpcnet_bh_leave();
        }
        verdict.into_raw()
    }
}

/// `encap_rcv` of the sockets of [`crate::udp::UdpPort`].
///
/// # Safety
///
/// UDP passes such a socket and a packet that it gives away with the result 0, with the UDP header
/// at `data` and linear, RCU held.
pub(crate) unsafe extern "C" fn udp_receive<L: LinkDriver>(
    sk: *mut bindings::sock,
    skb: *mut bindings::sk_buff,
) -> c_int {
    // SAFETY: As the function's contract says. The private pointer is a namespace's state, which
    // outlives the socket by an RCU grace period (see `net_exit()`). As for BH, see `hook()`.
    unsafe {
        let skb = Skb::from_raw(NonNull::new_unchecked(skb));
        let this = bindings::vpcnet_udp_private(sk).cast::<PerNet<L>>();
        if this.is_null() {
            // The port is being closed, and the packet too late.
            skb.drop_with(Reason::UnknownProto);
            return 0;
        }
        let entered = bindings::vpcnet_bh_enter();
        let dp = Datapath::assume();
        L::receive_udp(&(*this).state, skb, &dp);
        if entered {
            bindings::vpcnet_bh_leave();
        }
    }
    0
}
