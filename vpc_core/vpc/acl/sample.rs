// SPDX-License-Identifier: GPL-2.0

//! Packets that rules are about, to find out how long lookups are.

use super::key::Key;
use super::line::Line;
use super::lookup::Snapshot;
use super::rule::Ports;
use super::rule::Rule;
use crate::eth;
use crate::ip::PROTO_TCP;

/// So many of them.
pub(super) const KEYS: usize = 256;

/// How many lines are read to look all of them up; none without rules.
pub(super) fn steps(rules: &[Rule], lines: &[Line]) -> usize {
    let snapshot = Snapshot::new(lines);
    let step = |i: usize| rules.len().saturating_mul(i) / KEYS;
    let pairs = (0..KEYS).filter_map(|i| {
        let next = rules.get(step(i).saturating_add(1)).or(rules.first())?;
        Some((rules.get(step(i))?, next))
    });
    let steps = pairs.map(|(rule, next)| snapshot.steps(&key(rule, next)));
    steps.fold(0, usize::saturating_add)
}

/// A packet for a rule, and where that says nothing, for another one.
fn key(rule: &Rule, other: &Rule) -> Key {
    let ports = |own: Ports, others: Ports| match own == Ports::ANY {
        true => others.last,
        false => own.last,
    };
    let ethertype = rule.only_ethertype().or(other.only_ethertype());
    let address = |own: Option<super::Prefix>, others: Option<super::Prefix>| {
        own.or(others).map_or(0, |prefix| prefix.parts().0)
    };
    Key {
        ethertype: ethertype.unwrap_or(eth::TYPE_IPV4),
        src: address(rule.src, other.src),
        dst: address(rule.dst, other.dst),
        protocol: rule.protocol.or(other.protocol).unwrap_or(PROTO_TCP),
        sport: ports(rule.sport, other.sport),
        dport: ports(rule.dport, other.dport),
        ports: true,
    }
}
