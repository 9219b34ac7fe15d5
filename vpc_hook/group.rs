// SPDX-License-Identifier: GPL-2.0

//! Groups of addresses that rules name.

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::vpc::acl::Prefix;
use vpcnet::attr::Message;
use vpcnet::attr::Nested;
use vpcnet::dump::Dump;
use vpcnet::genl::Request;
use vpcnet::vpc_hook::address;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::group as attr;

use crate::acl;
use crate::name::Name;
use crate::port::has_host_part;
use crate::port::whole;
use crate::sorted::Keyed;
use crate::state;
use crate::state::Change;

/// Members that a message has at most.
const PORTION: usize = 256;

/// The most groups of a namespace, members of a group, and members of all groups.
const MOST_GROUPS: usize = 1 << 14;
const MOST: usize = 1 << 16;
const MOST_OF_ALL: usize = 1 << 20;

/// A group.
pub(crate) struct Group {
    pub(crate) name: Name,
    pub(crate) members: KVVec<Prefix>,
}

impl Keyed for Group {
    type Key = Name;

    fn key(&self) -> Name {
        self.name
    }
}

impl Group {
    /// The same once more.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy(&self) -> Result<Self> {
        let mut members = KVVec::new();
        members.extend_from_slice(&self.members, GFP_KERNEL_ACCOUNT)?;
        Ok(Group {
            name: self.name,
            members,
        })
    }
}

/// The prefix in the payload of an attribute.
///
/// # Errors
///
/// `EINVAL` with a message. With `strict`, also if bits are set that the prefix leaves out.
pub(crate) fn prefix(request: &Request<'_>, payload: &[u8], strict: bool) -> Result<Prefix> {
    let (mut addr, mut len) = (None, None);
    for (kind, payload) in Nested::new(payload) {
        match kind {
            address::ADDRESS => addr = Addr::of_bytes(payload),
            address::PREFIX => len = payload.first().copied(),
            _ => {
                let why = c"an address has an address, a prefix and nothing else";
                return Err(request.ack.refuse(EINVAL, why));
            }
        }
    }
    let Some(addr) = addr else {
        let why = c"an address is 4 bytes of IPv4, or 16 of IPv6";
        return Err(request.ack.refuse(EINVAL, why));
    };
    let len = len.unwrap_or(whole(addr));
    if len > whole(addr) {
        let why = c"the prefix is longer than the address";
        return Err(request.ack.refuse(EINVAL, why));
    }
    let prefix = Prefix { addr, len };
    if strict && has_host_part(&prefix) {
        let why = c"the address has bits that its prefix leaves out";
        return Err(request.ack.refuse(EINVAL, why));
    }
    Ok(prefix)
}

/// Puts a prefix into a message.
///
/// # Errors
///
/// `EMSGSIZE`.
pub(crate) fn put_prefix(kind: u16, prefix: &Prefix, message: &mut Message<'_>) -> Result {
    message.put_nested(kind, |message| {
        message.put_addr(address::ADDRESS, prefix.addr)?;
        if prefix.len == whole(prefix.addr) {
            return Ok(());
        }
        message.put_u8(address::PREFIX, prefix.len)
    })
}

/// The name that an attribute of a request has.
///
/// # Errors
///
/// `EINVAL` without one.
pub(crate) fn name(request: &Request<'_>, kind: u16) -> Result<Name> {
    match request.attrs.get(kind) {
        Some(attr) => Name::of(request, &attr),
        None => Err(request.ack.refuse(EINVAL, c"the name is missing")),
    }
}

/// Has the ACLs compiled again that have a rule with a group. In a transaction that is for later.
fn recompile(change: &mut Change<'_>, group: &Name) -> Result {
    let mut names = KVec::new();
    for item in change.lists.acls.iter() {
        let named = |rules: &mut acl::Rules| rules.list.iter().any(|it| it.names(group));
        if item.acl.with(change.rtnl, |rules, _| named(rules)) {
            names.push(item.acl.name, GFP_KERNEL)?;
        }
    }
    let mut ready = KVec::with_capacity(names.len(), GFP_KERNEL)?;
    let mut room = change.room_for_rules(|acl| names.contains(acl));
    for name in &names {
        let acl = acl::own(change.lists, name, change.rtnl)?;
        if !change.staged {
            let made = acl.prepare(&change.lists.groups, room, change.rtnl)?;
            room = room.saturating_sub(made.size());
            ready.push((acl, made), GFP_KERNEL)?;
        }
    }
    // From here on nothing fails: all of them know the group as it is, or none.
    for (acl, made) in ready {
        acl.set(made, change.rtnl);
    }
    Ok(())
}

/// `group-new`.
pub(crate) fn new(request: &Request<'_>) -> Result {
    let name = name(request, attr::NAME)?;
    let append = request.attrs.has(attr::APPEND);
    state::change(request, |change| {
        let mut group = Group {
            name,
            members: KVVec::new(),
        };
        match change.lists.groups.get(&name) {
            Some(old) if append => group = old.copy()?,
            Some(_) if request.replaces() => (),
            Some(_) => {
                let why = c"the group is there already";
                return Err(request.ack.refuse(EEXIST, why));
            }
            None if append => {
                let why = c"there is no group of that name to append to";
                return Err(request.ack.refuse(ENOENT, why));
            }
            None if change.lists.groups.len() >= MOST_GROUPS => {
                let why = c"a namespace has 16384 groups at most";
                return Err(request.ack.refuse(ENOSPC, why));
            }
            None => (),
        }
        let others = change.lists.groups.iter().filter(|it| it.name != name);
        let others: usize = others.map(|it| it.members.len()).sum();
        for payload in request.each(attr::MEMBER) {
            if group.members.len() >= MOST {
                let why = c"a group has 65536 members at most";
                return Err(request.ack.refuse(E2BIG, why));
            }
            if others.saturating_add(group.members.len()) >= MOST_OF_ALL {
                let why = c"the groups of a namespace have 1048576 members at most";
                return Err(request.ack.refuse(ENOSPC, why));
            }
            let member = prefix(request, payload, true)?;
            group.members.push(member, GFP_KERNEL_ACCOUNT)?;
        }
        let old = change.lists.groups.put(group)?;
        if let Err(error) = recompile(change, &name) {
            // As before.
            match old {
                Some(old) => drop(change.lists.groups.put(old)),
                None => drop(change.lists.groups.take(&name)),
            }
            let why =
                c"with these members rules come to more than 131072 of an ACL, or 524288 of all";
            return Err(request.ack.explain(error, why));
        }
        Ok(())
    })
}

/// `group-del`.
pub(crate) fn del(request: &Request<'_>) -> Result {
    let name = name(request, attr::NAME)?;
    state::change(request, |change| {
        let mut used = false;
        for item in change.lists.acls.iter() {
            used |= item.acl.with(change.rtnl, |rules, _| {
                rules.list.iter().any(|it| it.names(&name))
            });
        }
        if used {
            return Err(request.ack.refuse(EBUSY, c"rules name the group"));
        }
        match change.lists.groups.take(&name) {
            Some(_) => Ok(()),
            None => Err(request
                .ack
                .refuse(ENOENT, c"there is no group of that name")),
        }
    })
}

fn fill(group: &Group, from: usize, message: &mut Message<'_>) -> Result {
    message.put_str(attr::NAME, &group.name)?;
    message.put_u32(attr::MEMBERS, group.members.len() as u32)?;
    if from > 0 {
        message.put_flag(attr::APPEND)?;
    }
    for member in group.members.iter().skip(from).take(PORTION) {
        put_prefix(attr::MEMBER, member, message)?;
    }
    Ok(())
}

/// Messages that a group takes.
fn portions(group: &Group) -> usize {
    group.members.len().div_ceil(PORTION).max(1)
}

/// `group-get` of one: its first members.
pub(crate) fn get(request: &Request<'_>) -> Result {
    let name = name(request, attr::NAME)?;
    state::look(request, |view| {
        let Some(group) = view.lists.groups.get(&name) else {
            return Err(request
                .ack
                .refuse(ENOENT, c"there is no group of that name"));
        };
        let size = group.members.len().min(PORTION).saturating_mul(40);
        request.reply(cmd::GROUP_GET, size.saturating_add(128), |message| {
            fill(group, 0, message)
        })
    })
}

/// `group-get` of all; a large group takes several messages, of which the later ones have the flag
/// `append`.
pub(crate) fn dump(dump: &mut Dump<'_>) -> Result {
    state::dump(dump, |dump, view| {
        let mut place: usize = 0;
        for group in view.lists.groups.iter() {
            for portion in 0..portions(group) {
                place = place.saturating_add(1);
                if place <= dump.skip() {
                    continue;
                }
                let from = portion.saturating_mul(PORTION);
                let put = dump.put(cmd::GROUP_GET, place as u32, |message| {
                    fill(group, from, message)
                })?;
                if !put {
                    return Ok(());
                }
            }
        }
        Ok(())
    })
}
