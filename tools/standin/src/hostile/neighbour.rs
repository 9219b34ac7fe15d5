// SPDX-License-Identifier: GPL-2.0

//! Neighbour and router discovery (RFC 4861), with options that may be broken.

use super::ip::ICMP6;
use super::maker::Maker;
use super::world::once_in;
use super::world::pick;

impl Maker {
    /// Solicitations and advertisements of neighbours.
    pub(super) fn neighbour(&mut self) {
        let packet = self.ip6(ICMP6);
        let kind = pick(&mut self.rng, &[135, 136]);
        let code = self.code();
        self.icmp(packet, kind, code, |maker| {
            // Flags: router, solicited, override.
            maker.out.put32(maker.rng.u32(..8) << 29);
            let target = match maker.rng.u8(..4) {
                0 => pick(&mut maker.rng, &maker.world.own6),
                1 => maker.world.any_ip6(&mut maker.rng),
                _ => maker.world.ip6_to(&mut maker.rng),
            };
            maker.out.put(&target);
            maker.nd_options();
        });
    }

    /// Router solicitations, router advertisements, redirects.
    pub(super) fn router(&mut self) {
        let packet = self.ip6(ICMP6);
        let kind = pick(&mut self.rng, &[133, 134, 134, 137]);
        let code = self.code();
        self.icmp(packet, kind, code, |maker| {
            maker.out.put32(maker.rng.u32(..));
            match kind {
                // Lifetimes.
                134 => {
                    maker.out.put32(30_000);
                    maker.out.put32(1000);
                }
                137 => {
                    let target = maker.world.any_ip6(&mut maker.rng);
                    let victim = maker.world.ip6_to(&mut maker.rng);
                    maker.out.put(&target);
                    maker.out.put(&victim);
                }
                _ => {}
            }
            maker.nd_options();
        });
    }

    fn code(&mut self) -> u8 {
        if once_in(&mut self.rng, 16) {
            self.rng.u8(..)
        } else {
            0
        }
    }

    /// Options: addresses of the link layer, prefixes, the packet that is redirected, MTU, nonce, DNS
    /// servers, any other. Their length is in units of 8 bytes, 0 is forbidden.
    fn nd_options(&mut self) {
        for _ in 0..pick(&mut self.rng, &[0, 1, 1, 1, 2, 3, 12]) {
            let kind = pick(&mut self.rng, &[1, 1, 2, 2, 3, 4, 5, 14, 25, 255]);
            let units = match kind {
                1 | 2 | 5 | 14 => 1,
                3 => 4,
                _ => self.rng.u8(1..6),
            };
            let stated = match self.rng.u8(..12) {
                0 => 0,
                1 => self.rng.u8(..),
                _ => units,
            };
            self.out.put(&[kind, stated]);
            let mac = match self.rng.u8(..4) {
                0 => self.world.any_mac(&mut self.rng),
                _ => self.world.own.0,
            };
            self.out.put(&mac);
            self.out.payload(8 * usize::from(units) - 8);
        }
        // No option: room for a tag, which those who look for options will stumble over.
        if once_in(&mut self.rng, 3) {
            let len = self.rng.usize(..40);
            self.out.payload(len);
        }
    }
}
