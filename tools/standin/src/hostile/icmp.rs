// SPDX-License-Identifier: GPL-2.0

//! ICMP: echoes, and errors that quote packets which were never sent.

use super::ip::Packet;
use super::ip::ICMP6;
use super::ip::TCP;
use super::ip::UDP;
use super::maker::Maker;
use super::world::pick;

const ICMP: u8 = 1;
const GRE: u8 = 47;

impl Maker {
    pub(super) fn echo(&mut self) {
        let (packet, kinds) = if self.rng.bool() {
            (self.ip4(ICMP), [0, 8])
        } else {
            (self.ip6(ICMP6), [128, 129])
        };
        let kind = pick(&mut self.rng, &kinds);
        self.icmp(packet, kind, 0, |maker| {
            maker.out.put32(maker.rng.u32(..));
            let len = maker.length();
            maker.out.payload(len);
        });
    }

    /// An error about a packet: of a VM, or of the hosts' own tunnels (CVE-2017-5897).
    pub(super) fn icmp_error(&mut self) {
        if self.rng.bool() {
            let packet = self.ip4(ICMP);
            let kind = pick(&mut self.rng, &[3, 4, 5, 11, 12]);
            let code = self.rng.u8(..6);
            self.icmp(packet, kind, code, |maker| {
                maker.out.put32(maker.rng.u32(..1500));
                maker.quote(false);
            });
        } else {
            let packet = self.ip6(ICMP6);
            let kind = pick(&mut self.rng, &[1, 2, 3, 4]);
            let code = self.rng.u8(..6);
            self.icmp(packet, kind, code, |maker| {
                maker.out.put32(maker.rng.u32(..1500));
                maker.quote(true);
            });
        }
    }

    /// Header and checksum of ICMP of either version, around what `body` writes.
    pub(super) fn icmp(
        &mut self,
        packet: Packet,
        kind: u8,
        code: u8,
        body: impl FnOnce(&mut Maker),
    ) {
        let at = self.out.len();
        self.out.put(&[kind, code, 0, 0]);
        body(self);
        self.seal(packet, at, at + 2);
        self.end(packet);
    }

    fn quote(&mut self, six: bool) {
        let protocol = pick(&mut self.rng, &[GRE, GRE, UDP, TCP]);
        let quoted = if six {
            let (from, to) = (
                self.world.host6(&mut self.rng),
                self.world.any_ip6(&mut self.rng),
            );
            self.ip6_between(protocol, from, to)
        } else {
            let (from, to) = (
                self.world.host4(&mut self.rng),
                self.world.any_ip4(&mut self.rng),
            );
            self.ip4_between(protocol, from, to)
        };
        if protocol == GRE {
            self.gre_header();
        } else {
            let (from, to) = (self.port(), self.port());
            self.out.put16(from);
            self.out.put16(to);
            self.out.put32(self.rng.u32(..));
        }
        self.out.payload(32);
        self.end(quoted);
    }
}
