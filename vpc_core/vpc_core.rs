// SPDX-License-Identifier: GPL-2.0

//! The pure logic of Lanes: headers, checksums, lanes and how taps share them, flow hashes, BTF.
//!
//! The same files are compiled into the kernel modules and into the host tests in `rust-tests/`.
//! So nothing here knows the kernel, allocates, panics or needs `unsafe`: bytes come in as slices,
//! answers go out as values, and what is too short or malformed is an answer too.
//!
//! Rules that keep it so:
//!
//! - no slice indexing: `get`, `first_chunk` and patterns instead;
//! - no bare `+ - * << %` on values that come from a packet: the kernel is built with overflow
//!   checks, and a failing check there stops the machine;
//! - everything a packet passes through is `#[inline]`, since a `pub fn` of another crate is a call
//!   otherwise.
//!
//! All multi-byte fields are in host order once decoded; the codecs do the swapping.

#![cfg_attr(not(any(test, MODULE)), no_std)]
#![forbid(unsafe_code)]

pub mod btf;
pub mod csum;
pub mod ecn;
pub mod eth;
pub mod flow;
pub mod gre;
pub mod icmp;
pub mod ip;
pub mod lane;
pub mod outer;
pub mod spread;
pub mod udp;
pub mod vpc;
mod window;
