// SPDX-License-Identifier: GPL-2.0

//! The commands about VPCs, a file each: its arguments and what it does.

pub(crate) mod acl;
pub(crate) mod config;
pub(crate) mod group;
pub(crate) mod port;
pub(crate) mod remote;
pub(crate) mod route;
pub(crate) mod stats;
pub(crate) mod trace;
pub(crate) mod vpc;
pub(crate) mod watch;

use super::prefix::Prefix;
use anyhow::anyhow;
use anyhow::Result;
use std::net::IpAddr;

/// What a VPC, an ACL or a group can be called.
pub(crate) fn name(name: &str) -> Result<String, &'static str> {
    match name {
        "" => Err("a name has at least one letter"),
        _ if name.len() > 31 => Err("a name has at most 31 bytes"),
        _ if name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err("a name has no blanks")
        }
        _ => Ok(name.to_owned()),
    }
}

/// The same for a VPC, which may be called by its number, too.
pub(crate) fn vpc_name(text: &str) -> Result<String, &'static str> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        true => Err("a name of digits alone would be taken for an id"),
        false => name(text),
    }
}

/// The ids that a VPC can have.
pub(crate) fn vpc_id(text: &str) -> Result<u32, &'static str> {
    match text.parse() {
        Ok(id @ 1..=0xff_ffff) => Ok(id),
        _ => Err("the id of a VPC is a number from 1 to 16777215"),
    }
}

/// An id or a name.
pub(crate) fn vpc_reference(text: &str) -> Result<String, &'static str> {
    if text.parse::<u64>().is_ok() {
        vpc_id(text)?;
    }
    name(text)
}

/// The addresses of a port that are no networks.
fn hosts<'a>(prefixes: impl IntoIterator<Item = &'a Prefix>) -> Vec<IpAddr> {
    let hosts = prefixes.into_iter().filter_map(|prefix| prefix.station());
    hosts.collect()
}

/// The same, if all are.
fn only_hosts(prefixes: &[Prefix]) -> Result<Vec<IpAddr>> {
    prefixes
        .iter()
        .map(|prefix| {
            let host = prefix.as_host();
            host.ok_or_else(|| anyhow!("--ip: a route is for addresses, {prefix} is a network"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(name("web").is_ok());
        assert!(name(&"x".repeat(31)).is_ok());
        for wrong in ["", "a b", "a\tb", "a\0b", &"x".repeat(32)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        assert!(vpc_name("7up").is_ok());
        assert!(vpc_name("77").is_err());
    }

    #[test]
    fn vpcs_go_by_id_or_name() {
        for right in ["1", "16777215", "red", "7up"] {
            assert!(vpc_reference(right).is_ok(), "{right}");
        }
        for wrong in ["0", "16777216", "", "a b"] {
            assert!(vpc_reference(wrong).is_err(), "{wrong}");
        }
    }
}
