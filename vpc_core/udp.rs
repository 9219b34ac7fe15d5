// SPDX-License-Identifier: GPL-2.0

//! The UDP header (RFC 768) around GRE (RFC 8086).

use zerocopy::byteorder::network_endian::U16;
use zerocopy::FromBytes;
use zerocopy_derive::FromBytes;
use zerocopy_derive::Immutable;
use zerocopy_derive::KnownLayout;
use zerocopy_derive::Unaligned;

/// The header as on the wire.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct Udp {
    /// Source port.
    pub src: U16,
    /// Destination port.
    pub dst: U16,
    /// Length in bytes of header and payload.
    pub len: U16,
    /// Checksum; 0 if there is none.
    pub csum: U16,
}

impl Udp {
    /// A view of the header at the start of `bytes`, and all that follows it.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<(&Udp, &[u8])> {
        Udp::ref_from_prefix(bytes).ok()
    }
}
