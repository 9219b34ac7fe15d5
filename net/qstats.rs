// SPDX-License-Identifier: GPL-2.0

//! Statistics of each queue, for the generic netlink family "netdev" (`qstats`).
//!
//! C header: [`include/net/netdev_queues.h`](srctree/include/net/netdev_queues.h)

use core::marker::PhantomData;

use kernel::prelude::*;

use crate::bindings;
use crate::device::Device;
use crate::device::Driver;
use crate::stats::Totals;

struct Ops<D>(PhantomData<D>);

impl<D: Driver> Ops<D> {
    const OPS: bindings::netdev_stat_ops = {
        let mut ops: bindings::netdev_stat_ops = pin_init::zeroed();
        ops.get_queue_stats_rx = Some(get_queue_stats_rx::<D>);
        ops.get_queue_stats_tx = Some(get_queue_stats_tx::<D>);
        ops.get_base_stats = Some(get_base_stats);
        ops
    };
}

pub(crate) const fn ops<D: Driver>() -> &'static bindings::netdev_stat_ops {
    &Ops::<D>::OPS
}

fn totals<D: Driver>(dev: &Device<D>, index: c_int) -> Totals {
    match u16::try_from(index) {
        Ok(index) => D::queue_totals(dev, index),
        Err(_) => Totals::default(),
    }
}

/// `netdev_stat_ops::get_queue_stats_rx`.
///
/// # Safety
///
/// The core passes a registered device of driver `D` and a structure, under RTNL.
unsafe extern "C" fn get_queue_stats_rx<D: Driver>(
    dev: *mut bindings::net_device,
    index: c_int,
    stats: *mut bindings::netdev_queue_stats_rx,
) {
    // SAFETY: The core passes a registered device, and a structure with all bits set.
    let (dev, stats) = unsafe { (Device::<D>::from_raw(dev), &mut *stats) };
    let totals = totals(dev, index);
    stats.packets = totals.rx_packets;
    stats.bytes = totals.rx_bytes;
}

/// `netdev_stat_ops::get_queue_stats_tx`.
///
/// # Safety
///
/// As [`get_queue_stats_rx`].
unsafe extern "C" fn get_queue_stats_tx<D: Driver>(
    dev: *mut bindings::net_device,
    index: c_int,
    stats: *mut bindings::netdev_queue_stats_tx,
) {
    // SAFETY: The core passes a registered device, and a structure with all bits set.
    let (dev, stats) = unsafe { (Device::<D>::from_raw(dev), &mut *stats) };
    let totals = totals(dev, index);
    stats.packets = totals.tx_packets;
    stats.bytes = totals.tx_bytes;
}

/// `netdev_stat_ops::get_base_stats`: what the queues counted that are not in use now.
///
/// # Safety
///
/// The core passes a registered device whose `stat_ops` are these and two structures, under RTNL.
unsafe extern "C" fn get_base_stats(
    dev: *mut bindings::net_device,
    rx: *mut bindings::netdev_queue_stats_rx,
    tx: *mut bindings::netdev_queue_stats_tx,
) {
    // SAFETY: The core passes a registered device, and structures with all bits set, which stands for
    // "not counted". The sum calls back for each queue, as the core does.
    unsafe {
        (*rx).packets = 0;
        (*rx).bytes = 0;
        (*tx).packets = 0;
        (*tx).bytes = 0;
        bindings::netdev_stat_queue_sum(
            dev,
            (*dev).real_num_rx_queues as c_int,
            (*dev).num_rx_queues as c_int,
            rx,
            (*dev).real_num_tx_queues as c_int,
            (*dev).num_tx_queues as c_int,
            tx,
        );
    }
}
