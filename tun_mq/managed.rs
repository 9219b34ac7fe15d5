// SPDX-License-Identifier: GPL-2.0

//! A tap that is managed: what it was asked to do, and what it does. All under RTNL.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::spread;
use vpcnet::context::Rtnl;
use vpcnet::netdev::Hold;
use vpcnet::netdev::NetDev;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::steering;
use vpcnet::tap::Hook;
use vpcnet::tap::Obstacle;
use vpcnet::tun_mq::Mode;
use vpcnet::tun_mq::ToVm;

use crate::tap::Choice;
use crate::tap::Lanes;
use crate::tap::Miss;
use crate::tap::Tally;
use crate::tap::Tap;

/// What is asked of a tap.
pub(crate) struct Wishes {
    /// The device whose queues are the lanes, as named by the operator or found.
    pub(crate) uplink: Option<Hold>,
    pub(crate) base: u16,
    pub(crate) pinned: bool,
    pub(crate) weight: u16,
    /// Never [`Mode::Auto`].
    pub(crate) mode: Mode,
    /// Lanes go before a steering program.
    pub(crate) overrides: bool,
    /// Taken because it joined a bridge.
    pub(crate) auto: bool,
}

/// A managed tap.
pub(crate) struct Managed {
    hook: Hook<Tap>,
    pub(crate) wishes: Wishes,
    /// The lowest device of the uplink, whose queues are counted.
    lanes_of: Option<Hold>,
    to_vm: ToVm,
    /// What a patched driver was told last.
    told: Option<Setting>,
    tally: Arc<Tally>,
    /// What tallies have counted that were too small for the tap's queues.
    before: Counts,
}

/// Base, number of lanes, and whether they go before a steering program: for a patched driver.
type Setting = (u16, u16, bool);

/// Counts of a tap.
pub(crate) struct Counts {
    pub(crate) queues: KVec<(u64, u64)>,
    pub(crate) missed: [u64; 5],
}

pub(crate) const MISSES: [Miss; 5] = [
    Miss::TxUnrecorded,
    Miss::TxNoLanes,
    Miss::RxUnrecorded,
    Miss::RxProgram,
    Miss::RxNoLanes,
];

impl Counts {
    fn none() -> Self {
        Counts {
            queues: KVec::new(),
            missed: [0; 5],
        }
    }

    /// Adds what a tally has counted.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn add(&mut self, tally: &Tally) -> Result {
        for queue in 0..tally.queues() {
            let (tx, rx) = (tally.tx(queue), tally.rx(queue));
            match self.queues.get_mut(usize::from(queue)) {
                Some(sum) => *sum = (sum.0.wrapping_add(tx), sum.1.wrapping_add(rx)),
                None => self.queues.push((tx, rx), GFP_KERNEL)?,
            }
        }
        for (sum, miss) in self.missed.iter_mut().zip(MISSES) {
            *sum = sum.wrapping_add(tally.missed(miss));
        }
        Ok(())
    }
}

/// Counters are made for this many queues at least, so that few taps ever need other ones.
const FEWEST: u16 = 8;

fn tally(queues: u16) -> Result<Arc<Tally>> {
    let room = queues.max(FEWEST).checked_next_power_of_two();
    Ok(Arc::new(Tally::new(room.unwrap_or(queues))?, GFP_KERNEL)?)
}

impl Managed {
    /// Begins to manage a tap.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EOPNOTSUPP` without ingress hooks; nothing is left behind.
    pub(crate) fn new(dev: &NetDev, wishes: Wishes, rtnl: &mut Rtnl) -> Result<Self> {
        let tally = tally(dev.tx_queues())?;
        let tap = Tap {
            lanes: RcuCell::empty(),
        };
        let mut managed = Managed {
            hook: Hook::new(dev, tap, rtnl)?,
            wishes,
            lanes_of: None,
            to_vm: ToVm::Off,
            told: None,
            tally,
            before: Counts::none(),
        };
        let result = managed.apply(rtnl);
        if let Err(error) = result.and_then(|()| managed.hook.hook(rtnl)) {
            // A patched driver may know of it already.
            managed.release(rtnl);
            return Err(error);
        }
        Ok(managed)
    }

    pub(crate) fn dev(&self) -> &NetDev {
        self.hook.dev()
    }

    /// Number of lanes; 0 while the uplink is gone.
    pub(crate) fn lanes(&self) -> u16 {
        self.lanes_of.as_ref().map_or(0, |dev| dev.tx_queues())
    }

    /// The device whose queues are the lanes.
    pub(crate) fn lanes_of(&self) -> Option<&NetDev> {
        self.lanes_of.as_deref()
    }

    /// What becomes of lanes to the VM, now.
    pub(crate) fn to_vm(&self) -> ToVm {
        match self.to_vm {
            ToVm::Lanes if !self.wishes.overrides && self.has_program() => ToVm::Program,
            state => state,
        }
    }

    fn has_program(&self) -> bool {
        self.wishes.mode != Mode::Ebpf && self.hook.has_program() == Some(true)
    }

    /// The tap, as far as spreading is concerned.
    pub(crate) fn place(&self) -> spread::Tap {
        let tap = spread::Tap::new(self.wishes.base, self.dev().tx_queues(), self.wishes.weight);
        if self.wishes.pinned {
            tap.pinned()
        } else {
            tap
        }
    }

    /// What was counted.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let mut counts = Counts::none();
        for &sum in self.before.queues.iter() {
            counts.queues.push(sum, GFP_KERNEL)?;
        }
        counts.missed = self.before.missed;
        counts.add(&self.tally)?;
        Ok(counts)
    }

    /// Does what is asked: finds out what is possible, and lets packets go by it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then packets go by what they did before.
    pub(crate) fn apply(&mut self, rtnl: &mut Rtnl) -> Result {
        let uplink = self.wishes.uplink.as_ref();
        let lanes_of = uplink.map(|uplink| uplink.lanes_device(rtnl).hold());
        let before = core::mem::replace(&mut self.lanes_of, lanes_of);
        self.to_vm = self.obtain(rtnl);
        let result = self.publish(rtnl);
        if result.is_err() {
            // What packets refer to is what is let go of when it goes.
            self.lanes_of = before;
        }
        result
    }

    /// Whether the tap's lanes are those of a device, or of one below it.
    pub(crate) fn is_on(&self, dev: &NetDev) -> bool {
        self.wishes.uplink.as_deref() == Some(dev) || self.lanes_of.as_deref() == Some(dev)
    }

    /// Does something else from now on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then it is as before.
    pub(crate) fn change(&mut self, wishes: Wishes, rtnl: &mut Rtnl) -> Result {
        let old = core::mem::replace(&mut self.wishes, wishes);
        let patched = old.mode == Mode::Patch && self.wishes.mode != Mode::Patch;
        if let Err(error) = self.apply(rtnl) {
            self.wishes = old;
            let _ = self.apply(rtnl);
            return Err(error);
        }
        if patched {
            let _ = self.dev().write_lanes_attr(None, rtnl);
        }
        Ok(())
    }

    /// Moves to another base.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then it is where it was.
    pub(crate) fn move_to(&mut self, base: u16, rtnl: &mut Rtnl) -> Result {
        let old = core::mem::replace(&mut self.wishes.base, base);
        let result = self.apply(rtnl);
        if result.is_err() {
            self.wishes.base = old;
        }
        result
    }

    /// Gets packets to the VM led, by whichever means is asked for.
    fn obtain(&mut self, rtnl: &mut Rtnl) -> ToVm {
        match self.wishes.mode {
            Mode::Off => ToVm::Off,
            Mode::Ebpf => ToVm::Lanes,
            Mode::Patch => self.write_patch(rtnl),
            Mode::Auto | Mode::Ftrace => {
                if !self.wishes.overrides && !steering::is_known() {
                    return ToVm::Unavailable(
                        c"without BTF of tun its steering program cannot be seen; override it",
                    );
                }
                match self.hook.redirect(rtnl) {
                    Ok(()) => ToVm::Lanes,
                    Err(obstacle) => ToVm::Unavailable(explain(obstacle)),
                }
            }
        }
    }

    /// Tells a patched driver.
    fn write_patch(&mut self, rtnl: &mut Rtnl) -> ToVm {
        if !self.dev().has_lanes_attr(rtnl) {
            return ToVm::Unavailable(
                c"this tun has no attribute \"lanes\"; the patch is in tun_mq/patches",
            );
        }
        let setting = self.setting();
        match self.dev().write_lanes_attr(setting, rtnl) {
            Ok(()) => {
                self.told = setting;
                ToVm::Lanes
            }
            Err(_) => ToVm::Unavailable(c"the driver has refused its attribute \"lanes\""),
        }
    }

    /// What a patched driver has to know; nothing while there are no lanes.
    fn setting(&self) -> Option<Setting> {
        let lanes = self.lanes();
        let base = vpc_core::lane::reduce(self.wishes.base, lanes);
        (lanes > 0).then_some((base, lanes, self.wishes.overrides))
    }

    /// Lets packets go by the wishes.
    fn publish(&mut self, rtnl: &mut Rtnl) -> Result {
        let to_vm = match (self.to_vm, self.wishes.mode) {
            (ToVm::Lanes, Mode::Ftrace) if self.wishes.overrides => Choice::LaneFirst,
            (ToVm::Lanes, Mode::Ftrace) => Choice::Lane,
            _ => Choice::Driver,
        };
        let lanes = RcuBox::new(Lanes {
            uplink: self.lanes_of.as_ref().map(|dev| dev.hold()),
            base: self.wishes.base,
            to_vm,
            tally: self.tally.clone(),
        })?;
        self.hook.lanes.set(Some(lanes), rtnl);
        Ok(())
    }

    /// The tap's or the uplink's number of queues may have changed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then new queues are not counted yet.
    pub(crate) fn refresh(&mut self, rtnl: &mut Rtnl) -> Result {
        if self.wishes.mode == Mode::Patch && self.told != self.setting() {
            self.to_vm = self.write_patch(rtnl);
        }
        if self.dev().tx_queues() > self.tally.queues() {
            let larger = tally(self.dev().tx_queues())?;
            let old = core::mem::replace(&mut self.tally, larger);
            if let Err(error) = self.publish(rtnl) {
                self.tally = old;
                return Err(error);
            }
            // Packets that go by the old one are counted before it is read.
            rtnl.wait_for_packets();
            self.before.add(&old)?;
        }
        Ok(())
    }

    /// The uplink, or the device below it whose queues are the lanes, is going, for good.
    pub(crate) fn lose(&mut self, dev: &NetDev, rtnl: &mut Rtnl) {
        if self.wishes.uplink.as_deref() == Some(dev) {
            self.wishes.uplink = None;
        }
        if self.apply(rtnl).is_err() {
            // No memory for that: rather no lanes than a device that is gone.
            self.lanes_of = None;
            self.hook.lanes.set(None, rtnl);
        }
    }

    /// Devices were put on top of each other, or taken apart; whether the lanes are another's now.
    pub(crate) fn restack(&mut self, rtnl: &mut Rtnl) -> bool {
        let Some(uplink) = self.wishes.uplink.as_deref() else {
            return false;
        };
        let same = self.lanes_of() == Some(uplink.lanes_device(rtnl));
        // Without memory packets go on as before.
        !same && self.apply(rtnl).is_ok()
    }

    /// The tap leaves its namespace.
    pub(crate) fn leave(&mut self, rtnl: &mut Rtnl) {
        self.hook.unhook(rtnl);
    }

    /// The tap has come to a namespace.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn arrive(&mut self, rtnl: &mut Rtnl) -> Result {
        self.hook.hook(rtnl)
    }

    /// The tap is let go: a patched driver forgets what it was told.
    pub(crate) fn release(&mut self, rtnl: &mut Rtnl) {
        if self.wishes.mode == Mode::Patch {
            // If it does not, it will with the tap.
            let _ = self.dev().write_lanes_attr(None, rtnl);
        }
    }
}

fn explain(obstacle: Obstacle) -> &'static CStr {
    match obstacle {
        Obstacle::Unsupported => {
            c"this kernel has no ftrace that redirects; use mode ebpf, or the patch in tun_mq/patches"
        }
        Obstacle::NoFunction => {
            c"this tun does not choose queues; use mode ebpf, or the patch in tun_mq/patches"
        }
        Obstacle::Untraceable => {
            c"this tun's choice cannot be traced; use mode ebpf, or the patch in tun_mq/patches"
        }
        Obstacle::Taken => {
            c"another redirects tun's choice, or kernel.ftrace_enabled is 0; use mode ebpf"
        }
        Obstacle::Failed => c"ftrace has failed; see the kernel log",
    }
}
