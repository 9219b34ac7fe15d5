// SPDX-License-Identifier: GPL-2.0

//! Network devices by name and by index, in this network namespace.

use anyhow::anyhow;
use anyhow::Context;
use anyhow::Result;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netdevice::index_to_name;
use rustix::net::netdevice::name_to_index;
use rustix::net::AddressFamily;
use rustix::net::SocketType;

/// A name that a network device can have.
pub(crate) fn name(name: &str) -> Result<String, &'static str> {
    match name {
        "" | "." | ".." => Err("this is no name of a device"),
        _ if name.len() > 15 => Err("a device's name has at most 15 bytes"),
        _ if name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c == '\0') => {
            Err("a device's name has no blanks, slashes or colons")
        }
        _ => Ok(name.to_owned()),
    }
}

/// Index of the device `name`.
pub(crate) fn index(name: &str) -> Result<u32> {
    name_to_index(socket()?, name).map_err(|error| match error {
        Errno::NODEV => anyhow!("there is no {name} in this network namespace"),
        error => anyhow!("cannot find {name}: {error}"),
    })
}

/// Name of the device with this index; `#` and the index if there is none any more.
pub(crate) fn name_of(index: u32) -> String {
    let name = socket()
        .ok()
        .and_then(|socket| index_to_name(socket, index).ok());
    name.unwrap_or_else(|| format!("#{index}"))
}

fn socket() -> Result<OwnedFd> {
    rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .context("cannot open a socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_checked() {
        assert!(name("tap0").is_ok());
        assert!(name("vnet12.3-ä").is_ok());
        for wrong in ["", ".", "..", "a/b", "a b", "a:b", "sixteen-bytes-xx"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn devices_are_found_both_ways() {
        assert_eq!(name_of(index("lo").unwrap()), "lo");
        assert!(index("no-such-dev").is_err());
        assert_eq!(name_of(0x7fff_fff0), "#2147483632");
    }
}
