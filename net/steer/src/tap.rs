// SPDX-License-Identifier: GPL-2.0

//! What is asked of a tap through a descriptor of one of its queues.
//!
//! A descriptor of something else is refused by the kernel.

use crate::Program;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

/// Requests of linux/if_tun.h, as the macros _IOR and _IO make them.
const SET_STEERING_EBPF: libc::c_ulong = libc::_IOR::<libc::c_int>('T' as u32, 224) as _;
const GET_DEV_NETNS: libc::c_ulong = libc::_IO('T' as u32, 227) as _;

/// Makes the program choose the tap's queues. The tap holds it from now on.
pub fn attach(queue: BorrowedFd<'_>, program: &Program) -> io::Result<()> {
    set(queue, program.as_fd().as_raw_fd())
}

/// Takes the tap's program off, whoever has attached it.
pub fn detach(queue: BorrowedFd<'_>) -> io::Result<()> {
    set(queue, -1)
}

fn set(queue: BorrowedFd<'_>, mut program: libc::c_int) -> io::Result<()> {
    // SAFETY: The request takes a pointer to an int, which outlives the call.
    match unsafe { libc::ioctl(queue.as_raw_fd(), SET_STEERING_EBPF, &raw mut program) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The network namespace that the tap is in. Needs CAP_NET_ADMIN there.
pub fn namespace(queue: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: The request takes no argument.
    match unsafe { libc::ioctl(queue.as_raw_fd(), GET_DEV_NETNS) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: The kernel has just made this descriptor for us.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}
