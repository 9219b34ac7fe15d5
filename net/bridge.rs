// SPDX-License-Identifier: GPL-2.0

//! Hooks of a driver that makes more of bridges.
//!
//! It gets each frame of a device before the device's bridge does, and may keep the bridge from
//! sending others there.
//!
//! C header: [`include/uapi/linux/netfilter_bridge.h`](srctree/include/uapi/linux/netfilter_bridge.h)

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::frame::look;
use crate::frame::Received;
use crate::netdev::Hold;
use crate::netdev::NetDev;
use crate::netfilter::HookOps;
use crate::netfilter::Verdict;
use crate::netns::Net;
use crate::pernet;
use crate::pernet::PerNet;
use crate::rcu::RcuBox;

/// Who looks at the frames of a namespace's bridges.
pub trait BridgeDriver: PerNet {
    /// A device with an [`Intake`] has received a frame.
    fn received(&self, net: &Net, frame: Received<'_>, dp: &Datapath) -> Verdict;

    /// Whether the port with an index is its bridge's: to send by it, from whatever port a frame came,
    /// and to handle what it has received.
    fn is_bridges(&self, port: u32, dp: &Datapath) -> bool;
}

/// The hooks of a driver in the bridges of a namespace.
///
/// # Invariants
///
/// They are registered in the namespace, with the address of its state.
pub struct Hooks<D: BridgeDriver> {
    ops: KBox<[HookOps; 4]>,
    net: NonNull<bindings::net>,
    _driver: PhantomData<D>,
}

// SAFETY: They are only made and taken out, under RTNL.
unsafe impl<D: BridgeDriver> Send for Hooks<D> {}
// SAFETY: As above.
unsafe impl<D: BridgeDriver> Sync for Hooks<D> {}

/// Behind what a host has of its own at the same places: filters of bridges
/// (`NF_BR_PRI_FILTER_BRIDGED`, -200), and whatever sets the lane of packets that a device receives.
const PRIORITY: c_int = -1;

impl<D: BridgeDriver> Hooks<D> {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `ENOENT` if the namespace has no state of `D`.
    pub fn new(net: &Net, _rtnl: &mut Rtnl) -> Result<Self> {
        let private = private::<D>(net)?;
        let hook = |hook, number| HookOps::bridge(hook, number, PRIORITY, private);
        let ops = [
            hook(
                Some(strayed::<D>),
                bindings::nf_inet_hooks_NF_INET_PRE_ROUTING,
            ),
            // What a bridge hands to the host without the one above.
            hook(
                Some(going_up::<D>),
                bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
            ),
            hook(
                Some(sending::<D>),
                bindings::nf_inet_hooks_NF_INET_POST_ROUTING,
            ),
            // What the bridge makes itself, queries for groups and BPDUs, passes no other one.
            hook(
                Some(sending::<D>),
                bindings::nf_inet_hooks_NF_INET_LOCAL_OUT,
            ),
        ];
        let mut hooks = Hooks {
            ops: KBox::new(ops, GFP_KERNEL)?,
            // SAFETY: A reference is not null.
            net: unsafe { NonNull::new_unchecked(net.as_ptr()) },
            _driver: PhantomData,
        };
        for ops in hooks.ops.iter_mut() {
            // SAFETY: They are boxed, and `drop()` takes those out that are in. The state is dropped
            // when RCU has been waited for after `PerNet::exit()`.
            unsafe { ops.register(net.as_ptr())? };
        }
        Ok(hooks)
    }
}

impl<D: BridgeDriver> Drop for Hooks<D> {
    fn drop(&mut self) {
        for ops in self.ops.iter_mut() {
            // SAFETY: It is that namespace where they are registered, if they are; it is not gone yet,
            // since they go in `PerNet::exit()` at the latest.
            unsafe { ops.unregister(self.net.as_ptr()) };
        }
        // Who lists the hooks of the host (`nft list hooks`) looks into the operations under RCU.
        // SAFETY: Process context.
        unsafe { bindings::synchronize_net() };
    }
}

/// What hooks of a namespace find its state by.
fn private<D: BridgeDriver>(net: &Net) -> Result<*mut c_void> {
    let state = ptr::from_ref(pernet::of_hook::<D>(net).ok_or(ENOENT)?);
    Ok(state.cast_mut().cast())
}

/// Has a driver get what a device receives, before its bridge. What it gets while it is in no bridge
/// is dropped, for the host would get that.
///
/// It is the device's own hook, not one of the bridge. Other devices do not pay for it; and a bridge
/// hands some of what is for link-local groups (IEEE 802.1Q, 8.6.3) to the host without asking its
/// hooks, and learns who has sent it.
///
/// # Invariants
///
/// The hook is registered for the device, in the namespace that it is in, with the address of the
/// state there, while `ops` is there.
pub struct Intake<D: BridgeDriver> {
    ops: Option<RcuBox<IntakeOps>>,
    net: NonNull<bindings::net>,
    // Registered there.
    _dev: Hold,
    _driver: PhantomData<D>,
}

struct IntakeOps(bindings::nf_hook_ops);

// SAFETY: They do not change, and the pointers in them are used under RTNL.
unsafe impl Send for IntakeOps {}
// SAFETY: As above.
unsafe impl Sync for IntakeOps {}
// SAFETY: It is only made and dropped, under RTNL.
unsafe impl<D: BridgeDriver> Send for Intake<D> {}
// SAFETY: As above.
unsafe impl<D: BridgeDriver> Sync for Intake<D> {}

impl<D: BridgeDriver> Intake<D> {
    /// Makes one, to be dropped before the device leaves its namespace, and in `PerNet::exit()` at the
    /// latest; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `EOPNOTSUPP` if the kernel has no ingress hooks; `ENOENT` if the namespace
    /// has no state of `D`.
    pub fn new(dev: &NetDev, rtnl: &mut Rtnl) -> Result<Self> {
        let net = dev.net(rtnl);
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = Some(received::<D>);
        ops.priv_ = private::<D>(net)?;
        ops.dev = dev.as_ptr();
        ops.pf = bindings::NFPROTO_NETDEV as u8;
        ops.hooknum = bindings::nf_dev_hooks_NF_NETDEV_INGRESS;
        ops.priority = PRIORITY;
        let ops = RcuBox::new(IntakeOps(ops))?;
        let net = net.as_ptr();
        // SAFETY: RTNL is held, device and namespace are valid; the operations stay until they are
        // unregistered and nobody reads them any more. The state is dropped when RCU has been waited
        // for after `PerNet::exit()`.
        to_result(unsafe { bindings::nf_register_net_hook(net, &ops.0) })?;
        // INVARIANT: It is registered there.
        Ok(Intake {
            ops: Some(ops),
            // SAFETY: A namespace is not null.
            net: unsafe { NonNull::new_unchecked(net) },
            _dev: dev.hold(),
            _driver: PhantomData,
        })
    }
}

impl<D: BridgeDriver> Drop for Intake<D> {
    fn drop(&mut self) {
        if let Some(ops) = self.ops.take() {
            // SAFETY: By the type invariant.
            unsafe { bindings::nf_unregister_net_hook(self.net.as_ptr(), &ops.0) };
            ops.retire();
        }
    }
}

/// The hook for frames that a device receives.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame that the device has received, RCU held and BH
/// off: there is no queue to user space at this place.
unsafe extern "C" fn received<D: BridgeDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract; the state outlives the hook by an RCU grace period.
    unsafe {
        let (driver, net) = (&*private.cast::<D>(), Net::from_raw((*state).net));
        let mut look = MaybeUninit::uninit();
        match bindings::vpcnet_intake(skb, look.as_mut_ptr()) {
            bindings::vpcnet_intake_state_VPCNET_INTAKE_OURS => (),
            bindings::vpcnet_intake_state_VPCNET_INTAKE_SHARED => {
                return received_copy(driver, net, skb)
            }
            bindings::vpcnet_intake_state_VPCNET_INTAKE_HOSTS => return bindings::NF_ACCEPT,
            _ => return bindings::NF_DROP,
        }
        // INVARIANT: As netfilter has it, and looked at.
        let frame = Received {
            skb: NonNull::new_unchecked(skb),
            look: look.assume_init_mut(),
        };
        driver.received(net, frame, &Datapath::assume()).into_raw()
    }
}

/// The same for a frame that somebody else has, too: the driver gets a copy.
///
/// # Safety
///
/// As for [`received`].
#[cold]
unsafe fn received_copy<D: BridgeDriver>(
    driver: &D,
    net: &Net,
    skb: *mut bindings::sk_buff,
) -> c_uint {
    // SAFETY: By the function's contract. The reference that netfilter passes is given back if the
    // driver has taken the copy, and the copy if it has not.
    unsafe {
        let Some(copy) = NonNull::new(bindings::vpcnet_clone(skb)) else {
            return bindings::NF_DROP;
        };
        // INVARIANT: It is new, and else as the packet.
        let frame = Received {
            skb: copy,
            look: &mut look(copy),
        };
        let verdict = driver.received(net, frame, &Datapath::assume()).into_raw();
        let unused = match verdict {
            bindings::NF_STOLEN => skb,
            _ => copy.as_ptr(),
        };
        bindings::vpcnet_consume(unused);
        verdict
    }
}

/// The hook for frames that a bridge has received. Those that come back from an ifb device, as tc sends
/// them there to limit what a VM sends, have not passed the hook of their device.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame of the chain, RCU held; BH is off but where a
/// frame comes back from a queue to user space.
unsafe extern "C" fn strayed<D: BridgeDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract, and BH is off for what has to have it so.
    unsafe {
        if is_bridges::<D>(private, bindings::vpcnet_state_in(state)) {
            return bindings::NF_ACCEPT;
        }
        let entered = bindings::vpcnet_bh_enter();
        let verdict = received::<D>(private, skb, state);
        if entered {
            bindings::vpcnet_bh_leave();
        }
        verdict
    }
}

/// The hook for frames that a bridge hands to the host.
///
/// # Safety
///
/// As for [`sending`].
unsafe extern "C" fn going_up<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract.
    unsafe { verdict(is_bridges::<D>(private, bindings::vpcnet_state_in(state))) }
}

/// The hook for frames that a bridge sends.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame of the chain, RCU held.
unsafe extern "C" fn sending<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract.
    unsafe { verdict(is_bridges::<D>(private, bindings::vpcnet_state_out(state))) }
}

/// # Safety
///
/// `private` must be that of a hook of `D` that is running, RCU held.
#[inline]
unsafe fn is_bridges<D: BridgeDriver>(private: *mut c_void, port: u32) -> bool {
    // SAFETY: By the function's contract; the state outlives the hook by an RCU grace period. Bridges
    // have BH off or on; nobody writes to what is this CPU's here.
    unsafe { (*private.cast::<D>()).is_bridges(port, &Datapath::assume()) }
}

fn verdict(accept: bool) -> c_uint {
    match accept {
        true => bindings::NF_ACCEPT,
        false => bindings::NF_DROP,
    }
}
