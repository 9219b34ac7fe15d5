// SPDX-License-Identifier: GPL-2.0

//! Uplinks by name; the kernel knows them by index.

use anyhow::anyhow;
use anyhow::Context;
use anyhow::Result;
use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::AddressFamily;
use rustix::net::SocketType;

/// Index of the device `name` in this network namespace.
pub(super) fn index(name: &str) -> Result<u32> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .context("cannot open a socket")?;
    name_to_index(socket, name).map_err(|error| match error {
        Errno::NODEV => anyhow!("--uplink: there is no {name} in this network namespace"),
        error => anyhow!("--uplink: cannot find {name}: {error}"),
    })
}
