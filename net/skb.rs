// SPDX-License-Identifier: GPL-2.0

//! Packets.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use core::ptr::NonNull;
use core::slice;

use kernel::prelude::*;

use vpc_core::lane;

use crate::bindings;
use crate::context::Datapath;

/// Why a packet is dropped, for `drop_monitor` and the `kfree_skb` tracepoint.
///
/// The kernel's own reasons, `enum skb_drop_reason` in `include/net/dropreason-core.h`.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Reason {
    /// None of the others.
    NotSpecified = bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED,
    /// The packet is shorter than it says.
    TooShort = bindings::skb_drop_reason_SKB_DROP_REASON_PKT_TOO_SMALL,
    /// A header is not all there.
    CutHeader = bindings::skb_drop_reason_SKB_DROP_REASON_HDR_TRUNC,
    /// A checksum is wrong.
    Checksum = bindings::skb_drop_reason_SKB_DROP_REASON_SKB_CSUM,
    /// Nobody here speaks the protocol within.
    UnknownProto = bindings::skb_drop_reason_SKB_DROP_REASON_UNHANDLED_PROTO,
    /// Netfilter had it dropped.
    Netfilter = bindings::skb_drop_reason_SKB_DROP_REASON_NETFILTER_DROP,
    /// RFC 6040 wants it dropped.
    Ecn = bindings::skb_drop_reason_SKB_DROP_REASON_IP_TUNNEL_ECN,
    /// It has no metadata to send it by.
    NoMetadata = bindings::skb_drop_reason_SKB_DROP_REASON_TUNNEL_TXINFO,
    /// Memory is short.
    NoMemory = bindings::skb_drop_reason_SKB_DROP_REASON_NOMEM,
    /// No route to the remote.
    NoRoute = bindings::skb_drop_reason_SKB_DROP_REASON_IP_OUTNOROUTES,
    /// More than the path's MTU.
    TooBig = bindings::skb_drop_reason_SKB_DROP_REASON_PKT_TOO_BIG,
    /// Tunnels within tunnels without end.
    Recursion = bindings::skb_drop_reason_SKB_DROP_REASON_RECURSION_LIMIT,
}

/// A packet that the holder owns.
///
/// Whoever has it sends it on or drops it; to let go of it drops it with
/// [`Reason::NotSpecified`].
///
/// # Invariants
///
/// The pointer is a valid `sk_buff` that nobody else uses.
#[must_use]
pub struct Skb(NonNull<bindings::sk_buff>);

impl Skb {
    /// Takes a packet over.
    ///
    /// # Safety
    ///
    /// The pointer must be valid, and the caller gives its reference away.
    #[inline]
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        Skb(skb)
    }

    /// Gives the packet to C code, which owns it from now on.
    #[inline]
    pub(crate) fn into_raw(self) -> *mut bindings::sk_buff {
        let skb = self.0.as_ptr();
        core::mem::forget(self);
        skb
    }

    #[inline]
    pub(crate) fn as_ptr(&mut self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn as_const_ptr(&self) -> *const bindings::sk_buff {
        self.0.as_ptr()
    }

    #[inline]
    fn raw(&self) -> &bindings::sk_buff {
        // SAFETY: By the type invariant.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    fn raw_mut(&mut self) -> &mut bindings::sk_buff {
        // SAFETY: By the type invariant.
        unsafe { self.0.as_mut() }
    }

    /// Drops the packet for a reason.
    pub fn drop_with(self, reason: Reason) {
        // SAFETY: The packet is owned, and given away.
        unsafe { bindings::vpcnet_drop(self.into_raw(), reason as c_uint) };
    }

    /// Length in bytes, fragments included.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.raw().len
    }

    /// The transmit queue that was chosen for it.
    #[inline]
    pub fn tx_queue(&self) -> u16 {
        self.raw().queue_mapping
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
        unsafe { peek(self.0, offset, buf) }
    }

    /// Records a lane, `skb_record_rx_queue()`.
    #[inline]
    pub fn record_lane(&mut self, lane: u16) {
        self.raw_mut().queue_mapping = lane::record(lane);
    }

    /// The firewall mark.
    #[inline]
    pub fn mark(&self) -> u32 {
        // SAFETY: The packet is valid.
        unsafe { bindings::vpcnet_skb_mark(self.0.as_ptr()) }
    }

    /// The hash of its flow, computed if need be.
    #[inline]
    pub fn flow_hash(&mut self) -> u32 {
        // SAFETY: The packet is valid and ours.
        unsafe { bindings::vpcnet_skb_hash(self.as_ptr()) }
    }

    /// Whether it is to be cut into segments.
    #[inline]
    pub fn is_gso(&self) -> bool {
        // SAFETY: The packet is valid.
        unsafe { bindings::vpcnet_is_gso(self.0.as_ptr()) }
    }

    /// The bytes from `data` on that are in one piece.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        let skb = self.raw();
        let len = skb.len.saturating_sub(skb.data_len);
        // SAFETY: The linear part is `len - data_len` bytes at `data`, and borrowed from `self`, so
        // that what may move it is out of reach.
        unsafe { slice::from_raw_parts(skb.data, len as usize) }
    }

    /// Makes `headroom` bytes before `data`, and the headers there, writable; may move them. What
    /// segmentation and checksums have left to do concerns inner headers from now on, with `gso`
    /// (`SKB_GSO_*`) around them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline]
    pub(crate) fn prepare(
        &mut self,
        headroom: u32,
        gso: c_uint,
        _dp: &Datapath,
    ) -> Result<Headroom<'_>> {
        // SAFETY: The packet is valid and ours.
        match unsafe { bindings::vpcnet_prepare(self.as_ptr(), headroom, gso) } {
            error if error < 0 => Err(Error::from_errno(error)),
            // INVARIANT: The head is this packet's alone now.
            offload => Ok(Headroom {
                skb: self,
                offload: offload != 0,
            }),
        }
    }

    /// Takes `len` bytes from the front, if that many are linear.
    #[inline]
    pub fn pull(&mut self, len: u32) -> bool {
        if self.linear().len() < len as usize {
            return false;
        }
        // SAFETY: The packet is valid and at least that long.
        unsafe { !bindings::skb_pull(self.as_ptr(), len).is_null() }
    }
}

/// The room before a packet's first byte.
///
/// # Invariants
///
/// No clone shares the packet's head, so that it may be written.
pub struct Headroom<'a> {
    skb: &'a mut Skb,
    offload: bool,
}

impl<'a> Headroom<'a> {
    /// The room of a packet whose head is known to be its alone.
    #[inline]
    pub(crate) fn ready(skb: &'a mut Skb) -> Self {
        Headroom {
            skb,
            offload: false,
        }
    }

    /// Puts `len` bytes before `data` and gives them to be written. `None` if there is no such room.
    #[inline]
    pub fn push(&mut self, len: u32) -> Option<&mut [u8]> {
        let skb = self.skb.raw_mut();
        if (skb.data as usize).wrapping_sub(skb.head as usize) < len as usize {
            return None;
        }
        // SAFETY: There is room in front of `data`.
        skb.data = unsafe { skb.data.sub(len as usize) };
        skb.len = skb.len.wrapping_add(len);
        // SAFETY: The bytes belong to the packet, and by the type invariant to nobody else.
        Some(unsafe { slice::from_raw_parts_mut(skb.data, len as usize) })
    }

    /// Whether segmentation or an inner checksum is left to be done.
    #[inline]
    pub(crate) fn offload(&self) -> bool {
        self.offload
    }

    #[inline]
    pub(crate) fn skb(&mut self) -> &mut Skb {
        self.skb
    }
}

/// A packet for which a transmit queue is chosen: it may be looked at, no more.
pub struct Candidate<'a>(&'a mut bindings::sk_buff);

impl<'a> Candidate<'a> {
    /// Borrows a packet.
    #[inline]
    pub(crate) fn new(skb: &'a mut bindings::sk_buff) -> Self {
        Candidate(skb)
    }

    /// The lane recorded as receive queue, if any.
    #[inline]
    pub fn lane(&self) -> Option<u16> {
        lane::recorded(self.0.queue_mapping)
    }

    /// The hash of its flow, computed if need be.
    #[inline]
    pub fn flow_hash(&mut self) -> u32 {
        // SAFETY: The packet is valid and borrowed; the function stores the hash in it.
        unsafe { bindings::vpcnet_skb_hash(self.0) }
    }
}

/// Up to `N` bytes at `offset` of a packet, as many as it has, wherever they are.
///
/// # Safety
///
/// The packet must be valid.
#[inline]
pub(crate) unsafe fn peek<const N: usize>(
    skb: NonNull<bindings::sk_buff>,
    offset: u32,
    buf: &mut [u8; N],
) -> &[u8] {
    // SAFETY: The packet is valid; it has `have` bytes at `offset`, `buf` has room for them.
    unsafe {
        let have = skb.as_ref().len.saturating_sub(offset).min(N as u32);
        let err = bindings::skb_copy_bits(
            skb.as_ptr(),
            offset as c_int,
            buf.as_mut_ptr().cast(),
            have as c_int,
        );
        let have = if err == 0 { have as usize } else { 0 };
        buf.get(..have).unwrap_or(&[])
    }
}

impl Drop for Skb {
    fn drop(&mut self) {
        // SAFETY: The packet is owned and not used again.
        unsafe { bindings::vpcnet_drop(self.0.as_ptr(), Reason::NotSpecified as c_uint) };
    }
}
