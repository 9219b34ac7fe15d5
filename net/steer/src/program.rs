// SPDX-License-Identifier: GPL-2.0

//! Programs in the kernel: loaded, known by a number, gone when nothing holds them.

use crate::policy;
use crate::Policy;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;

/// Commands of bpf(2).
const PROG_LOAD: libc::c_int = 5;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;

/// A kind of program that can read a packet, and choose nothing but a number.
const SOCKET_FILTER: u32 = 1;

const NAME: [u8; 16] = *b"lanes_steer\0\0\0\0\0";
const LICENCE: [u8; 4] = *b"GPL\0";

/// The part of union bpf_attr that PROG_LOAD needs; the kernel takes the rest as zero.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// The same for OBJ_GET_INFO_BY_FD.
#[repr(C)]
struct GetInfo {
    fd: u32,
    length: u32,
    info: u64,
}

/// The same for PROG_GET_FD_BY_ID.
#[repr(C)]
struct GetFd {
    id: u32,
    next_id: u32,
    flags: u32,
}

/// The beginning of struct bpf_prog_info; the kernel fills in as much as there is room for.
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
}

/// A steering program in the kernel, which is kept there as long as this value, or a tap, is.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    id: u32,
}

impl Program {
    /// Loads the program that follows lanes. Needs CAP_BPF.
    pub fn load(policy: Policy) -> io::Result<Self> {
        let instructions = policy.instructions();
        let mut attr = Load {
            kind: SOCKET_FILTER,
            count: policy::LENGTH as u32,
            instructions: instructions.as_ptr() as u64,
            licence: LICENCE.as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log: 0,
            kernel_version: 0,
            flags: 0,
            name: NAME,
        };
        // SAFETY: `attr` is the beginning of union bpf_attr for PROG_LOAD, and the instructions
        // and the licence that it points to outlive the call.
        let fd = unsafe { bpf(PROG_LOAD, &mut attr) }?;
        // SAFETY: The kernel has just made this descriptor for us.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let id = id(fd.as_fd())?;
        Ok(Self { fd, id })
    }

    /// The number by which it is known after this value is gone.
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Says if the kernel still has the program, which is when a tap does. Needs CAP_SYS_ADMIN.
pub fn is_there(id: u32) -> io::Result<bool> {
    let mut attr = GetFd {
        id,
        next_id: 0,
        flags: 0,
    };
    // SAFETY: `attr` is the beginning of union bpf_attr for PROG_GET_FD_BY_ID, without pointers.
    match unsafe { bpf(PROG_GET_FD_BY_ID, &mut attr) } {
        Ok(fd) => {
            // SAFETY: The kernel has just made this descriptor for us.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
            Ok(true)
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn id(fd: BorrowedFd<'_>) -> io::Result<u32> {
    use std::os::fd::AsRawFd;

    let mut info = Info::default();
    let mut attr = GetInfo {
        fd: fd.as_raw_fd() as u32,
        length: size_of::<Info>() as u32,
        info: (&raw mut info) as u64,
    };
    // SAFETY: `attr` is the beginning of union bpf_attr for OBJ_GET_INFO_BY_FD; the kernel writes
    // at most `length` bytes to `info`, which has as many and outlives the call.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }?;
    Ok(info.id)
}

/// Calls bpf(2).
///
/// # Safety
///
/// `T` must be the beginning of union bpf_attr for `command`, and what it points to must be there
/// until the call returns, for the kernel to write to where it does so.
unsafe fn bpf<T>(command: libc::c_int, attr: &mut T) -> io::Result<RawFd> {
    // SAFETY: The kernel reads and writes no more than the size says; the rest is the caller's
    // promise.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attr as *mut T,
            size_of::<T>() as libc::c_uint,
        )
    };
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result as RawFd),
    }
}
