// SPDX-License-Identifier: GPL-2.0

//! Tunnels that a VM makes: GRE as the hosts have it, with any key, and in itself.

use super::ip::Packet;
use super::ip::UDP;
use super::maker::Maker;
use super::world::once_in;
use super::world::pick;

const GRE: u8 = 47;
/// Ethernet; IPv4; IPv6; ERSPAN; PPP (RFC 2637), which version 1 has.
const PROTOCOLS: [u16; 8] = [
    0x6558, 0x6558, 0x6558, 0x6558, 0x0800, 0x86dd, 0x88be, 0x880b,
];
/// How deep tunnels go in each other.
const DEEPEST: u8 = 4;

impl Maker {
    pub(super) fn gre(&mut self) {
        let packet = self.outer(GRE);
        self.gre_header();
        self.inner();
        self.end(packet);
    }

    /// The outer header: to a host, from the VM or as if from another host.
    pub(super) fn outer(&mut self, protocol: u8) -> Packet {
        if once_in(&mut self.rng, 4) {
            let from = match self.rng.bool() {
                true => self.world.ip6_from(&mut self.rng),
                false => self.world.host6(&mut self.rng),
            };
            let to = self.world.host6(&mut self.rng);
            self.ethertype(0x86dd);
            self.ip6_between(protocol, from, to)
        } else {
            let from = match self.rng.bool() {
                true => self.world.ip4_from(&mut self.rng),
                false => self.world.host4(&mut self.rng),
            };
            let to = self.world.host4(&mut self.rng);
            self.ethertype(0x0800);
            self.ip4_between(protocol, from, to)
        }
    }

    pub(super) fn gre_header(&mut self) {
        // Mostly a key and nothing else, as a host would.
        let flags = match self.rng.u8(..8) {
            0 => self.rng.u16(..),
            1 => 0,
            2 => 0xa000,
            3 => 0x3000,
            4 => 0x2001,
            _ => 0x2000,
        };
        let protocol = pick(&mut self.rng, &PROTOCOLS);
        self.out.put16(flags);
        self.out.put16(protocol);
        if flags & 0x8000 != 0 {
            self.out.put32(self.rng.u32(..));
        }
        if flags & 0x2000 != 0 {
            let key = self.world.key(&mut self.rng);
            self.out.put32(key);
        }
        if flags & 0x1000 != 0 {
            self.out.put32(self.rng.u32(..));
        }
    }

    /// The frame inside: to a VM, from a VM, or another tunnel.
    pub(super) fn inner(&mut self) {
        self.depth += 1;
        let (to, from) = (
            self.world.mac_to(&mut self.rng),
            self.world.mac_from(&mut self.rng),
        );
        self.out.put(&to);
        self.out.put(&from);
        if self.depth < DEEPEST && once_in(&mut self.rng, 3) {
            self.gre();
        } else {
            let packet = self.ip(UDP);
            let (source, port) = (self.port(), self.port());
            self.udp_between(packet, source, port, |maker| maker.out.payload(48));
            self.end(packet);
        }
    }
}
