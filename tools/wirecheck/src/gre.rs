// SPDX-License-Identifier: GPL-2.0

//! The outer headers of a packet: is it GRE, between whom, with which key.

use etherparse::EtherType;
use etherparse::IpNumber;
use etherparse::LaxNetSlice;
use etherparse::LaxSlicedPacket;
use std::net::IpAddr;

/// UDP port of GRE in UDP (RFC 8086).
const IN_UDP: u16 = 4754;
const CSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;

/// The outermost headers.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Outer {
    /// GRE, and its key, if the header has one and is whole.
    Gre {
        from: IpAddr,
        to: IpAddr,
        key: Option<u32>,
    },
    /// A fragment of an IP packet with GRE inside, but the first; `id` is common to them all.
    Later { from: IpAddr, to: IpAddr, id: u32 },
    /// Anything else.
    Other,
}

/// The key goes with the first fragment, and with those that come behind it.
pub(crate) struct Found {
    pub(crate) outer: Outer,
    /// What the other fragments of this first one will have.
    pub(crate) first: Option<u32>,
}

const OTHER: Found = Found {
    outer: Outer::Other,
    first: None,
};

/// Reads the headers of a frame.
pub(crate) fn read(frame: &[u8]) -> Found {
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else {
        return OTHER;
    };
    let (from, to, fragment) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let (from, to) = (
                header.source_addr().into(),
                header.destination_addr().into(),
            );
            let fragment = header.is_fragmenting_payload().then(|| {
                let offset = header.fragments_offset().value();
                (u32::from(header.identification()), offset)
            });
            (from, to, fragment)
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let fragment =
                ip.extensions()
                    .clone()
                    .into_iter()
                    .find_map(|extension| match extension {
                        etherparse::Ipv6ExtensionSlice::Fragment(fragment) => {
                            let offset = fragment.fragment_offset().value();
                            Some((fragment.identification(), offset))
                        }
                        _ => None,
                    });
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                fragment,
            )
        }
        _ => return OTHER,
    };
    let Some(payload) = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref) else {
        return OTHER;
    };
    let is_gre = payload.ip_number == IpNumber::GRE;
    if let Some((id, _)) = fragment.filter(|(_, offset)| *offset > 0) {
        let outer = if is_gre {
            Outer::Later { from, to, id }
        } else {
            Outer::Other
        };
        return Found { outer, first: None };
    }
    let header = match payload.ip_number {
        IpNumber::GRE => payload.payload,
        IpNumber::UDP => match payload.payload.split_first_chunk::<8>() {
            Some(([_, _, a, b, ..], rest)) if u16::from_be_bytes([*a, *b]) == IN_UDP => rest,
            _ => return OTHER,
        },
        _ => return OTHER,
    };
    Found {
        outer: Outer::Gre {
            from,
            to,
            key: key(header),
        },
        first: fragment.map(|(id, _)| id),
    }
}

/// The key in a GRE header of version 0 that carries Ethernet.
fn key(header: &[u8]) -> Option<u32> {
    let ([a, b, c, d], rest) = header.split_first_chunk::<4>()?;
    let flags = u16::from_be_bytes([*a, *b]);
    if flags & 7 != 0 || EtherType(u16::from_be_bytes([*c, *d])).0 != 0x6558 || flags & KEY == 0 {
        return None;
    }
    let rest = if flags & CSUM != 0 {
        rest.get(4..)?
    } else {
        rest
    };
    let (key, _) = rest.split_first_chunk()?;
    Some(u32::from_be_bytes(*key))
}
