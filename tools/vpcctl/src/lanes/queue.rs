// SPDX-License-Identifier: GPL-2.0

//! Descriptors of a tap's queues, which the process that plays the VM has.

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use rustix::fs::fstat;
use rustix::fs::major;
use rustix::fs::minor;
use rustix::fs::stat;
use rustix::io::Errno;
use rustix::process::getpid;
use rustix::process::pidfd_getfd;
use rustix::process::pidfd_open;
use rustix::process::Pid;
use rustix::process::PidfdFlags;
use rustix::process::PidfdGetfdFlags;
use std::fs;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::path::Path;

/// Device number of /dev/net/tun, wherever it is and whatever it is called.
const TUN: (u32, u32) = (10, 200);

/// Where a queue is to come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// It was handed over under this number.
    Given(RawFd),
    /// Whoever has one.
    Anyone,
}

impl Source {
    pub(crate) fn new(fd: Option<RawFd>) -> Self {
        fd.map_or(Self::Anyone, Self::Given)
    }

    /// A queue of the tap; none if nobody has one. As long as the result is there, the tap is: it
    /// is not to be kept.
    pub(crate) fn queue(self, tap: &str) -> Result<Option<OwnedFd>> {
        match self {
            Self::Given(fd) => given(tap, fd).map(Some),
            Self::Anyone => anyone(tap),
        }
    }
}

/// The queue that was handed over. A copy of it is used: numbers alone may be anybody's.
fn given(tap: &str, fd: RawFd) -> Result<OwnedFd> {
    let queue = take(getpid(), fd).with_context(|| format!("--fd: {fd} cannot be used"))?;
    if !is_queue_of(&queue, tap)? {
        bail!("--fd: {fd} is no queue of {tap}; leave it out, or hand one over");
    }
    Ok(queue)
}

/// A queue that some process has.
fn anyone(tap: &str) -> Result<Option<OwnedFd>> {
    let mut denied = None;
    for pid in numbers(Path::new("/proc")) {
        for fd in numbers(Path::new(&format!("/proc/{pid}/fd"))) {
            if !seems_queue_of(pid, fd, tap) {
                continue;
            }
            let Some(owner) = Pid::from_raw(pid) else {
                continue;
            };
            match take(owner, fd) {
                Ok(queue) if is_queue_of(&queue, tap)? => return Ok(Some(queue)),
                // Of a tap of the same name elsewhere, or gone already.
                Ok(_) | Err(Errno::BADF | Errno::SRCH) => (),
                Err(error) => denied = Some((pid, error)),
            }
        }
    }
    match denied {
        // What has ended in the meantime did not refuse.
        Some((pid, error)) if Path::new(&format!("/proc/{pid}")).exists() => Err(error)
            .with_context(|| {
                format!("cannot take a queue of {tap} from process {pid}; hand one over with --fd")
            }),
        _ => Ok(None),
    }
}

/// The entries of a folder that are numbers. A folder that is gone or closed has none.
fn numbers(folder: &Path) -> Vec<i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A first look, without taking anything.
fn seems_queue_of(pid: i32, fd: RawFd, tap: &str) -> bool {
    let is_tun = stat(format!("/proc/{pid}/fd/{fd}"))
        .is_ok_and(|file| (major(file.st_rdev), minor(file.st_rdev)) == TUN);
    is_tun && attached_to(&format!("/proc/{pid}/fdinfo/{fd}")).as_deref() == Some(tap)
}

/// The tap that a file of tun is attached to, which fdinfo tells.
fn attached_to(fdinfo: &str) -> Option<String> {
    let text = fs::read_to_string(fdinfo).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("iff:"))?;
    Some(name.trim().to_owned())
}

fn take(owner: Pid, fd: RawFd) -> rustix::io::Result<OwnedFd> {
    let owner = pidfd_open(owner, PidfdFlags::empty())?;
    pidfd_getfd(owner, fd, PidfdGetfdFlags::empty())
}

/// Is this a queue of the tap of that name in our network namespace?
fn is_queue_of(queue: &OwnedFd, tap: &str) -> Result<bool> {
    let fdinfo = format!("/proc/self/fdinfo/{}", queue.as_raw_fd());
    if attached_to(&fdinfo).as_deref() != Some(tap) {
        return Ok(false);
    }
    let its = steer::namespace(queue.as_fd())
        .and_then(|namespace| Ok(fstat(namespace)?))
        .with_context(|| format!("cannot tell the network namespace of {tap}"))?;
    let ours = stat("/proc/self/ns/net").context("cannot tell the network namespace")?;
    Ok((its.st_dev, its.st_ino) == (ours.st_dev, ours.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_no_queue_is_refused() {
        let file = fs::File::open("/dev/null").unwrap();
        let error = given("tap0", file.as_raw_fd()).unwrap_err();
        assert!(error.to_string().contains("is no queue of tap0"));
        let error = given("tap0", 1_000_000).unwrap_err();
        assert!(error.to_string().contains("cannot be used"));
    }

    #[test]
    fn the_name_is_read_from_fdinfo() {
        let path = std::env::temp_dir().join(format!("vpcctl-test-{}", std::process::id()));
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"pos:\t0\nflags:\t0100002\nmnt_id:\t25\nino:\t110\niff:\ttap0\n")
            .unwrap();
        assert_eq!(attached_to(path.to_str().unwrap()).as_deref(), Some("tap0"));
        fs::remove_file(&path).unwrap();
        assert_eq!(attached_to("/proc/self/fdinfo/0"), None);
    }
}
