// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` shows of a device.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use core::fmt;
use core::marker::PhantomData;
use core::slice;

use kernel::error::from_result;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Rtnl;
use crate::device::Device;
use crate::device::Driver;
use crate::errno;

/// Length in bytes of a counter's name, zero at the end included.
const NAME_LEN: usize = bindings::ETH_GSTRING_LEN as usize;

/// The ethtool side of a driver. All methods run under RTNL.
pub trait Ethtool: Sized {
    /// Name of the driver, for `ethtool -i`.
    const NAME: &'static str;

    /// Version of the driver, for `ethtool -i`.
    const VERSION: &'static str;

    /// Number of counters, for `ethtool -S`.
    fn counters(dev: &Device<Self>) -> usize;

    /// Writes the name of a counter; what is beyond 31 bytes is cut off.
    ///
    /// # Errors
    ///
    /// Whatever the formatter says; the name then ends there.
    fn counter_name(dev: &Device<Self>, index: usize, out: &mut dyn fmt::Write) -> fmt::Result;

    /// The value of a counter.
    fn counter(dev: &Device<Self>, index: usize) -> u64;
}

struct Ops<D>(PhantomData<D>);

impl<D: Driver> Ops<D> {
    const OPS: bindings::ethtool_ops = {
        let mut ops: bindings::ethtool_ops = pin_init::zeroed();
        ops.get_drvinfo = Some(get_drvinfo::<D>);
        ops.get_link = Some(bindings::ethtool_op_get_link);
        ops.get_channels = Some(get_channels);
        ops.set_channels = Some(set_channels::<D>);
        ops.get_sset_count = Some(get_sset_count::<D>);
        ops.get_strings = Some(get_strings::<D>);
        ops.get_ethtool_stats = Some(get_ethtool_stats::<D>);
        ops
    };
}

pub(crate) const fn ops<D: Driver>() -> &'static bindings::ethtool_ops {
    &Ops::<D>::OPS
}

/// Writes text into a fixed buffer, which it leaves terminated.
struct Name<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl fmt::Write for Name<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.buf.len().saturating_sub(1).saturating_sub(self.len);
        let text = text.as_bytes();
        let take = text.len().min(room);
        let end = self.len.saturating_add(take);
        if let (Some(to), Some(from)) = (self.buf.get_mut(self.len..end), text.get(..take)) {
            to.copy_from_slice(from);
        }
        self.len = end;
        Ok(())
    }
}

fn copy_text<const N: usize>(to: &mut [c_char; N], from: &str) {
    // The core may have put something there before.
    to.fill(0);
    for (to, from) in to.iter_mut().take(N.saturating_sub(1)).zip(from.bytes()) {
        *to = from as c_char;
    }
}

/// `ethtool_ops::get_drvinfo`.
///
/// # Safety
///
/// The core passes a structure to fill in.
unsafe extern "C" fn get_drvinfo<D: Driver>(
    _dev: *mut bindings::net_device,
    info: *mut bindings::ethtool_drvinfo,
) {
    // SAFETY: The core passes a structure to fill in.
    let info = unsafe { &mut *info };
    copy_text(&mut info.driver, D::NAME);
    copy_text(&mut info.version, D::VERSION);
    // As of a bridge: there is neither a bus nor firmware.
    copy_text(&mut info.bus_info, "N/A");
    copy_text(&mut info.fw_version, "N/A");
}

/// `ethtool_ops::get_channels`. Sending and receiving have channels of their own, none is for both:
/// the numbers may differ.
///
/// # Safety
///
/// The core passes a registered device and a structure to fill in, under RTNL.
unsafe extern "C" fn get_channels(
    dev: *mut bindings::net_device,
    channels: *mut bindings::ethtool_channels,
) {
    // SAFETY: The core passes a registered device and a structure to fill in.
    let (raw, channels) = unsafe { (&*dev, &mut *channels) };
    channels.max_tx = raw.num_tx_queues;
    channels.max_rx = raw.num_rx_queues;
    channels.tx_count = raw.real_num_tx_queues;
    channels.rx_count = raw.real_num_rx_queues;
}

/// `ethtool_ops::set_channels`.
///
/// # Safety
///
/// The core passes a registered device of driver `D` and the numbers that are wanted, under RTNL.
unsafe extern "C" fn set_channels<D: Driver>(
    dev: *mut bindings::net_device,
    channels: *mut bindings::ethtool_channels,
) -> c_int {
    // SAFETY: The core passes a registered device and the numbers, and holds RTNL.
    let (dev, wanted, mut rtnl) =
        unsafe { (Device::<D>::from_raw(dev), &*channels, Rtnl::assume()) };
    from_result(|| {
        // The core has compared all numbers with the most that `get_channels()` allows, and given
        // its reasons; this method has no place for any.
        let tx = u16::try_from(wanted.tx_count).map_err(|_| EINVAL)?;
        let rx = u16::try_from(wanted.rx_count).map_err(|_| EINVAL)?;
        dev.set_queues(tx, rx, &mut rtnl).map(|()| 0)
    })
}

/// `ethtool_ops::get_sset_count`.
///
/// # Safety
///
/// The core passes a registered device of driver `D`, under RTNL.
unsafe extern "C" fn get_sset_count<D: Driver>(
    dev: *mut bindings::net_device,
    set: c_int,
) -> c_int {
    if set != bindings::ethtool_stringset_ETH_SS_STATS as c_int {
        return errno::eopnotsupp().to_errno();
    }
    // SAFETY: The core passes a registered device.
    let dev = unsafe { Device::<D>::from_raw(dev) };
    c_int::try_from(D::counters(dev)).unwrap_or(0)
}

/// `ethtool_ops::get_strings`.
///
/// # Safety
///
/// The core passes a registered device of driver `D` and zeroed room for as many names as
/// `get_sset_count()` said under the same RTNL.
unsafe extern "C" fn get_strings<D: Driver>(
    dev: *mut bindings::net_device,
    set: u32,
    names: *mut u8,
) {
    if set != bindings::ethtool_stringset_ETH_SS_STATS {
        return;
    }
    // SAFETY: The core passes a registered device.
    let dev = unsafe { Device::<D>::from_raw(dev) };
    let counters = D::counters(dev);
    if counters == 0 {
        return;
    }
    // SAFETY: The core has asked `get_sset_count()` under the same lock and made zeroed room for as
    // many names as it said; queues do not change under it.
    let names = unsafe { slice::from_raw_parts_mut(names, counters.saturating_mul(NAME_LEN)) };
    for (index, buf) in names.chunks_exact_mut(NAME_LEN).enumerate() {
        // A name that does not fit is cut off, which is all that can be done.
        let _ = D::counter_name(dev, index, &mut Name { buf, len: 0 });
    }
}

/// `ethtool_ops::get_ethtool_stats`.
///
/// # Safety
///
/// The core passes a registered device of driver `D` and room for `n_stats` values, under RTNL.
unsafe extern "C" fn get_ethtool_stats<D: Driver>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_stats,
    values: *mut u64,
) {
    if values.is_null() {
        return;
    }
    // SAFETY: The core passes a registered device, and as many values as `stats` says, which is what
    // `get_sset_count()` said under the same lock.
    let (dev, values) = unsafe {
        (
            Device::<D>::from_raw(dev),
            slice::from_raw_parts_mut(values, (*stats).n_stats as usize),
        )
    };
    for (index, value) in values.iter_mut().enumerate() {
        *value = D::counter(dev, index);
    }
}
