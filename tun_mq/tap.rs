// SPDX-License-Identifier: GPL-2.0

//! The packets of a tap: which lane they get, and which queue their lane leads to.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::lane;
use vpcnet::context::Datapath;
use vpcnet::netdev::Hold;
use vpcnet::percpu::Counters;
use vpcnet::percpu::ThisCpu;
use vpcnet::rcu::RcuCell;
use vpcnet::tap::FromVm;
use vpcnet::tap::TapDriver;
use vpcnet::tap::ToVm;

/// Packets that could not keep their lane, by reason.
#[derive(Clone, Copy)]
pub(crate) enum Miss {
    /// From the VM: no queue was recorded.
    TxUnrecorded,
    /// From the VM: the uplink is gone.
    TxNoLanes,
    /// To the VM: no lane was recorded.
    RxUnrecorded,
    /// To the VM: the tap's own steering program chooses.
    RxProgram,
    /// To the VM: the uplink is gone.
    RxNoLanes,
}

const MISSES: usize = 5;

/// What is counted of a tap: for each of its queues packets each way, and those that missed.
pub(crate) struct Tally {
    counters: Counters,
    queues: u16,
}

impl Tally {
    /// For that many queues.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(queues: u16) -> Result<Self> {
        let len = usize::from(queues).saturating_mul(2).saturating_add(MISSES);
        Ok(Tally {
            counters: Counters::new(len)?,
            queues,
        })
    }

    /// How many queues there are counters for.
    pub(crate) fn queues(&self) -> u16 {
        self.queues
    }

    // Behind the misses the two counters of a queue are side by side: it is served by one CPU.
    #[inline]
    fn tx_index(queue: u16) -> usize {
        usize::from(queue).wrapping_mul(2).wrapping_add(MISSES)
    }

    #[inline]
    fn rx_index(queue: u16) -> usize {
        Tally::tx_index(queue).wrapping_add(1)
    }

    #[inline]
    fn miss(&self, miss: Miss, dp: &Datapath) {
        self.counters.count(miss as usize, ThisCpu::get(dp));
    }

    /// Packets from a queue of the VM.
    pub(crate) fn tx(&self, queue: u16) -> u64 {
        self.counters.sum(Tally::tx_index(queue))
    }

    /// Packets to a queue of the VM.
    pub(crate) fn rx(&self, queue: u16) -> u64 {
        self.counters.sum(Tally::rx_index(queue))
    }

    /// Packets that missed.
    pub(crate) fn missed(&self, miss: Miss) -> u64 {
        self.counters.sum(miss as usize)
    }
}

/// Who chooses the queue of packets to the VM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The tun driver, patched or not.
    Driver,
    /// The lane, unless the tap has a steering program.
    Lane,
    /// The lane, whatever else there is.
    LaneFirst,
}

/// What packets go by; replaced as a whole.
pub(crate) struct Lanes {
    /// The device whose transmit queues are the lanes; gone if `None`.
    pub(crate) uplink: Option<Hold>,
    pub(crate) base: u16,
    pub(crate) to_vm: Choice,
    pub(crate) tally: Arc<Tally>,
}

/// A tap, as its packets see it.
pub(crate) struct Tap {
    pub(crate) lanes: RcuCell<Lanes>,
}

impl TapDriver for Tap {
    fn sent(&self, packet: FromVm<'_>, dp: &Datapath) {
        let Some(lanes) = self.lanes.read(dp) else {
            return;
        };
        let Some(queue) = packet.queue() else {
            return lanes.tally.miss(Miss::TxUnrecorded, dp);
        };
        let Some(uplink) = &lanes.uplink else {
            return lanes.tally.miss(Miss::TxNoLanes, dp);
        };
        packet.record(lane::of_vm_queue(lanes.base, queue, uplink.tx_queues()));
        let cpu = ThisCpu::get(dp);
        lanes.tally.counters.count(Tally::tx_index(queue), cpu);
    }

    fn select(&self, packet: ToVm<'_>, dp: &Datapath) -> Option<u16> {
        let lanes = self.lanes.read(dp)?;
        if lanes.to_vm == Choice::Driver {
            return None;
        }
        let Some(lane) = packet.lane() else {
            lanes.tally.miss(Miss::RxUnrecorded, dp);
            return None;
        };
        // Where a program cannot be seen the choice is the driver's from the start.
        if lanes.to_vm == Choice::Lane && packet.has_program() != Some(false) {
            lanes.tally.miss(Miss::RxProgram, dp);
            return None;
        }
        let Some(uplink) = &lanes.uplink else {
            lanes.tally.miss(Miss::RxNoLanes, dp);
            return None;
        };
        let queue = lane::vm_queue(lane, lanes.base, uplink.tx_queues(), packet.queues());
        let cpu = ThisCpu::get(dp);
        lanes.tally.counters.count(Tally::rx_index(queue), cpu);
        Some(queue)
    }
}
