// SPDX-License-Identifier: GPL-2.0

//! Entries: where a MAC address is, or which MAC address an IP address has.

use super::mac;
use super::Object;
use crate::netlink::Attribute;
use crate::vpc::mac::Mac;
use crate::vpc::number::command;
use crate::vpc::number::entry as attr;
use crate::vpc::prefix;
use anyhow::Result;
use serde::Serialize;
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) vpc: u32,
    pub(crate) mac: Mac,
    /// Which has that MAC; none if the entry says where the MAC is.
    pub(crate) address: Option<IpAddr>,
    pub(crate) remote: Option<IpAddr>,
    /// In milliseconds, for which frames are sent on after the VM has moved to the remote.
    pub(crate) forward: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct EntrySeen {
    /// Index of the port that the MAC is behind.
    pub(crate) port: Option<u32>,
}

/// What there is one entry of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EntryKey {
    Mac(u32, Mac),
    Address(u32, IpAddr),
}

impl Entry {
    pub(crate) fn id(&self) -> EntryKey {
        match self.address {
            Some(address) => EntryKey::Address(self.vpc, address),
            None => EntryKey::Mac(self.vpc, self.mac),
        }
    }

    /// What one route is made of: the entry of its MAC if it leads to a remote, and one for each
    /// of its addresses.
    pub(crate) fn of_route(
        vpc: u32,
        mac: Mac,
        remote: Option<IpAddr>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Vec<Self> {
        let bare = Self {
            vpc,
            mac,
            ..Self::default()
        };
        let at_remote = remote.map(|_| Self {
            remote,
            ..bare.clone()
        });
        let have_it = addresses.into_iter().map(|address| Self {
            address: Some(address),
            ..bare.clone()
        });
        at_remote.into_iter().chain(have_it).collect()
    }
}

impl Object for Entry {
    type Seen = EntrySeen;
    const GET: u8 = command::ENTRY_GET;
    const NEW: u8 = command::ENTRY_NEW;
    const DEL: u8 = command::ENTRY_DEL;
    const PLURAL: &str = "routes";

    fn label(&self) -> String {
        match self.address {
            Some(address) => format!("route {} ({address}) of VPC {}", self.mac, self.vpc),
            None => format!("route {} of VPC {}", self.mac, self.vpc),
        }
    }

    fn key(&self) -> Vec<Attribute> {
        let mut attributes = vec![
            Attribute::u32(attr::VPC, self.vpc),
            Attribute::bytes(attr::MAC, &self.mac.0),
        ];
        attributes.extend(
            self.address
                .map(|address| prefix::encode(attr::ADDRESS, address)),
        );
        attributes
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        attributes.extend(
            self.remote
                .map(|remote| prefix::encode(attr::REMOTE, remote)),
        );
        attributes.extend(self.forward.map(|time| Attribute::u32(attr::FORWARD, time)));
        attributes
    }

    fn take(&mut self, seen: &mut EntrySeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::VPC => self.vpc = attribute.to_u32()?,
            attr::MAC => self.mac = mac(attribute)?,
            attr::ADDRESS => self.address = Some(prefix::decode(attribute)?),
            attr::REMOTE => self.remote = Some(prefix::decode(attribute)?),
            attr::PORT => seen.port = Some(attribute.to_u32()?).filter(|index| *index != 0),
            attr::FORWARD => self.forward = Some(attribute.to_u32()?).filter(|time| *time != 0),
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::VPC => Some("VPC"),
            attr::MAC => Some("MAC"),
            attr::ADDRESS => Some("--ip"),
            attr::REMOTE => Some("--via"),
            attr::FORWARD => Some("--forward-for"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::*;

    #[test]
    fn a_route_is_an_entry_for_the_mac_and_one_for_each_address() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let [remote, v4, v6] = ["192.0.2.1", "10.0.0.1", "fd00::1"].map(|a| a.parse().unwrap());
        let mut entries = Entry::of_route(7, mac, Some(remote), [v4, v6]);
        assert_eq!(entries.len(), 3);
        entries[0].forward = Some(5000);
        let head = [attribute(1, &7u32.to_ne_bytes()), attribute(2, &mac.0)];
        let with = |more: &[Vec<u8>]| [&head[..], more].concat();
        assert_bytes(
            &entries[0],
            &with(&[
                attribute(4, &[192, 0, 2, 1]),
                attribute(6, &5000u32.to_ne_bytes()),
            ]),
        );
        assert_bytes(&entries[1], &with(&[attribute(3, &[10, 0, 0, 1])]));
        let v6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_bytes(&entries[2], &with(&[attribute(3, &v6)]));
        assert_eq!(Entry::of_route(7, mac, None, [v4]).len(), 1);
    }
}
