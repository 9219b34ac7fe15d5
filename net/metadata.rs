// SPDX-License-Identifier: GPL-2.0

//! What packets bring along: by which tunnel they have come, or by which they are to go.
//!
//! C header: [`include/net/dst_metadata.h`](srctree/include/net/dst_metadata.h)

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Datapath;
use crate::percpu::PerCpu;
use crate::percpu::ThisCpu;
use crate::tunnel::words_of;
use crate::tunnel::TunnelKey;

/// A reference of a `struct metadata_dst`.
///
/// # Invariants
///
/// The pointer is valid and a reference is held.
pub struct Metadata(NonNull<bindings::metadata_dst>);

impl Metadata {
    fn new(key: &TunnelKey, _dp: &Datapath) -> Result<Self> {
        let key = key.to_raw();
        // SAFETY: `key` is valid.
        let md = unsafe { bindings::vpcnet_tun_rx_dst(&key) };
        // INVARIANT: The reference that the C function returns is ours.
        NonNull::new(md).map(Metadata).ok_or(ENOMEM)
    }

    fn share(&self) -> Self {
        // SAFETY: By the type invariant.
        unsafe { bindings::vpcnet_metadata_hold(self.0.as_ptr()) };
        // INVARIANT: Just taken.
        Metadata(self.0)
    }

    /// Gives the reference away.
    pub(crate) fn into_raw(self) -> *mut bindings::metadata_dst {
        let md = self.0.as_ptr();
        core::mem::forget(self);
        md
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; `dst` is the first field of `metadata_dst`.
        unsafe { bindings::dst_release(self.0.as_ptr().cast()) };
    }
}

// SAFETY: A reference may be dropped anywhere.
unsafe impl Send for Metadata {}
// SAFETY: It is not changed, but for its count, which is atomic.
unsafe impl Sync for Metadata {}

/// Metadata that each CPU has made lately, to be handed out again: packets of one tunnel have the same.
/// Nobody changes what a packet has been given: who wants to has to copy it first
/// (`skb_tunnel_info_unclone()`).
pub struct Recent(PerCpu<[Slot; 1 << BITS]>);

/// There are two to the power of that on each CPU.
const BITS: u32 = 6;

/// Only its CPU uses it, in the datapath, and whoever drops it.
#[derive(Default)]
struct Slot(UnsafeCell<Option<(Words, Metadata)>>);

// SAFETY: See there.
unsafe impl Sync for Slot {}

/// All that a [`TunnelKey`] says.
type Words = [u64; 6];

fn words(key: &TunnelKey) -> Words {
    let bits = |addr| match addr {
        Addr::V4(addr) => u128::from(addr),
        Addr::V6(addr) => addr,
    };
    let (remote, local) = (bits(key.remote), bits(key.local));
    let (sport, dport) = key.ports.unwrap_or((0, 0));
    let flags = [
        key.remote.version() == Version::V6,
        key.key.is_some(),
        key.csum,
        key.df,
        key.ports.is_some(),
    ];
    let flags = flags
        .iter()
        .fold(0, |word, &flag| word << 1 | u64::from(flag));
    [
        remote as u64,
        (remote >> 64) as u64,
        local as u64,
        (local >> 64) as u64,
        u64::from(key.key.unwrap_or(0)) << 32 | u64::from(key.label),
        u64::from(sport) << 48
            | u64::from(dport) << 32
            | u64::from(key.tos) << 24
            | u64::from(key.ttl) << 16
            | u64::from(key.flow_flags) << 8
            | flags,
    ]
}

/// Which slot, by the bits that differ between tunnels.
fn place(words: &Words) -> usize {
    const GOLDEN_RATIO: u64 = 0x61c8_8646_80b5_83eb;
    let [a, b, .., e, f] = *words;
    let hash =
        (a ^ b.rotate_left(16) ^ e.rotate_left(7) ^ f.rotate_left(40)).wrapping_mul(GOLDEN_RATIO);
    (hash >> (u64::BITS - BITS)) as usize
}

impl Recent {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        Ok(Recent(PerCpu::of_arrays(Slot::default)?))
    }

    /// Metadata for a packet, whose receiver has asked for that. What takes one place in turn is made
    /// anew each time.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn get(&self, key: &TunnelKey, cpu: ThisCpu<'_>, dp: &Datapath) -> Result<Metadata> {
        let words = words(key);
        let Some(slot) = self.0.get(cpu).get(place(&words)) else {
            return Metadata::new(key, dp);
        };
        // SAFETY: The slot is this CPU's, and what is done with it here does not come back here.
        let slot = unsafe { &mut *slot.0.get() };
        match slot {
            Some((same, metadata)) if *same == words => Ok(metadata.share()),
            _ => {
                let metadata = Metadata::new(key, dp)?;
                *slot = Some((words, metadata.share()));
                Ok(metadata)
            }
        }
    }
}

/// Where a tunnel device sends frames: a remote and a key. Each CPU has metadata of its own to hand
/// out, so that no two write to one count of references.
pub struct Destination(PerCpu<Metadata>);

impl Destination {
    /// Makes one; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(remote: Addr, key: u32) -> Result<Self> {
        let words = words_of(remote);
        let v6 = matches!(remote, Addr::V6(_));
        Ok(Destination(PerCpu::new(|| {
            // SAFETY: Allocates; the address is four words.
            let md = unsafe { bindings::vpcnet_tx_metadata(words.as_ptr(), v6, key) };
            // INVARIANT: The reference is ours.
            NonNull::new(md).map(Metadata).ok_or(ENOMEM)
        })?))
    }

    /// The metadata of a CPU, without a reference for who asks.
    #[inline]
    pub(crate) fn of(&self, cpu: ThisCpu<'_>) -> *mut bindings::metadata_dst {
        self.0.get(cpu).0.as_ptr()
    }
}
