// SPDX-License-Identifier: GPL-2.0

//! Packet counters per CPU and lane.
//!
//! A lane may be used by several CPUs at once (the devices are lockless), so every CPU counts for
//! itself: no lock, no atomic operation, no cache line that two CPUs write.

use core::cell::UnsafeCell;
use core::ptr;

use kernel::alloc::flags::GFP_KERNEL_ACCOUNT;
use kernel::prelude::*;

use crate::context::Datapath;
use crate::percpu::PerCpu;
use crate::percpu::ThisCpu;

/// A number that one CPU writes and anybody reads.
#[derive(Default)]
struct Counter(UnsafeCell<u64>);

// SAFETY: See `add()`: one writer, and all accesses are single loads and stores of an aligned word,
// as with `u64_stats_t` on 64-bit machines.
unsafe impl Sync for Counter {}

impl Counter {
    /// Counts; only for a counter of the CPU that runs this.
    #[inline]
    fn add(&self, n: u64, _dp: &Datapath) {
        // SAFETY: The pointer is valid. Only this CPU writes, and with BH off no other packet's
        // handler gets in between load and store.
        unsafe {
            let value = ptr::read_volatile(self.0.get());
            ptr::write_volatile(self.0.get(), value.wrapping_add(n));
        }
    }

    fn get(&self) -> u64 {
        // SAFETY: The pointer is valid; an aligned word is loaded in one piece.
        unsafe { ptr::read_volatile(self.0.get()) }
    }
}

/// What one CPU counted for one lane.
#[derive(Default)]
struct Lane {
    tx_packets: Counter,
    tx_bytes: Counter,
    rx_packets: Counter,
    rx_bytes: Counter,
}

/// The counters of one CPU, on cache lines of their own.
#[repr(align(64))]
struct Row<const DROPS: usize> {
    drops: [Counter; DROPS],
    lanes: KVVec<Lane>,
}

/// Sums of one lane, or of all of them. Bytes are those of the inner frames.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    /// Packets sent; a GSO frame is one.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
}

/// Counters of a device: packets and bytes per lane, and drops by reason.
pub struct LaneCounters<const DROPS: usize> {
    cpus: PerCpu<Row<DROPS>>,
}

impl<const DROPS: usize> LaneCounters<DROPS> {
    /// Makes counters for `lanes` lanes, charged to the memory cgroup that asks; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(lanes: u16) -> Result<Self> {
        let cpus = PerCpu::new(|| {
            let mut row = KVVec::with_capacity(usize::from(lanes), GFP_KERNEL_ACCOUNT)?;
            for _ in 0..lanes {
                row.push(Lane::default(), GFP_KERNEL_ACCOUNT)?;
            }
            Ok(Row {
                drops: core::array::from_fn(|_| Counter::default()),
                lanes: row,
            })
        })?;
        Ok(LaneCounters { cpus })
    }

    /// Counts a packet sent on `lane`.
    #[inline]
    pub fn sent(&self, lane: u16, bytes: u32, cpu: ThisCpu<'_>, dp: &Datapath) {
        if let Some(lane) = self.cpus.get(cpu).lanes.get(usize::from(lane)) {
            lane.tx_packets.add(1, dp);
            lane.tx_bytes.add(bytes.into(), dp);
        }
    }

    /// Counts a packet received on `lane`.
    #[inline]
    pub fn received(&self, lane: u16, bytes: u32, cpu: ThisCpu<'_>, dp: &Datapath) {
        if let Some(lane) = self.cpus.get(cpu).lanes.get(usize::from(lane)) {
            lane.rx_packets.add(1, dp);
            lane.rx_bytes.add(bytes.into(), dp);
        }
    }

    /// Counts a drop for the reason with index `reason`.
    #[inline]
    pub fn dropped(&self, reason: usize, dp: &Datapath) {
        if let Some(drops) = self.cpus.get(ThisCpu::get(dp)).drops.get(reason) {
            drops.add(1, dp);
        }
    }

    /// The sums of one lane over all CPUs; any context.
    pub fn lane(&self, lane: u16) -> Totals {
        let mut sum = Totals::default();
        for counters in self
            .cpus
            .iter()
            .filter_map(|c| c.lanes.get(usize::from(lane)))
        {
            sum.add(counters);
        }
        sum
    }

    /// The sums of all lanes over all CPUs; any context.
    pub fn total(&self) -> Totals {
        let mut sum = Totals::default();
        for counters in self.cpus.iter().flat_map(|c| c.lanes.iter()) {
            sum.add(counters);
        }
        sum
    }

    /// How many were dropped for the reason with index `reason`; any context.
    pub fn drops(&self, reason: usize) -> u64 {
        self.cpus
            .iter()
            .filter_map(|c| c.drops.get(reason))
            .fold(0, |sum, drops| sum.wrapping_add(drops.get()))
    }
}

impl Totals {
    fn add(&mut self, lane: &Lane) {
        self.tx_packets = self.tx_packets.wrapping_add(lane.tx_packets.get());
        self.tx_bytes = self.tx_bytes.wrapping_add(lane.tx_bytes.get());
        self.rx_packets = self.rx_packets.wrapping_add(lane.rx_packets.get());
        self.rx_bytes = self.rx_bytes.wrapping_add(lane.rx_bytes.get());
    }
}
