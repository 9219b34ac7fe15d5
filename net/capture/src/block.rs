// SPDX-License-Identifier: GPL-2.0

//! A block of packets, taken apart.

use std::mem;
use std::mem::offset_of;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

/// Offsets of `hdr.bh1.num_pkts` and of what follows it in `struct tpacket_block_desc`.
const COUNT: usize = 12;
const FIRST: usize = 16;
/// Offset of `struct sockaddr_ll` behind the header of each packet.
const ADDRESS: usize = libc::TPACKET3_HDRLEN - mem::size_of::<libc::sockaddr_ll>();

/// A packet as it was on the device. A VLAN tag that the kernel keeps apart is not in it.
pub struct Packet<'a> {
    /// Its bytes, from the Ethernet header on.
    pub bytes: &'a [u8],
    /// How many there were.
    pub length: usize,
    /// Sent by the device, not received.
    pub outgoing: bool,
}

/// Packets that the kernel has handed over.
pub struct Block<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin in the block.
    skipped: usize,
    status: &'a AtomicU32,
}

impl<'a> Block<'a> {
    pub(crate) fn new(bytes: &'a [u8], skipped: usize, status: &'a AtomicU32) -> Block<'a> {
        Block {
            bytes,
            skipped,
            status,
        }
    }

    /// The packets, in the order in which they passed.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let field = |at: usize| word(self.bytes, at - self.skipped).unwrap_or(0);
        let mut left = field(COUNT);
        let mut at = field(FIRST).saturating_sub(self.skipped);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let header = self.bytes.get(at..)?;
            let length = word(header, offset_of!(libc::tpacket3_hdr, tp_len))?;
            let kept = word(header, offset_of!(libc::tpacket3_hdr, tp_snaplen))?;
            let start = half(header, offset_of!(libc::tpacket3_hdr, tp_mac))?;
            let kind = ADDRESS + offset_of!(libc::sockaddr_ll, sll_pkttype);
            let packet = Packet {
                bytes: header.get(start..start + kept)?,
                length,
                outgoing: *header.get(kind)? == libc::PACKET_OUTGOING,
            };
            at += word(header, offset_of!(libc::tpacket3_hdr, tp_next_offset))?;
            Some(packet)
        })
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        // What was read of the block was read before.
        self.status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let (word, _) = bytes.get(at..)?.split_first_chunk()?;
    usize::try_from(u32::from_ne_bytes(*word)).ok()
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let (half, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_ne_bytes(*half).into())
}
