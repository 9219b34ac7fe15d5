// SPDX-License-Identifier: GPL-2.0

//! Uplinks by name; the kernel knows them by index.

use anyhow::Context;
use anyhow::Result;
use rustix::net::netdevice::name_to_index;
use rustix::net::AddressFamily;
use rustix::net::SocketType;

/// Index of the device `name` in this network namespace.
pub(super) fn index(name: &str) -> Result<u32> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .context("cannot open a socket")?;
    name_to_index(socket, name)
        .with_context(|| format!("--uplink: there is no {name} in this network namespace"))
}
