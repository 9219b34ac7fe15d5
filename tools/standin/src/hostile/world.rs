// SPDX-License-Identifier: GPL-2.0

//! What a hostile VM knows of the world, and the addresses that it makes of it.

use crate::args::Mac;
use crate::frame::End;
use crate::frame::BROADCAST;
use fastrand::Rng;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// Destinations that bridges treat on their own (IEEE 802.1Q, 8.6.3), without the last byte.
const LINK_LOCAL: [u8; 5] = [0x01, 0x80, 0xc2, 0, 0];

pub(super) struct World {
    pub(super) own: Mac,
    pub(super) own4: Vec<[u8; 4]>,
    pub(super) own6: Vec<[u8; 16]>,
    peers: Vec<Mac>,
    peers4: Vec<[u8; 4]>,
    peers6: Vec<[u8; 16]>,
    hosts4: Vec<[u8; 4]>,
    hosts6: Vec<[u8; 16]>,
    keys: Vec<u32>,
}

impl World {
    /// The VM is `own`; it has heard of `peers`, of the addresses of `hosts`, and of `keys`.
    pub(super) fn new(
        own: (Mac, Vec<IpAddr>),
        peers: &[End],
        hosts: &[IpAddr],
        keys: &[u32],
    ) -> World {
        let or = |given: Vec<[u8; 4]>, other: Ipv4Addr| match given.is_empty() {
            true => vec![other.octets()],
            false => given,
        };
        let or6 = |given: Vec<[u8; 16]>, other: Ipv6Addr| match given.is_empty() {
            true => vec![other.octets()],
            false => given,
        };
        let four = |all: &[IpAddr]| all.iter().filter_map(v4).collect::<Vec<_>>();
        let six = |all: &[IpAddr]| all.iter().filter_map(v6).collect::<Vec<_>>();
        let mut macs: Vec<Mac> = peers.iter().map(|peer| peer.mac).collect();
        if macs.is_empty() {
            macs.push(BROADCAST);
        }
        let peers: Vec<IpAddr> = peers.iter().map(|peer| peer.ip).collect();
        World {
            own: own.0,
            own4: or(four(&own.1), Ipv4Addr::new(169, 254, 1, 1)),
            own6: or6(six(&own.1), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            peers: macs,
            peers4: or(four(&peers), Ipv4Addr::new(192, 0, 2, 1)),
            peers6: or6(six(&peers), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
            hosts4: or(four(hosts), Ipv4Addr::new(192, 0, 2, 2)),
            hosts6: or6(six(hosts), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
            keys: keys.to_vec(),
        }
    }

    /// A MAC address to send from: mostly the own one.
    pub(super) fn mac_from(&self, rng: &mut Rng) -> [u8; 6] {
        match rng.u8(..16) {
            0 => self.any_mac(rng),
            1 => pick(rng, &self.peers).0,
            _ => self.own.0,
        }
    }

    /// A MAC address to send to: mostly somebody's.
    pub(super) fn mac_to(&self, rng: &mut Rng) -> [u8; 6] {
        match rng.u8(..8) {
            0 => BROADCAST.0,
            1 => self.any_mac(rng),
            _ => pick(rng, &self.peers).0,
        }
    }

    /// Any MAC address, also such as nobody has.
    pub(super) fn any_mac(&self, rng: &mut Rng) -> [u8; 6] {
        let [_, _, c, d, e, f, ..] = rng.u64(..).to_be_bytes();
        match rng.u8(..10) {
            0 => [0; 6],
            1 => BROADCAST.0,
            2 => self.own.0,
            3 => pick(rng, &self.peers).0,
            4 | 5 => {
                let [a, b, c, d, e] = LINK_LOCAL;
                [a, b, c, d, e, rng.u8(..0x30)]
            }
            6 => [0x01, 0, 0x5e, c & 0x7f, d, e],
            7 => [0x33, 0x33, c, d, e, f],
            8 => [0x02, 0, 0, 0, 0, f],
            _ => [c | 1, d, e, f, c, d],
        }
    }

    pub(super) fn ip4_from(&self, rng: &mut Rng) -> [u8; 4] {
        match rng.u8(..16) {
            0 => self.any_ip4(rng),
            1 => pick(rng, &self.peers4),
            _ => pick(rng, &self.own4),
        }
    }

    pub(super) fn ip4_to(&self, rng: &mut Rng) -> [u8; 4] {
        match rng.u8(..8) {
            0 => self.any_ip4(rng),
            _ => pick(rng, &self.peers4),
        }
    }

    /// Any address, also such as may not be on a wire.
    pub(super) fn any_ip4(&self, rng: &mut Rng) -> [u8; 4] {
        let [a, b, c, d] = rng.u32(..).to_be_bytes();
        match rng.u8(..10) {
            0 => [0; 4],
            1 => [255; 4],
            2 => [127, 0, 0, d],
            3 => [224, 0, 0, d],
            4 => [224 | a, b, c, d],
            5 => [169, 254, 169, 254],
            6 => pick(rng, &self.own4),
            7 => self.host4(rng),
            8 => pick(rng, &self.peers4),
            _ => [a, b, c, d],
        }
    }

    pub(super) fn ip6_from(&self, rng: &mut Rng) -> [u8; 16] {
        match rng.u8(..16) {
            0 => self.any_ip6(rng),
            1 => pick(rng, &self.peers6),
            _ => pick(rng, &self.own6),
        }
    }

    pub(super) fn ip6_to(&self, rng: &mut Rng) -> [u8; 16] {
        match rng.u8(..8) {
            0 => self.any_ip6(rng),
            _ => pick(rng, &self.peers6),
        }
    }

    /// Any address, also such as may not be on a wire.
    pub(super) fn any_ip6(&self, rng: &mut Rng) -> [u8; 16] {
        let low = rng.u16(..);
        let address = match rng.u8(..12) {
            0 => Ipv6Addr::UNSPECIFIED,
            1 => Ipv6Addr::LOCALHOST,
            2 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
            3 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2),
            4 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (low >> 8), low),
            5 => Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, low),
            6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, low),
            7 => Ipv4Addr::from(self.any_ip4(rng)).to_ipv6_mapped(),
            8 => return pick(rng, &self.own6),
            9 => return self.host6(rng),
            10 => return pick(rng, &self.peers6),
            _ => Ipv6Addr::from(rng.u128(..)),
        };
        address.octets()
    }

    pub(super) fn host4(&self, rng: &mut Rng) -> [u8; 4] {
        pick(rng, &self.hosts4)
    }

    pub(super) fn host6(&self, rng: &mut Rng) -> [u8; 16] {
        pick(rng, &self.hosts6)
    }

    /// A GRE key: mostly one that somebody has.
    pub(super) fn key(&self, rng: &mut Rng) -> u32 {
        match rng.choice(&self.keys) {
            Some(key) if rng.u8(..8) > 0 => *key,
            _ => rng.u32(..) >> rng.u32(..32),
        }
    }
}

fn v4(ip: &IpAddr) -> Option<[u8; 4]> {
    match ip {
        IpAddr::V4(ip) => Some(ip.octets()),
        IpAddr::V6(_) => None,
    }
}

fn v6(ip: &IpAddr) -> Option<[u8; 16]> {
    match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => Some(ip.octets()),
    }
}

/// One of `all`, which are not empty.
pub(super) fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())]
}

/// Happens once in `n` times.
pub(super) fn once_in(rng: &mut Rng, n: u8) -> bool {
    rng.u8(..n) == 0
}
