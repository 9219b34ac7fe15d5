// SPDX-License-Identifier: GPL-2.0

//! IPv4 and IPv6 headers with options, extension headers and fragments, around any payload.

use super::maker::Maker;
use super::out::sum;
use super::world::once_in;
use super::world::pick;

const ETHERTYPE4: u16 = 0x0800;
const ETHERTYPE6: u16 = 0x86dd;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP6: u8 = 58;
const FRAGMENT: u8 = 44;
/// Extension headers (RFC 8200, 4), mobility and HIP among them, and "no next header".
const EXTENSIONS: [u8; 8] = [0, 43, FRAGMENT, 50, 51, 60, 135, 139];

/// An IP packet whose payload is still to come.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    at: usize,
    pub(super) six: bool,
    /// Protocol behind all headers.
    pub(super) protocol: u8,
    /// Sum of the pseudo header's addresses.
    addresses: u64,
    /// Part of a larger packet, and not the first.
    pub(super) later: bool,
}

impl Maker {
    /// An IP packet of either family, with `protocol` inside; writes the EtherType, too.
    pub(super) fn ip(&mut self, protocol: u8) -> Packet {
        if self.rng.bool() {
            self.ip4(protocol)
        } else {
            self.ip6(protocol)
        }
    }

    pub(super) fn ip4(&mut self, protocol: u8) -> Packet {
        let from = self.world.ip4_from(&mut self.rng);
        let to = self.world.ip4_to(&mut self.rng);
        self.ethertype(ETHERTYPE4);
        self.ip4_between(protocol, from, to)
    }

    pub(super) fn ip6(&mut self, protocol: u8) -> Packet {
        let from = self.world.ip6_from(&mut self.rng);
        let to = self.world.ip6_to(&mut self.rng);
        self.ethertype(ETHERTYPE6);
        self.ip6_between(protocol, from, to)
    }

    /// The header of an IPv4 packet, without an EtherType.
    pub(super) fn ip4_between(&mut self, protocol: u8, from: [u8; 4], to: [u8; 4]) -> Packet {
        let at = self.out.len();
        let version = if once_in(&mut self.rng, 48) {
            self.rng.u8(..)
        } else {
            0x45
        };
        self.out.put(&[version, self.rng.u8(..)]);
        self.out.put16(0);
        // Few numbers, so that fragments meet those of other packets.
        self.out.put16(self.rng.u16(..8));
        let fragment = if once_in(&mut self.rng, 8) {
            self.fragment4()
        } else {
            0x4000
        };
        self.out.put16(fragment);
        let ttl = if once_in(&mut self.rng, 8) {
            self.rng.u8(..2)
        } else {
            64
        };
        self.out.put(&[ttl, protocol, 0, 0]);
        self.out.put(&from);
        self.out.put(&to);
        if once_in(&mut self.rng, 8) {
            self.options4();
            let words = ((self.out.len() - at) / 4) as u8;
            self.out.frame_mut()[at] = 0x40 | words.min(15);
        }
        Packet {
            at,
            six: false,
            protocol,
            addresses: sum(&from) + sum(&to),
            later: fragment & 0x1fff != 0,
        }
    }

    /// Flags and offset of a fragment: the first, later ones, tiny, overlapping, the last possible.
    fn fragment4(&mut self) -> u16 {
        let more = if self.rng.bool() { 0x2000 } else { 0 };
        match self.rng.u8(..6) {
            0 => 0x2000,
            1 => more | 1,
            2 | 3 => more | self.rng.u16(..8),
            4 => more | 0x1fff,
            _ => self.rng.u16(..),
        }
    }

    /// Options that are padded to words: record route, source routes, time stamp, router alert,
    /// security, and such as do not end where they say.
    fn options4(&mut self) {
        let at = self.out.len();
        let len = 4 * self.rng.usize(1..=10);
        while self.out.len() < at + len {
            let left = at + len - self.out.len();
            let kind = pick(&mut self.rng, &[0, 1, 7, 68, 130, 131, 137, 148, 222]);
            self.out.put8(kind);
            if kind < 2 || left < 2 {
                continue;
            }
            let stated = match self.rng.u8(..6) {
                0 => self.rng.u8(..),
                1 => self.rng.u8(..2),
                _ => self.rng.u8(2..=11.min(left as u8)),
            };
            self.out.put8(stated);
            let content = usize::from(stated).saturating_sub(2).min(left - 2);
            for _ in 0..content {
                let byte = self.rng.u8(..);
                self.out.put8(byte);
            }
        }
        self.out.truncate(at + len);
    }

    /// The headers of an IPv6 packet, without an EtherType.
    pub(super) fn ip6_between(&mut self, protocol: u8, from: [u8; 16], to: [u8; 16]) -> Packet {
        let at = self.out.len();
        let version = if once_in(&mut self.rng, 48) {
            self.rng.u8(..)
        } else {
            0x60
        };
        self.out
            .put(&[version, self.rng.u8(..), self.rng.u8(..), self.rng.u8(..)]);
        self.out.put16(0);
        self.out.put8(protocol);
        // What neighbour discovery asks for, or what hosts send.
        let hops = match (protocol, self.rng.u8(..12)) {
            (_, 0) => self.rng.u8(..),
            (ICMP6, _) => 255,
            _ => 64,
        };
        self.out.put8(hops);
        self.out.put(&from);
        self.out.put(&to);
        let chain = match self.rng.u8(..16) {
            0..=11 => 0,
            12..=14 => self.rng.u8(1..4),
            _ => self.rng.u8(4..24),
        };
        let later = self.chain6(at + 6, protocol, chain);
        Packet {
            at,
            six: true,
            protocol,
            addresses: sum(&from) + sum(&to),
            later,
        }
    }

    /// `count` extension headers; `next` is where the type of the first stands. Says if the rest is
    /// of a later fragment.
    fn chain6(&mut self, mut next: usize, protocol: u8, count: u8) -> bool {
        let mut later = false;
        for _ in 0..count {
            let kind = pick(&mut self.rng, &EXTENSIONS);
            self.out.frame_mut()[next] = kind;
            next = self.out.len();
            self.out.put8(protocol);
            if kind == FRAGMENT {
                let reserved = if once_in(&mut self.rng, 8) {
                    self.rng.u8(..)
                } else {
                    0
                };
                let offset = match self.rng.u8(..6) {
                    0 => 0,
                    1 => 1,
                    2 => 8,
                    3 => 9,
                    4 => 0xfff9,
                    _ => self.rng.u16(..),
                };
                self.out.put8(reserved);
                self.out.put16(offset);
                self.out.put32(self.rng.u32(..8));
                later |= offset & 0xfff8 != 0;
                continue;
            }
            let units = pick(&mut self.rng, &[0, 0, 0, 1, 2]);
            let stated = if once_in(&mut self.rng, 16) {
                self.rng.u8(..)
            } else {
                units
            };
            self.out.put8(stated);
            self.option6(8 * usize::from(units) + 6);
        }
        if once_in(&mut self.rng, 64) {
            self.out.frame_mut()[next] = 59;
        }
        later
    }

    /// One option that fills `len` bytes: padding, router alert, jumbo, tunnel limit, any other.
    fn option6(&mut self, len: usize) {
        let kind = pick(&mut self.rng, &[1, 1, 1, 0x05, 0xc2, 0x04, 0x3e, 0x80]);
        let stated = match self.rng.u8(..12) {
            0 => self.rng.u8(..),
            _ => (len - 2) as u8,
        };
        self.out.put(&[kind, stated]);
        self.out.zeros(len - 2);
    }

    /// Ends a packet: its length is known now. Mostly the right one, and the right checksum.
    pub(super) fn end(&mut self, packet: Packet) {
        let whole = self.out.len() - packet.at;
        let said = match self.rng.u8(..24) {
            0 => self.rng.usize(..65536),
            1 => self.rng.usize(..=whole),
            _ => whole,
        };
        if packet.six {
            self.out
                .set16(packet.at + 4, said.saturating_sub(40) as u16);
            return;
        }
        self.out.set16(packet.at + 2, said as u16);
        if once_in(&mut self.rng, 32) {
            return;
        }
        let words = usize::from(self.out.frame()[packet.at] & 15).max(5);
        let end = (packet.at + 4 * words).min(self.out.len());
        let header = sum(&self.out.frame()[packet.at..end]);
        // Nothing follows: only what was summed counts.
        let csum = self.out.csum(self.out.len(), header);
        self.out.set16(packet.at + 10, csum);
    }

    /// Fills in the transport checksum at `field` of what starts at `at`: mostly the right one.
    pub(super) fn seal(&mut self, packet: Packet, at: usize, field: usize) {
        match self.rng.u8(..16) {
            0 => {}
            1 => self.out.set16(field, self.rng.u16(..)),
            _ => {
                let len = (self.out.len() - at) as u64;
                let pseudo = packet.addresses + u64::from(packet.protocol) + len;
                // That of ICMP for IPv4 covers no addresses.
                let start = if packet.protocol == 1 { 0 } else { pseudo };
                let csum = self.out.csum(at, start);
                self.out.set16(field, csum);
            }
        }
    }
}
