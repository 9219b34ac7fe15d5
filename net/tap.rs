// SPDX-License-Identifier: GPL-2.0

//! Managing taps of the stock tun driver from outside.
//!
//! Packets from the VM pass the tap's netfilter ingress hook, before anybody else but packet sockets,
//! generic XDP and tc's ingress has seen them. Packets to the VM pass the driver's choice of a queue, which
//! `redirect.c` can answer in its place. What a tap is managed by hangs on the hook.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::ffi::c_void;
use kernel::prelude::*;

use vpc_core::lane;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::netdev::Hold;
use crate::netdev::NetDev;
use crate::steering;

/// What decides about the packets of a tap.
pub trait TapDriver: Send + Sync + 'static {
    /// A packet has just come from the VM.
    fn sent(&self, packet: FromVm<'_>, dp: &Datapath);

    /// The queue that a packet to the VM takes; `None` lets the tun driver choose.
    fn select(&self, packet: ToVm<'_>, dp: &Datapath) -> Option<u16>;
}

/// A packet on its way from the VM.
pub struct FromVm<'a> {
    skb: &'a mut bindings::sk_buff,
}

impl FromVm<'_> {
    /// The VM's queue, which tun records.
    #[inline]
    pub fn queue(&self) -> Option<u16> {
        lane::recorded(self.skb.queue_mapping)
    }

    /// Records the lane in place of the queue.
    #[inline]
    pub fn record(self, lane: u16) {
        self.skb.queue_mapping = lane::record(lane);
    }
}

/// A packet on its way to the VM.
pub struct ToVm<'a> {
    dev: &'a NetDev,
    skb: &'a bindings::sk_buff,
}

impl ToVm<'_> {
    /// The lane that it came by, if one was recorded.
    #[inline]
    pub fn lane(&self) -> Option<u16> {
        lane::recorded(self.skb.queue_mapping)
    }

    /// Number of queues that the VM serves.
    #[inline]
    pub fn queues(&self) -> u16 {
        let queues = self.dev.tx_queues();
        // SAFETY: The device is a tap, whose redirected function calls this.
        match unsafe { steering::queues(self.dev.as_ptr()) } {
            // While one detaches the driver's own number is the lower one.
            Some(own) if own < u32::from(queues) => own as u16,
            _ => queues,
        }
    }

    /// Whether the tap has a steering program; `None` if that cannot be seen.
    #[inline]
    pub fn has_program(&self) -> Option<bool> {
        // SAFETY: As in `queues()`.
        unsafe { steering::has_program(self.dev.as_ptr()) }
    }
}

/// A tap that is managed, or could be: it is while its hook is registered.
///
/// # Invariants
///
/// `node` comes from a `KBox` and is owned. It is only made, hooked, unhooked and dropped under RTNL;
/// if `net` is not null, the hook is registered there, and the device has not left that namespace
/// since.
pub struct Hook<T: TapDriver> {
    node: NonNull<Node<T>>,
    _owned: PhantomData<T>,
}

struct Node<T> {
    ops: bindings::nf_hook_ops,
    net: *mut bindings::net,
    dev: Hold,
    value: T,
}

// SAFETY: It is a box of a `T`, a counted device and pointers that are used under RTNL.
unsafe impl<T: TapDriver> Send for Hook<T> {}
// SAFETY: As above; shared references give `&T` and the device only.
unsafe impl<T: TapDriver> Sync for Hook<T> {}

impl<T: TapDriver> Hook<T> {
    /// Makes one for a tap, not registered yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(dev: &NetDev, value: T, _rtnl: &mut Rtnl) -> Result<Self> {
        let node = KBox::new(
            Node {
                ops: pin_init::zeroed(),
                net: ptr::null_mut(),
                dev: dev.hold(),
                value,
            },
            GFP_KERNEL,
        )?;
        let node = NonNull::from(KBox::leak(node));
        // SAFETY: Nobody else knows of it yet.
        let ops = unsafe { &mut (*node.as_ptr()).ops };
        ops.hook = Some(ingress::<T>);
        ops.priv_ = node.as_ptr().cast();
        ops.dev = dev.as_ptr();
        ops.pf = bindings::NFPROTO_NETDEV as u8;
        ops.hooknum = bindings::nf_dev_hooks_NF_NETDEV_INGRESS;
        // Whatever else looks at the packets sees their lane.
        ops.priority = c_int::MIN;
        // INVARIANT: Just allocated, not registered.
        Ok(Hook {
            node,
            _owned: PhantomData,
        })
    }

    /// Registers the hook, in the namespace that the tap is in now; nothing if it is.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `EOPNOTSUPP` if the kernel has no ingress hooks.
    pub fn hook(&mut self, _rtnl: &mut Rtnl) -> Result {
        let node = self.node.as_ptr();
        // SAFETY: RTNL is held, the node and the device are valid; the node stays until it is
        // unregistered and nobody reads it any more.
        unsafe {
            if !(*node).net.is_null() {
                return Ok(());
            }
            let net = bindings::vpcnet_dev_net((*node).dev.as_ptr());
            to_result(bindings::nf_register_net_hook(net, &raw const (*node).ops))?;
            // INVARIANT: It is registered there.
            (*node).net = net;
        }
        Ok(())
    }

    /// Unregisters the hook, if registered: before the tap leaves its namespace.
    pub fn unhook(&mut self, _rtnl: &mut Rtnl) {
        self.unregister();
    }

    fn unregister(&mut self) -> bool {
        let node = self.node.as_ptr();
        // SAFETY: RTNL is held by the type invariant, and so the hook is registered if `net` says so.
        unsafe {
            let net = core::mem::replace(&mut (*node).net, ptr::null_mut());
            if net.is_null() {
                return false;
            }
            bindings::nf_unregister_net_hook(net, &raw const (*node).ops);
        }
        true
    }

    /// Whether the tap has a steering program; `None` if that cannot be seen.
    pub fn has_program(&self) -> Option<bool> {
        // SAFETY: The device is a tap of the tun driver.
        unsafe { steering::has_program(self.dev().as_ptr()) }
    }

    /// The tap.
    pub fn dev(&self) -> &NetDev {
        // SAFETY: The node is valid.
        unsafe { &self.node.as_ref().dev }
    }

    /// Has packets to the VM decided upon by [`TapDriver::select`]; once for all taps, whichever is
    /// the first.
    ///
    /// # Errors
    ///
    /// Why that cannot be.
    pub fn redirect(&self, _rtnl: &mut Rtnl) -> Result<(), Obstacle> {
        // SAFETY: The device is a tap, and the functions are of the same `T`, as is every hook's
        // value that has `ingress::<T>`.
        let state = unsafe {
            bindings::vpcnet_redirect_attach(
                self.dev().as_ptr(),
                Some(select::<T>),
                Some(ingress::<T>),
            )
        };
        match state {
            bindings::vpcnet_redirect_state_VPCNET_REDIRECT_ON => Ok(()),
            bindings::vpcnet_redirect_state_VPCNET_REDIRECT_UNSUPPORTED => {
                Err(Obstacle::Unsupported)
            }
            bindings::vpcnet_redirect_state_VPCNET_REDIRECT_NO_FUNCTION => {
                Err(Obstacle::NoFunction)
            }
            bindings::vpcnet_redirect_state_VPCNET_REDIRECT_UNTRACEABLE => {
                Err(Obstacle::Untraceable)
            }
            bindings::vpcnet_redirect_state_VPCNET_REDIRECT_TAKEN => Err(Obstacle::Taken),
            _ => Err(Obstacle::Failed),
        }
    }
}

/// Why packets to VMs cannot be redirected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The kernel has no ftrace that can do it.
    Unsupported,
    /// The driver chooses no queue.
    NoFunction,
    /// Its function cannot be traced.
    Untraceable,
    /// Another redirects it, or ftrace is disabled.
    Taken,
    /// Memory is short, or ftrace has given up.
    Failed,
}

impl<T: TapDriver> Deref for Hook<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The node is valid.
        unsafe { &self.node.as_ref().value }
    }
}

impl<T: TapDriver> Drop for Hook<T> {
    fn drop(&mut self) {
        self.unregister();
        // SAFETY: Process context. Whoever found the node by the hook is done with it after this, also
        // if the hook was unregistered earlier.
        unsafe {
            bindings::synchronize_net();
            drop(KBox::from_raw(self.node.as_ptr()));
        }
    }
}

/// Learns about the tun driver when it comes, and ends what refers to it when it goes; a static of the
/// module that is dropped after all hooks.
pub struct Watch(());

impl Watch {
    /// Begins; process context without RTNL.
    ///
    /// # Errors
    ///
    /// Those of `register_module_notifier()`.
    pub fn new() -> Result<Self> {
        // SAFETY: The function is this module's, which unwatches before it goes.
        to_result(unsafe { bindings::vpcnet_tun_watch(Some(steering::learn)) })?;
        Ok(Watch(()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: It was begun. Afterwards no packet is redirected into this module.
        unsafe {
            bindings::vpcnet_tun_unwatch();
            bindings::vpcnet_rcu_barrier();
        }
    }
}

/// The ingress hook.
///
/// # Safety
///
/// Netfilter calls it with BH off and RCU held, with the `priv` that it was registered with, and lends
/// the packet.
unsafe extern "C" fn ingress<T: TapDriver>(
    node: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract; `Hook::drop()` waits for RCU before it frees the node.
    unsafe {
        let dp = Datapath::assume();
        (*node.cast::<Node<T>>())
            .value
            .sent(FromVm { skb: &mut *skb }, &dp);
    }
    bindings::NF_ACCEPT
}

/// `vpcnet_select_t`.
///
/// # Safety
///
/// `redirect.c` calls it with BH off and RCU held, with the `priv` of an `ingress::<T>`, for a tap and
/// a packet that are valid.
unsafe extern "C" fn select<T: TapDriver>(
    node: *mut c_void,
    dev: *const bindings::net_device,
    skb: *const bindings::sk_buff,
) -> c_int {
    // SAFETY: By the function's contract.
    let queue = unsafe {
        let dp = Datapath::assume();
        let packet = ToVm {
            dev: NetDev::from_raw(dev.cast_mut()),
            skb: &*skb,
        };
        (*node.cast::<Node<T>>()).value.select(packet, &dp)
    };
    queue.map_or(-1, c_int::from)
}
