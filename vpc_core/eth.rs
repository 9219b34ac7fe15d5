// SPDX-License-Identifier: GPL-2.0

//! Ethernet frames: where the payload starts and what it is, under up to two VLAN tags.

/// Length in bytes of an Ethernet header without tags.
pub const HEADER_LEN: usize = 14;
/// EtherType of IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP (RFC 826).
pub const TYPE_ARP: u16 = 0x0806;
/// EtherType of reverse ARP (RFC 903).
pub const TYPE_RARP: u16 = 0x8035;
/// EtherType of IPv6.
pub const TYPE_IPV6: u16 = 0x86dd;
/// EtherType of a VLAN tag (IEEE 802.1Q).
pub const TYPE_VLAN: u16 = 0x8100;
/// EtherType of an outer, provider's VLAN tag (IEEE 802.1ad).
pub const TYPE_QINQ: u16 = 0x88a8;
/// So many VLAN tags are looked through; what follows more of them is of no known type.
pub const MAX_TAGS: usize = 2;

/// Whether an address is that of a group: multicast or broadcast (IEEE 802, the I/G bit).
#[inline]
pub const fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 != 0
}

/// Whether an address can be that of one station: it is neither a group's nor all zero.
#[inline]
pub const fn is_station(mac: [u8; 6]) -> bool {
    !is_group(mac) && !matches!(mac, [0, 0, 0, 0, 0, 0])
}

/// Whether an address is that of a group that bridges keep to themselves (IEEE 802.1Q, 8.6.3).
#[inline]
pub const fn is_link_local(mac: [u8; 6]) -> bool {
    matches!(mac, [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f])
}

/// The header of a frame without tags, as it goes on the wire.
#[inline]
pub const fn header(dst: [u8; 6], src: [u8; 6], proto: u16) -> [u8; HEADER_LEN] {
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (dst, src);
    let [high, low] = proto.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, high, low]
}

/// An Ethernet frame taken apart, borrowed from its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Destination MAC address.
    pub dst: [u8; 6],
    /// Source MAC address.
    pub src: [u8; 6],
    /// Tag control information of the outer and of the inner VLAN tag; 0 for a tag not there.
    pub tags: [u16; MAX_TAGS],
    /// EtherType of the payload, behind the tags.
    pub proto: u16,
    /// What follows the header and the tags. May be longer than what the payload's own header
    /// says: short frames are padded.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes `frame`, which starts at the destination address, apart.
    ///
    /// `None` if it is shorter than its header with its tags.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (dst, rest) = frame.split_first_chunk::<6>()?;
        let (src, rest) = rest.split_first_chunk::<6>()?;
        let (mut proto, mut payload) = take16(rest)?;
        let mut tags = [0; MAX_TAGS];
        for tag in &mut tags {
            if proto != TYPE_VLAN && proto != TYPE_QINQ {
                break;
            }
            (*tag, payload) = take16(payload)?;
            (proto, payload) = take16(payload)?;
        }
        Some(Frame {
            dst: *dst,
            src: *src,
            tags,
            proto,
            payload,
        })
    }
}

#[inline]
fn take16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*word), rest))
}
