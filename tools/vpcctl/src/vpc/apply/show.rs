// SPDX-License-Identifier: GPL-2.0

//! A difference as lines for people, or as JSON.

use super::diff::Delta;
use super::diff::Diff;
use super::diff::Setting;
use crate::table;
use crate::vpc::command::acl;
use crate::vpc::object::Acl;
use crate::vpc::object::Entry;
use crate::vpc::object::Group;
use crate::vpc::object::Object;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Rule;
use crate::vpc::object::Vpc;
use serde::Serialize;
use std::fmt;

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Op {
    Add,
    Change,
    Remove,
}

/// What is said of one object.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    op: Op,
    object: String,
    detail: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.op {
            Op::Add => '+',
            Op::Change => '~',
            Op::Remove => '-',
        };
        match self.detail.is_empty() {
            true => write!(f, "{sign} {}", self.object),
            false => write!(f, "{sign} {}: {}", self.object, self.detail),
        }
    }
}

/// What there is to say of an object beyond its name.
trait Describe: Object {
    fn fields(&self) -> Vec<(&'static str, String)>;

    /// How it becomes another.
    fn change(&self, to: &Self) -> String {
        let changes = self.fields().into_iter().zip(to.fields());
        let changes = changes.filter(|(from, to)| from != to);
        let told: Vec<String> = changes
            .map(|((name, from), (_, to))| format!("{name} {from} -> {to}"))
            .collect();
        told.join("; ")
    }
}

impl Describe for Vpc {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", table::or_dash(self.name.as_ref())),
            ("gateway", table::or_dash(self.gateway)),
        ]
    }
}

impl Describe for Remote {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("flood", if self.flood { "yes" } else { "no" }.to_owned())]
    }
}

impl Describe for Port {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("VPC", self.vpc.to_string()),
            ("mac", self.mac.to_string()),
            ("addresses", table::list(&self.addresses)),
            ("allow", table::list(self.flags.names())),
            ("acls", table::list(&self.acls)),
            (
                "max-connections",
                table::or_dash(self.max_connections.said()),
            ),
        ]
    }
}

impl Describe for Entry {
    fn fields(&self) -> Vec<(&'static str, String)> {
        match self.address {
            Some(_) => vec![("mac", self.mac.to_string())],
            None => vec![("via", table::or_dash(self.remote))],
        }
    }
}

impl Describe for Acl {
    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

impl Describe for Rule {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("", format!("{} {}", self.action, self.direction)),
            ("", acl::matches(self)),
        ]
    }
}

impl Describe for Group {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("members", self.members.len().to_string())]
    }

    fn change(&self, to: &Self) -> String {
        let gained = to.members.difference(&self.members).count();
        let lost = self.members.difference(&to.members).count();
        format!("{gained} members more, {lost} less")
    }
}

fn line<T: Describe>(delta: Delta<'_, T>) -> Line {
    let all = |object: &T| {
        let fields = object.fields().into_iter();
        let told: Vec<String> = fields
            .filter(|(_, value)| value != table::NOTHING_THERE)
            .map(|(name, value)| format!("{name} {value}").trim_start().to_owned())
            .collect();
        told.join(", ")
    };
    let (op, object, detail) = match delta {
        Delta::Add(to) => (Op::Add, to, all(to)),
        Delta::Remove(from) => (Op::Remove, from, String::new()),
        Delta::Change { from, to } => {
            let detail = from.change(to).trim_start().to_owned();
            (Op::Change, to, detail)
        }
    };
    Line {
        op,
        object: object.label(),
        detail,
    }
}

/// A line for each object, but no more than `most` of each kind, and how many are left out.
pub(super) fn lines(diff: &Diff<'_>, most: usize) -> Vec<(Vec<Line>, usize)> {
    let setting = |object: &str, from: String, to: String| Line {
        op: Op::Change,
        object: object.to_owned(),
        detail: format!("{from} -> {to}"),
    };
    let tunnel = diff
        .tunnel
        .map(|Setting { from, to }| setting("tunnel", table::or_dash(from), table::or_dash(to)));
    let limit = diff.max_entries.map(|Setting { from, to }| {
        setting("max-entries", table::or_dash(from), table::or_dash(to))
    });
    vec![
        (tunnel.into_iter().chain(limit).collect(), 0),
        kind(&diff.groups, most),
        kind(&diff.acls, most),
        kind(&diff.rules, most),
        kind(&diff.vpcs, most),
        kind(&diff.remotes, most),
        kind(&diff.ports, most),
        kind(&diff.entries, most),
    ]
}

fn kind<T: Describe>(deltas: &[Delta<'_, T>], most: usize) -> (Vec<Line>, usize) {
    let told = deltas.iter().take(most).map(|delta| line(*delta));
    (told.collect(), deltas.len().saturating_sub(most))
}

/// The lines as text.
pub(super) fn text(diff: &Diff<'_>, most: usize) -> String {
    let mut text = String::new();
    for (lines, left_out) in lines(diff, most) {
        for line in lines {
            text.push_str(&format!("{line}\n"));
        }
        if left_out != 0 {
            text.push_str(&format!("  and {left_out} more like these\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;
    use crate::vpc::mac::Mac;

    #[test]
    fn each_object_has_a_line() {
        let vpc = |name: &str| Vpc {
            id: 7,
            name: Some(name.to_owned()),
            gateway: None,
        };
        let mut port = Port {
            ifname: "tap0".to_owned(),
            vpc: 7,
            mac: Mac([2; 6]),
            acls: vec!["web".to_owned()],
            ..Port::default()
        };
        let (mut from, mut to) = (State::default(), State::default());
        from.tunnel = Some("mgre0".to_owned());
        from.vpcs.insert(7, vpc("red"));
        to.vpcs.insert(7, vpc("blue"));
        from.ports.insert("tap0".to_owned(), port.clone());
        port.ifname = "tap1".to_owned();
        to.ports.insert("tap1".to_owned(), port);
        let rule = Rule {
            acl: "web".to_owned(),
            priority: 3,
            protocol: Some(6),
            ..Rule::default()
        };
        to.rules.insert(("web".to_owned(), 3), rule);
        let expected = "\
~ tunnel: mgre0 -> -
+ rule 3 of ACL web: drop egress, protocol tcp
~ VPC 7 (blue): name red -> blue
- port tap0
+ port tap1: VPC 7, mac 02:02:02:02:02:02, acls web
";
        assert_eq!(text(&Diff::new(&from, &to), 10), expected);
        let short = text(&Diff::new(&from, &to), 1);
        assert!(
            short.ends_with("- port tap0\n  and 1 more like these\n"),
            "{short}"
        );
    }
}
