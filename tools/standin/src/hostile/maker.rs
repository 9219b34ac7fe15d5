// SPDX-License-Identifier: GPL-2.0

//! Makes one hostile frame after the other. The same seed makes the same frames.

use super::out::Out;
use super::world::World;
use fastrand::Rng;

/// Longest frame: an IP packet of 64 KiB behind an Ethernet header.
const LONGEST: usize = 65_535;

pub(super) struct Maker {
    pub(super) rng: Rng,
    pub(super) world: World,
    pub(super) out: Out,
    /// Tunnels around what is being written.
    pub(super) depth: u8,
    virtio: bool,
}

/// Declares the kinds of frames: what makes each, and its share.
macro_rules! kinds {
    ($($name:literal $share:literal $make:ident)*) => {
        /// The names of all kinds.
        pub(super) const KINDS: &[&str] = &[$($name),*];
        const MAKE: &[fn(&mut Maker)] = &[$(Maker::$make),*];
        /// The kind of each number that may be drawn.
        const DRAW: &[u8] = &{
            let mut draw = [0; 0 $(+ $share)*];
            let (mut at, mut kind) = (0, 0);
            $(
                let end = at + $share;
                while at < end {
                    draw[at] = kind;
                    at += 1;
                }
                #[allow(unused_assignments, reason = "the last one has nothing behind it")]
                {
                    kind += 1;
                }
            )*
            draw
        };
    };
}

kinds! {
    "udp" 14 udp
    "tcp" 10 tcp
    "echo" 8 echo
    "icmp-error" 6 icmp_error
    "arp" 14 arp
    "neighbour" 12 neighbour
    "router" 6 router
    "dhcp" 6 dhcp
    "gre" 10 gre
    "udp-tunnel" 4 udp_tunnel
    "protocol" 5 other_protocol
    "ethertype" 4 other
    "llc" 3 llc
    "noise" 3 noise
}

impl Maker {
    /// `room` bytes for a virtio header go before each frame.
    pub(super) fn new(world: World, tag: [u8; tag::LEN], seed: u64, room: usize) -> Maker {
        Maker {
            rng: Rng::with_seed(seed),
            world,
            out: Out::new(room, tag),
            depth: 0,
            virtio: room > 0,
        }
    }

    /// The next frame, and the number of its kind.
    pub(super) fn next(&mut self) -> (usize, &[u8]) {
        self.out.clear();
        self.depth = 0;
        self.ethernet();
        let kind = usize::from(DRAW[self.rng.usize(..DRAW.len())]);
        MAKE[kind](self);
        self.out.truncate(LONGEST);
        if self.virtio {
            self.virtio();
        }
        self.spoil();
        (kind, self.out.whole())
    }

    /// Bytes of payload: mostly few, sometimes none, at times as many as a frame holds.
    pub(super) fn length(&mut self) -> usize {
        match self.rng.u8(..=255) {
            0 => self.rng.usize(..LONGEST),
            1..16 => self.rng.usize(..1480),
            16..32 => self.rng.usize(..17),
            _ => 16 + self.rng.usize(..80),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Mac;
    use crate::frame::End;
    use etherparse::SlicedPacket;

    fn maker(seed: u64, room: usize) -> Maker {
        let ip = |text: &str| text.parse().unwrap();
        let peer = End {
            mac: Mac([2, 0, 0, 0, 0, 2]),
            ip: ip("10.9.0.2"),
        };
        let own = vec![ip("10.9.0.1"), ip("fd00:9::1")];
        let hosts = [ip("10.1.0.1"), ip("10.1.0.2")];
        let world = World::new((Mac([2, 0, 0, 0, 0, 1]), own), &[peer], &hosts, &[7, 9]);
        Maker::new(world, tag::of(7), seed, room)
    }

    #[test]
    fn same_seed_same_frames() {
        let (mut a, mut b, mut c) = (maker(1, 10), maker(1, 10), maker(2, 10));
        let mut differ = 0;
        for _ in 0..2000 {
            let frame = a.next();
            assert_eq!(frame, b.next());
            differ += usize::from(frame != c.next());
        }
        assert!(differ > 1900);
    }

    #[test]
    fn frames_of_every_kind_and_length() {
        let mut kinds = vec![0; KINDS.len()];
        let (mut tagged, mut shortest, mut longest) = (0, usize::MAX, 0);
        let count = 300_000;
        for seed in 0..30 {
            let mut maker = maker(seed, 0);
            for _ in 0..count / 30 {
                let (kind, frame) = maker.next();
                kinds[kind] += 1;
                shortest = shortest.min(frame.len());
                longest = longest.max(frame.len());
                let tags: Vec<u32> = tag::find(frame).collect();
                tagged += usize::from(!tags.is_empty());
                assert!(tags.iter().all(|tenant| *tenant == 7));
            }
        }
        assert!(kinds.iter().all(|seen| *seen > count / 100), "{kinds:?}");
        assert!(shortest < 14 && longest > 60_000, "{shortest} to {longest}");
        assert!(tagged > count * 8 / 10, "{tagged}");
    }

    /// Frames that are all wrong would be dropped at the first look, and try out nothing.
    #[test]
    fn many_are_sound() {
        let mut maker = maker(4, 0);
        let (mut sound, mut transport, mut tags, mut gre) = (0, 0, 0, 0);
        let count = 20_000;
        for _ in 0..count {
            let frame = maker.next().1;
            let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
                continue;
            };
            sound += 1;
            transport += u32::from(packet.transport.is_some());
            tags += u32::from(!packet.link_exts.is_empty());
            let is_gre = |ip: &etherparse::IpPayloadSlice<'_>| ip.ip_number.0 == 47;
            gre += u32::from(packet.ip_payload().is_some_and(is_gre));
        }
        assert!(sound > count / 2, "{sound}");
        assert!(transport > count / 3, "{transport}");
        assert!(tags > count / 30, "{tags}");
        assert!(gre > count / 50, "{gre}");
    }

    #[test]
    fn virtio_headers_are_true_and_false() {
        let mut maker = maker(5, 10);
        let mut kinds = std::collections::BTreeSet::new();
        for _ in 0..20_000 {
            kinds.insert(maker.next().1[1]);
        }
        for kind in [0, 1, 3, 4, 5, 0x7f, 0x81] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
    }
}
