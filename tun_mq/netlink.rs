// SPDX-License-Identifier: GPL-2.0

//! The netlink family `tun_mq`; `Documentation/netlink/specs/tun_mq.yaml` says what there is.

use kernel::prelude::*;

use vpcnet::attr::Policy;
use vpcnet::context::Rtnl;
use vpcnet::dump::Dump;
use vpcnet::genl;
use vpcnet::genl::Family;
use vpcnet::genl::Group;
use vpcnet::genl::Op;
use vpcnet::genl::Request;
use vpcnet::genl::Run;
use vpcnet::netdev::Hold;
use vpcnet::netdev::NetDev;
use vpcnet::netns::Net;
use vpcnet::tun_mq;
use vpcnet::tun_mq::cmd;
use vpcnet::tun_mq::rebalance as rebalance_attr;
use vpcnet::tun_mq::tap as attr;
use vpcnet::tun_mq::Mode;

use crate::managed::Managed;
use crate::registry;
use crate::report;

/// Registers the family.
///
/// # Errors
///
/// `EEXIST`, `ENOMEM`.
pub(crate) fn register(module: &'static ThisModule) -> Result<genl::Registration> {
    genl::Registration::new(&FAMILY, module)
}

static FAMILY: Family = Family::new(
    tun_mq::FAMILY,
    &OPS,
    &[Group::new(b"monitor\0\0\0\0\0\0\0\0\0")],
);

/// A request that only names a tap.
static NAMES: [Policy; 3] = [Policy::NONE, Policy::U32, Policy::IFNAME];

static SETTINGS: [Policy; 11] = [
    Policy::NONE,
    Policy::U32,    // ifindex
    Policy::IFNAME, // ifname
    Policy::U32,    // uplink
    Policy::NONE,   // uplink-name
    Policy::NONE,   // lanes
    Policy::U32,    // base
    Policy::NONE,   // pinned
    Policy::U32,    // weight
    Policy::U32,    // mode
    Policy::FLAG,   // override
];

static REBALANCE: [Policy; 2] = [Policy::NONE, Policy::U32];

static NOTHING: [Policy; 1] = [Policy::NONE];

static OPS: [Op; 5] = [
    Op {
        cmd: cmd::GET,
        admin: false,
        policy: &NAMES,
        run: Run::Do(get),
    },
    Op {
        cmd: cmd::GET,
        admin: false,
        policy: &NOTHING,
        run: Run::Dump(dump),
    },
    Op {
        cmd: cmd::SET,
        admin: true,
        policy: &SETTINGS,
        run: Run::Do(set),
    },
    Op {
        cmd: cmd::UNSET,
        admin: true,
        policy: &NAMES,
        run: Run::Do(unset),
    },
    Op {
        cmd: cmd::REBALANCE,
        admin: true,
        policy: &REBALANCE,
        run: Run::Do(rebalance),
    },
];

/// The tap that a request names.
fn tap(request: &Request<'_>, rtnl: &Rtnl) -> Result<Hold> {
    let dev = request.device(attr::IFINDEX, attr::IFNAME, rtnl)?;
    if !dev.is_tap() {
        let why = c"the device is no tap of the tun driver";
        return Err(request.ack.refuse(EOPNOTSUPP, why));
    }
    Ok(dev.hold())
}

/// The uplink that a request names, if it does.
fn uplink(request: &Request<'_>, kind: u16, rtnl: &Rtnl) -> Result<Option<Hold>> {
    let Some(attr) = request.attrs.get(kind) else {
        return Ok(None);
    };
    match NetDev::by_index(request.net(), attr.u32().unwrap_or(0), rtnl) {
        Some(dev) => Ok(Some(dev.hold())),
        None => {
            let why = c"no device with the uplink's index in this namespace";
            Err(request.ack.refuse_attr(&attr, ENODEV, why))
        }
    }
}

/// A number of a request, in a range.
fn number(
    request: &Request<'_>,
    kind: u16,
    range: core::ops::RangeInclusive<u32>,
    why: &'static CStr,
) -> Result<Option<u16>> {
    let Some(attr) = request.attrs.get(kind) else {
        return Ok(None);
    };
    match attr.u32().filter(|number| range.contains(number)) {
        Some(number) => Ok(Some(number as u16)),
        None => Err(request.ack.refuse_attr(&attr, ERANGE, why)),
    }
}

fn get(request: &Request<'_>) -> Result {
    Rtnl::with(|rtnl| {
        let dev = tap(request, rtnl)?;
        registry::look(rtnl, |taps, rtnl| {
            let Some(tap) = taps.iter().find(|tap| *tap.dev() == *dev) else {
                return Err(request.ack.refuse(ENOENT, c"the tap has no lanes"));
            };
            request.reply(cmd::GET, report::size(tap), |message| {
                report::fill(tap, message, rtnl)
            })
        })
    })
}

fn dump(dump: &mut Dump<'_>) -> Result {
    Rtnl::with(|rtnl| {
        registry::look(rtnl, |taps, rtnl| {
            loop {
                // In the order of indices, which survives taps that come and go meanwhile.
                let here = taps.iter().filter(|tap| tap.dev().net(rtnl) == dump.net());
                let later = here.filter(|tap| tap.dev().ifindex() > dump.place());
                let Some(tap) = later.min_by_key(|tap| tap.dev().ifindex()) else {
                    return Ok(());
                };
                let place = tap.dev().ifindex();
                if !dump.put(cmd::GET, place, |message| report::fill(tap, message, rtnl))? {
                    return Ok(());
                }
            }
        })
    })
}

fn set(request: &Request<'_>) -> Result {
    let base = c"the base must be below 4096";
    let weight = c"the weight must be from 1 to 1024";
    let base = number(request, attr::BASE, 0..=4095, base)?;
    let weight = number(request, attr::WEIGHT, 1..=1024, weight)?;
    let mode = match request.attrs.get(attr::MODE) {
        None => None,
        Some(attr) => match attr.u32().and_then(Mode::from_wire) {
            None => return Err(request.ack.refuse_attr(&attr, EINVAL, c"unknown mode")),
            mode => mode,
        },
    };
    Rtnl::with(|rtnl| {
        let dev = tap(request, rtnl)?;
        let change = registry::Change {
            uplink: uplink(request, attr::UPLINK, rtnl)?,
            base,
            weight,
            mode,
            overrides: request.attrs.has(attr::OVERRIDE),
        };
        registry::set(&dev, change, &request.ack, rtnl)
            .map_err(|error| request.ack.explain(error, c"the tap cannot be given lanes"))
    })
}

fn unset(request: &Request<'_>) -> Result {
    Rtnl::with(|rtnl| {
        let dev = tap(request, rtnl)?;
        if registry::unset(&dev, rtnl) {
            Ok(())
        } else {
            Err(request.ack.refuse(ENOENT, c"the tap has no lanes"))
        }
    })
}

fn rebalance(request: &Request<'_>) -> Result {
    Rtnl::with(|rtnl| {
        let uplink = uplink(request, rebalance_attr::UPLINK, rtnl)?;
        // The answer is made first: there must be memory for it when all is done.
        request.reply(cmd::REBALANCE, 8, |message| {
            let moved = registry::rebalance(request.net(), uplink.as_deref(), rtnl)
                .map_err(|error| request.ack.explain(error, c"some taps cannot be moved"))?;
            message.put_u32(rebalance_attr::MOVED, moved)
        })
    })
}

/// What listeners are told of a tap.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// It has lanes, or other ones.
    Set,
    /// It has none any more.
    Unset,
}

/// Tells the listeners in the tap's namespace. If memory is short they miss it, as they may miss any
/// message of netlink.
pub(crate) fn notify(change: Change, tap: &Managed, rtnl: &mut Rtnl) {
    let cmd = match change {
        Change::Set => cmd::SET_NTF,
        Change::Unset => cmd::UNSET_NTF,
    };
    let net: &Net = tap.dev().net(rtnl);
    let _ = FAMILY.notify(net, 0, cmd, report::size(tap), |message| {
        report::fill(tap, message, rtnl)
    });
}
