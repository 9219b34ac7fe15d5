// SPDX-License-Identifier: GPL-2.0

//! Damage to a frame that is otherwise finished, and virtio headers that are true or not.

use super::ip::TCP;
use super::maker::Maker;
use super::world::once_in;
use super::world::pick;

/// Least that tun takes: an Ethernet header.
const ETHERNET: usize = 14;
/// `struct virtio_net_hdr` and its constants (linux/virtio_net.h).
const NEEDS_CSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
const GSO_UDP: u8 = 3;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

impl Maker {
    /// One frame in four comes to harm.
    pub(super) fn spoil(&mut self) {
        if !once_in(&mut self.rng, 4) {
            return;
        }
        let len = self.out.len();
        let headers = match self.out.headers {
            0 => len,
            end => end.min(len),
        };
        match self.rng.u8(..12) {
            0..=3 => {
                for _ in 0..self.rng.u8(1..8) {
                    let at = self.rng.usize(..headers);
                    self.out.frame_mut()[at] ^= 1 << self.rng.u8(..8);
                }
            }
            4 | 5 => {
                let at = self.rng.usize(..len);
                self.out.frame_mut()[at] ^= 1 << self.rng.u8(..8);
            }
            6 | 7 => {
                let at = self.rng.usize(..headers);
                self.out.frame_mut()[at] = pick(&mut self.rng, &[0, 1, 0x7f, 0x80, 0xfe, 0xff]);
            }
            8 => {
                let (a, b) = (self.rng.usize(..headers), self.rng.usize(..headers));
                self.out.frame_mut().swap(a, b);
            }
            9 | 10 => self.out.truncate(self.rng.usize(ETHERNET.min(len)..=len)),
            _ => {
                // A runt, which tun has to refuse if it is shorter than a header.
                let len = self.rng.usize(1..=ETHERNET + 4).min(len);
                self.out.truncate(len);
            }
        }
    }

    /// What a driver says of the frame: mostly nothing, else the truth, else anything.
    pub(super) fn virtio(&mut self) {
        match self.rng.u8(..8) {
            0 | 1 => self.true_virtio(),
            2 => self.false_virtio(),
            _ => {}
        }
    }

    fn true_virtio(&mut self) {
        let Some(transport) = self.out.transport else {
            return;
        };
        let (kind, field, header) = match (transport.protocol, transport.six) {
            (TCP, false) => (GSO_TCPV4, 16, 20),
            (TCP, true) => (GSO_TCPV6, 16, 20),
            _ => (GSO_UDP_L4, 6, 8),
        };
        let payload = self.out.len().saturating_sub(transport.at + header);
        let size = self.rng.usize(1..1448);
        let gso = if payload > size { kind } else { 0 };
        let numbers = [transport.at + header, size, transport.at, field];
        self.write_virtio(NEEDS_CSUM, gso, numbers.map(|number| number as u16));
    }

    fn false_virtio(&mut self) {
        let kinds = [
            0,
            GSO_TCPV4,
            GSO_UDP,
            GSO_TCPV6,
            GSO_UDP_L4,
            GSO_ECN | GSO_TCPV4,
            0x7f,
        ];
        let kind = pick(&mut self.rng, &kinds);
        let near = self.out.len() as u16;
        let numbers = [0; 4].map(|_: u16| match self.rng.u8(..6) {
            0 => 0,
            1 => 1,
            2 => near,
            3 => self.rng.u16(..),
            _ => self.rng.u16(..64),
        });
        let flags = self.rng.u8(..8);
        self.write_virtio(flags, kind, numbers);
    }

    /// Flags, kind of segmentation; length of headers, size of segments, start and offset of the
    /// checksum, in the machine's own order, as virtio was before 1.0.
    fn write_virtio(&mut self, flags: u8, gso: u8, numbers: [u16; 4]) {
        let header = self.out.virtio();
        header[0] = flags;
        header[1] = gso;
        for (at, number) in (2..).step_by(2).zip(numbers) {
            header[at..at + 2].copy_from_slice(&number.to_ne_bytes());
        }
    }
}
