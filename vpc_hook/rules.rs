// SPDX-License-Identifier: GPL-2.0

//! Requests about ACLs and their rules.

use kernel::prelude::*;

use vpc_core::ip;
use vpc_core::vpc::acl::Invalid;
use vpc_core::vpc::acl::Ports;
use vpc_core::vpc::acl::Prefix;
use vpc_core::vpc::acl::Rule;
use vpc_core::vpc::acl::Verdict;
use vpcnet::attr::Message;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::vpc_hook;
use vpcnet::vpc_hook::acl as acl_attr;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::rule as attr;

use crate::acl;
use crate::acl::Acl;
use crate::acl::Direction;
use crate::acl::Entry;
use crate::acl::Rules;
use crate::config::Lists;
use crate::group;
use crate::name::Name;
use crate::state;

/// The most ACLs that a namespace may have.
const MOST_ACLS: usize = 1 << 14;

/// The most rules that a namespace may have.
const MOST_RULES: u32 = 1 << 18;

const NO_ACL: &CStr = c"there is no ACL of that name";

/// `acl-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    let name = group::name(request, acl_attr::NAME)?;
    state::change(request, |change| {
        if change.lists.acls.get(&name).is_some() {
            return match request.replaces() {
                true => Ok(()),
                false => Err(request.ack.refuse(EEXIST, c"the ACL is there already")),
            };
        }
        if change.lists.acls.len() >= MOST_ACLS {
            let why = c"a namespace has 16384 ACLs at most";
            return Err(request.ack.refuse(ENOSPC, why));
        }
        let acl = Acl::new(name)?;
        change.compile(&acl)?;
        change.lists.acls.put(acl::Item { acl, owned: true })?;
        Ok(())
    })
}

/// How many ports have an ACL.
fn ports(lists: &Lists, name: &Name, alive: &impl vpcnet::context::RcuRead) -> u32 {
    let has = |port: &&kernel::sync::Arc<crate::port::Port>| {
        let settings = port.settings(alive);
        settings.is_some_and(|it| it.acls.iter().any(|acl| acl.name == *name))
    };
    lists.ports.iter().filter(has).count() as u32
}

/// `acl-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    let name = group::name(request, acl_attr::NAME)?;
    state::change(request, |change| {
        if ports(change.lists, &name, &*change.rtnl) != 0 {
            return Err(request.ack.refuse(EBUSY, c"ports have the ACL"));
        }
        let Some(item) = change.lists.acls.take(&name) else {
            return Err(request.ack.refuse(ENOENT, NO_ACL));
        };
        let rules = item.acl.with(change.rtnl, |rules, _| rules.list.len());
        change.lists.rules = change.lists.rules.saturating_sub(rules as u32);
        Ok(())
    })
}

fn fill_acl(name: &Name, rules: u32, ports: u32, message: &mut Message<'_>) -> Result {
    message.put_str(acl_attr::NAME, name)?;
    message.put_u32(acl_attr::RULES, rules)?;
    message.put_u32(acl_attr::PORTS, ports)
}

/// `acl-get` of one.
pub(crate) fn get(request: &Request<'_>) -> Result {
    let name = group::name(request, acl_attr::NAME)?;
    state::look(request, |view| {
        let Some(item) = view.lists.acls.get(&name) else {
            return Err(request.ack.refuse(ENOENT, NO_ACL));
        };
        let rules = item.acl.with(view.rtnl, |rules, _| rules.list.len()) as u32;
        let ports = ports(view.lists, &name, &*view.rtnl);
        request.reply(cmd::ACL_GET, 128, |message| {
            fill_acl(&name, rules, ports, message)
        })
    })
}

/// `acl-get` of all.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        for (n, item) in view.lists.acls.iter().enumerate().skip(dump.skip()) {
            let rules = item.acl.with(view.rtnl, |rules, _| rules.list.len()) as u32;
            let ports = ports(view.lists, &item.acl.name, &*view.rtnl);
            let put = dump.put(cmd::ACL_GET, n as u32 + 1, |message| {
                fill_acl(&item.acl.name, rules, ports, message)
            })?;
            if !put {
                break;
            }
        }
        Ok(())
    })
}

/// The priority that a request has.
fn priority(request: &Request<'_>) -> Result<u32> {
    let priority = request.attrs.get(attr::PRIORITY).and_then(|it| it.u32());
    priority.ok_or_else(|| request.ack.refuse(EINVAL, c"a rule has a priority"))
}

/// A number of a request that is one of two.
fn choice<T>(request: &Request<'_>, kind: u16, of: [(u32, T); 2], why: &'static CStr) -> Result<T> {
    let number = request.attrs.get(kind).and_then(|it| it.u32());
    for (value, choice) in of {
        if number == Some(value) {
            return Ok(choice);
        }
    }
    Err(request.ack.refuse(EINVAL, why))
}

/// Ports from two attributes, either of which may be missing.
fn ports_of(request: &Request<'_>, min: u16, max: u16) -> Ports {
    let of = |kind| request.attrs.get(kind).and_then(|it| it.u16());
    match (of(min), of(max)) {
        (None, None) => Ports::ANY,
        (Some(one), None) | (None, Some(one)) => Ports::one(one),
        (Some(first), Some(last)) => Ports { first, last },
    }
}

/// The prefix, or else the group, of one side.
fn side(request: &Request<'_>, own: u16, group: u16) -> Result<(Option<Prefix>, Option<Name>)> {
    let prefix = match request.attrs.get(own) {
        Some(attr) => Some(group::prefix(request, attr.payload(), true)?),
        None => None,
    };
    let name = match request.attrs.get(group) {
        Some(attr) => Some(Name::of(request, &attr)?),
        None => None,
    };
    if prefix.is_some() && name.is_some() {
        let why = c"a rule has an address or a group on each side, not both";
        return Err(request.ack.refuse(EINVAL, why));
    }
    Ok((prefix, name))
}

fn sentence(invalid: Invalid) -> &'static CStr {
    match invalid {
        Invalid::PrefixTooLong => c"the prefix is longer than the address",
        Invalid::BitsBeyondPrefix => c"the address has bits that its prefix leaves out",
        Invalid::VersionMismatch => c"addresses and ethertype are of different versions of IP",
        Invalid::PortsReversed => c"the first port is higher than the last",
        Invalid::PortsWithoutProtocol => c"ports or types need a protocol that has them",
    }
}

/// The rule that a request describes.
fn entry(request: &Request<'_>) -> Result<Entry> {
    let priority = priority(request)?;
    let direction = choice(
        request,
        attr::DIRECTION,
        [
            (vpc_hook::EGRESS, Direction::Egress),
            (vpc_hook::INGRESS, Direction::Ingress),
        ],
        c"the direction of a rule is egress or ingress",
    )?;
    let verdict = choice(
        request,
        attr::ACTION,
        [
            (vpc_hook::DROP, Verdict::Drop),
            (vpc_hook::ALLOW, Verdict::Allow),
        ],
        c"the action of a rule is drop or allow",
    )?;
    let stateful = request.attrs.has(attr::STATEFUL);
    if stateful && verdict == Verdict::Drop {
        let why = c"only what is allowed can be tracked";
        return Err(request.ack.refuse(EINVAL, why));
    }
    let (src, src_group) = side(request, attr::SRC, attr::SRC_GROUP)?;
    let (dst, dst_group) = side(request, attr::DST, attr::DST_GROUP)?;
    let byte = |kind| request.attrs.get(kind).and_then(|it| it.u8());
    let mut rule = Rule {
        ethertype: request.attrs.get(attr::ETHERTYPE).and_then(|it| it.u16()),
        protocol: byte(attr::PROTOCOL),
        src,
        dst,
        sport: ports_of(request, attr::SPORT_MIN, attr::SPORT_MAX),
        dport: ports_of(request, attr::DPORT_MIN, attr::DPORT_MAX),
        verdict,
        log: request.attrs.has(attr::LOG),
    };
    let is_icmp = matches!(rule.protocol, Some(ip::PROTO_ICMP | ip::PROTO_ICMPV6));
    match (byte(attr::ICMP_TYPE), byte(attr::ICMP_CODE)) {
        (None, None) if is_icmp && rule.dport != Ports::ANY => {
            let why = c"ICMP has types, no ports";
            return Err(request.ack.refuse(EINVAL, why));
        }
        (None, None) => (),
        (None, Some(_)) => {
            let why = c"a code of ICMP needs a type";
            return Err(request.ack.refuse(EINVAL, why));
        }
        (Some(_), _) if !is_icmp || rule.dport != Ports::ANY => {
            let why = c"a type of ICMP needs that protocol, and no ports";
            return Err(request.ack.refuse(EINVAL, why));
        }
        (Some(kind), code) => rule.dport = Ports::icmp(kind, code),
    }
    rule.check()
        .map_err(|invalid| request.ack.refuse(EINVAL, sentence(invalid)))?;
    Ok(Entry::new(
        priority, direction, rule, src_group, dst_group, stateful,
    ))
}

const TOO_MANY: &CStr = c"with groups rules come to more than 131072 of an ACL, or 524288 of all";

/// `rule-new`.
pub(crate) fn rule_new(request: &Request<'_>) -> Result {
    let name = group::name(request, attr::ACL)?;
    let entry = entry(request)?;
    state::change(request, |change| {
        for group in [entry.src_group, entry.dst_group].iter().flatten() {
            if change.lists.groups.get(group).is_none() {
                let why = c"there is no group of the name that the rule has";
                return Err(request.ack.refuse(ENOENT, why));
            }
        }
        let Some(item) = change.lists.acls.get(&name) else {
            return Err(request.ack.refuse(ENOENT, NO_ACL));
        };
        let there = |rules: &mut Rules| rules.list.get(&entry.priority).copied();
        let old = item.acl.with(change.rtnl, |rules, _| there(rules));
        if old.is_some() && !request.replaces() {
            let why = c"the ACL has a rule of that priority already";
            return Err(request.ack.refuse(EEXIST, why));
        }
        if old.is_none() && change.lists.rules >= MOST_RULES {
            let why = c"this namespace has as many rules as it may have";
            return Err(request.ack.refuse(ENOSPC, why));
        }
        let acl = acl::own(change.lists, &name, change.rtnl)?;
        acl.with(change.rtnl, |rules, _| rules.put(entry))?;
        if let Err(error) = change.compile(&acl) {
            acl.with(change.rtnl, |rules, _| match old {
                Some(old) => drop(rules.put(old)),
                None => drop(rules.take(entry.priority)),
            });
            return Err(match error {
                E2BIG => request.ack.refuse(error, TOO_MANY),
                error => error,
            });
        }
        if old.is_none() {
            change.lists.rules = change.lists.rules.saturating_add(1);
        }
        Ok(())
    })
}

/// `rule-del`.
pub(crate) fn rule_del(request: &Request<'_>) -> Result {
    let name = group::name(request, attr::ACL)?;
    let priority = priority(request)?;
    state::change(request, |change| {
        if change.lists.acls.get(&name).is_none() {
            return Err(request.ack.refuse(ENOENT, NO_ACL));
        }
        let acl = acl::own(change.lists, &name, change.rtnl)?;
        let there = |rules: &mut Rules| rules.list.get(&priority).copied();
        let Some(old) = acl.with(change.rtnl, |rules, _| there(rules)) else {
            let why = c"the ACL has no rule of that priority";
            return Err(request.ack.refuse(ENOENT, why));
        };
        acl.with(change.rtnl, |rules, _| rules.take(priority));
        if let Err(error) = change.compile(&acl) {
            // There is room for it. Its count begins anew.
            let _ = acl.with(change.rtnl, |rules, _| rules.put(old));
            return Err(error);
        }
        change.lists.rules = change.lists.rules.saturating_sub(1);
        Ok(())
    })
}

fn put_ports(ports: Ports, min: u16, max: u16, message: &mut Message<'_>) -> Result {
    if ports == Ports::ANY {
        return Ok(());
    }
    message.put_u16(min, ports.first)?;
    message.put_u16(max, ports.last)
}

fn fill_rule(acl: &Name, rules: &Rules, entry: &Entry, message: &mut Message<'_>) -> Result {
    let rule = &entry.rule;
    message.put_str(attr::ACL, acl)?;
    message.put_u32(attr::PRIORITY, entry.priority)?;
    let direction = match entry.direction {
        Direction::Egress => vpc_hook::EGRESS,
        Direction::Ingress => vpc_hook::INGRESS,
    };
    message.put_u32(attr::DIRECTION, direction)?;
    let action = match rule.verdict {
        Verdict::Drop => vpc_hook::DROP,
        Verdict::Allow => vpc_hook::ALLOW,
    };
    message.put_u32(attr::ACTION, action)?;
    if let Some(ethertype) = rule.ethertype {
        message.put_u16(attr::ETHERTYPE, ethertype)?;
    }
    if let Some(protocol) = rule.protocol {
        message.put_u8(attr::PROTOCOL, protocol)?;
    }
    for (kind, prefix) in [(attr::SRC, &rule.src), (attr::DST, &rule.dst)] {
        if let Some(prefix) = prefix {
            group::put_prefix(kind, prefix, message)?;
        }
    }
    let groups = [
        (attr::SRC_GROUP, &entry.src_group),
        (attr::DST_GROUP, &entry.dst_group),
    ];
    for (kind, name) in groups {
        if let Some(name) = name {
            message.put_str(kind, name)?;
        }
    }
    put_ports(rule.sport, attr::SPORT_MIN, attr::SPORT_MAX, message)?;
    if matches!(rule.protocol, Some(ip::PROTO_ICMP | ip::PROTO_ICMPV6)) {
        if rule.dport != Ports::ANY {
            let [kind, code] = rule.dport.first.to_be_bytes();
            message.put_u8(attr::ICMP_TYPE, kind)?;
            if rule.dport.first == rule.dport.last {
                message.put_u8(attr::ICMP_CODE, code)?;
            }
        }
    } else {
        put_ports(rule.dport, attr::DPORT_MIN, attr::DPORT_MAX, message)?;
    }
    if entry.stateful {
        message.put_flag(attr::STATEFUL)?;
    }
    if rule.log {
        message.put_flag(attr::LOG)?;
    }
    message.put_uint(attr::PACKETS, rules.packets(entry))
}

/// `rule-get` of one.
pub(crate) fn rule_get(request: &Request<'_>) -> Result {
    let name = group::name(request, attr::ACL)?;
    let priority = priority(request)?;
    state::look(request, |view| {
        let Some(item) = view.lists.acls.get(&name) else {
            return Err(request.ack.refuse(ENOENT, NO_ACL));
        };
        item.acl.with(view.rtnl, |rules, _| {
            let Some(entry) = rules.list.get(&priority) else {
                let why = c"the ACL has no rule of that priority";
                return Err(request.ack.refuse(ENOENT, why));
            };
            request.reply(cmd::RULE_GET, 512, |message| {
                fill_rule(&name, rules, entry, message)
            })
        })
    })
}

/// `rule-get` of all.
pub(crate) fn rule_dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        let mut first: usize = 0;
        for item in view.lists.acls.iter() {
            let full = item.acl.with(view.rtnl, |rules, _| -> Result<bool> {
                let skip = dump.skip().saturating_sub(first);
                for (n, entry) in rules.list.iter().enumerate().skip(skip) {
                    let place = first.saturating_add(n).saturating_add(1) as u32;
                    let put = dump.put(cmd::RULE_GET, place, |message| {
                        fill_rule(&item.acl.name, rules, entry, message)
                    })?;
                    if !put {
                        return Ok(true);
                    }
                }
                first = first.saturating_add(rules.list.len());
                Ok(false)
            })?;
            if full {
                break;
            }
        }
        Ok(())
    })
}
