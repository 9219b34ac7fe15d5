// SPDX-License-Identifier: GPL-2.0

//! ARP for IPv4 over Ethernet (RFC 826), and its reverse (RFC 903).

use crate::eth;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::byteorder::network_endian::U32;
use zerocopy::FromBytes;
use zerocopy_derive::FromBytes;
use zerocopy_derive::Immutable;
use zerocopy_derive::IntoBytes;
use zerocopy_derive::KnownLayout;
use zerocopy_derive::Unaligned;

/// Length in bytes of a message.
pub const LEN: usize = 28;
/// Operation: who has the target address?
pub const REQUEST: u16 = 1;
/// Operation: the sender has it.
pub const REPLY: u16 = 2;
/// Operation of reverse ARP: which address has the target's hardware?
pub const REVERSE_REQUEST: u16 = 3;

/// Hardware type of Ethernet.
const ETHERNET: u16 = 1;

/// A message as on the wire.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Wire {
    hardware: U16,
    protocol: U16,
    hardware_len: u8,
    protocol_len: u8,
    op: U16,
    sender_mac: [u8; 6],
    sender_ip: U32,
    target_mac: [u8; 6],
    target_ip: U32,
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// Operation, such as [`REQUEST`].
    pub op: u16,
    /// MAC address of the sender.
    pub sender_mac: [u8; 6],
    /// IPv4 address of the sender; 0 in a probe (RFC 5227, 2.1.1).
    pub sender_ip: u32,
    /// MAC address of the target; means nothing in a request.
    pub target_mac: [u8; 6],
    /// IPv4 address of the target.
    pub target_ip: u32,
}

impl Arp {
    /// Reads the message at the start of `bytes`. `None` if it is cut off, or about anything else
    /// than IPv4 over Ethernet.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Arp> {
        let (wire, _) = Wire::ref_from_prefix(bytes).ok()?;
        let known = wire.hardware.get() == ETHERNET
            && wire.protocol.get() == eth::TYPE_IPV4
            && (wire.hardware_len, wire.protocol_len) == (6, 4);
        known.then_some(Arp {
            op: wire.op.get(),
            sender_mac: wire.sender_mac,
            sender_ip: wire.sender_ip.get(),
            target_mac: wire.target_mac,
            target_ip: wire.target_ip.get(),
        })
    }

    /// The message as it goes on the wire.
    #[inline]
    pub fn encode(&self) -> [u8; LEN] {
        zerocopy::transmute!(Wire {
            hardware: ETHERNET.into(),
            protocol: eth::TYPE_IPV4.into(),
            hardware_len: 6,
            protocol_len: 4,
            op: self.op.into(),
            sender_mac: self.sender_mac,
            sender_ip: self.sender_ip.into(),
            target_mac: self.target_mac,
            target_ip: self.target_ip.into(),
        })
    }
}
