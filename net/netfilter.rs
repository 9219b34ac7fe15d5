// SPDX-License-Identifier: GPL-2.0

//! A netfilter hook on the IPv4 packets that are for this host.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)

use core::ptr::NonNull;
use core::slice;

use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::lane;

use crate::bindings;
use crate::skb::Skb;

/// A packet that a hook sees and that belongs to the stack until it is stolen.
///
/// # Invariants
///
/// The pointer is a valid packet that only this hook handles now, its `data` at the network header.
pub struct HookSkb(NonNull<bindings::sk_buff>);

/// What becomes of a packet. Only the packet's own methods make one, so that it always fits.
#[must_use]
pub struct Verdict(c_uint);

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

    /// Lets the packet go on.
    #[inline]
    pub fn accept(self) -> Verdict {
        Verdict(bindings::NF_ACCEPT)
    }

    /// Takes the packet over, after conntrack (where in use) has confirmed its connection, as it
    /// would behind the last hook.
    ///
    /// # Errors
    ///
    /// The verdict of conntrack, if that is not to accept.
    #[inline]
    pub fn steal(self) -> Result<(Skb, Verdict), Verdict> {
        // SAFETY: The packet is valid and in a LOCAL_IN hook.
        let verdict = unsafe { bindings::vpcnet_ct_confirm(self.0.as_ptr()) };
        if verdict != bindings::NF_ACCEPT {
            return Err(Verdict(verdict));
        }
        // SAFETY: The packet is ours by the verdict, which only this method makes.
        let skb = unsafe { Skb::from_raw(self.0) };
        Ok((skb, Verdict(bindings::NF_STOLEN)))
    }
}

impl Verdict {
    #[inline]
    pub(crate) fn into_raw(self) -> c_uint {
        self.0
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
