// SPDX-License-Identifier: GPL-2.0

//! What is said about a tap: its settings, its queues with their lanes, and what was counted.

use kernel::prelude::*;

use vpc_core::lane;
use vpcnet::attr::Message;
use vpcnet::context::Rtnl;
use vpcnet::tun_mq::queue;
use vpcnet::tun_mq::tap as attr;
use vpcnet::tun_mq::Mode;
use vpcnet::tun_mq::ToVm;

use crate::managed::Managed;

/// Bytes of a message without queues, at most: two names, a reason and some twenty numbers.
const SIZE: usize = 640;
/// Bytes of a queue, at most.
const QUEUE_SIZE: usize = 48;

/// Bytes that [`fill`] puts at most.
pub(crate) fn size(tap: &Managed) -> usize {
    let queues = usize::from(tap.dev().tx_queues());
    queues.saturating_mul(QUEUE_SIZE).saturating_add(SIZE)
}

/// Puts all about a tap.
///
/// # Errors
///
/// `EMSGSIZE`, `ENOMEM`.
pub(crate) fn fill(tap: &Managed, message: &mut Message<'_>, rtnl: &Rtnl) -> Result {
    let (dev, wishes) = (tap.dev(), &tap.wishes);
    message.put_u32(attr::IFINDEX, dev.ifindex())?;
    message.put_str(attr::IFNAME, dev.name(rtnl))?;
    if let Some(uplink) = &wishes.uplink {
        message.put_u32(attr::UPLINK, uplink.ifindex())?;
        message.put_str(attr::UPLINK_NAME, uplink.name(rtnl))?;
    }
    let lanes = tap.lanes();
    message.put_u32(attr::LANES, lanes.into())?;
    message.put_u32(attr::BASE, wishes.base.into())?;
    for (there, kind) in [
        (wishes.pinned, attr::PINNED),
        (wishes.overrides, attr::OVERRIDE),
        (wishes.auto, attr::AUTO),
    ] {
        if there {
            message.put_flag(kind)?;
        }
    }
    message.put_u32(attr::WEIGHT, wishes.weight.into())?;
    message.put_u32(attr::MODE, wishes.mode.to_wire())?;
    let to_vm = tap.to_vm();
    message.put_u32(attr::TO_VM, to_vm.to_wire())?;
    if let ToVm::Unavailable(reason) = to_vm {
        message.put_str(attr::REASON, reason.to_bytes())?;
    }
    let queues = dev.tx_queues();
    message.put_u32(attr::NUM_QUEUES, queues.into())?;
    let counts = tap.counts()?;
    for index in 0..queues {
        message.put_nested(attr::QUEUE, |message| {
            message.put_u32(queue::INDEX, index.into())?;
            if lanes > 0 {
                let lane = lane::of_vm_queue(wishes.base, index, lanes);
                message.put_u32(queue::LANE, lane.into())?;
            }
            let (tx, rx) = counts
                .queues
                .get(usize::from(index))
                .copied()
                .unwrap_or_default();
            message.put_uint(queue::TX_PACKETS, tx)?;
            // What others lead is not counted here.
            if matches!(wishes.mode, Mode::Ftrace) {
                message.put_uint(queue::RX_PACKETS, rx)?;
            }
            Ok(())
        })?;
    }
    let kinds = [
        attr::TX_UNRECORDED,
        attr::TX_NO_LANES,
        attr::RX_UNRECORDED,
        attr::RX_PROGRAM,
        attr::RX_NO_LANES,
    ];
    for (kind, missed) in kinds.into_iter().zip(counts.missed) {
        message.put_uint(kind, missed)?;
    }
    Ok(())
}
