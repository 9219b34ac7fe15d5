// SPDX-License-Identifier: GPL-2.0

//! A kernel that is as strict as the specification allows, and configurations for it.

use super::diff::Diff;
use super::file::export;
use super::file::parse;
use super::plan::plan;
use super::plan::How;
use super::plan::Step;
use super::plan::Thing;
use super::state::hosts;
use super::state::State;
use crate::vpc::mac::Mac;
use crate::vpc::object::decode;
use crate::vpc::object::Acl;
use crate::vpc::object::Entry;
use crate::vpc::object::Group;
use crate::vpc::object::MaxConnections;
use crate::vpc::object::Object;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Vpc;
use crate::vpc::prefix::Prefix;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;

/// Why the kernel would refuse.
type Refused = Result<(), String>;

fn check(sound: bool, why: &str) -> Refused {
    match sound {
        true => Ok(()),
        false => Err(why.to_owned()),
    }
}

fn change<K: Ord, T: Clone>(map: &mut BTreeMap<K, T>, key: K, how: How, object: &T) -> Refused {
    let was_there = match how {
        How::Remove => map.remove(&key).is_some(),
        _ => map.insert(key, object.clone()).is_some(),
    };
    match how {
        How::Add => check(!was_there, "it is there already"),
        How::Remove => check(was_there, "it is not there"),
        // The kernel would make it; whoever asks for that has lost track.
        How::Replace => check(was_there, "it is not there"),
    }
}

/// What the kernel understands of a request is all of the object.
fn check_bytes<T: Object + PartialEq + Default + Clone>(object: &T) -> Refused {
    let got = decode::<T>(&object.encode()).map_err(|error| format!("{error:#}"))?;
    check(got.object == *object, "it is not as it was sent")
}

/// Carries out a step, or refuses it.
fn carry_out(state: &mut State, step: &Step<'_>) -> Refused {
    let how = step.how;
    match &step.thing {
        Thing::Tunnel(index) => {
            state.tunnel = (*index != 0).then(|| format!("gre{index}"));
        }
        Thing::Vpc(vpc) => {
            change(&mut state.vpcs, vpc.id, how, vpc)?;
            check_bytes(vpc.as_ref())?;
        }
        Thing::Remote(remote) => {
            let key = (remote.vpc, remote.address);
            change(&mut state.remotes, key, how, remote)?;
            check_bytes(*remote)?;
        }
        Thing::Port(port) => {
            change(&mut state.ports, port.ifname.clone(), how, port)?;
            check_bytes(port.as_ref())?;
        }
        Thing::Entry(entry) => {
            change(&mut state.entries, entry.id(), how, entry)?;
            check_bytes(*entry)?;
        }
        Thing::Acl(acl) => {
            change(&mut state.acls, acl.name.clone(), how, acl)?;
            if how == How::Remove {
                state.rules.retain(|(name, _), _| *name != acl.name);
            }
        }
        Thing::Rule(rule) => {
            let key = (rule.acl.clone(), rule.priority);
            change(&mut state.rules, key, how, rule)?;
            check_bytes(*rule)?;
        }
        Thing::Group(group) => {
            change(&mut state.groups, group.name.clone(), how, group)?;
            check_bytes(*group)?;
        }
    }
    check_whole(state)
}

/// Is a configuration sound?
fn check_whole(state: &State) -> Refused {
    let mut names: Vec<_> = state
        .vpcs
        .values()
        .filter_map(|vpc| vpc.name.as_ref())
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    check(names.len() == count, "two VPCs have one name")?;
    let has_vpc = |vpc: u32| check(state.vpcs.contains_key(&vpc), "there is no such VPC");
    for remote in state.remotes.values() {
        has_vpc(remote.vpc)?;
    }
    let (mut macs, mut addresses) = (Vec::new(), Vec::new());
    for port in state.ports.values() {
        has_vpc(port.vpc)?;
        macs.push((port.vpc, port.mac));
        addresses.extend(hosts(port).map(|host| (port.vpc, host)));
        let known = port.acls.iter().all(|acl| state.acls.contains_key(acl));
        check(known, "there is no such ACL")?;
    }
    for entry in state.entries.values() {
        has_vpc(entry.vpc)?;
        match (entry.address, entry.remote) {
            (Some(address), None) => addresses.push((entry.vpc, address)),
            (None, Some(remote)) => {
                macs.push((entry.vpc, entry.mac));
                let known = state.remotes.contains_key(&(entry.vpc, remote));
                check(known, "there is no such remote")?;
            }
            _ => return Err("an entry says one thing".to_owned()),
        }
    }
    for rule in state.rules.values() {
        check(state.acls.contains_key(&rule.acl), "there is no such ACL")?;
        let mut groups = rule.src_group.iter().chain(&rule.dst_group);
        let known = groups.all(|group| state.groups.contains_key(group));
        check(known, "there is no such group")?;
    }
    let (all_macs, all_addresses) = (macs.len(), addresses.len());
    macs.sort();
    macs.dedup();
    addresses.sort();
    addresses.dedup();
    check(macs.len() == all_macs, "a MAC is at two places")?;
    check(
        addresses.len() == all_addresses,
        "an address is at two places",
    )
}

fn address(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

fn port() -> impl Strategy<Value = Port> {
    let acls = proptest::sample::subsequence(vec!["a", "b", "c"], 0..3);
    (
        0..4u8,
        1..4u32,
        0..5u8,
        vec(0..5u8, 0..3),
        acls,
        any::<bool>(),
        prop_oneof![Just(MaxConnections::default()), Just(MaxConnections(7))],
    )
        .prop_map(|(name, vpc, mac, hosts, acls, network, most)| Port {
            ifname: format!("tap{name}"),
            vpc,
            mac: Mac([2, 0, 0, 0, 0, mac]),
            addresses: hosts
                .into_iter()
                .map(|host| Prefix::host(address(host)))
                .chain(network.then(|| "10.9.0.0/16".parse().unwrap()))
                .collect(),
            acls: acls.into_iter().map(str::to_owned).collect(),
            max_connections: most,
            ..Port::default()
        })
}

fn entry() -> impl Strategy<Value = Entry> {
    (1..4u32, 0..5u8, 0..5u8, 1..3u8, any::<bool>()).prop_map(|(vpc, mac, host, remote, is_mac)| {
        Entry {
            vpc,
            mac: Mac([2, 0, 0, 0, 0, mac]),
            address: (!is_mac).then(|| address(host)),
            remote: is_mac.then(|| address(100 + remote)),
            forward: None,
        }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let group = || proptest::option::of(proptest::sample::select(vec!["g", "h"]));
    let acl = proptest::sample::select(vec!["a", "b", "c"]);
    (
        acl,
        0..3u32,
        group(),
        group(),
        any::<bool>(),
        any::<Option<u8>>(),
    )
        .prop_map(|(acl, priority, src, dst, log, protocol)| Rule {
            acl: acl.to_owned(),
            priority,
            src_group: src.map(str::to_owned),
            dst_group: dst.map(str::to_owned),
            protocol,
            log,
            ..Rule::default()
        })
}

/// Adds what is sound there.
fn add(state: &mut State, thing: Thing<'_>) {
    let mut next = state.clone();
    let how = How::Add;
    if carry_out(&mut next, &Step { how, thing }).is_ok() {
        *state = next;
    }
}

/// Configurations that a kernel can have: what is not sound is left out.
fn state() -> impl Strategy<Value = State> {
    let vpc = (1..4u32, proptest::option::of(0..3u8), any::<bool>());
    let remote = (1..4u32, 1..3u8, any::<bool>());
    let group = (proptest::sample::select(vec!["g", "h"]), vec(0..5u8, 0..3));
    let acls = proptest::sample::subsequence(vec!["a", "b", "c"], 0..4);
    (
        (0..3u32, acls),
        vec(vpc, 0..5),
        vec(remote, 0..6),
        vec(group, 0..3),
        vec(port(), 0..6),
        vec(entry(), 0..8),
        vec(rule(), 0..6),
    )
        .prop_map(
            |((tunnel, acls), vpcs, remotes, groups, ports, entries, rules)| {
                let mut state = State {
                    tunnel: (tunnel != 0).then(|| format!("gre{tunnel}")),
                    ..State::default()
                };
                for (name, members) in groups {
                    let members = members.into_iter().map(|n| Prefix::host(address(n)));
                    let group = Group {
                        name: name.to_owned(),
                        members: members.collect(),
                    };
                    add(&mut state, Thing::Group(&group));
                }
                for name in acls {
                    let name = name.to_owned();
                    add(&mut state, Thing::Acl(&Acl { name }));
                }
                for (id, name, gateway) in vpcs {
                    let vpc = Vpc {
                        id,
                        name: name.map(|name| format!("vpc-{name}")),
                        gateway: gateway.then_some(Mac([2, 1, 1, 1, 1, 1])),
                    };
                    add(&mut state, Thing::Vpc(std::borrow::Cow::Owned(vpc)));
                }
                for (vpc, remote, flood) in remotes {
                    let address = address(100 + remote);
                    add(
                        &mut state,
                        Thing::Remote(&Remote {
                            vpc,
                            address,
                            flood,
                        }),
                    );
                }
                for port in ports {
                    add(&mut state, Thing::Port(std::borrow::Cow::Owned(port)));
                }
                for entry in &entries {
                    add(&mut state, Thing::Entry(entry));
                }
                for rule in &rules {
                    add(&mut state, Thing::Rule(rule));
                }
                state
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_plan_leads_from_one_to_the_other(from in state(), to in state()) {
        let diff = Diff::new(&from, &to);
        prop_assert_eq!(diff.is_empty(), from == to);
        let index = to.tunnel.as_deref().map_or(0, |name| name[3..].parse().unwrap());
        let index = diff.tunnel.map(|_| index);
        let steps = plan(&diff, index);
        let mut state = from.clone();
        for (at, step) in steps.iter().enumerate() {
            let result = carry_out(&mut state, step);
            prop_assert!(result.is_ok(), "{:?} at {} of {:#?}", result, at, steps);
        }
        prop_assert_eq!(&state, &to);
        prop_assert!(Diff::new(&state, &to).is_empty());
        prop_assert!(plan(&Diff::new(&state, &to), None).is_empty());
    }

    #[test]
    fn a_file_of_it_says_the_same(state in state()) {
        let text = export(&state).unwrap();
        let again = parse("vpc.toml", &text);
        prop_assert_eq!(again.map_err(|error| error.to_string()), Ok(state), "{}", text);
    }

    #[test]
    fn what_stays_is_left_alone(from in state(), to in state()) {
        let diff = Diff::new(&from, &to);
        for step in plan(&diff, None) {
            let stays = match &step.thing {
                Thing::Port(port) => from.ports.get(&port.ifname) == to.ports.get(&port.ifname),
                Thing::Vpc(vpc) => from.vpcs.get(&vpc.id) == to.vpcs.get(&vpc.id),
                Thing::Entry(entry) => from.entries.get(&entry.id()) == to.entries.get(&entry.id()),
                Thing::Group(group) => from.groups.get(&group.name) == to.groups.get(&group.name),
                _ => false,
            };
            prop_assert!(!stays, "{:?}", step);
        }
    }
}
