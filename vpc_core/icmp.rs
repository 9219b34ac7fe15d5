// SPDX-License-Identifier: GPL-2.0

//! ICMP errors about packets that this host has sent: RFC 792, RFC 1191 and RFC 4443; and the
//! checksum of ICMPv6.
//!
//! ```text
//!  type (1), code (1), checksum (2), what depends on the type (4), then the packet in question as
//!  far as it is quoted
//! ```

use crate::csum;
use crate::ip;
use crate::ip::Addr;
use crate::ip::Ipv4;
use crate::ip::Ipv6;
use crate::ip::Version;

/// Length in bytes of what precedes the quoted packet.
pub const HEADER_LEN: usize = 8;

/// The checksum of an ICMPv6 message between two addresses (RFC 4443, 2.3; RFC 8200, 8.1).
///
/// Over a message that holds its own right checksum the result is 0.
#[inline]
pub fn csum_v6(src: u128, dst: u128, message: &[u8]) -> u16 {
    let mut sum = csum::partial(&src.to_be_bytes(), ip::PROTO_ICMPV6.into());
    sum = csum::partial(&dst.to_be_bytes(), sum);
    sum = csum::partial(&(message.len() as u32).to_be_bytes(), sum);
    !csum::fold(csum::partial(message, sum))
}

/// What a router or host says about a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// It is longer than this many bytes, more than the next link takes. 0 if the router is too old
    /// to tell the number.
    TooBig(u32),
    /// It does not get there.
    Unreachable,
    /// It has been on the way for too long.
    TimeExceeded,
    /// A field of its header is wrong.
    Parameter,
}

/// An ICMP error, with the packet that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error<'a> {
    /// What is wrong.
    pub problem: Problem,
    /// Source address of the packet.
    pub src: Addr,
    /// Its destination address.
    pub dst: Addr,
    /// Protocol of its payload; of IPv6 the next header of the fixed one.
    pub protocol: u8,
    /// As much of the payload as is quoted.
    pub payload: &'a [u8],
}

/// Whether a type is that of an error that [`Error::parse`] knows.
#[inline]
pub const fn is_error(version: Version, kind: u8) -> bool {
    match version {
        Version::V4 => matches!(kind, 3 | 11 | 12),
        Version::V6 => matches!(kind, 1..=4),
    }
}

impl<'a> Error<'a> {
    /// The error in an ICMP message, which begins with its type. `None` if it is none, or is cut off
    /// or quotes no packet or a fragment that is not the first.
    ///
    /// The checksum is not looked at.
    #[inline]
    pub fn parse(version: Version, message: &'a [u8]) -> Option<Self> {
        let (&[kind, code, _, _, a, b, c, d], quoted) = message.split_first_chunk()?;
        let problem = match version {
            Version::V4 => match (kind, code) {
                (3, 4) => Problem::TooBig(u16::from_be_bytes([c, d]).into()),
                (3, _) => Problem::Unreachable,
                (11, _) => Problem::TimeExceeded,
                (12, _) => Problem::Parameter,
                _ => return None,
            },
            Version::V6 => match kind {
                1 => Problem::Unreachable,
                2 => Problem::TooBig(u32::from_be_bytes([a, b, c, d])),
                3 => Problem::TimeExceeded,
                4 => Problem::Parameter,
                _ => return None,
            },
        };
        match version {
            Version::V4 => {
                let (ip, payload) = Ipv4::parse(quoted)?;
                ip.is_first().then_some(Error {
                    problem,
                    src: Addr::V4(ip.src.get()),
                    dst: Addr::V4(ip.dst.get()),
                    protocol: ip.protocol,
                    payload,
                })
            }
            Version::V6 => {
                let (ip, payload) = Ipv6::parse(quoted)?;
                Some(Error {
                    problem,
                    src: Addr::V6(u128::from_be_bytes(ip.src)),
                    dst: Addr::V6(u128::from_be_bytes(ip.dst)),
                    protocol: ip.next_header,
                    payload,
                })
            }
        }
    }
}
