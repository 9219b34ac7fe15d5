// SPDX-License-Identifier: GPL-2.0

//! Netfilter hooks: on the packets that are for this host, and those of bridges.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::ip::Version;
use vpc_core::lane;

use crate::bindings;
use crate::context::Datapath;
use crate::netns::Net;
use crate::skb;
use crate::skb::Skb;

/// A packet that a hook sees and that belongs to the stack until it is stolen.
///
/// # Invariants
///
/// The pointer is a valid packet that only this hook handles now, its `data` at the network header.
pub struct HookSkb {
    skb: NonNull<bindings::sk_buff>,
    version: Version,
}

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
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>, version: Version) -> Self {
        HookSkb { skb, version }
    }

    /// The packet again, still the stack's.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        self.skb
    }

    /// The version of IP.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    #[inline]
    fn raw(&self) -> &bindings::sk_buff {
        // SAFETY: By the type invariant.
        unsafe { self.skb.as_ref() }
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
        // SAFETY: The packet is valid.
        unsafe { skb::peek(self.skb, offset, buf) }
    }

    /// Of an IPv6 packet: where what follows the headers begins that the stack has been through by
    /// now, and which protocol it is. That may be one more extension header.
    #[inline]
    pub fn payload6(&self) -> (u32, u8) {
        let mut protocol = 0;
        // SAFETY: The packet is valid; IPv6 has set the fields before the hook.
        let offset = unsafe { bindings::vpcnet_ip6_payload(self.skb.as_ptr(), &mut protocol) };
        (offset, protocol)
    }

    /// Of an IPv6 packet: index of the link that it came by.
    pub fn link6(&self) -> u32 {
        // SAFETY: As in `payload6()`.
        unsafe { bindings::vpcnet_ip6_iif(self.skb.as_ptr()) as u32 }
    }

    /// Whether the checksum of an ICMP message at `offset` is right.
    pub fn icmp_csum_ok(&self, offset: u32, _dp: &Datapath) -> bool {
        let v6 = self.version == Version::V6;
        // SAFETY: The packet is valid.
        unsafe { bindings::vpcnet_icmp_csum_ok(self.skb.as_ptr(), offset, v6) }
    }

    /// Takes note that no more than `mtu` bytes fit on the way of the packet of this host that an
    /// ICMP message quotes at `offset`, if it leaves by the device with index `link` (0 for any).
    pub fn learn_pmtu(&mut self, net: &Net, offset: u32, mtu: u32, link: u32, _dp: &Datapath) {
        let v6 = self.version == Version::V6;
        // SAFETY: The packet is valid and ours while the hook runs; what is not there, the function
        // does not look at.
        unsafe {
            bindings::vpcnet_learn_pmtu(
                net.as_ptr(),
                self.skb.as_ptr(),
                offset,
                v6,
                mtu,
                link as c_int,
            );
        }
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
        let v6 = self.version == Version::V6;
        // SAFETY: The packet is valid and in a LOCAL_IN hook of that family.
        let verdict = unsafe { bindings::vpcnet_steal(self.skb.as_ptr(), v6) };
        if verdict != bindings::NF_ACCEPT {
            return Err(Verdict::new(verdict));
        }
        // SAFETY: The packet is ours by the verdict, which only this method makes.
        let skb = unsafe { Skb::from_raw(self.skb) };
        Ok((skb, Verdict::new(bindings::NF_STOLEN)))
    }
}

impl Verdict {
    #[inline]
    pub(crate) fn new(raw: c_uint) -> Self {
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
/// C header: `enum nf_ip_hook_priorities` in `include/uapi/linux/netfilter_ipv4.h`; those of IPv6
/// have the same numbers.
const PRIORITY: c_int = bindings::nf_ip_hook_priorities_NF_IP_PRI_LAST as c_int - 1;

impl HookOps {
    /// Makes the operations of a LOCAL_IN hook that calls `hook` with `private`.
    pub(crate) fn local_in(
        version: Version,
        hook: bindings::nf_hookfn,
        private: *mut c_void,
    ) -> Self {
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = hook;
        ops.priv_ = private;
        ops.pf = match version {
            Version::V4 => bindings::NFPROTO_IPV4 as u8,
            Version::V6 => bindings::NFPROTO_IPV6 as u8,
        };
        ops.hooknum = bindings::nf_inet_hooks_NF_INET_LOCAL_IN;
        ops.priority = PRIORITY;
        HookOps {
            ops,
            registered: false,
        }
    }

    /// Makes the operations of a hook in the chain `number` of all bridges.
    pub(crate) fn bridge(
        hook: bindings::nf_hookfn,
        number: c_uint,
        priority: c_int,
        private: *mut c_void,
    ) -> Self {
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = hook;
        ops.priv_ = private;
        ops.pf = bindings::NFPROTO_BRIDGE as u8;
        ops.hooknum = number;
        ops.priority = priority;
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
