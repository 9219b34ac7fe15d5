// SPDX-License-Identifier: GPL-2.0

//! A whole configuration: what a file says, or what the kernel has.

use crate::vpc::client::Client;
use crate::vpc::object::Acl;
use crate::vpc::object::Entry;
use crate::vpc::object::EntryKey;
use crate::vpc::object::Group;
use crate::vpc::object::Object;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Shown;
use crate::vpc::object::Vpc;
use anyhow::Result;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Name of the tunnel's device.
    pub(super) tunnel: Option<String>,
    /// None in a file: whatever it is. A transaction does not change it.
    pub(super) max_entries: Option<u32>,
    pub(super) vpcs: BTreeMap<u32, Vpc>,
    pub(super) remotes: BTreeMap<(u32, IpAddr), Remote>,
    pub(super) ports: BTreeMap<String, Port>,
    pub(super) entries: BTreeMap<EntryKey, Entry>,
    pub(super) acls: BTreeMap<String, Acl>,
    pub(super) rules: BTreeMap<(String, u32), Rule>,
    pub(super) groups: BTreeMap<String, Group>,
}

impl State {
    /// Reads what the kernel has, and of which generation that is. If somebody changes it in the
    /// meantime, it is of none; the kernel tells when it is to be replaced.
    pub(crate) fn read(client: &mut Client) -> Result<(Self, u32)> {
        let config = client.config()?;
        let mut state = Self {
            tunnel: config.tunnel(),
            max_entries: config.max_entries,
            vpcs: map(client.all()?, |vpc: &Vpc| vpc.id),
            remotes: map(client.all()?, |remote: &Remote| {
                (remote.vpc, remote.address)
            }),
            ports: map(client.all()?, |port: &Port| port.ifname.clone()),
            entries: BTreeMap::new(),
            acls: map(client.all()?, |acl: &Acl| acl.name.clone()),
            rules: map(client.all()?, |rule: &Rule| {
                (rule.acl.clone(), rule.priority)
            }),
            groups: client.groups()?,
        };
        state.take_entries(client.all()?);
        Ok((state, config.generation))
    }

    /// Takes the entries that somebody has made; the others come with ports.
    fn take_entries(&mut self, entries: Vec<Shown<Entry>>) {
        for Shown { mut object, seen } in entries {
            if seen.port.is_some() {
                continue;
            }
            // It runs out by itself, which is no change.
            object.forward = None;
            self.entries.insert(object.id(), object);
        }
        self.drop_implied();
    }

    /// Leaves out that an address has the MAC of the port that has the address, which goes without
    /// saying.
    pub(super) fn drop_implied(&mut self) {
        let implied: HashSet<_> = self
            .ports
            .values()
            .flat_map(|port| hosts(port).map(|host| (port.vpc, port.mac, host)))
            .collect();
        self.entries.retain(|_, entry| {
            let goes_without = |host| implied.contains(&(entry.vpc, entry.mac, host));
            !entry.address.is_some_and(goes_without)
        });
    }
}

/// The addresses of a port that there are entries of.
pub(super) fn hosts(port: &Port) -> impl Iterator<Item = IpAddr> + '_ {
    port.addresses.iter().filter_map(|prefix| prefix.as_host())
}

fn map<T: Object, K: Ord>(objects: Vec<Shown<T>>, key: impl Fn(&T) -> K) -> BTreeMap<K, T> {
    let objects = objects.into_iter().map(|shown| shown.object);
    objects.map(|object| (key(&object), object)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::mac::Mac;
    use crate::vpc::object::Told;

    #[test]
    fn what_a_port_says_is_no_entry() {
        let (mac, other) = (Mac([2; 6]), Mac([4; 6]));
        let port = Port {
            ifname: "tap0".to_owned(),
            vpc: 7,
            mac,
            addresses: ["10.0.0.1", "10.1.0.0/16"]
                .map(|a| a.parse().unwrap())
                .into(),
            ..Port::default()
        };
        let mut state = State::default();
        state.ports.insert(port.ifname.clone(), port);
        let entry = |mac, address: Option<&str>, remote: Option<&str>, port| {
            let mut shown: Shown<Entry> = Told::default();
            shown.object.vpc = 7;
            shown.object.mac = mac;
            shown.object.address = address.map(|address| address.parse().unwrap());
            shown.object.remote = remote.map(|remote| remote.parse().unwrap());
            shown.object.forward = Some(500);
            shown.seen.port = port;
            shown
        };
        state.take_entries(vec![
            entry(mac, None, None, Some(9)),
            entry(mac, Some("10.0.0.1"), None, Some(9)),
            entry(mac, Some("10.0.0.2"), None, None),
            entry(other, None, Some("192.0.2.1"), None),
            entry(other, Some("10.0.0.3"), None, None),
        ]);
        let expected = [
            Entry::of_route(7, mac, None, ["10.0.0.2".parse().unwrap()]),
            Entry::of_route(
                7,
                other,
                Some("192.0.2.1".parse().unwrap()),
                ["10.0.0.3".parse().unwrap()],
            ),
        ]
        .concat();
        let mut left: Vec<Entry> = state.entries.into_values().collect();
        left.sort_by_key(|entry| (entry.mac, entry.address));
        assert_eq!(left, expected);
    }
}
