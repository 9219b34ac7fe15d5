// SPDX-License-Identifier: GPL-2.0

//! ARP (RFC 826): requests, replies, announcements and probes (RFC 5227), mostly wrong ones.

use super::maker::Maker;
use super::world::once_in;
use super::world::pick;

const ETHERTYPE: u16 = 0x0806;

impl Maker {
    pub(super) fn arp(&mut self) {
        let own = self.world.own.0;
        let own4 = pick(&mut self.rng, &self.world.own4);
        let to = self.world.ip4_to(&mut self.rng);
        let mut sender = (own, own4);
        let mut target = ([0; 6], to);
        let mut operation = 1;
        match self.rng.u8(..7) {
            0 => {}
            // A probe, then an announcement.
            1 => sender.1 = [0; 4],
            2 => target.1 = own4,
            // Somebody else's address is said to be here, unasked or as if asked.
            3 => sender.1 = to,
            4 => {
                operation = 2;
                sender.1 = to;
                target = (self.world.mac_to(&mut self.rng), own4);
            }
            5 => {
                operation = 2;
                target.0 = self.world.mac_to(&mut self.rng);
            }
            _ => {
                operation = self.rng.u16(..12);
                sender = (
                    self.world.any_mac(&mut self.rng),
                    self.world.any_ip4(&mut self.rng),
                );
                target = (
                    self.world.any_mac(&mut self.rng),
                    self.world.any_ip4(&mut self.rng),
                );
            }
        }
        if once_in(&mut self.rng, 8) {
            sender.0 = self.world.any_mac(&mut self.rng);
        }
        self.ethertype(ETHERTYPE);
        let hardware = if once_in(&mut self.rng, 16) {
            self.rng.u16(..40)
        } else {
            1
        };
        let protocol = if once_in(&mut self.rng, 16) {
            self.rng.u16(..)
        } else {
            0x0800
        };
        self.out.put16(hardware);
        self.out.put16(protocol);
        let lengths = match self.rng.u8(..12) {
            0 => (self.rng.u8(..), self.rng.u8(..)),
            1 => (8, 4),
            2 => (6, 16),
            3 => (0, 0),
            _ => (6, 4),
        };
        self.out.put(&[lengths.0, lengths.1]);
        self.out.put16(operation);
        self.out.put(&sender.0);
        self.out.put(&sender.1);
        self.out.put(&target.0);
        self.out.put(&target.1);
        // Behind it is room for a tag, as long as frames have at least 60 bytes.
        let padding = self.rng.usize(..48);
        self.out.payload(padding);
    }
}
