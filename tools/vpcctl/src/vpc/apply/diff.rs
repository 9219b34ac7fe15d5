// SPDX-License-Identifier: GPL-2.0

//! The difference between two configurations.

use super::state::State;
use crate::vpc::object::Acl;
use crate::vpc::object::Entry;
use crate::vpc::object::Group;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Vpc;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What becomes of one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delta<'a, T> {
    Add(&'a T),
    Remove(&'a T),
    Change { from: &'a T, to: &'a T },
}

// Derived, they would be for those objects alone that are copied as easily.
impl<T> Clone for Delta<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Delta<'_, T> {}

impl<'a, T> Delta<'a, T> {
    /// What is there afterwards.
    pub(super) fn to(self) -> Option<&'a T> {
        match self {
            Self::Add(to) | Self::Change { to, .. } => Some(to),
            Self::Remove(_) => None,
        }
    }

    pub(super) fn removed(self) -> Option<&'a T> {
        match self {
            Self::Remove(from) => Some(from),
            _ => None,
        }
    }
}

/// A setting that becomes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting<T> {
    pub(super) from: T,
    pub(super) to: T,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Diff<'a> {
    pub(super) tunnel: Option<Setting<Option<&'a str>>>,
    pub(super) max_entries: Option<Setting<Option<u32>>>,
    pub(super) vpcs: Vec<Delta<'a, Vpc>>,
    pub(super) remotes: Vec<Delta<'a, Remote>>,
    pub(super) ports: Vec<Delta<'a, Port>>,
    pub(super) entries: Vec<Delta<'a, Entry>>,
    pub(super) acls: Vec<Delta<'a, Acl>>,
    pub(super) rules: Vec<Delta<'a, Rule>>,
    pub(super) groups: Vec<Delta<'a, Group>>,
}

impl<'a> Diff<'a> {
    pub(super) fn new(from: &'a State, to: &'a State) -> Self {
        let (before, after) = (from.tunnel.as_deref(), to.tunnel.as_deref());
        let tunnel = (before != after).then_some(Setting {
            from: before,
            to: after,
        });
        let max_entries = (to.max_entries.is_some() && from.max_entries != to.max_entries)
            .then_some(Setting {
                from: from.max_entries,
                to: to.max_entries,
            });
        Self {
            tunnel,
            max_entries,
            vpcs: compare(&from.vpcs, &to.vpcs),
            remotes: compare(&from.remotes, &to.remotes),
            ports: compare(&from.ports, &to.ports),
            entries: compare(&from.entries, &to.entries),
            acls: compare(&from.acls, &to.acls),
            rules: compare(&from.rules, &to.rules),
            groups: compare(&from.groups, &to.groups),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// In the order of the keys.
fn compare<'a, K: Ord, T: PartialEq>(
    from: &'a BTreeMap<K, T>,
    to: &'a BTreeMap<K, T>,
) -> Vec<Delta<'a, T>> {
    let (mut before, mut after) = (from.iter().peekable(), to.iter().peekable());
    let mut deltas = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return deltas,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let from = before.next_if(|_| order.is_le()).map(|(_, from)| from);
        let to = after.next_if(|_| order.is_ge()).map(|(_, to)| to);
        match (from, to) {
            (Some(from), Some(to)) if from == to => (),
            (Some(from), Some(to)) => deltas.push(Delta::Change { from, to }),
            (Some(from), None) => deltas.push(Delta::Remove(from)),
            (None, Some(to)) => deltas.push(Delta::Add(to)),
            (None, None) => (),
        }
    }
}
