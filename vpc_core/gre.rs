// SPDX-License-Identifier: GPL-2.0

//! The GRE header: RFC 2784, with key and sequence number of RFC 2890.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |C|R|K|S|s|Recur|A|  ignored  | Ver |         protocol          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     checksum, if C            |     reserved, if C            |
//! |                           key, if K                           |
//! |                     sequence number, if S                     |
//! ```

/// Protocol type of an Ethernet frame inside GRE (transparent Ethernet bridging).
pub const PROTO_TEB: u16 = 0x6558;

/// Length in bytes of the header without options.
pub const BASE_LEN: usize = 4;

/// Length in bytes of the longest header: base, checksum, key, sequence number.
pub const MAX_LEN: usize = 16;

/// C: checksum and reserved field present (RFC 2784, 2.1).
pub const FLAG_CSUM: u16 = 0x8000;
/// R: routing present (RFC 1701; RFC 2784, 2.3 has a receiver discard it).
pub const FLAG_ROUTING: u16 = 0x4000;
/// K: key present (RFC 2890, 2).
pub const FLAG_KEY: u16 = 0x2000;
/// S: sequence number present (RFC 2890, 2).
pub const FLAG_SEQ: u16 = 0x1000;
/// s: strict source route (RFC 1701).
pub const FLAG_STRICT: u16 = 0x0800;

/// Bit 5, the top bit of RFC 1701's recursion control. Bits 1 to 5 that are no option of ours must
/// be zero, else the packet is discarded (RFC 2784, 2.3); bits 6 to 12 must be ignored.
const RESERVED: u16 = 0x0400;
const VERSION: u16 = 0x0007;
/// What makes a header one that we may not take.
const FORBIDDEN: u16 = VERSION | FLAG_ROUTING | FLAG_STRICT | RESERVED;
/// Length in bytes that each option adds.
const OPTION_LEN: usize = 4;

/// What stands in a GRE header. An option that is `Some` is present on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// EtherType of the payload, such as [`PROTO_TEB`].
    pub proto: u16,
    /// Checksum as it stands in the header; see [`csum_is_right`].
    pub csum: Option<u16>,
    /// Key: the tunnel, here the id of the VPC.
    pub key: Option<u32>,
    /// Sequence number.
    pub seq: Option<u32>,
}

/// Why bytes are not a GRE header that we may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// Fewer bytes than the flags announce.
    Short,
    /// A version other than 0 (version 1 is PPTP's, RFC 2637).
    Version,
    /// Source routing of RFC 1701: the R or the s bit.
    Routing,
    /// Another of the bits that a receiver must find zero.
    Reserved,
}

impl Header {
    /// Reads the header at the start of `bytes`; returns it and its length in bytes (4 to 16).
    ///
    /// The checksum is read, not verified: that takes the whole packet.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<(Header, usize), DecodeError> {
        let Some((flags, rest)) = take16(bytes) else {
            return Err(DecodeError::Short);
        };
        let Some((proto, rest)) = take16(rest) else {
            return Err(DecodeError::Short);
        };
        if flags & FORBIDDEN != 0 {
            return Err(refusal(flags));
        }
        let mut rest = rest;
        let mut header = Header {
            proto,
            csum: None,
            key: None,
            seq: None,
        };
        if flags & FLAG_CSUM != 0 {
            // The lower half is "reserved1": sent as zero, not looked at (RFC 2784, 2.4).
            let (word, tail) = take32(rest).ok_or(DecodeError::Short)?;
            header.csum = Some((word >> 16) as u16);
            rest = tail;
        }
        if flags & FLAG_KEY != 0 {
            let (key, tail) = take32(rest).ok_or(DecodeError::Short)?;
            header.key = Some(key);
            rest = tail;
        }
        if flags & FLAG_SEQ != 0 {
            let (seq, _) = take32(rest).ok_or(DecodeError::Short)?;
            header.seq = Some(seq);
        }
        Ok((header, header.len()))
    }

    /// Length in bytes on the wire: 4, 8, 12 or 16.
    #[inline]
    #[allow(
        clippy::len_without_is_empty,
        reason = "a header is never empty, so the question makes no sense"
    )]
    pub const fn len(&self) -> usize {
        let mut len = BASE_LEN;
        if self.csum.is_some() {
            len = len.wrapping_add(OPTION_LEN);
        }
        if self.key.is_some() {
            len = len.wrapping_add(OPTION_LEN);
        }
        if self.seq.is_some() {
            len = len.wrapping_add(OPTION_LEN);
        }
        len
    }

    /// The first 16 bits of the header: which options are present.
    #[inline]
    pub const fn flags(&self) -> u16 {
        let mut flags = 0;
        if self.csum.is_some() {
            flags |= FLAG_CSUM;
        }
        if self.key.is_some() {
            flags |= FLAG_KEY;
        }
        if self.seq.is_some() {
            flags |= FLAG_SEQ;
        }
        flags
    }

    /// Writes the header to the start of `out` and returns its length, or `None` if `out` is too
    /// short, which leaves it as it was.
    ///
    /// The checksum is written as given. To fill it in, encode with `Some(0)`, sum header and
    /// payload, and encode again with the result.
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let len = self.len();
        let out = out.get_mut(..len)?;
        let out = put32(out, u32::from(self.flags()) << 16 | u32::from(self.proto))?;
        let out = match self.csum {
            Some(csum) => put32(out, u32::from(csum) << 16)?,
            None => out,
        };
        let out = match self.key {
            Some(key) => put32(out, key)?,
            None => out,
        };
        if let Some(seq) = self.seq {
            put32(out, seq)?;
        }
        Some(len)
    }
}

/// Which of the forbidden bits in `flags` to name. Off the fast path.
#[cold]
fn refusal(flags: u16) -> DecodeError {
    if flags & VERSION != 0 {
        DecodeError::Version
    } else if flags & (FLAG_ROUTING | FLAG_STRICT) != 0 {
        DecodeError::Routing
    } else {
        DecodeError::Reserved
    }
}

/// Whether `bytes` begin as the header of an Ethernet frame in GRE that we may take, whatever
/// follows the first four of them. An ICMP error need not quote more than eight (RFC 792).
#[inline]
pub fn begins_ethernet(bytes: &[u8]) -> bool {
    let Some((flags, rest)) = take16(bytes) else {
        return false;
    };
    flags & FORBIDDEN == 0 && take16(rest).is_some_and(|(proto, _)| proto == PROTO_TEB)
}

/// Whether the checksum of a GRE packet is right: `packet` starts at the GRE header, which has the
/// C bit, and ends with the payload (RFC 2784, 2.5).
#[inline]
pub fn csum_is_right(packet: &[u8]) -> bool {
    crate::csum::internet(packet) == 0
}

#[inline]
fn take16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*word), rest))
}

#[inline]
fn take32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

#[inline]
fn put32(out: &mut [u8], word: u32) -> Option<&mut [u8]> {
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    *head = word.to_be_bytes();
    Some(rest)
}
