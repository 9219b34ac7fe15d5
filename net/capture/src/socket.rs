// SPDX-License-Identifier: GPL-2.0

//! The packet socket, with its options.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What came of the packets since the last time that it was asked for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// All, the dropped ones, too.
    pub packets: u32,
    /// Those that found no room in the ring.
    pub dropped: u32,
}

pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// One that gets no packets yet. Needs CAP_NET_RAW.
    pub(crate) fn new() -> io::Result<Socket> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: The call has no pointers.
        match unsafe { libc::socket(libc::AF_PACKET, kind, 0) } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: The kernel has just made this descriptor for us.
            fd => Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) })),
        }
    }

    /// Sets an option of level SOL_PACKET.
    pub(crate) fn set<T: Copy>(&self, option: libc::c_int, value: &T) -> io::Result<()> {
        // SAFETY: The kernel reads as many bytes as `value` has.
        check(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                option,
                (&raw const *value).cast(),
                mem::size_of::<T>() as libc::socklen_t,
            )
        })
    }

    /// Reads and clears the counters of a socket with a ring of version 3.
    pub(crate) fn counts(&self) -> io::Result<Counts> {
        let mut counts = libc::tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        let mut len = mem::size_of_val(&counts) as libc::socklen_t;
        // SAFETY: The kernel writes at most `len` bytes, which is the size of `counts`.
        check(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut len,
            )
        })?;
        Ok(Counts {
            packets: counts.tp_packets,
            dropped: counts.tp_drops,
        })
    }

    /// Has the socket get all packets of the device with this index from now on.
    pub(crate) fn bind(&self, index: u32) -> io::Result<()> {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as libc::c_ushort,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: index as libc::c_int,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let len = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: The kernel reads `len` bytes, which is the size of `address`.
        check(unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), len) })
    }

    /// Maps the ring, `len` bytes.
    pub(crate) fn map(&self, len: usize) -> io::Result<*mut u8> {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let fd = self.0.as_raw_fd();
        let at = std::ptr::null_mut();
        // SAFETY: The kernel chooses a place that is free.
        let map = unsafe { libc::mmap(at, len, rights, libc::MAP_SHARED, fd, 0) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(map.cast())
    }

    /// Waits until the ring has a block for us, an error, or the end of the time.
    pub(crate) fn wait(&self, time: Duration) -> io::Result<()> {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN | libc::POLLERR,
            revents: 0,
        };
        let time = time.as_millis().min(i32::MAX as u128) as libc::c_int;
        // SAFETY: There is one entry, as the count says.
        match check(unsafe { libc::poll(&raw mut poll, 1, time) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Ok(()) if poll.revents & libc::POLLERR != 0 => Err(self.error()?),
            other => other,
        }
    }

    /// What has gone wrong, such as that the device is down.
    fn error(&self) -> io::Result<io::Error> {
        let mut error: libc::c_int = 0;
        let mut len = mem::size_of_val(&error) as libc::socklen_t;
        // SAFETY: The kernel writes at most `len` bytes, which is the size of `error`.
        check(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut error).cast(),
                &raw mut len,
            )
        })?;
        Ok(io::Error::from_raw_os_error(error))
    }
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
