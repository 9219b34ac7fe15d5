// SPDX-License-Identifier: GPL-2.0

//! Makes a file of a configuration.

use super::shape;
use super::shape::Bare;
use super::shape::File;
use super::shape::Text;
use super::shape::Word;
use super::State;
use crate::vpc::command::acl::ethertype_name;
use crate::vpc::command::acl::protocol_name;
use crate::vpc::mac::Mac;
use crate::vpc::object::Rule;
use anyhow::Context;
use anyhow::Result;
use std::collections::BTreeMap;
use std::net::IpAddr;
use toml::Spanned;

/// A file that says all of this.
pub(crate) fn export(state: &State) -> Result<String> {
    toml::to_string(&file(state)).context("cannot make TOML")
}

fn text(value: impl ToString) -> Text {
    Spanned::new(0..0, value.to_string())
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<Text> {
    values.into_iter().map(text).collect()
}

fn word(value: impl ToString) -> Word {
    Spanned::new(0..0, Bare(value.to_string()))
}

fn file(state: &State) -> File {
    // What a VPC is called, or its id.
    let name = |id: &u32| {
        let name = state.vpcs.get(id).and_then(|vpc| vpc.name.clone());
        text(name.unwrap_or_else(|| id.to_string()))
    };
    let mut file = File {
        tunnel: state.tunnel.as_ref().map(text),
        max_entries: state.max_entries,
        ..File::default()
    };
    for vpc in state.vpcs.values() {
        let remotes = state.remotes.values().filter(|remote| remote.vpc == vpc.id);
        let remotes = remotes.map(|remote| shape::Remote {
            address: text(remote.address),
            flood: remote.flood,
        });
        let shape = shape::Vpc {
            id: Some(Spanned::new(0..0, vpc.id)),
            gateway: vpc.gateway.map(text),
            remotes: remotes.collect(),
        };
        file.vpc.insert(name(&vpc.id), shape);
    }
    for port in state.ports.values() {
        let shape = shape::Port {
            vpc: name(&port.vpc),
            mac: text(port.mac),
            addresses: texts(&port.addresses),
            acls: texts(&port.acls),
            allow: texts(port.flags.names()),
            max_connections: port.max_connections.said(),
        };
        file.port.insert(text(&port.ifname), shape);
    }
    file.route = routes(state, name);
    for group in state.groups.values() {
        let members = texts(&group.members);
        file.group
            .insert(text(&group.name), shape::Group { members });
    }
    for acl in state.acls.keys() {
        let rules = state.rules.values().filter(|rule| rule.acl == *acl);
        let rule = rules.map(rule).collect();
        file.acl.insert(text(acl), shape::Acl { rule });
    }
    file
}

/// One route for each MAC.
fn routes(state: &State, name: impl Fn(&u32) -> Text) -> Vec<shape::Route> {
    let mut routes = BTreeMap::<(u32, Mac), (Option<IpAddr>, Vec<IpAddr>)>::new();
    for entry in state.entries.values() {
        let (via, addresses) = routes.entry((entry.vpc, entry.mac)).or_default();
        *via = via.or(entry.remote);
        addresses.extend(entry.address);
    }
    routes
        .into_iter()
        .map(|((vpc, mac), (via, addresses))| shape::Route {
            vpc: name(&vpc),
            mac: text(mac),
            addresses: texts(addresses),
            via: via.map(text),
        })
        .collect()
}

fn rule(rule: &Rule) -> shape::Rule {
    shape::Rule {
        priority: Spanned::new(0..0, rule.priority),
        action: text(rule.action),
        direction: text(rule.direction),
        ethertype: rule.ethertype.map(|number| word(ethertype_name(number))),
        protocol: rule.protocol.map(|number| word(protocol_name(number))),
        from: rule.src.map(text),
        to: rule.dst.map(text),
        from_group: rule.src_group.as_ref().map(text),
        to_group: rule.dst_group.as_ref().map(text),
        sport: rule.sport.map(word),
        port: rule.dport.map(word),
        icmp_type: rule.icmp_type.map(word),
        stateful: rule.stateful,
        log: rule.log,
    }
}
