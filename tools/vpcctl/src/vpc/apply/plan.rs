// SPDX-License-Identifier: GPL-2.0

//! The requests that make one configuration of another, in an order in which each is sound: what
//! is needed is made before who needs it, and who has a MAC or an address loses it before somebody
//! else gets it.

use super::diff::Delta;
use super::diff::Diff;
use super::state::hosts;
use crate::netlink::Request;
use crate::vpc::command::config;
use crate::vpc::number::command;
use crate::vpc::object::Acl;
use crate::vpc::object::Entry;
use crate::vpc::object::EntryKey;
use crate::vpc::object::Group;
use crate::vpc::object::Object;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Vpc;
use std::borrow::Cow;
use std::collections::HashSet;

/// One object, and what is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) how: How,
    pub(super) thing: Thing<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Add,
    Replace,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing<'a> {
    /// Index of the device, 0 for none.
    Tunnel(u32),
    Vpc(Cow<'a, Vpc>),
    Remote(&'a Remote),
    Port(Cow<'a, Port>),
    Entry(&'a Entry),
    Acl(&'a Acl),
    Rule(&'a Rule),
    Group(&'a Group),
}

impl Step<'_> {
    pub(super) fn requests(&self) -> Vec<Request> {
        match &self.thing {
            Thing::Tunnel(index) => {
                let attributes = config::attributes(Some(*index), None);
                vec![Request::new(command::CONFIG_SET, attributes)]
            }
            Thing::Vpc(vpc) => self.how.requests(vpc.as_ref()),
            Thing::Remote(remote) => self.how.requests(*remote),
            Thing::Port(port) => self.how.requests(port.as_ref()),
            Thing::Entry(entry) => self.how.requests(*entry),
            Thing::Acl(acl) => self.how.requests(*acl),
            Thing::Rule(rule) => self.how.requests(*rule),
            Thing::Group(group) => self.how.requests(*group),
        }
    }

    pub(super) fn label(&self) -> String {
        match &self.thing {
            Thing::Tunnel(_) => "tunnel".to_owned(),
            Thing::Vpc(vpc) => vpc.label(),
            Thing::Remote(remote) => remote.label(),
            Thing::Port(port) => port.label(),
            Thing::Entry(entry) => entry.label(),
            Thing::Acl(acl) => acl.label(),
            Thing::Rule(rule) => rule.label(),
            Thing::Group(group) => group.label(),
        }
    }

    /// What the file calls the attribute.
    pub(super) fn field(&self, kind: u16) -> Option<&'static str> {
        let option = match &self.thing {
            Thing::Tunnel(_) => None,
            Thing::Vpc(_) => Vpc::option(kind),
            Thing::Remote(_) => Remote::option(kind),
            Thing::Port(_) => Port::option(kind),
            Thing::Entry(_) => Entry::option(kind),
            Thing::Acl(_) => Acl::option(kind),
            Thing::Rule(_) => Rule::option(kind),
            Thing::Group(_) => Group::option(kind),
        };
        // What an object is called by is in its name already.
        match option?.strip_prefix("--")? {
            "ip" => Some("addresses"),
            "acl" => Some("acls"),
            name => Some(name),
        }
    }
}

impl How {
    fn requests<T: Object>(self, object: &T) -> Vec<Request> {
        match self {
            Self::Add => object.make(false),
            Self::Replace => object.make(true),
            Self::Remove => vec![object.remove()],
        }
    }
}

/// What a delta asks for in the end, as far as that is not to remove it.
fn made<'a, T>(delta: Delta<'a, T>, thing: impl Fn(&'a T) -> Thing<'a>) -> Option<Step<'a>> {
    let (how, to) = match delta {
        Delta::Add(to) => (How::Add, to),
        Delta::Change { to, .. } => (How::Replace, to),
        Delta::Remove(_) => return None,
    };
    let thing = thing(to);
    Some(Step { how, thing })
}

fn remove(thing: Thing<'_>) -> Step<'_> {
    let how = How::Remove;
    Step { how, thing }
}

/// `tunnel` is the index of the tunnel, if it is to be set. The limit of entries is no part of it.
pub(super) fn plan<'a>(diff: &Diff<'a>, tunnel: Option<u32>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    steps.extend(tunnel.map(|index| Step {
        how: How::Replace,
        thing: Thing::Tunnel(index),
    }));

    // What others need.
    steps.extend(diff.groups.iter().filter_map(|d| made(*d, Thing::Group)));
    steps.extend(diff.acls.iter().filter_map(|d| made(*d, Thing::Acl)));
    vpcs(diff, &mut steps);
    steps.extend(diff.remotes.iter().filter_map(|d| made(*d, Thing::Remote)));

    // Who has a MAC or an address: first those that lose it. An address goes before its MAC.
    let removed = diff.entries.iter().rev().filter_map(|d| d.removed());
    steps.extend(removed.map(|entry| remove(Thing::Entry(entry))));
    ports(diff, &mut steps);
    steps.extend(diff.entries.iter().filter_map(|d| made(*d, Thing::Entry)));

    let removed = diff.rules.iter().filter_map(|d| d.removed());
    steps.extend(removed.map(|rule| remove(Thing::Rule(rule))));
    steps.extend(diff.rules.iter().filter_map(|d| made(*d, Thing::Rule)));

    // What nobody needs any more.
    let acls = diff.acls.iter().filter_map(|d| d.removed());
    steps.extend(acls.map(|acl| remove(Thing::Acl(acl))));
    let groups = diff.groups.iter().filter_map(|d| d.removed());
    steps.extend(groups.map(|group| remove(Thing::Group(group))));
    let remotes = diff.remotes.iter().filter_map(|d| d.removed());
    steps.extend(remotes.map(|remote| remove(Thing::Remote(remote))));
    let vpcs = diff.vpcs.iter().filter_map(|d| d.removed());
    steps.extend(vpcs.map(|vpc| remove(Thing::Vpc(Cow::Borrowed(vpc)))));
    steps
}

/// VPCs whose name another one gets lose it first.
fn vpcs<'a>(diff: &Diff<'a>, steps: &mut Vec<Step<'a>>) {
    let names = diff.vpcs.iter().filter_map(|d| d.to()?.name.as_deref());
    let gained: HashSet<&str> = names.collect();
    for delta in &diff.vpcs {
        let (from, to) = match *delta {
            Delta::Add(_) => continue,
            Delta::Remove(from) => (from, None),
            Delta::Change { from, to } => (from, to.name.as_deref()),
        };
        let loses = |name: &str| to != Some(name) && gained.contains(name);
        if from.name.as_deref().is_some_and(loses) {
            let nameless = Vpc {
                name: None,
                ..from.clone()
            };
            steps.push(Step {
                how: How::Replace,
                thing: Thing::Vpc(Cow::Owned(nameless)),
            });
        }
    }
    let borrowed = |vpc| Thing::Vpc(Cow::Borrowed(vpc));
    steps.extend(diff.vpcs.iter().filter_map(|d| made(*d, borrowed)));
}

/// The MAC and the addresses that are a port's.
fn keys(port: &Port) -> HashSet<EntryKey> {
    let mut keys: HashSet<EntryKey> = hosts(port)
        .map(|host| EntryKey::Address(port.vpc, host))
        .collect();
    keys.insert(EntryKey::Mac(port.vpc, port.mac));
    keys
}

fn ports<'a>(diff: &Diff<'a>, steps: &mut Vec<Step<'a>>) {
    let mut gained = HashSet::new();
    for delta in &diff.ports {
        match *delta {
            Delta::Add(to) => gained.extend(keys(to)),
            Delta::Change { from, to } => gained.extend(&keys(to) - &keys(from)),
            Delta::Remove(_) => (),
        }
    }
    let removed = diff.ports.iter().filter_map(|d| d.removed());
    steps.extend(removed.map(|port| remove(Thing::Port(Cow::Borrowed(port)))));
    let mut later = Vec::new();
    for delta in &diff.ports {
        let mut how = How::Replace;
        let to = match *delta {
            Delta::Remove(_) => continue,
            Delta::Add(to) => {
                how = How::Add;
                to
            }
            Delta::Change { from, to } => {
                let lost: HashSet<EntryKey> = (&keys(from) - &keys(to))
                    .intersection(&gained)
                    .copied()
                    .collect();
                if lost.contains(&EntryKey::Mac(from.vpc, from.mac)) {
                    steps.push(remove(Thing::Port(Cow::Borrowed(from))));
                    how = How::Add;
                } else if !lost.is_empty() {
                    let thing = Thing::Port(Cow::Owned(without(from, &lost)));
                    steps.push(Step {
                        how: How::Replace,
                        thing,
                    });
                }
                to
            }
        };
        let thing = Thing::Port(Cow::Borrowed(to));
        later.push(Step { how, thing });
    }
    steps.append(&mut later);
}

/// The port as it was, without the addresses that somebody else is to get. Nobody sees it so.
fn without(port: &Port, lost: &HashSet<EntryKey>) -> Port {
    let mut port = port.clone();
    let vpc = port.vpc;
    port.addresses.retain(|prefix| {
        let host = prefix.as_host();
        !host.is_some_and(|host| lost.contains(&EntryKey::Address(vpc, host)))
    });
    port
}
