// SPDX-License-Identifier: GPL-2.0

//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//!
//! A *partial sum* is a ones' complement sum in 32 bits, not yet folded, not complemented, of
//! 16-bit words read in network order. A *checksum* is what stands in a header: folded and
//! complemented, as a plain number (write it with `to_be_bytes`).

/// Adds two partial sums, carrying around the end.
#[inline]
pub const fn add(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    // With a carry the sum is at most 2^32 - 2, so one more does not carry again.
    sum.wrapping_add(carry as u32)
}

/// Folds a partial sum to 16 bits, without complementing it.
#[inline]
pub const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    sum as u16
}

/// The partial sum of `bytes`, added to `init`. An odd last byte counts as if a zero followed.
///
/// To sum data in pieces, all but the last piece must be of even length.
#[inline]
pub fn partial(bytes: &[u8], init: u32) -> u32 {
    let mut sum = u64::from(init);
    let mut rest = bytes;
    // Four bytes at a time: 2^16 is 1 modulo 2^16 - 1, so 32-bit words sum up to the same value
    // when folded. 2^32 words would have to come to overflow 64 bits.
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        sum = sum.wrapping_add(u64::from(u32::from_be_bytes(*word)));
        rest = tail;
    }
    let last = match *rest {
        [a] => u32::from_be_bytes([a, 0, 0, 0]),
        [a, b] => u32::from_be_bytes([a, b, 0, 0]),
        [a, b, c] => u32::from_be_bytes([a, b, c, 0]),
        _ => 0,
    };
    sum = sum.wrapping_add(u64::from(last));
    add(sum as u32, (sum >> 32) as u32)
}

/// The checksum of `bytes` (RFC 1071): the folded sum, complemented.
///
/// Over data that holds its own right checksum the result is 0.
#[inline]
pub fn internet(bytes: &[u8]) -> u16 {
    !fold(partial(bytes, 0))
}

/// The checksum after one 16-bit word of the data changed from `old` to `new`.
///
/// RFC 1624, equation 3, which unlike RFC 1141 gets the two zeros right.
#[inline]
pub const fn replace16(csum: u16, old: u16, new: u16) -> u16 {
    let sum = (!csum as u32)
        .wrapping_add(!old as u32)
        .wrapping_add(new as u32);
    !fold(sum)
}

/// The checksum after two adjacent, aligned 16-bit words changed from `old` to `new`, such as an
/// IPv4 address.
#[inline]
pub const fn replace32(csum: u16, old: u32, new: u32) -> u16 {
    !fold(add(add(!csum as u32, !old), new))
}
