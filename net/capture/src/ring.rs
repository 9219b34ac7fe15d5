// SPDX-License-Identifier: GPL-2.0

//! The ring: memory that the kernel and we share, block by block.

use crate::block::Block;
use crate::socket::Counts;
use crate::socket::Socket;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of a block: several of the longest packets.
const BLOCK: usize = 1 << 20;
/// Milliseconds after which the kernel hands over a block that is not full.
const RETIRE: u32 = 100;
/// Offset of `hdr.bh1.block_status` in `struct tpacket_block_desc`, and of what follows it.
const STATUS: usize = 8;
const REST: usize = 12;

/// The packets of one device, in both directions.
///
/// # Invariants
///
/// `map` is the start of `blocks * BLOCK` bytes that are mapped, and stay so until `self` is dropped.
/// A block whose status has the bit `TP_STATUS_USER` is not written to by the kernel.
pub struct Ring {
    socket: Socket,
    map: *mut u8,
    blocks: usize,
    next: usize,
}

impl Ring {
    /// Captures from the device with this index, into a ring of so many MiB. What comes while it is
    /// being made is not missed, but not captured either. Needs CAP_NET_RAW.
    pub fn open(index: u32, mebibytes: u32) -> io::Result<Ring> {
        let socket = Socket::new()?;
        socket.set(
            libc::PACKET_VERSION,
            &(libc::tpacket_versions::TPACKET_V3 as libc::c_int),
        )?;
        let blocks = mebibytes.max(2);
        socket.set(
            libc::PACKET_RX_RING,
            &libc::tpacket_req3 {
                tp_block_size: BLOCK as u32,
                tp_block_nr: blocks,
                tp_frame_size: BLOCK as u32,
                tp_frame_nr: blocks,
                tp_retire_blk_tov: RETIRE,
                tp_sizeof_priv: 0,
                tp_feature_req_word: 0,
            },
        )?;
        let blocks = blocks as usize;
        // INVARIANT: It is unmapped in `drop` only.
        let map = socket.map(blocks * BLOCK)?;
        let ring = Ring {
            socket,
            map,
            blocks,
            next: 0,
        };
        // Also what is for another MAC address.
        ring.socket.set(
            libc::PACKET_ADD_MEMBERSHIP,
            &libc::packet_mreq {
                mr_ifindex: index as libc::c_int,
                mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
                mr_alen: 0,
                mr_address: [0; 8],
            },
        )?;
        ring.socket.bind(index)?;
        Ok(ring)
    }

    /// The next block of packets, in their order; `None` if none comes within this time.
    pub fn next(&mut self, time: Duration) -> io::Result<Option<Block<'_>>> {
        if !self.is_ours() {
            self.socket.wait(time)?;
            if !self.is_ours() {
                return Ok(None);
            }
        }
        let at = self.next * BLOCK;
        self.next = (self.next + 1) % self.blocks;
        // SAFETY: By the invariants these bytes are mapped; `at` is below their end by a block.
        let start = unsafe { self.map.add(at + REST) };
        // SAFETY: They stay mapped while `self` is borrowed, and nobody writes to them before the
        // block has given them back; the status, which gives them back, is not among them.
        let bytes = unsafe { std::slice::from_raw_parts(start, BLOCK - REST) };
        Ok(Some(Block::new(bytes, REST, self.status(at / BLOCK))))
    }

    /// What the kernel has counted since the last time. A device that went down or away is an error
    /// of [`Ring::next`].
    pub fn counts(&self) -> io::Result<Counts> {
        self.socket.counts()
    }

    fn is_ours(&self) -> bool {
        // What the kernel wrote before it handed the block over is seen behind this.
        self.status(self.next).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: By the invariants these bytes are mapped; `block` is below the number of blocks.
        let status = unsafe { self.map.add(block * BLOCK + STATUS) };
        // SAFETY: The kernel, too, reads and writes this word at once; it is aligned, as blocks are.
        unsafe { AtomicU32::from_ptr(status.cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: By the invariants it is mapped; blocks that were lent out have been given back.
        unsafe { libc::munmap(self.map.cast(), self.blocks * BLOCK) };
    }
}
