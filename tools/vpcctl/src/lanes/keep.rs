// SPDX-License-Identifier: GPL-2.0

//! Mode ebpf with `--keep`: attaches the program again whenever it has to.

use super::client::Client;
use super::ebpf;
use super::ebpf::Attached;
use super::mode::Mode;
use super::queue::Source;
use super::tap::Tap;
use crate::netlink::Family;
use anyhow::Context;
use anyhow::Result;
use rustix::event::poll;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::io::Errno;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use std::io;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// How long a program that was taken off may be gone. Nothing tells of it, one has to look.
const INTERVAL: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Watches a tap until told to stop.
pub(super) struct Keeper {
    stop: Arc<AtomicBool>,
    watch: Client,
}

impl Keeper {
    /// From now on signals end it, and no change of the lanes is missed.
    pub(super) fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.clone()).context("cannot catch signals")?;
        }
        let mut watch = Client::open()?;
        watch.watch()?;
        Ok(Self { stop, watch })
    }

    /// Keeps the program on the tap, and takes it off at the end.
    pub(super) fn run(
        mut self,
        client: &mut Client,
        mut tap: Tap,
        source: Source,
        mut attached: Attached,
    ) -> Result<()> {
        let mut waiting = false;
        let result = loop {
            if let Err(error) = self.wait() {
                break Err(error);
            }
            if self.stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            match client.again(&tap) {
                Ok(Some(now)) => tap = now,
                Ok(None) => {
                    say(&tap, "has no lanes any more");
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
            if tap.mode != Mode::Ebpf {
                say(&tap, "has another mode now");
                break Ok(());
            }
            match again(&tap, source, attached) {
                Ok(Some(now)) if now != attached => {
                    say(&tap, "has got its steering program again");
                    attached = now;
                    waiting = false;
                }
                Ok(Some(_)) => waiting = false,
                Ok(None) if waiting => (),
                Ok(None) => {
                    say(&tap, "has no uplink, or no queue in use: waiting");
                    waiting = true;
                }
                Err(error) => break Err(error),
            }
        };
        // What is on the tap now may be another's.
        if attached.is_there()? {
            ebpf::detach(&tap.ifname, source)?;
        }
        result
    }

    /// Waits until something has happened to lanes, or for a while.
    fn wait(&mut self) -> Result<()> {
        // A signal that comes just before is noticed after the interval.
        if readable(&self.watch.family)? {
            self.watch.next()?;
        }
        Ok(())
    }
}

fn readable(family: &Family) -> Result<bool> {
    let mut fds = [PollFd::new(family, PollFlags::IN)];
    match poll(&mut fds, Some(&INTERVAL)) {
        Ok(ready) => Ok(ready != 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("cannot wait for the kernel"),
    }
}

/// Attaches the program if it is gone or not what it should be. None: that is not possible now.
fn again(tap: &Tap, source: Source, attached: Attached) -> Result<Option<Attached>> {
    let Some(policy) = ebpf::policy(tap) else {
        return Ok(None);
    };
    if policy == attached.policy && attached.is_there()? {
        return Ok(Some(attached));
    }
    let Some(queue) = source.queue(&tap.ifname)? else {
        return Ok(None);
    };
    match ebpf::attach(&tap.ifname, policy, &queue) {
        // It went out of use just now.
        Err(error) if ebpf::is_detached(&error) => Ok(None),
        result => result.map(Some),
    }
}

/// Tells the operator; that nobody listens is no reason to end.
fn say(tap: &Tap, what: &str) {
    let _ = writeln!(io::stderr(), "vpcctl: {} {what}", tap.ifname);
}
