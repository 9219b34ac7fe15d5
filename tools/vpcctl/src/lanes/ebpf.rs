// SPDX-License-Identifier: GPL-2.0

//! Mode ebpf: the steering program of a tap, attached and taken off.

use super::queue::Source;
use super::tap::Tap;
use anyhow::Context;
use anyhow::Error;
use anyhow::Result;
use rustix::io::Errno;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use steer::Policy;
use steer::Program;

/// A program that was given to a tap. Only the tap holds it: when it is gone, the tap has another
/// one, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) policy: Policy,
    id: u32,
}

impl Attached {
    pub(super) fn is_there(self) -> Result<bool> {
        steer::is_there(self.id).context("cannot tell if the steering program is still there")
    }
}

/// What a program for the tap has to do; none while its uplink is gone.
pub(super) fn policy(tap: &Tap) -> Option<Policy> {
    let lanes = NonZeroU32::new(tap.lanes)?;
    let base = tap.base;
    Some(Policy { lanes, base })
}

/// A queue of the tap. That there is none is an error here.
pub(super) fn need_queue(tap: &str, source: Source) -> Result<OwnedFd> {
    source.queue(tap)?.with_context(|| {
        format!(
            "no process has a queue of {tap} that is in use: start the VM first, or hand a queue \
             over with --fd"
        )
    })
}

/// Gives the tap its program.
pub(super) fn attach(tap: &str, policy: Policy, queue: &OwnedFd) -> Result<Attached> {
    let program = Program::load(policy).context("cannot load a steering program")?;
    steer::attach(queue.as_fd(), &program)
        .with_context(|| format!("cannot attach the steering program to {tap}"))?;
    let id = program.id();
    Ok(Attached { policy, id })
}

/// Gives a tap that has got another base a program that knows it.
pub(super) fn refresh(tap: &Tap) -> Result<()> {
    if let Some(policy) = policy(tap) {
        let queue = need_queue(&tap.ifname, Source::Anyone)?;
        attach(&tap.ifname, policy, &queue)?;
    }
    Ok(())
}

/// Was the queue none of the tap's any more?
pub(super) fn is_detached(error: &Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.and_then(Errno::from_io_error) == Some(Errno::BADFD)
}

/// Takes the program off the tap. Without a queue in use this cannot be done, which is an error.
pub(super) fn detach(tap: &str, source: Source) -> Result<()> {
    let queue = source.queue(tap)?.with_context(|| {
        format!(
            "the steering program stays on {tap}, since no process has a queue of it: do this \
             again when the VM runs"
        )
    })?;
    steer::detach(queue.as_fd())
        .with_context(|| format!("cannot take the steering program off {tap}"))
}
