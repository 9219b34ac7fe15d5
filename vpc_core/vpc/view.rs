// SPDX-License-Identifier: GPL-2.0

//! A frame of which only the first bytes can be read, and whose packet may end before it does.

use crate::vpc::packet::Problem;

/// So many bytes are asked for at least, if the frame has them, so that it seldom has to be pulled
/// twice: Ethernet with two tags, IPv6, an extension header or two, TCP.
const PULL: usize = 128;

/// All positions are bytes from the start of the frame.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    linear: &'a [u8],
    /// Length in bytes of the frame.
    len: usize,
    /// Where the packet ends: no further than the frame.
    pub(super) end: usize,
}

impl<'a> View<'a> {
    /// A frame of `len` bytes, of which `linear` can be read.
    pub(super) const fn new(linear: &'a [u8], len: usize) -> Self {
        View {
            linear,
            len,
            end: len,
        }
    }

    /// What it means that the bytes up to `end` cannot be read.
    pub(super) fn lacks(self, end: usize) -> Problem {
        match end > self.end {
            true => Problem::Short,
            false => Problem::NeedLinear(end.max(PULL).min(self.len)),
        }
    }

    /// What can be read from `at` on.
    pub(super) fn rest(self, at: usize) -> &'a [u8] {
        self.linear.get(at..).unwrap_or_default()
    }

    /// The bytes from `at` to `end`.
    pub(super) fn slice(self, at: usize, end: usize) -> Result<&'a [u8], Problem> {
        match self.linear.get(at..end) {
            Some(bytes) if end <= self.end => Ok(bytes),
            _ => Err(self.lacks(end)),
        }
    }

    /// `N` bytes from `at` on.
    pub(super) fn chunk<const N: usize>(self, at: usize) -> Result<&'a [u8; N], Problem> {
        let end = at.wrapping_add(N);
        let bytes = self.linear.get(at..).and_then(|rest| rest.first_chunk());
        match bytes {
            Some(bytes) if end <= self.end => Ok(bytes),
            _ => Err(self.lacks(end)),
        }
    }

    /// The same for a packet that ends at `end`.
    pub(super) fn until(self, end: usize) -> Result<Self, Problem> {
        match end > self.end {
            true => Err(Problem::Short),
            false => Ok(View { end, ..self }),
        }
    }

    /// The same for a packet that begins at `at` and gives no length since it is longer than it could
    /// say: one that the kernel is still to cut into segments ("BIG TCP").
    pub(super) fn beyond(self, at: usize) -> Result<Self, Problem> {
        match self.end.saturating_sub(at) > usize::from(u16::MAX) {
            true => Ok(self),
            false => Err(Problem::Header),
        }
    }
}
