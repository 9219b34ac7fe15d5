// SPDX-License-Identifier: GPL-2.0

//! A netfilter hook on the IPv4 packets that are for this host.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::lane;

use crate::bindings;
use crate::context::Datapath;
use crate::netns::Net;
use crate::skb::Skb;

/// A packet that a hook sees and that belongs to the stack until it is stolen.
///
/// # Invariants
///
/// The pointer is a valid packet that only this hook handles now, its `data` at the network header.
pub struct HookSkb(NonNull<bindings::sk_buff>);

/// What becomes of a packet. Only the packet's own methods make one, so that it always fits.
#[must_use]
pub struct Verdict {
    raw: c_uint,
    // Neither `Send` nor `Sync`: no place to keep one for another packet.
    _local: PhantomData<*mut ()>,
}

impl HookSkb {
    /// Wraps the packet of a hook.
    ///
    /// # Safety
    ///
    /// It must be as the type invariant says, for as long as the hook runs, and the hook must return
    /// the verdict to netfilter.
    #[inline]
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        HookSkb(skb)
    }

    #[inline]
    fn raw(&self) -> &bindings::sk_buff {
        // SAFETY: By the type invariant.
        unsafe { self.0.as_ref() }
    }

    /// The bytes from the network header on that are in one piece; the stack has made sure of the
    /// header itself.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        let skb = self.raw();
        let len = skb.len.saturating_sub(skb.data_len);
        // SAFETY: The linear part is `len - data_len` bytes at `data`; nothing moves it while the
        // packet is borrowed.
        unsafe { slice::from_raw_parts(skb.data, len as usize) }
    }

    /// Length in bytes, from the network header on.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.raw().len
    }

    /// The lane that the uplink recorded, if any.
    #[inline]
    pub fn lane(&self) -> Option<u16> {
        lane::recorded(self.raw().queue_mapping)
    }

    /// Up to `N` bytes at `offset`, as many as the packet has, wherever they are.
    #[inline]
    pub fn peek<'a, const N: usize>(&self, offset: u32, buf: &'a mut [u8; N]) -> &'a [u8] {
        let have = self.len().saturating_sub(offset).min(N as u32);
        // SAFETY: The packet has `have` bytes at `offset`, `buf` has room for them.
        let err = unsafe {
            bindings::skb_copy_bits(
                self.0.as_ptr(),
                offset as c_int,
                buf.as_mut_ptr().cast(),
                have as c_int,
            )
        };
        let have = if err == 0 { have as usize } else { 0 };
        buf.get(..have).unwrap_or(&[])
    }

    /// If this is an ICMP packet with a router's "fragmentation needed" for a GRE packet of this
    /// host: takes note of the path's MTU. `ip_len` is the length of the IP header in bytes.
    pub fn learn_gre_pmtu(&mut self, net: &Net, ip_len: u32, _dp: &Datapath) {
        if (ip_len as usize) > self.linear().len() {
            return;
        }
        // SAFETY: The packet is valid, ours while the hook runs, and has that header.
        unsafe { bindings::vpcnet_icmp_learn_pmtu(net.as_ptr(), self.0.as_ptr(), ip_len) };
    }

    /// Lets the packet go on.
    #[inline]
    pub fn accept(self) -> Verdict {
        Verdict::new(bindings::NF_ACCEPT)
    }

    /// Takes the packet over, after what comes between here and a protocol's handler: conntrack
    /// (where in use) confirms the connection, and the IPsec policies have their say.
    ///
    /// # Errors
    ///
    /// Their verdict, if that is not to accept; so it is if memory is short.
    #[inline]
    pub fn steal(self) -> Result<(Skb, Verdict), Verdict> {
        // SAFETY: The packet is valid and in a LOCAL_IN hook.
        let verdict = unsafe { bindings::vpcnet_steal(self.0.as_ptr()) };
        if verdict != bindings::NF_ACCEPT {
            return Err(Verdict::new(verdict));
        }
        // SAFETY: The packet is ours by the verdict, which only this method makes.
        let skb = unsafe { Skb::from_raw(self.0) };
        Ok((skb, Verdict::new(bindings::NF_STOLEN)))
    }
}

impl Verdict {
    #[inline]
    fn new(raw: c_uint) -> Self {
        Verdict {
            raw,
            _local: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn into_raw(self) -> c_uint {
        self.raw
    }
}

/// The kernel's side of a hook, registered or not.
pub(crate) struct HookOps {
    ops: bindings::nf_hook_ops,
    registered: bool,
}

/// Where in the chain the hook runs: behind all rules of the host, so that a firewall sees the outer
/// packets first, and in front of conntrack's last step, which [`HookSkb::steal`] does by itself.
///
/// C header: `enum nf_ip_hook_priorities` in `include/uapi/linux/netfilter_ipv4.h`.
const PRIORITY: c_int = bindings::nf_ip_hook_priorities_NF_IP_PRI_LAST as c_int - 1;

impl HookOps {
    /// Makes the operations of a LOCAL_IN hook that calls `hook` with `private`.
    pub(crate) fn local_in(hook: bindings::nf_hookfn, private: *mut c_void) -> Self {
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = hook;
        ops.priv_ = private;
        ops.pf = bindings::NFPROTO_IPV4 as u8;
        ops.hooknum = bindings::nf_inet_hooks_NF_INET_LOCAL_IN;
        ops.priority = PRIORITY;
        HookOps {
            ops,
            registered: false,
        }
    }

    /// Registers.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`.
    ///
    /// # Safety
    ///
    /// `self` must stay where it is until [`HookOps::unregister`]; what `private` points at must
    /// stay until an RCU grace period after that.
    pub(crate) unsafe fn register(&mut self, net: *mut bindings::net) -> Result {
        // SAFETY: By the function's contract.
        to_result(unsafe { bindings::nf_register_net_hook(net, &self.ops) })?;
        self.registered = true;
        Ok(())
    }

    /// Unregisters, if registered; the hook may still run until an RCU grace period has passed.
    ///
    /// # Safety
    ///
    /// `net` must be the namespace that it was registered in.
    pub(crate) unsafe fn unregister(&mut self, net: *mut bindings::net) {
        if core::mem::take(&mut self.registered) {
            // SAFETY: It is registered there.
            unsafe { bindings::nf_unregister_net_hook(net, &self.ops) };
        }
    }
}
