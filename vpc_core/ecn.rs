// SPDX-License-Identifier: GPL-2.0

//! Congestion marks across the tunnel (RFC 6040).
//!
//! The answers are those of `INET_ECN_encapsulate()` and `INET_ECN_decapsulate()` in
//! `net/inet_ecn.h`, so that a Lanes port and a stock one mark alike. Where the two differ from
//! RFC 6040, it says so. A "TOS" here is the whole byte (IPv4) or traffic class (IPv6): six bits
//! of DSCP, two of ECN.

/// The two bits of a TOS byte that are ECN (RFC 3168, 5).
pub const MASK: u8 = 0x03;
/// Not ECN-capable transport.
pub const NOT_ECT: u8 = 0x00;
/// ECN-capable transport, codepoint 1.
pub const ECT_1: u8 = 0x01;
/// ECN-capable transport, codepoint 0.
pub const ECT_0: u8 = 0x02;
/// Congestion experienced.
pub const CE: u8 = 0x03;

/// What to do with the inner packet when the outer header comes off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decap {
    /// Deliver as it is.
    Keep,
    /// Deliver as it is, but the two headers do not go together: an ECN-capable outer header
    /// around a packet that is not. Worth a line in the log (at a limited rate).
    Odd,
    /// Deliver with the inner ECN field (two bits) set to this.
    Set(u8),
    /// Drop: congestion was marked on a packet whose transport cannot hear it. Worth a log line.
    Drop,
}

/// The outer TOS for an inner packet with TOS `inner`: DSCP of `outer`, ECN of `inner`.
///
/// A CE mark becomes ECT(0), as in the kernel and in RFC 3168, 9.1.1; RFC 6040, 4.1 would copy it.
#[inline]
pub const fn ecn_encapsulate(outer: u8, inner: u8) -> u8 {
    let ecn = match inner & MASK {
        CE => ECT_0,
        ecn => ecn,
    };
    (outer & !MASK) | ecn
}

/// Joins the ECN fields of an outer and an inner TOS at the end of the tunnel (RFC 6040, 4.2).
#[inline]
pub const fn ecn_decapsulate(outer: u8, inner: u8) -> Decap {
    match (inner & MASK, outer & MASK) {
        (NOT_ECT, NOT_ECT) => Decap::Keep,
        (NOT_ECT, CE) => Decap::Drop,
        (NOT_ECT, _) => Decap::Odd,
        (CE, _) => Decap::Keep,
        (_, CE) => Decap::Set(CE),
        (ECT_0, ECT_1) => Decap::Set(ECT_1),
        _ => Decap::Keep,
    }
}
