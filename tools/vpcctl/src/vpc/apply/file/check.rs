// SPDX-License-Identifier: GPL-2.0

//! Makes a configuration of a file, if the file is sound in itself.

use super::shape;
use super::shape::File;
use super::shape::Text;
use super::shape::Word;
use super::Checked;
use super::State;
use super::Wrong;
use crate::device;
use crate::vpc::command;
use crate::vpc::command::acl;
use crate::vpc::mac::Mac;
use crate::vpc::object::Acl;
use crate::vpc::object::Action;
use crate::vpc::object::Direction;
use crate::vpc::object::Entry;
use crate::vpc::object::EntryKey;
use crate::vpc::object::Flags;
use crate::vpc::object::Group;
use crate::vpc::object::MaxConnections;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Vpc;
use crate::vpc::prefix::Prefix;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::Range;
use toml::Spanned;

pub(super) fn check(file: &File) -> Checked<State> {
    let mut checker = Checker::default();
    checker.state.max_entries = file.max_entries;
    if let Some(tunnel) = &file.tunnel {
        let name = device::name(tunnel.get_ref());
        checker.state.tunnel = Some(name.map_err(|why| wrong(tunnel.span(), "tunnel", why))?);
    }
    for (name, group) in &file.group {
        checker.group(name, group)?;
    }
    for (name, acl) in &file.acl {
        checker.acl(name, acl)?;
    }
    for (name, vpc) in &file.vpc {
        checker.vpc(name, vpc)?;
    }
    for (name, port) in &file.port {
        checker.port(name, port)?;
    }
    for route in &file.route {
        checker.route(route)?;
    }
    checker.state.drop_implied();
    Ok(checker.state)
}

fn wrong(span: Range<usize>, label: impl Display, why: impl Display) -> Wrong {
    let what = format!("{label}: {why}");
    Wrong { span, what }
}

/// Reads what a key says with `read`.
fn value<T, E: Display>(
    text: &Text,
    label: &str,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Checked<T> {
    read(text.get_ref()).map_err(|why| wrong(text.span(), format!("{label}: {key}"), why))
}

fn values<T, E: Display, C: FromIterator<T>>(
    texts: &[Text],
    label: &str,
    key: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Checked<C> {
    let read = |text: &Text| value(text, label, key, &read);
    texts.iter().map(read).collect()
}

/// The same for what may be a number, and may not be there.
fn word<T, E: Display>(
    word: Option<&Word>,
    label: &str,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Checked<Option<T>> {
    let Some(word) = word else {
        return Ok(None);
    };
    let read = read(&word.get_ref().0);
    read.map(Some)
        .map_err(|why| wrong(word.span(), format!("{label}: {key}"), why))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text} is no IP address"))
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.parse()
}

#[derive(Default)]
struct Checker {
    state: State,
    /// Ids of the VPCs, by what the file calls them.
    vpcs: BTreeMap<String, u32>,
    /// The ports, by their MACs.
    macs: BTreeMap<(u32, Mac), String>,
}

impl Checker {
    fn group(&mut self, name: &Text, group: &shape::Group) -> Checked<()> {
        let label = format!("group {}", name.get_ref());
        let group = Group {
            name: command::name(name.get_ref()).map_err(|why| wrong(name.span(), &label, why))?,
            members: values(&group.members, &label, "members", prefix)?,
        };
        self.state.groups.insert(group.name.clone(), group);
        Ok(())
    }

    fn acl(&mut self, name: &Text, acl: &shape::Acl) -> Checked<()> {
        let label = format!("ACL {}", name.get_ref());
        let known = command::name(name.get_ref()).map_err(|why| wrong(name.span(), &label, why))?;
        for rule in &acl.rule {
            self.rule(&known, rule)?;
        }
        self.state.acls.insert(known.clone(), Acl { name: known });
        Ok(())
    }

    fn rule(&mut self, acl: &str, rule: &shape::Rule) -> Checked<()> {
        let priority = *rule.priority.get_ref();
        let label = &format!("rule {priority} of ACL {acl}");
        let parsed = Rule {
            acl: acl.to_owned(),
            priority,
            direction: value(&rule.direction, label, "direction", direction)?,
            action: value(&rule.action, label, "action", action)?,
            ethertype: word(rule.ethertype.as_ref(), label, "ethertype", acl::ethertype)?,
            protocol: word(rule.protocol.as_ref(), label, "protocol", acl::protocol)?,
            src: option(rule.from.as_ref(), label, "from", prefix)?,
            dst: option(rule.to.as_ref(), label, "to", prefix)?,
            src_group: self.known_group(rule.from_group.as_ref(), label)?,
            dst_group: self.known_group(rule.to_group.as_ref(), label)?,
            sport: word(rule.sport.as_ref(), label, "sport", str::parse)?,
            dport: word(rule.port.as_ref(), label, "port", str::parse)?,
            icmp_type: word(rule.icmp_type.as_ref(), label, "icmp-type", str::parse)?,
            stateful: rule.stateful,
            log: rule.log,
        };
        let key = (acl.to_owned(), priority);
        match self.state.rules.insert(key, parsed) {
            None => Ok(()),
            Some(_) => Err(wrong(rule.priority.span(), label, "there is another one")),
        }
    }

    fn known_group(&self, name: Option<&Text>, label: &str) -> Checked<Option<String>> {
        let Some(name) = name else {
            return Ok(None);
        };
        match self.state.groups.contains_key(name.get_ref()) {
            true => Ok(Some(name.get_ref().clone())),
            false => {
                let why = format!("there is no group {}", name.get_ref());
                Err(wrong(name.span(), label, why))
            }
        }
    }

    fn vpc(&mut self, name: &Text, vpc: &shape::Vpc) -> Checked<()> {
        let label = format!("VPC {}", name.get_ref());
        let (id, called) = vpc_id(name, vpc.id.as_ref(), &label)?;
        let gateway = option(vpc.gateway.as_ref(), &label, "gateway", Mac::of_device)?;
        for remote in &vpc.remotes {
            let address = value(&remote.address, &label, "remotes", address)?;
            let flood = remote.flood;
            let made = Remote {
                vpc: id,
                address,
                flood,
            };
            if self.state.remotes.insert((id, address), made).is_some() {
                let why = format!("remote {address} is there twice");
                return Err(wrong(remote.address.span(), label, why));
            }
        }
        if self.state.vpcs.contains_key(&id) {
            let mut known = self.vpcs.iter();
            let other = known.find(|(_, known)| **known == id);
            let other = other.map_or("another", |(name, _)| name.as_str());
            let span = vpc.id.as_ref().map_or(name.span(), Spanned::span);
            let why = format!("VPC {other} has this id, too");
            return Err(wrong(span, label, why));
        }
        self.vpcs.insert(name.get_ref().clone(), id);
        let vpc = Vpc {
            id,
            name: called,
            gateway,
        };
        self.state.vpcs.insert(id, vpc);
        Ok(())
    }

    fn known_vpc(&self, name: &Text, label: &str) -> Checked<u32> {
        self.vpcs.get(name.get_ref()).copied().ok_or_else(|| {
            let why = format!("there is no VPC {}", name.get_ref());
            wrong(name.span(), label, why)
        })
    }

    fn port(&mut self, name: &Text, port: &shape::Port) -> Checked<()> {
        let label = format!("port {}", name.get_ref());
        let ifname = device::name(name.get_ref()).map_err(|why| wrong(name.span(), &label, why))?;
        let vpc = self.known_vpc(&port.vpc, &label)?;
        let mac = value(&port.mac, &label, "mac", Mac::of_device)?;
        for acl in &port.acls {
            if !self.state.acls.contains_key(acl.get_ref()) {
                let why = format!("there is no ACL {}", acl.get_ref());
                return Err(wrong(acl.span(), label, why));
            }
        }
        if let Some(other) = self.macs.insert((vpc, mac), ifname.clone()) {
            let why = format!("port {other} of the same VPC has {mac}, too");
            return Err(wrong(port.mac.span(), label, why));
        }
        let port = Port {
            ifname: ifname.clone(),
            vpc,
            mac,
            addresses: values(&port.addresses, &label, "addresses", Prefix::of_port)?,
            flags: values(&port.allow, &label, "allow", Flags::named)?,
            max_connections: port.max_connections.map(MaxConnections).unwrap_or_default(),
            acls: port.acls.iter().map(|acl| acl.get_ref().clone()).collect(),
        };
        self.state.ports.insert(ifname, port);
        Ok(())
    }

    fn route(&mut self, route: &shape::Route) -> Checked<()> {
        let label = format!("route {}", route.mac.get_ref());
        let vpc = self.known_vpc(&route.vpc, &label)?;
        let mac = value(&route.mac, &label, "mac", Mac::of_device)?;
        let via = option(route.via.as_ref(), &label, "via", address)?;
        if let Some((remote, text)) = via.zip(route.via.as_ref()) {
            if !self.state.remotes.contains_key(&(vpc, remote)) {
                let why = format!("VPC {} has no remote {remote}", route.vpc.get_ref());
                return Err(wrong(text.span(), label, why));
            }
            if let Some(port) = self.macs.get(&(vpc, mac)) {
                let why = format!("port {port} has this MAC, so that it is not at a remote");
                return Err(wrong(text.span(), label, why));
            }
        }
        if via.is_none() && route.addresses.is_empty() {
            let why = "it has neither via nor addresses";
            return Err(wrong(route.mac.span(), label, why));
        }
        let host = |text: &str| {
            let prefix = prefix(text)?;
            let why = || format!("{text} is a network, and a route is for addresses");
            prefix.as_host().ok_or_else(why)
        };
        let addresses: Vec<IpAddr> = values(&route.addresses, &label, "addresses", host)?;
        for entry in Entry::of_route(vpc, mac, via, addresses) {
            let (span, why) = match (entry.id(), &route.via) {
                (EntryKey::Address(_, address), _) => {
                    let at = |text: &&Text| host(text.get_ref()) == Ok(address);
                    let text = route.addresses.iter().find(at).unwrap_or(&route.mac);
                    let why = format!("{address} is in another route of the VPC, too");
                    (text.span(), why)
                }
                (EntryKey::Mac(..), via) => {
                    let span = via.as_ref().map_or(route.mac.span(), Spanned::span);
                    (span, "there is another one with via".to_owned())
                }
            };
            if self.state.entries.insert(entry.id(), entry).is_some() {
                return Err(wrong(span, label, why));
            }
        }
        Ok(())
    }
}

fn option<T, E: Display>(
    text: Option<&Text>,
    label: &str,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Checked<Option<T>> {
    text.map(|text| value(text, label, key, read)).transpose()
}

/// A VPC that is called by a number has that id and no name; every other one needs an id.
fn vpc_id(name: &Text, id: Option<&Spanned<u32>>, label: &str) -> Checked<(u32, Option<String>)> {
    let number = name.get_ref().parse::<u64>().ok();
    let called = match number {
        Some(_) => None,
        None => {
            let called = command::vpc_name(name.get_ref());
            Some(called.map_err(|why| wrong(name.span(), label, why))?)
        }
    };
    let (span, text) = match (id, number) {
        (Some(id), _) => (id.span(), id.get_ref().to_string()),
        (None, Some(number)) => (name.span(), number.to_string()),
        (None, None) => return Err(wrong(name.span(), label, "id is missing")),
    };
    if number.is_some_and(|number| number.to_string() != text) {
        let why = "a name of digits alone is the id, and this is another";
        return Err(wrong(span, label, why));
    }
    let id = command::vpc_id(&text).map_err(|why| wrong(span, label, why))?;
    Ok((id, called))
}

fn action(text: &str) -> Result<Action, String> {
    match text {
        "allow" => Ok(Action::Allow),
        "drop" => Ok(Action::Drop),
        _ => Err(format!("{text} is neither allow nor drop")),
    }
}

fn direction(text: &str) -> Result<Direction, String> {
    match text {
        "egress" => Ok(Direction::Egress),
        "ingress" => Ok(Direction::Ingress),
        _ => Err(format!("{text} is neither egress nor ingress")),
    }
}
