// SPDX-License-Identifier: GPL-2.0

//! Flows: what makes two packets belong together, and a hash of it.
//!
//! Packets of one flow must take one lane, or they overtake each other. So a key holds only what
//! is the same in every packet of a flow: fragments have no ports in theirs, not even the first.

use crate::eth;
use crate::ip;

/// Length in bytes of an IPv4 header without options, and the ports behind it.
const PLAIN_LEN: u32 = ip::V4_LEN as u32 + 4;

/// What the packets of a flow have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FlowKey {
    /// Source address: IP, or MAC if the packet is not IP. As a number, IPv4 and MAC in the low
    /// bits.
    pub src: u128,
    /// Destination address, likewise.
    pub dst: u128,
    /// EtherType behind the VLAN tags.
    pub ethertype: u16,
    /// Outer and inner VLAN id (12 bits each); 0 if there is no tag. Priority bits may differ
    /// within a flow and are left out.
    pub vlan: [u16; 2],
    /// IP protocol, behind extension headers; 0 if the packet is not IP.
    pub protocol: u8,
    /// Source port; 0 if the protocol has no ports or the packet is a fragment.
    pub sport: u16,
    /// Destination port, likewise.
    pub dport: u16,
}

impl FlowKey {
    /// The flow of an Ethernet frame that starts at the destination MAC address.
    ///
    /// `None` if it is shorter than its Ethernet header. A malformed or cut-off IP header makes it
    /// a flow between two MAC addresses.
    #[inline]
    pub fn of_frame(frame: &[u8]) -> Option<FlowKey> {
        let frame = eth::Frame::parse(frame)?;
        let [outer, inner] = frame.tags;
        let mut key = FlowKey {
            ethertype: frame.proto,
            vlan: [outer & 0x0fff, inner & 0x0fff],
            ..FlowKey::default()
        };
        let parsed = match frame.proto {
            eth::TYPE_IPV4 => key.take_ipv4(frame.payload),
            eth::TYPE_IPV6 => key.take_ipv6(frame.payload),
            _ => None,
        };
        if parsed.is_none() {
            key.src = number_of_mac(frame.src);
            key.dst = number_of_mac(frame.dst);
        }
        Some(key)
    }

    /// The same for a frame that nearly all are like: an IPv4 packet without options and VLAN tags,
    /// whose ports are there. `None` for any other.
    #[inline]
    pub fn of_plain(frame: &[u8]) -> Option<FlowKey> {
        let bytes: &[u8; eth::HEADER_LEN + ip::V4_LEN + 4] = frame.first_chunk()?;
        let word = |at: usize| -> Option<u32> {
            let word: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
            Some(u32::from_be_bytes(*word))
        };
        let (kind, length) = (word(12)?, word(16)? >> 16);
        let (frag, protocol) = ((word(20)? >> 16) as u16, word(20)? as u8);
        let plain = kind >> 8 == u32::from(eth::TYPE_IPV4) << 8 | 0x45
            && frag & (ip::FRAG_MF | ip::FRAG_OFFSET) == 0
            && length >= PLAIN_LEN
            && matches!(protocol, ip::PROTO_TCP | ip::PROTO_UDP);
        if !plain {
            return None;
        }
        let ports = word(34)?;
        Some(FlowKey {
            src: word(26)?.into(),
            dst: word(30)?.into(),
            ethertype: eth::TYPE_IPV4,
            vlan: [0, 0],
            protocol,
            sport: (ports >> 16) as u16,
            dport: ports as u16,
        })
    }

    /// Fills in what an IPv4 packet tells. `None`, and nothing changed, if it is malformed.
    #[inline]
    fn take_ipv4(&mut self, packet: &[u8]) -> Option<()> {
        let (header, payload) = ip::Ipv4::parse(packet)?;
        self.src = u128::from(header.src.get());
        self.dst = u128::from(header.dst.get());
        self.protocol = header.protocol;
        if !header.is_fragment() {
            self.take_ports(payload);
        }
        Some(())
    }

    /// Fills in what an IPv6 packet tells. `None`, and nothing changed, if it is malformed.
    #[inline]
    fn take_ipv6(&mut self, packet: &[u8]) -> Option<()> {
        let (header, payload) = ip::Ipv6::parse(packet)?;
        self.src = u128::from_be_bytes(header.src);
        self.dst = u128::from_be_bytes(header.dst);
        self.protocol = header.next_header;
        let mut rest = payload;
        for _ in 0..ip::MAX_EXTENSIONS {
            let len = match (self.protocol, rest) {
                (ip::NEXT_FRAGMENT, [next, ..]) => {
                    self.protocol = *next;
                    return Some(());
                }
                (kind, [_, units, ..]) => ip::extension_len(kind, *units),
                _ => None,
            };
            let Some(len) = len else { break };
            let (Some(next), Some(tail)) = (rest.first(), rest.get(len..)) else {
                return Some(());
            };
            self.protocol = *next;
            rest = tail;
        }
        self.take_ports(rest);
        Some(())
    }

    /// Fills in the ports from the header of the transport protocol, if it has any.
    #[inline]
    fn take_ports(&mut self, segment: &[u8]) {
        if !ip::has_ports(self.protocol) {
            return;
        }
        if let Some([a, b, c, d]) = segment.first_chunk::<4>() {
            self.sport = u16::from_be_bytes([*a, *b]);
            self.dport = u16::from_be_bytes([*c, *d]);
        }
    }
}

/// A hash of `key`, every bit of which depends on every bit of the key.
///
/// `seed` should be random and secret: a guest that knows it can put all its flows on one lane.
#[inline(always)]
pub fn hash(key: &FlowKey, seed: u32) -> u32 {
    let [outer, inner] = key.vlan;
    let mut h = u64::from(seed).wrapping_mul(FINAL_1);
    if key.ethertype == eth::TYPE_IPV4 {
        // Both fit into one word; those of a malformed packet are longer, and may collide.
        h = mix(h, (key.src as u64) << 32 ^ key.dst as u64);
    } else {
        h = mix(h, key.src as u64);
        h = mix(h, key.dst as u64);
    }
    if key.ethertype == eth::TYPE_IPV6 {
        h = mix(h, (key.src >> 64) as u64);
        h = mix(h, (key.dst >> 64) as u64);
    }
    h = mix(
        h,
        u64::from(key.sport) << 48
            | u64::from(key.dport) << 32
            | u64::from(key.protocol) << 16
            | u64::from(key.ethertype),
    );
    if outer | inner != 0 {
        h = mix(h, u64::from(outer) << 16 | u64::from(inner));
    }
    // The finish of MurmurHash3: spreads the last word over all bits.
    h = (h ^ (h >> 33)).wrapping_mul(FINAL_1);
    h = (h ^ (h >> 33)).wrapping_mul(FINAL_2);
    (h >> 32) as u32
}

/// Odd constants whose bits look random, those of MurmurHash3.
const MIX_1: u64 = 0x87c3_7b91_1142_53d5;
const MIX_2: u64 = 0x4cf5_ad43_2745_937f;
const FINAL_1: u64 = 0xff51_afd7_ed55_8ccd;
const FINAL_2: u64 = 0xc4ce_b9fe_1a85_ec53;

/// Stirs `word` into `h`. For a given `word` it maps no two values of `h` to one, and the reverse.
#[inline]
const fn mix(h: u64, word: u64) -> u64 {
    let word = word.wrapping_mul(MIX_1).rotate_left(31).wrapping_mul(MIX_2);
    (h ^ word)
        .rotate_left(27)
        .wrapping_mul(5)
        .wrapping_add(0x52dc_e729)
}

#[inline]
fn number_of_mac(mac: [u8; 6]) -> u128 {
    let [a, b, c, d, e, f] = mac;
    u128::from(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}
