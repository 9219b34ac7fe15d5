// SPDX-License-Identifier: GPL-2.0

//! What is looked up, and the numbers that it is made of.

/// How many numbers a packet is to the tree: four words of each address, protocol, EtherType and
/// both ports.
pub(super) const DIMS: usize = 12;

/// The first word of the source address. Words follow from high to low; IPv4 has only the last.
pub(super) const SRC: usize = 0;
/// The first word of the destination address.
pub(super) const DST: usize = 4;
/// Protocol, and in the lowest bit whether there are ports.
pub(super) const PROTOCOL: usize = 8;
/// EtherType.
pub(super) const ETHERTYPE: usize = 9;
/// Source port.
pub(super) const SPORT: usize = 10;
/// Destination port.
pub(super) const DPORT: usize = 11;

/// What rules look at in a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Key {
    /// EtherType behind VLAN tags.
    pub ethertype: u16,
    /// Source address as a number, IPv4 in the low 32 bits and nothing above; 0 if the packet is not
    /// IP.
    pub src: u128,
    /// Destination address, likewise.
    pub dst: u128,
    /// IP protocol, behind extension headers; 0 if the packet is not IP.
    pub protocol: u8,
    /// Source port; 0 for ICMP.
    pub sport: u16,
    /// Destination port; for ICMP and ICMPv6, type << 8 | code.
    pub dport: u16,
    /// Whether the ports, or type and code, are there to be seen: not in a later fragment, nor with
    /// other protocols.
    pub ports: bool,
}

/// A key as the tree reads it.
pub(super) struct Words {
    /// The numbers. Four more than there are, so that four bits are always an index.
    words: [u32; 16],
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) kind: u32,
    pub(super) sport: u16,
    pub(super) dport: u16,
}

/// EtherType, protocol and whether there are ports, as one number.
#[inline]
pub(super) const fn kind(ethertype: u16, protocol: u8, ports: bool) -> u32 {
    (ethertype as u32) << 16 | (protocol as u32) << 8 | ports as u32
}

/// One of the four words of an address.
#[inline]
pub(super) const fn word(addr: u128, i: usize) -> u32 {
    match i {
        0 => (addr >> 96) as u32,
        1 => (addr >> 64) as u32,
        2 => (addr >> 32) as u32,
        _ => addr as u32,
    }
}

impl Words {
    #[inline]
    pub(super) const fn of(key: &Key) -> Words {
        let Key { src, dst, .. } = *key;
        Words {
            words: [
                word(src, 0),
                word(src, 1),
                word(src, 2),
                word(src, 3),
                word(dst, 0),
                word(dst, 1),
                word(dst, 2),
                word(dst, 3),
                (key.protocol as u32) << 1 | key.ports as u32,
                key.ethertype as u32,
                key.sport as u32,
                key.dport as u32,
                0,
                0,
                0,
                0,
            ],
            src,
            dst,
            kind: kind(key.ethertype, key.protocol, key.ports),
            sport: key.sport,
            dport: key.dport,
        }
    }

    /// Number `dim`, of which the lowest four bits count.
    #[inline]
    pub(super) fn get(&self, dim: u32) -> u32 {
        self.words.get((dim & 15) as usize).copied().unwrap_or(0)
    }
}
