// SPDX-License-Identifier: GPL-2.0

//! What has been seen, and what should not have been.

use crate::gre;
use crate::gre::Outer;
use capture::Counts;
use capture::Packet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

/// First fragments that are remembered at a time.
const MOST_FIRSTS: usize = 4096;

/// The report.
#[derive(Serialize, Default)]
pub(crate) struct Report {
    dev: String,
    frames: u64,
    bytes: u64,
    /// By key, "none" if there is none.
    keys: BTreeMap<String, Key>,
    /// Packets with a tag under a key that is not this tenant's.
    mismatches: u64,
    mismatch: Option<String>,
    /// Frames that are no GRE, and those of them with a tag.
    not_gre: u64,
    bare: u64,
    bare_frame: Option<String>,
    /// GRE from or to others than the hosts.
    other_hosts: u64,
    fragments: u64,
    /// Fragments whose first one was not seen; they are counted under "none".
    orphans: u64,
    truncated: u64,
    captured: u32,
    dropped: u32,
}

/// What has been seen under one key.
#[derive(Serialize, Default)]
struct Key {
    packets: u64,
    bytes: u64,
    untagged: u64,
    /// Packets by tenant.
    tags: BTreeMap<u32, u64>,
}

pub(crate) struct Judge {
    hosts: Vec<IpAddr>,
    seen: Report,
    /// The key of a packet whose first fragment has come.
    firsts: HashMap<(IpAddr, IpAddr, u32), Option<u32>>,
}

impl Judge {
    /// Without any `hosts`, everybody is one.
    pub(crate) fn new(hosts: &[IpAddr]) -> Judge {
        Judge {
            hosts: hosts.to_vec(),
            seen: Report::default(),
            firsts: HashMap::new(),
        }
    }

    /// How many frames it has looked at.
    pub(crate) fn frames(&self) -> u64 {
        self.seen.frames
    }

    pub(crate) fn look(&mut self, packet: &Packet<'_>) {
        self.seen.frames += 1;
        self.seen.bytes += packet.length as u64;
        self.seen.truncated += u64::from(packet.bytes.len() < packet.length);
        let found = gre::read(packet.bytes);
        let (from, to, key) = match found.outer {
            Outer::Gre { from, to, key } => {
                if let Some(id) = found.first {
                    self.seen.fragments += 1;
                    if self.firsts.len() >= MOST_FIRSTS {
                        self.firsts.clear();
                    }
                    self.firsts.insert((from, to, id), key);
                }
                (from, to, key)
            }
            Outer::Later { from, to, id } => {
                self.seen.fragments += 1;
                let known = self.firsts.get(&(from, to, id));
                self.seen.orphans += u64::from(known.is_none());
                (from, to, known.copied().flatten())
            }
            Outer::Other => {
                self.seen.not_gre += 1;
                if tag::find(packet.bytes).next().is_some() {
                    self.seen.bare += 1;
                    keep(&mut self.seen.bare_frame, packet.bytes);
                }
                return;
            }
        };
        let is_host = |ip: IpAddr| self.hosts.is_empty() || self.hosts.contains(&ip);
        if !is_host(from) || !is_host(to) {
            self.seen.other_hosts += 1;
        }
        self.count(key, packet);
    }

    fn count(&mut self, key: Option<u32>, packet: &Packet<'_>) {
        let name = key.map_or_else(|| "none".to_owned(), |key| key.to_string());
        let seen = self.seen.keys.entry(name).or_default();
        seen.packets += 1;
        seen.bytes += packet.length as u64;
        let mut tenants: Vec<u32> = tag::find(packet.bytes).collect();
        tenants.sort_unstable();
        tenants.dedup();
        seen.untagged += u64::from(tenants.is_empty());
        for tenant in &tenants {
            *seen.tags.entry(*tenant).or_default() += 1;
        }
        if tenants.iter().any(|tenant| Some(*tenant) != key) {
            self.seen.mismatches += 1;
            keep(&mut self.seen.mismatch, packet.bytes);
        }
    }

    pub(crate) fn report(self, dev: &str, counts: Counts) -> Report {
        Report {
            dev: dev.to_owned(),
            captured: counts.packets,
            dropped: counts.dropped,
            ..self.seen
        }
    }
}

/// Keeps the first of its kind, in hexadecimal.
fn keep(place: &mut Option<String>, bytes: &[u8]) {
    place.get_or_insert_with(|| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // A string takes whatever is written to it.
            let _ = write!(text, "{byte:02x}");
            text
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::IpNumber;
    use etherparse::PacketBuilder;

    const A: [u8; 4] = [10, 1, 0, 1];
    const B: [u8; 4] = [10, 1, 0, 2];

    fn judge() -> Judge {
        Judge::new(&[IpAddr::from(A), IpAddr::from(B)])
    }

    fn look(judge: &mut Judge, bytes: &[u8]) {
        judge.look(&Packet {
            bytes,
            length: bytes.len(),
            outgoing: false,
        });
    }

    fn payload(flags: u16, key: u32, tenant: u32) -> Vec<u8> {
        let mut gre = flags.to_be_bytes().to_vec();
        gre.extend(0x6558_u16.to_be_bytes());
        if flags & 0x8000 != 0 {
            gre.extend([1, 2, 0, 0]);
        }
        if flags & 0x2000 != 0 {
            gre.extend(key.to_be_bytes());
        }
        gre.extend([2; 60]);
        gre.extend(tag::of(tenant));
        gre
    }

    fn packet(from: [u8; 4], to: [u8; 4], gre: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(from, to, 64)
            .write(&mut frame, IpNumber::GRE, gre)
            .unwrap();
        frame
    }

    #[test]
    fn own_key() {
        let mut judge = judge();
        for flags in [0x2000, 0xa000, 0x3000] {
            look(&mut judge, &packet(A, B, &payload(flags, 7, 7)));
        }
        look(&mut judge, &packet(A, B, &payload(0x2000, 7, 7)[..60]));
        let seen = judge.seen;
        assert_eq!((seen.frames, seen.mismatches, seen.other_hosts), (4, 0, 0));
        let key = &seen.keys["7"];
        assert_eq!((key.packets, key.untagged, key.tags[&7]), (4, 1, 3));
    }

    #[test]
    fn wrong_key_or_none() {
        let mut judge = judge();
        let wrong = packet(A, B, &payload(0x2000, 9, 7));
        look(&mut judge, &wrong);
        look(&mut judge, &packet(B, A, &payload(0, 0, 7)));
        look(&mut judge, &packet(B, A, &payload(0x2001, 7, 7)));
        let seen = judge.seen;
        assert_eq!(seen.mismatches, 3);
        assert_eq!((seen.keys["9"].tags[&7], seen.keys["none"].packets), (1, 2));
        let text = seen.mismatch.unwrap();
        assert!(text.len() == 2 * wrong.len() && text.starts_with("0404"));
    }

    #[test]
    fn udp_and_ipv6() {
        let mut judge = Judge::new(&[]);
        let mut frame = Vec::new();
        let (from, to) = ([1; 16], [2; 16]);
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv6(from, to, 64)
            .udp(50_000, 4754)
            .write(&mut frame, &payload(0x2000, 7, 9))
            .unwrap();
        look(&mut judge, &frame);
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv6(from, to, 64)
            .write(&mut frame, IpNumber::GRE, &payload(0x2000, 7, 7))
            .unwrap();
        look(&mut judge, &frame);
        assert_eq!(judge.seen.keys["7"].packets, 2);
        assert_eq!(judge.seen.mismatches, 1);
    }

    #[test]
    fn what_is_no_tunnel_of_the_hosts() {
        let mut judge = judge();
        look(
            &mut judge,
            &packet(A, [10, 1, 0, 3], &payload(0x2000, 7, 7)),
        );
        assert_eq!(judge.seen.other_hosts, 1);
        let mut bare = vec![2; 12];
        bare.extend([0x08, 0x06]);
        look(&mut judge, &bare);
        bare.extend(tag::of(7));
        look(&mut judge, &bare);
        look(&mut judge, &[]);
        assert_eq!((judge.seen.not_gre, judge.seen.bare), (3, 1));
    }

    #[test]
    fn fragments_go_with_the_first() {
        let mut judge = judge();
        let whole = packet(A, B, &payload(0x2000, 9, 9));
        let mut first = whole.clone();
        first[20] = 0x20;
        // The tag, as if it were the end of the same packet.
        let mut last = packet(A, B, &payload(0x2000, 9, 7)[60..]);
        last[21] = 8;
        look(&mut judge, &last);
        assert_eq!((judge.seen.orphans, judge.seen.mismatches), (1, 1));
        look(&mut judge, &first);
        look(&mut judge, &last);
        let seen = judge.seen;
        assert_eq!((seen.fragments, seen.orphans, seen.mismatches), (3, 1, 2));
        assert_eq!(seen.keys["9"].tags, BTreeMap::from([(7, 1), (9, 1)]));
    }
}
