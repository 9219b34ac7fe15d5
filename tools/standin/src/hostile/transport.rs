// SPDX-License-Identifier: GPL-2.0

//! TCP, UDP and what goes over UDP that matters to a network: DHCP, other tunnels.

use super::ip::Packet;
use super::ip::TCP;
use super::ip::UDP;
use super::maker::Maker;
use super::out::Transport;
use super::world::once_in;
use super::world::pick;

/// Ports that rules are made for.
const PORTS: [u16; 6] = [22, 53, 80, 443, 3306, 65535];
/// VXLAN, Geneve, GRE in UDP, Teredo.
const TUNNELS: [u16; 4] = [4789, 6081, 4754, 3544];

impl Maker {
    pub(super) fn udp(&mut self) {
        let packet = self.ip(UDP);
        let (from, to) = (self.port(), self.port());
        let len = self.length();
        self.udp_between(packet, from, to, |maker| maker.out.payload(len));
        self.end(packet);
    }

    /// A UDP header, what `body` writes, and both lengths.
    pub(super) fn udp_between(
        &mut self,
        packet: Packet,
        from: u16,
        to: u16,
        body: impl FnOnce(&mut Maker),
    ) {
        let at = self.transport(packet);
        self.out.put16(from);
        self.out.put16(to);
        self.out.put32(0);
        body(self);
        let whole = self.out.len() - at;
        let said = match self.rng.u8(..24) {
            0 => self.rng.u16(..),
            1 => self.rng.u16(..9),
            _ => whole as u16,
        };
        self.out.set16(at + 4, said);
        self.seal(packet, at, at + 6);
    }

    pub(super) fn tcp(&mut self) {
        let packet = self.ip(TCP);
        let at = self.transport(packet);
        let (from, to) = (self.port(), self.port());
        self.out.put16(from);
        self.out.put16(to);
        self.out.put32(self.rng.u32(..));
        self.out.put32(self.rng.u32(..));
        let words = if once_in(&mut self.rng, 16) {
            self.rng.u8(..16)
        } else {
            5
        };
        self.out
            .put(&[(words << 4) | self.rng.u8(..2), self.rng.u8(..)]);
        self.out.put16(self.rng.u16(..));
        self.out.put32(0);
        let len = self.length();
        self.out.payload(len);
        self.seal(packet, at, at + 16);
        self.end(packet);
    }

    /// DHCP (RFC 2131) or DHCPv6 (RFC 8415), as a client or as a server.
    pub(super) fn dhcp(&mut self) {
        let serve = self.rng.bool();
        let swap = |(client, server)| {
            if serve {
                (server, client)
            } else {
                (client, server)
            }
        };
        if self.rng.bool() {
            let packet = self.ip4(UDP);
            let (from, to) = swap((68, 67));
            self.udp_between(packet, from, to, |maker| maker.bootp(serve));
            self.end(packet);
        } else {
            let packet = self.ip6(UDP);
            let (from, to) = swap((546, 547));
            self.udp_between(packet, from, to, Maker::dhcp6);
            self.end(packet);
        }
    }

    fn bootp(&mut self, serve: bool) {
        self.out.put(&[1 + u8::from(serve), 1, 6, self.rng.u8(..3)]);
        self.out.put32(self.rng.u32(..));
        self.out.put32(0x8000);
        for _ in 0..4 {
            let address = self.world.any_ip4(&mut self.rng);
            self.out.put(&address);
        }
        let mac = self.world.mac_from(&mut self.rng);
        self.out.put(&mac);
        // The rest of the hardware address, names of server and file.
        self.out.zeros(10);
        self.out.payload(192);
        self.out.put32(0x6382_5363);
        self.out.put(&[53, 1, self.rng.u8(..10), 54, 4]);
        let server = self.world.any_ip4(&mut self.rng);
        self.out.put(&server);
        let (kind, stated) = (self.rng.u8(..), self.rng.u8(..));
        self.out.put(&[kind, stated]);
        self.out.payload(48);
        self.out.put8(255);
    }

    fn dhcp6(&mut self) {
        self.out.put8(self.rng.u8(..15));
        self.out
            .put(&[self.rng.u8(..), self.rng.u8(..), self.rng.u8(..)]);
        // An option: any type, and a length that is true or not.
        self.out.put16(self.rng.u16(..30));
        let stated = if self.rng.bool() {
            48
        } else {
            self.rng.u16(..)
        };
        self.out.put16(stated);
        self.out.payload(48);
    }

    /// A tunnel of somebody else's making, over UDP.
    pub(super) fn udp_tunnel(&mut self) {
        let to = pick(&mut self.rng, &TUNNELS);
        let packet = self.outer(UDP);
        let from = self.port();
        self.udp_between(packet, from, to, |maker| {
            if to == 4754 {
                maker.gre_header();
            } else {
                // Flags, and the number of the network.
                maker.out.put32(0x0800_6558);
                let key = maker.world.key(&mut maker.rng);
                maker.out.put32(key << 8);
            }
            maker.inner();
        });
        self.end(packet);
    }

    /// Takes note of where the transport header starts.
    fn transport(&mut self, packet: Packet) -> usize {
        let at = self.out.len();
        if !packet.later && self.out.transport.is_none() {
            self.out.transport = Some(Transport {
                at,
                protocol: packet.protocol,
                six: packet.six,
            });
        }
        at
    }

    pub(super) fn port(&mut self) -> u16 {
        if self.rng.bool() {
            pick(&mut self.rng, &PORTS)
        } else {
            self.rng.u16(..)
        }
    }
}
