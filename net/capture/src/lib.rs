// SPDX-License-Identifier: GPL-2.0

//! Packets that a device sends and receives, from a packet socket with a ring (packet(7),
//! Documentation/networking/packet_mmap.rst), version 3.
//!
//! The kernel fills blocks of the ring and hands them over; [`Ring::next`] lends one out as a
//! [`Block`], which goes back when it is dropped. What found no room is counted as dropped.

mod block;
mod ring;
mod socket;

pub use block::Block;
pub use block::Packet;
pub use ring::Ring;
pub use socket::Counts;
