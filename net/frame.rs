// SPDX-License-Identifier: GPL-2.0

//! Frames that devices receive for a driver of [`crate::bridge`], and what becomes of them.
//!
//! C header: `net/bridge.h`

use core::mem::MaybeUninit;
use core::ptr;
use core::ptr::NonNull;
use core::slice;

use kernel::prelude::*;

use vpc_core::eth;
use vpc_core::ip::Addr;
use vpc_core::lane;
use vpc_core::vpc::sum::Sum;

use crate::bindings;
use crate::context::Datapath;
use crate::metadata::Destination;
use crate::netdev::NetDev;
use crate::netfilter::Verdict;
use crate::percpu::ThisCpu;
use crate::skb::Reason;
use crate::skb::Skb;
use crate::tunnel::addr_of;

/// A frame that a port of a bridge has received, and that is the bridge's until it is taken.
///
/// # Invariants
///
/// The pointer is a valid packet in a hook for what devices receive, which only that handles now,
/// `data` behind its Ethernet header; `look` is what `vpcnet_frame_look()` says of it. Padding may have
/// been taken off since, whose bytes are still there.
pub struct Received<'a> {
    pub(crate) skb: NonNull<bindings::sk_buff>,
    // By reference: a frame that is passed on is not copied.
    pub(crate) look: &'a mut bindings::vpcnet_frame,
}

/// By which tunnel a frame has come.
#[derive(Clone, Copy)]
pub struct CameBy {
    /// The host that has sent it.
    pub remote: Addr,
    /// The key of its GRE header.
    pub key: u32,
}

pub(crate) fn look(skb: NonNull<bindings::sk_buff>) -> bindings::vpcnet_frame {
    let mut look = MaybeUninit::uninit();
    // SAFETY: The callers pass a valid packet in a bridge; the function fills all fields in.
    unsafe {
        bindings::vpcnet_frame_look(skb.as_ptr(), look.as_mut_ptr());
        look.assume_init()
    }
}

impl<'a> Received<'a> {
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.skb.as_ptr()
    }

    /// The CPU that handles it.
    #[inline]
    pub fn cpu<'b>(&self, dp: &'b Datapath) -> ThisCpu<'b> {
        // SAFETY: Asked for in the same hook.
        unsafe { ThisCpu::from_raw(self.look.offset, dp) }
    }

    /// Index of the port.
    #[inline]
    pub fn port(&self) -> u32 {
        self.look.ifindex
    }

    /// The bytes from the destination address on that are in one piece.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        // SAFETY: By the type invariant; nothing moves them while the frame is borrowed.
        unsafe { slice::from_raw_parts(self.look.start, self.look.linear as usize) }
    }

    /// Length in bytes with the Ethernet header; of a frame that is to be cut, the whole.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.look.len
    }

    /// Whether what follows its Ethernet header, or each part that it is to be cut into, is at most
    /// `mtu` bytes.
    #[inline]
    pub fn fits(&self, mtu: u32) -> bool {
        if self.look.len <= mtu.saturating_add(eth::HEADER_LEN as u32) {
            return true;
        }
        let skb = self.skb.as_ptr();
        // SAFETY: The packet is valid, its network header is set.
        unsafe { bindings::vpcnet_is_gso(skb) && bindings::vpcnet_gso_fits(skb, mtu) }
    }

    /// Whether it has a VLAN tag that was taken out of it.
    #[inline]
    pub fn is_tagged(&self) -> bool {
        self.look.tagged
    }

    /// The lane that it has.
    #[inline]
    pub fn lane(&self) -> Option<u16> {
        // SAFETY: The packet is valid.
        lane::recorded(unsafe { self.skb.as_ref() }.queue_mapping)
    }

    /// Has `len` bytes in one piece, if the frame is so long; false if it is not, or memory is short.
    #[must_use]
    pub fn pull(&mut self, len: u32, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and only ours.
        let pulled = unsafe { bindings::vpcnet_frame_pull(self.skb.as_ptr(), len) };
        // INVARIANT: It may have moved.
        *self.look = look(self.skb);
        pulled
    }

    /// Where a checksum is still to be written, if one is.
    #[inline]
    pub fn sum(&self) -> Option<Sum> {
        match self.look.sum {
            0 => None,
            sum => Some(Sum {
                start: (sum >> 16) as usize,
                field: (sum & 0xffff) as usize,
            }),
        }
    }

    /// Writes it now; false if that cannot be done.
    #[must_use]
    pub fn write_sum(&mut self, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and only ours.
        let written = unsafe { bindings::vpcnet_frame_sum(self.skb.as_ptr()) };
        // INVARIANT: It may have moved.
        *self.look = look(self.skb);
        written
    }

    /// By which tunnel it has come, if by one with a key.
    #[inline]
    pub fn came_by(&self, _dp: &Datapath) -> Option<CameBy> {
        let mut by = MaybeUninit::uninit();
        // SAFETY: The packet is valid; the function fills `by` in if it says so.
        let by = unsafe {
            if !bindings::vpcnet_came_by(self.skb.as_ptr(), by.as_mut_ptr()) {
                return None;
            }
            by.assume_init()
        };
        Some(CameBy {
            remote: addr_of(by.remote, by.v6),
            key: by.key,
        })
    }

    /// Leaves it to the bridge. It must not have been changed.
    #[inline]
    pub fn accept(self) -> Verdict {
        Verdict::new(bindings::NF_ACCEPT)
    }

    /// Another one with the same bytes, taken already.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn try_clone(&self, _dp: &Datapath) -> Result<Frame> {
        // SAFETY: The packet is valid.
        let skb = NonNull::new(unsafe { bindings::vpcnet_clone(self.as_ptr()) }).ok_or(ENOMEM)?;
        // SAFETY: It is new.
        // INVARIANT: It is as this one.
        Ok(Frame(unsafe { Skb::from_raw(skb) }))
    }

    /// Takes it over.
    #[inline]
    pub fn take(self) -> (Frame, Verdict) {
        // SAFETY: By the type invariant it is nobody else's, and by the verdict not the bridge's.
        let skb = unsafe { Skb::from_raw(self.skb) };
        // INVARIANT: It is as it came.
        (Frame(skb), Verdict::new(bindings::NF_STOLEN))
    }

    /// Drops it for a reason.
    #[inline]
    pub fn drop_with(self, reason: Reason) -> Verdict {
        let (frame, verdict) = self.take();
        frame.0.drop_with(reason);
        verdict
    }
}

/// A frame that has been taken, as the bridge has frames.
///
/// # Invariants
///
/// `data` is behind the Ethernet header, which is in one piece before it, and the device is valid.
#[must_use]
pub struct Frame(Skb);

impl Frame {
    /// A new frame made of `bytes`, as if `dev` had received it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(dev: &NetDev, bytes: &[u8], lane: Option<u16>, _dp: &Datapath) -> Result<Self> {
        if bytes.len() < eth::HEADER_LEN {
            return Err(EINVAL);
        }
        let queue = lane.map_or(0, lane::record);
        // SAFETY: The device is valid and the bytes are that many.
        let skb = unsafe {
            bindings::vpcnet_new_frame(dev.as_ptr(), bytes.as_ptr(), bytes.len() as u32, queue)
        };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // SAFETY: It is new.
        // INVARIANT: The C function leaves it so.
        Ok(Frame(unsafe { Skb::from_raw(skb) }))
    }

    #[inline]
    pub(crate) fn as_ptr(&mut self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Its first `len` bytes, to be written.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is shorter, `ENOMEM`.
    pub fn writable(&mut self, len: usize, _dp: &Datapath) -> Result<&mut [u8]> {
        let skb = self.0.as_ptr();
        // SAFETY: The packet is valid and ours; the function makes the bytes its own.
        unsafe {
            let have = (*skb).len as usize;
            if len > have.saturating_add(eth::HEADER_LEN) {
                return Err(EINVAL);
            }
            if !bindings::vpcnet_frame_writable(skb, len as u32) {
                return Err(ENOMEM);
            }
            let start = look(NonNull::new_unchecked(skb)).start;
            Ok(slice::from_raw_parts_mut(start.cast_mut(), len))
        }
    }

    /// It has done what it came for.
    pub fn consume(self) {
        // SAFETY: The packet is given away.
        unsafe { bindings::vpcnet_consume(self.0.into_raw()) };
    }

    /// Drops it for a reason.
    pub fn drop_with(self, reason: Reason) {
        self.0.drop_with(reason);
    }

    /// Sends it by a port; its lane goes along.
    #[inline]
    pub fn send(self, dev: &NetDev, _dp: &Datapath) {
        // SAFETY: The packet is given away, as the bridge has it; the device is valid.
        unsafe {
            bindings::vpcnet_send_frame(self.0.into_raw(), dev.as_ptr(), ptr::null_mut());
        }
    }

    /// Sends it by a tunnel device to a remote; its lane goes along.
    #[inline]
    pub fn send_to(self, dev: &NetDev, to: &Destination, cpu: ThisCpu<'_>, _dp: &Datapath) {
        let md = to.of(cpu);
        // SAFETY: As in `send()`; the metadata is valid, and the packet gets a reference of its own.
        unsafe {
            bindings::vpcnet_send_frame(self.0.into_raw(), dev.as_ptr(), md);
        }
    }
}
