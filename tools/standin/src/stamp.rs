// SPDX-License-Identifier: GPL-2.0

//! The stamp at the start of each UDP payload that a stand-in sends: who sent it, on which queue,
//! as which of how many.

/// Length in bytes of a stamp.
pub(crate) const LEN: usize = 24;

const MAGIC: [u8; 8] = *b"lanestmp";

/// Says where a frame comes from. All numbers are in network order on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// Id of the sending stand-in.
    pub(crate) id: u16,
    /// Queue of the sender's tap.
    pub(crate) queue: u16,
    /// Which of the sender's `send` commands this belongs to.
    pub(crate) run: u32,
    /// Number of the frame within run and queue, from 0.
    pub(crate) seq: u32,
    /// How many frames the run sends on this queue.
    pub(crate) total: u32,
}

/// What a UDP payload turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    /// Not from a stand-in.
    None,
    /// From a stand-in, but not as it was sent.
    Corrupt,
    /// Stamped, and whole.
    Stamp(Stamp),
}

impl Stamp {
    /// The payload of `len` bytes that carries the stamp, and behind it a tag, if there is one and
    /// room for it; no shorter than a stamp.
    pub(crate) fn payload(&self, len: usize, tag: Option<[u8; tag::LEN]>) -> Vec<u8> {
        let mut payload = Vec::with_capacity(len.max(LEN));
        payload.extend(MAGIC);
        payload.extend(self.id.to_be_bytes());
        payload.extend(self.queue.to_be_bytes());
        payload.extend(self.run.to_be_bytes());
        payload.extend(self.seq.to_be_bytes());
        payload.extend(self.total.to_be_bytes());
        if let Some(tag) = tag.filter(|_| len >= LEN + tag::LEN) {
            payload.extend(tag);
        }
        payload.extend((payload.len()..len).map(|at| filler(self.seq, at)));
        payload
    }

    /// Reads a payload back, filler included.
    pub(crate) fn read(payload: &[u8]) -> Read {
        let Some((magic, rest)) = payload.split_first_chunk::<8>() else {
            return Read::None;
        };
        if *magic != MAGIC {
            return Read::None;
        }
        let Some((fields, filling)) = rest.split_first_chunk::<16>() else {
            return Read::Corrupt;
        };
        let word = |at: usize| {
            fields
                .iter()
                .skip(at)
                .take(4)
                .fold(0, |n, b| (n << 8) | u32::from(*b))
        };
        let stamp = Stamp {
            id: (word(0) >> 16) as u16,
            queue: word(0) as u16,
            run: word(4),
            seq: word(8),
            total: word(12),
        };
        let tagged = if tag::leads(filling) { tag::LEN } else { 0 };
        let whole = filling
            .iter()
            .enumerate()
            .skip(tagged)
            .all(|(at, byte)| *byte == filler(stamp.seq, LEN + at));
        if whole && stamp.seq < stamp.total {
            Read::Stamp(stamp)
        } else {
            Read::Corrupt
        }
    }
}

/// The byte at `at` in the payload of frame `seq`: differs between neighbours and between frames.
fn filler(seq: u32, at: usize) -> u8 {
    (seq as usize).wrapping_add(at) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        id: 10,
        queue: 3,
        run: 0xdead_beef,
        seq: 5,
        total: 64,
    };

    #[test]
    fn comes_back() {
        for len in [0, LEN, LEN + tag::LEN - 1, LEN + tag::LEN, 100, 9000] {
            for tag in [None, Some(tag::of(7))] {
                let payload = STAMP.payload(len, tag);
                assert_eq!(payload.len(), len.max(LEN));
                assert_eq!(Stamp::read(&payload), Read::Stamp(STAMP));
                let found = tag::find(&payload).next();
                assert_eq!(found.is_some(), tag.is_some() && len >= LEN + tag::LEN);
            }
        }
    }

    #[test]
    fn damage_is_seen() {
        for tag in [None, Some(tag::of(7))] {
            let payload = STAMP.payload(100, tag);
            for at in LEN..payload.len() {
                let mut bad = payload.clone();
                bad[at] ^= 1;
                assert_eq!(Stamp::read(&bad), Read::Corrupt);
            }
        }
        let payload = STAMP.payload(100, None);
        assert_eq!(Stamp::read(&payload[..LEN - 1]), Read::Corrupt);
        assert_eq!(Stamp::read(&payload[..7]), Read::None);
        assert_eq!(Stamp::read(b"something else entirely"), Read::None);
    }
}
