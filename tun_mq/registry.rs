// SPDX-License-Identifier: GPL-2.0

//! All taps that are managed, and where they are on their uplinks.

use kernel::prelude::*;

use vpc_core::spread::Loads;
use vpc_core::spread::Tap as Place;
use vpcnet::attr::Extack;
use vpcnet::context::Rtnl;
use vpcnet::netdev::Hold;
use vpcnet::netdev::NetDev;
use vpcnet::netns::Net;
use vpcnet::rcu::RtnlCell;
use vpcnet::tun_mq::Mode;

use crate::managed::Managed;
use crate::managed::Wishes;
use crate::netlink;

type Taps = KVVec<Managed>;

static TAPS: RtnlCell<Taps> = RtnlCell::new(Taps::new());

/// What a request asks for; what is not there stays as it is, or is chosen.
pub(crate) struct Change {
    pub(crate) uplink: Option<Hold>,
    pub(crate) base: Option<u16>,
    pub(crate) weight: Option<u16>,
    pub(crate) mode: Option<Mode>,
    pub(crate) overrides: bool,
}

/// Looks at all taps.
pub(crate) fn look<R>(rtnl: &mut Rtnl, f: impl FnOnce(&[Managed], &mut Rtnl) -> R) -> R {
    TAPS.with(rtnl, |taps, rtnl| f(taps, rtnl))
}

/// Brings the taps of an uplink up to date with the number of queues that it and they have now.
pub(crate) fn refresh(dev: &NetDev, rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        for tap in taps
            .iter_mut()
            .filter(|tap| tap.dev() == dev || tap.is_on(dev))
        {
            // Without memory packets go on as before, and some are not counted.
            let _ = tap.refresh(rtnl);
        }
    });
}

/// The base for a tap of `queues` queues that is spread on `lanes_of`, among all others there.
fn choose(taps: &[Managed], dev: &NetDev, lanes_of: &NetDev, weight: u16) -> Result<u16> {
    let mut lanes = KVec::from_elem(0, lanes_of.tx_queues().into(), GFP_KERNEL)?;
    let mut loads = Loads::new(&mut lanes);
    for tap in taps {
        if tap.dev() != dev && tap.lanes_of() == Some(lanes_of) {
            loads.add(&tap.place());
        }
    }
    Ok(loads.choose(dev.tx_queues(), weight))
}

/// Gives a tap lanes, or changes them.
///
/// # Errors
///
/// With a message: whatever is in the way. Nothing is changed then.
pub(crate) fn set(dev: &NetDev, change: Change, ack: &Extack<'_>, rtnl: &mut Rtnl) -> Result {
    TAPS.with(rtnl, |taps, rtnl| {
        let old = taps.iter().position(|tap| tap.dev() == dev);
        let old = old.and_then(|at| taps.get(at)).map(|tap| &tap.wishes);
        let uplink = match (&change.uplink, old.and_then(|old| old.uplink.as_ref())) {
            (Some(asked), _) => asked.hold(),
            (None, Some(had)) => had.hold(),
            (None, None) => match dev.uplink(rtnl) {
                Some(found) => found.hold(),
                None => {
                    let why = c"name the uplink: behind the tap's bridge there is none to be found";
                    return Err(ack.refuse(ENODEV, why));
                }
            },
        };
        if uplink.is_tap() {
            return Err(ack.refuse(ELOOP, c"a tap cannot be an uplink"));
        }
        let lanes_of = uplink.lanes_device(rtnl).hold();
        let lanes = lanes_of.tx_queues();
        let weight = change.weight.or(old.map(|old| old.weight)).unwrap_or(1);
        // A base stays where it is as long as it is on the same uplink.
        let stays = old.filter(|old| old.uplink.as_deref() == Some(&*uplink));
        let (base, pinned) = match (change.base, stays) {
            (Some(base), _) if base >= lanes => {
                return Err(ack.refuse_fmt(
                    ERANGE,
                    fmt!("base {base}: the uplink has {lanes} lanes, from 0 on"),
                ));
            }
            (Some(base), _) => (base, true),
            (None, Some(old)) => (old.base, old.pinned),
            (None, None) => (choose(taps, dev, &lanes_of, weight)?, false),
        };
        let mode = match (change.mode, old) {
            (Some(Mode::Auto), _) | (None, None) => best_mode(dev, rtnl),
            (Some(mode), _) => mode,
            (None, Some(old)) => old.mode,
        };
        let wishes = Wishes {
            uplink: Some(uplink),
            base,
            pinned,
            weight,
            mode,
            overrides: change.overrides || old.is_some_and(|old| old.overrides),
            // What the operator has set is theirs.
            auto: false,
        };
        place(taps, dev, wishes, rtnl)
    })
}

fn best_mode(dev: &NetDev, rtnl: &Rtnl) -> Mode {
    if dev.has_lanes_attr(rtnl) {
        Mode::Patch
    } else {
        Mode::Ftrace
    }
}

/// Manages a tap by these wishes, and says so.
fn place(taps: &mut Taps, dev: &NetDev, wishes: Wishes, rtnl: &mut Rtnl) -> Result {
    match taps.iter_mut().find(|tap| tap.dev() == dev) {
        Some(tap) => tap.change(wishes, rtnl)?,
        None => {
            // Room first: what is hooked must not fail to be kept.
            taps.reserve(1, GFP_KERNEL)?;
            let tap = Managed::new(dev, wishes, rtnl)?;
            taps.push(tap, GFP_KERNEL)?;
        }
    }
    if let Some(tap) = taps.iter().find(|tap| tap.dev() == dev) {
        netlink::notify(netlink::Change::Set, tap, rtnl);
    }
    Ok(())
}

/// Lets a tap go that `which` says yes of; false if there is none.
fn remove(taps: &mut Taps, which: impl Fn(&Managed) -> bool, rtnl: &mut Rtnl) -> bool {
    let Some(at) = taps.iter().position(which) else {
        return false;
    };
    let Ok(mut tap) = taps.remove(at) else {
        return false;
    };
    tap.release(rtnl);
    netlink::notify(netlink::Change::Unset, &tap, rtnl);
    true
}

/// Lets a tap go; false if it was not managed.
pub(crate) fn unset(dev: &NetDev, rtnl: &mut Rtnl) -> bool {
    TAPS.with(rtnl, |taps, rtnl| {
        remove(taps, |tap| tap.dev() == dev, rtnl)
    })
}

/// Lets all taps go.
pub(crate) fn clear(rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| while remove(taps, |_| true, rtnl) {});
}

/// Chooses the bases of a namespace's taps anew, of one uplink or of all; returns how many have moved.
///
/// # Errors
///
/// `ENOMEM`; then some may have moved.
pub(crate) fn rebalance(net: &Net, uplink: Option<&NetDev>, rtnl: &mut Rtnl) -> Result<u32> {
    TAPS.with(rtnl, |taps, rtnl| {
        // Each uplink once, whatever its taps are called by.
        let mut done: KVec<Hold> = KVec::new();
        let mut moved: u32 = 0;
        for at in 0..taps.len() {
            let Some(lanes_of) = taps.get(at).and_then(Managed::lanes_of) else {
                continue;
            };
            let asked = uplink.is_none_or(|dev| taps.get(at).is_some_and(|tap| tap.is_on(dev)));
            if !asked || done.iter().any(|dev| **dev == *lanes_of) {
                continue;
            }
            let lanes_of = lanes_of.hold();
            moved = moved.saturating_add(rebalance_one(taps, net, &lanes_of, rtnl)?);
            done.push(lanes_of, GFP_KERNEL)?;
        }
        Ok(moved)
    })
}

fn rebalance_one(taps: &mut Taps, net: &Net, lanes_of: &NetDev, rtnl: &mut Rtnl) -> Result<u32> {
    let mut lanes = KVec::from_elem(0, lanes_of.tx_queues().into(), GFP_KERNEL)?;
    let mut places: KVec<Place> = KVec::new();
    for tap in taps.iter().filter(|tap| tap.lanes_of() == Some(lanes_of)) {
        // Those of others are not ours to move.
        let place = if tap.dev().net(rtnl) == net {
            tap.place()
        } else {
            tap.place().pinned()
        };
        places.push(place, GFP_KERNEL)?;
    }
    Loads::new(&mut lanes).rebalance(&mut places);
    let mut moved: u32 = 0;
    let on = taps
        .iter_mut()
        .filter(|tap| tap.lanes_of() == Some(lanes_of));
    for (tap, place) in on.zip(places) {
        if tap.wishes.base != place.base && !place.pinned {
            tap.move_to(place.base, rtnl)?;
            moved = moved.saturating_add(1);
            netlink::notify(netlink::Change::Set, tap, rtnl);
        }
    }
    Ok(moved)
}

/// A device has come to a namespace.
pub(crate) fn arrived(dev: &NetDev, rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        if let Some(tap) = taps.iter_mut().find(|tap| tap.dev() == dev) {
            if tap.arrive(rtnl).is_err() {
                pr_warn!("a tap has lost its lanes in the new namespace: out of memory\n");
            }
        }
    });
}

/// A device leaves its namespace, or is unregistered for good.
pub(crate) fn leaving(dev: &NetDev, rtnl: &mut Rtnl) {
    let going = dev.is_going(rtnl);
    TAPS.with(rtnl, |taps, rtnl| {
        if going {
            remove(taps, |tap| tap.dev() == dev, rtnl);
            for tap in taps.iter_mut().filter(|tap| tap.is_on(dev)) {
                tap.lose(dev, rtnl);
                netlink::notify(netlink::Change::Set, tap, rtnl);
            }
        } else if let Some(tap) = taps.iter_mut().find(|tap| tap.dev() == dev) {
            tap.leave(rtnl);
        }
    });
}

/// Devices were put on top of each other, or taken apart.
pub(crate) fn restack(rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        for tap in taps.iter_mut() {
            if tap.restack(rtnl) {
                netlink::notify(netlink::Change::Set, tap, rtnl);
            }
        }
    });
}

/// Takes a tap that has joined a bridge, unless it is managed already.
pub(crate) fn take(dev: &NetDev, rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        if taps.iter().any(|tap| tap.dev() == dev) {
            return;
        }
        let uplink = dev.uplink(rtnl).map(|uplink| uplink.hold());
        if settle(taps, dev, uplink, rtnl).is_err() {
            pr_warn!("a tap in a bridge could not be given lanes: out of memory\n");
        }
    });
}

/// Another port has joined a bridge: for taps that were taken when there was no uplink yet.
pub(crate) fn find_uplinks(rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        for at in 0..taps.len() {
            let waiting = taps
                .get(at)
                .filter(|tap| tap.wishes.auto && tap.wishes.uplink.is_none());
            let Some(dev) = waiting.map(|tap| tap.dev().hold()) else {
                continue;
            };
            let Some(uplink) = dev.uplink(rtnl).map(|uplink| uplink.hold()) else {
                continue;
            };
            // It is tried again with the next port.
            let _ = settle(taps, &dev, Some(uplink), rtnl);
        }
    });
}

/// Lets a tap go that was taken because it had joined a bridge.
pub(crate) fn let_go(dev: &NetDev, rtnl: &mut Rtnl) {
    TAPS.with(rtnl, |taps, rtnl| {
        remove(taps, |tap| tap.dev() == dev && tap.wishes.auto, rtnl)
    });
}

fn settle(taps: &mut Taps, dev: &NetDev, uplink: Option<Hold>, rtnl: &mut Rtnl) -> Result {
    let lanes_of = uplink
        .as_ref()
        .map(|uplink| uplink.lanes_device(rtnl).hold());
    let base = match &lanes_of {
        Some(lanes_of) => choose(taps, dev, lanes_of, 1)?,
        None => 0,
    };
    let wishes = Wishes {
        uplink,
        base,
        pinned: false,
        weight: 1,
        mode: best_mode(dev, rtnl),
        overrides: false,
        auto: true,
    };
    place(taps, dev, wishes, rtnl)
}
