// SPDX-License-Identifier: GPL-2.0

//! Lanes: which transmit queue of the uplink a packet belongs to.
//!
//! Between devices a lane travels in `skb->queue_mapping` as a *recorded receive queue*: the value
//! plus one, with 0 for "none" (`skb_record_rx_queue()` in `linux/skbuff.h`). The same field holds
//! a plain transmit queue while a driver has the packet, so the two forms never share a name here:
//! a `queue_mapping` is the stored form, a `lane` the plain index.

/// The lane recorded in a stored `queue_mapping`, or `None` if nobody recorded one.
#[inline]
pub const fn recorded(queue_mapping: u16) -> Option<u16> {
    queue_mapping.checked_sub(1)
}

/// The `queue_mapping` that records `lane`.
///
/// Lane 65535 has no stored form; it becomes 0, "not recorded". No device has that many queues.
#[inline]
pub const fn record(lane: u16) -> u16 {
    lane.wrapping_add(1)
}

/// `lane` on a device of `n` queues: `lane mod n`, and 0 for a device that has none.
#[inline]
pub const fn reduce(lane: u16, n: u16) -> u16 {
    // Nearly every packet takes the first way out, which spares it a division.
    if lane < n {
        return lane;
    }
    match lane.checked_rem(n) {
        Some(lane) => lane,
        None => 0,
    }
}

/// The lane for a flow `hash` among `n` lanes, and 0 if there are none.
///
/// Scales instead of dividing (`reciprocal_scale()` in `linux/kernel.h`): the *high* bits of the
/// hash decide.
#[inline]
pub const fn of_hash(hash: u32, n: u16) -> u16 {
    // The product of 32 and 16 bits fits into 64; shifted right by 32, it is below `n`.
    ((hash as u64).wrapping_mul(n as u64) >> 32) as u16
}

/// The lane of VM queue `q` of a VM whose queue 0 has lane `base`: `(base + q) mod n`.
///
/// `n` is the number of lanes, that is of the uplink's transmit queues; 0 gives lane 0.
#[inline]
pub const fn of_vm_queue(base: u16, q: u16, n: u16) -> u16 {
    match (base as u32).wrapping_add(q as u32).checked_rem(n as u32) {
        Some(lane) => lane as u16,
        None => 0,
    }
}

/// The VM queue that a packet of `lane` goes to: the reverse of [`of_vm_queue`].
///
/// `lanes` is the number of lanes of the uplink, `n` the number of queues of the VM. As long as
/// `n <= lanes`, `vm_queue(of_vm_queue(base, q, lanes), base, lanes, n) == q` for each `q < n`.
/// 0 lanes or 0 queues give queue 0.
#[inline]
pub const fn vm_queue(lane: u16, base: u16, lanes: u16, n: u16) -> u16 {
    let lane = reduce(lane, lanes);
    let base = reduce(base, lanes);
    // Both are below `lanes` (or all three are 0), so the distance is too.
    let distance = if lane >= base {
        lane.wrapping_sub(base)
    } else {
        lanes.wrapping_sub(base).wrapping_add(lane)
    };
    reduce(distance, n)
}
