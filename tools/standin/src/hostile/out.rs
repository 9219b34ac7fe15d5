// SPDX-License-Identifier: GPL-2.0

//! The frame that is being made, and what it knows of its own headers.

/// Where the transport header of a frame is.
#[derive(Clone, Copy)]
pub(super) struct Transport {
    /// Its offset in the frame.
    pub(super) at: usize,
    /// IP protocol: 6 or 17.
    pub(super) protocol: u8,
    /// Below is IPv6.
    pub(super) six: bool,
}

/// A frame, with room for a virtio header in front. All numbers go in in network order, and all
/// offsets count from the first byte of the frame.
pub(super) struct Out {
    bytes: Vec<u8>,
    room: usize,
    tag: [u8; tag::LEN],
    /// End of what has to be looked at to forward the frame: the rest is payload.
    pub(super) headers: usize,
    pub(super) transport: Option<Transport>,
}

impl Out {
    pub(super) fn new(room: usize, tag: [u8; tag::LEN]) -> Out {
        Out {
            bytes: vec![0; room],
            room,
            tag,
            headers: 0,
            transport: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(self.room, 0);
        self.headers = 0;
        self.transport = None;
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.room
    }

    /// The virtio header and the frame.
    pub(super) fn whole(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn virtio(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.room]
    }

    pub(super) fn frame(&self) -> &[u8] {
        &self.bytes[self.room..]
    }

    pub(super) fn frame_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.room..]
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.room + len);
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn put8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn put16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    pub(super) fn put32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    pub(super) fn zeros(&mut self, len: usize) {
        self.bytes.resize(self.bytes.len() + len, 0);
    }

    pub(super) fn set16(&mut self, at: usize, value: u16) {
        self.frame_mut()[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    /// Payload of `len` bytes: the tag, over and over.
    pub(super) fn payload(&mut self, len: usize) {
        self.headers = self.headers.max(self.len());
        let tag = self.tag;
        for _ in 0..len / tag::LEN {
            self.put(&tag);
        }
        self.put(&tag[..len % tag::LEN]);
    }

    /// The Internet checksum of everything from `at` on; `start` is what was summed before.
    pub(super) fn csum(&self, at: usize, start: u64) -> u16 {
        !fold(start + sum(&self.frame()[at..]))
    }
}

/// The sum of 16-bit words, not folded.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from(u32::from_be_bytes(word))
    };
    bytes.chunks(4).map(word).sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
