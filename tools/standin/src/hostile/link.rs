// SPDX-License-Identifier: GPL-2.0

//! Ethernet: addresses, VLAN tags, EtherTypes that are no IP.

use super::maker::Maker;
use super::world::once_in;
use super::world::pick;

const TAGS: [u16; 5] = [0x8100, 0x8100, 0x8100, 0x88a8, 0x9100];
/// LLDP, 802.1X, PTP, CFM, MPLS, PPPoE, loopback, the tunnel's own, VLAN tags without anything.
const ETHERTYPES: [u16; 11] = [
    0x88cc, 0x888e, 0x88f7, 0x8902, 0x8847, 0x8863, 0x9000, 0x6558, 0x8100, 0x88a8, 0x0000,
];

impl Maker {
    /// Addresses and up to three VLAN tags.
    pub(super) fn ethernet(&mut self) {
        let (to, from) = (
            self.world.mac_to(&mut self.rng),
            self.world.mac_from(&mut self.rng),
        );
        self.out.put(&to);
        self.out.put(&from);
        if once_in(&mut self.rng, 8) {
            for _ in 0..self.rng.u8(1..=3) {
                let tag = pick(&mut self.rng, &TAGS);
                self.out.put16(tag);
                // VLAN 0 and 4095 are none; priority at will.
                let vlan = pick(&mut self.rng, &[0, 1, 2, 100, 4094, 4095]);
                let priority = self.rng.u16(..16) << 12;
                self.out.put16(vlan | priority);
            }
        }
    }

    pub(super) fn ethertype(&mut self, ethertype: u16) {
        self.out.put16(ethertype);
    }

    /// Another EtherType, of which there is little to know.
    pub(super) fn other(&mut self) {
        let ethertype = match self.rng.bool() {
            true => pick(&mut self.rng, &ETHERTYPES),
            false => self.rng.u16(1536..),
        };
        self.ethertype(ethertype);
        let len = self.length();
        self.out.payload(len);
    }

    /// IEEE 802.3: a length in place of the EtherType, and LLC, as spanning tree has it.
    pub(super) fn llc(&mut self) {
        let len = self.length();
        let said = match self.rng.u8(..4) {
            0 => self.rng.u16(..1536),
            _ => 3 + len as u16,
        };
        self.ethertype(said.min(1535));
        let sap = pick(&mut self.rng, &[0x42, 0xaa, 0xfe, 0xff, 0xe0]);
        self.out.put(&[sap, sap, 3]);
        self.out.payload(len);
    }

    /// IP with any protocol: IP in IP, ESP, SCTP, IGMP, OSPF and what has no name.
    pub(super) fn other_protocol(&mut self) {
        let protocol = match self.rng.bool() {
            true => pick(
                &mut self.rng,
                &[2, 4, 41, 50, 51, 89, 103, 112, 115, 132, 255],
            ),
            false => self.rng.u8(..),
        };
        let packet = self.ip(protocol);
        let len = self.length();
        self.out.payload(len);
        self.end(packet);
    }

    /// Nothing but noise behind the addresses.
    pub(super) fn noise(&mut self) {
        for _ in 0..self.rng.usize(..40) {
            self.out.put16(self.rng.u16(..));
        }
        let len = self.length();
        self.out.payload(len);
    }
}
