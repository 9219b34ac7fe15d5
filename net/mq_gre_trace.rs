// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of `mq_gre`.
//!
//! One that is off costs a NOP at its place: the static key is looked at inline, and what the event
//! says is worked out by a closure, in the branch that is not taken.
//!
//! The tracepoints themselves are C and linked into that module only. So all here is inlined into
//! the driver: as a function of this crate it would be part of each module, whose link then fails.
//!
//! C header: `mq_gre_events.h`

use core::ptr;

use vpc_core::ip::Addr;

use crate::bindings;
use crate::device::Device;
use crate::device::Driver;
use crate::skb::Skb;

/// An outer address.
#[derive(Clone, Copy)]
pub struct Address {
    family: u16,
    bytes: [u8; 16],
}

impl From<Addr> for Address {
    fn from(address: Addr) -> Self {
        match address {
            Addr::V4(address) => Address {
                family: bindings::AF_INET as u16,
                bytes: (u128::from(address) << 96).to_be_bytes(),
            },
            Addr::V6(address) => Address {
                family: bindings::AF_INET6 as u16,
                bytes: address.to_be_bytes(),
            },
        }
    }
}

/// Where a packet goes to or comes from; both addresses are of one family.
#[derive(Clone, Copy)]
pub struct Ends {
    /// The other end.
    pub remote: Address,
    /// This end.
    pub local: Address,
    /// The key, if there is one.
    pub key: Option<u32>,
}

/// What an event says of a packet.
pub struct Packet<'a, D> {
    /// The device.
    pub dev: &'a Device<D>,
    /// The packet, unless others own it already.
    pub skb: Option<&'a Skb>,
    /// Its lane, if it has one yet.
    pub lane: Option<u16>,
    /// Its length in bytes.
    pub len: u32,
    /// The tunnel's ends.
    pub ends: Ends,
}

impl<D: Driver> Packet<'_, D> {
    #[inline(always)]
    fn raw(&self) -> bindings::mq_gre_trace {
        bindings::mq_gre_trace {
            dev: self.dev.as_ptr(),
            skb: self.skb.map_or(ptr::null(), Skb::as_const_ptr),
            key: self.ends.key.map_or(-1, i64::from),
            len: self.len,
            lane: self.lane.map_or(-1, i32::from),
            family: self.ends.remote.family,
            remote: self.ends.remote.bytes,
            local: self.ends.local.bytes,
        }
    }
}

#[cfg(CONFIG_TRACEPOINTS)]
#[allow(improper_ctypes, non_upper_case_globals)]
extern "C" {
    static __tracepoint_mqgre_xmit: kernel::bindings::tracepoint;
    static __tracepoint_mqgre_rcv: kernel::bindings::tracepoint;
    static __tracepoint_mqgre_drop: kernel::bindings::tracepoint;
}

macro_rules! is_on {
    ($tracepoint:ident) => {{
        #[cfg(all(CONFIG_TRACEPOINTS, CONFIG_JUMP_LABEL))]
        // SAFETY: It is a tracepoint that C has defined, and anybody may look at its key.
        let on = unsafe {
            kernel::jump_label::static_branch_unlikely!(
                $tracepoint,
                kernel::bindings::tracepoint,
                key
            )
        };
        // Without jump labels a key is a number, which the kernel's macro would call C to read.
        #[cfg(all(CONFIG_TRACEPOINTS, not(CONFIG_JUMP_LABEL)))]
        // SAFETY: As above; one load of an aligned word.
        let on = unsafe { ptr::read_volatile(&raw const $tracepoint.key.key.enabled.counter) > 0 };
        #[cfg(not(CONFIG_TRACEPOINTS))]
        let on = false;
        on
    }};
}

/// `mq_gre:mqgre_xmit`: a frame was encapsulated and goes to the layers below.
#[inline(always)]
pub fn xmit<'a, D: Driver>(packet: impl FnOnce() -> Packet<'a, D>) {
    if is_on!(__tracepoint_mqgre_xmit) {
        let packet = packet().raw();
        // SAFETY: The device is valid, and the function does not look into the packet.
        unsafe { bindings::mq_gre_trace_xmit(&packet) };
    }
}

/// `mq_gre:mqgre_rcv`: a frame was decapsulated and goes to the stack.
#[inline(always)]
pub fn rcv<'a, D: Driver>(packet: impl FnOnce() -> Packet<'a, D>) {
    if is_on!(__tracepoint_mqgre_rcv) {
        let packet = packet().raw();
        // SAFETY: As in `xmit()`.
        unsafe { bindings::mq_gre_trace_rcv(&packet) };
    }
}

/// `mq_gre:mqgre_drop`: a packet is dropped for the reason of that name.
#[inline(always)]
pub fn drop<'a, D: Driver>(reason: &'static str, packet: impl FnOnce() -> Packet<'a, D>) {
    if is_on!(__tracepoint_mqgre_drop) {
        let packet = packet().raw();
        // SAFETY: As in `xmit()`, and the name is that long.
        unsafe { bindings::mq_gre_trace_drop(&packet, reason.as_ptr().cast(), reason.len()) };
    }
}
