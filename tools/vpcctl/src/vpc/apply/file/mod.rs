// SPDX-License-Identifier: GPL-2.0

//! Files that say what a configuration is to be, in TOML.

mod check;
mod export;
mod shape;

use super::state::State;
use anyhow::anyhow;
use anyhow::Context;
use anyhow::Result;
use shape::File;
use std::fs;
use std::io;
use std::ops::Range;

pub(crate) use export::export;

/// Something in a file that is wrong.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    /// Bytes of the file that it is about.
    span: Range<usize>,
    /// The object, and what is wrong with it.
    what: String,
}

type Checked<T> = std::result::Result<T, Wrong>;

/// Reads a file; `-` is the standard input.
pub(crate) fn read(path: &str) -> Result<State> {
    let text = match path {
        "-" => io::read_to_string(io::stdin()),
        path => fs::read_to_string(path),
    };
    let text = text.with_context(|| format!("cannot read {path}"))?;
    parse(path, &text)
}

pub(super) fn parse(path: &str, text: &str) -> Result<State> {
    let parsed = toml::from_str::<File>(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        // Not all messages are one line.
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        let what = match header(text, span.start) {
            Some(header) => format!("{header}: {message}"),
            None => message,
        };
        Wrong { span, what }
    });
    parsed
        .and_then(|file| check::check(&file))
        .map_err(|wrong| {
            let line = line(text, wrong.span.start);
            anyhow!("{path}, line {line}: {}", wrong.what)
        })
}

/// The line that a byte is in, from 1 on.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// The last header of a table before a byte: `[port.tap0]`.
fn header(text: &str, offset: usize) -> Option<&str> {
    let number = line(text, offset);
    let lines: Vec<&str> = text.lines().take(number).collect();
    let headers = lines.iter().rev().map(|line| line.trim());
    headers.into_iter().find(|line| line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::mac::Mac;
    use crate::vpc::object::Direction;
    use crate::vpc::object::EntryKey;
    use crate::vpc::object::Flags;

    const EXAMPLE: &str = r#"
tunnel = "mgre0"

[vpc.red]
id = 7
gateway = "02:00:00:00:00:fe"
remotes = [{ address = "192.0.2.1", flood = true }, { address = "192.0.2.2" }]

[vpc.8]

[port.tap0]
vpc = "red"
mac = "02:00:00:00:00:01"
addresses = ["10.0.0.1", "10.1.0.0/16"]
acls = ["web"]
allow = ["router"]

[[route]]
vpc = "red"
mac = "02:00:00:00:00:02"
addresses = ["10.0.0.2"]
via = "192.0.2.1"

[group.web]
members = ["10.0.0.0/24"]

[[acl.web.rule]]
priority = 10
action = "allow"
direction = "ingress"
ethertype = "ipv4"
protocol = "tcp"
from = "10.0.0.0/8"
to-group = "web"
sport = "1024-65535"
port = 80
stateful = true

[[acl.web.rule]]
priority = 20
action = "drop"
direction = "ingress"
log = true
"#;

    #[test]
    fn a_file_is_a_configuration() {
        let state = parse("vpc.toml", EXAMPLE).unwrap();
        assert_eq!(state.tunnel.as_deref(), Some("mgre0"));
        assert_eq!(state.max_entries, None);
        assert_eq!(state.vpcs[&7].name.as_deref(), Some("red"));
        assert_eq!(state.vpcs[&8].name, None);
        assert_eq!(state.remotes.len(), 2);
        assert!(state.remotes[&(7, "192.0.2.1".parse().unwrap())].flood);
        let port = &state.ports["tap0"];
        assert_eq!((port.vpc, port.flags), (7, Flags(2)));
        assert_eq!(port.addresses.len(), 2);
        assert_eq!(state.entries.len(), 2);
        let mac = Mac([2, 0, 0, 0, 0, 2]);
        let key = EntryKey::Address(7, "10.0.0.2".parse().unwrap());
        assert_eq!(state.entries[&key].mac, mac);
        let rule = &state.rules[&("web".to_owned(), 10)];
        assert_eq!(rule.direction, Direction::Ingress);
        assert_eq!((rule.ethertype, rule.protocol), (Some(0x0800), Some(6)));
        assert_eq!(rule.dport.unwrap().to_string(), "80");
        assert_eq!(rule.dst_group.as_deref(), Some("web"));
        assert!(state.rules[&("web".to_owned(), 20)].log);
        assert_eq!(parse("vpc.toml", "").unwrap(), State::default());
    }

    #[test]
    fn what_is_exported_says_the_same() {
        let state = parse("vpc.toml", EXAMPLE).unwrap();
        let text = export(&state).unwrap();
        assert_eq!(parse("again.toml", &text).unwrap(), state, "{text}");
    }

    /// The one message for a file in which something has been replaced.
    #[track_caller]
    fn assert_wrong(old: &str, new: &str, expected: &str) {
        assert!(EXAMPLE.contains(old), "{old}");
        let text = EXAMPLE.replacen(old, new, 1);
        let error = parse("vpc.toml", &text).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        let at = EXAMPLE.find(old).unwrap();
        let expected = format!("vpc.toml, line {}: {expected}", line(EXAMPLE, at));
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_object() {
        assert_wrong("[port.tap0]", "[port.tap0", "");
        assert_wrong(
            "allow = [",
            "allows = [",
            "[port.tap0]: unknown field `allows`",
        );
        assert_wrong("id = 7", "id = \"x\"", "[vpc.red]: invalid type");
        assert_wrong(
            "id = 7",
            "id = 0",
            "VPC red: the id of a VPC is a number from 1",
        );
        assert_wrong(
            "[vpc.red]",
            "[vpc.\"r d\"]",
            "VPC r d: a name has no blanks",
        );
        assert_wrong("id = 7", "id = 8", "VPC red: VPC 8 has this id, too");
        assert_wrong("[vpc.8]", "[vpc.blue]", "VPC blue: id is missing");
        assert_wrong(
            "mac = \"02:00:00:00:00:01\"",
            "mac = \"02:00\"",
            "port tap0: mac: 02:00 is no MAC address",
        );
        assert_wrong(
            "\"10.0.0.1\", ",
            "\"10.0.0.5/33\", ",
            "port tap0: addresses: 10.0.0.5/33: a prefix has at most 32 bits",
        );
        assert_wrong(
            "from = \"10.0.0.0/8\"",
            "from = \"10.0.0.5/8\"",
            "rule 10 of ACL web: from: 10.0.0.5/8 is no prefix",
        );
        assert_wrong(
            "\"router\"",
            "\"all\"",
            "port tap0: allow: there is nothing called all",
        );
        assert_wrong(
            "acls = [\"web\"]",
            "acls = [\"x\"]",
            "port tap0: there is no ACL x",
        );
        assert_wrong(
            "[port.tap0]",
            "[port.\"a/b\"]",
            "port a/b: a device's name has no",
        );
        assert_wrong(
            "via = \"192.0.2.1\"",
            "via = \"192.0.2.9\"",
            "route 02:00:00:00:00:02: VPC red has no remote 192.0.2.9",
        );
        assert_wrong(
            "port = 80",
            "port = \"90-80\"",
            "rule 10 of ACL web: port: 90-80: the first port is the lower one",
        );
        assert_wrong(
            "priority = 20",
            "priority = 10",
            "rule 10 of ACL web: there is another one",
        );
        assert_wrong(
            "to-group = \"web\"",
            "to-group = \"x\"",
            "rule 10 of ACL web: there is no group x",
        );
        assert_wrong(
            "action = \"drop\"",
            "action = \"reject\"",
            "rule 20 of ACL web: action: reject is neither allow nor drop",
        );
        assert_wrong(
            "{ address = \"192.0.2.2\" }",
            "{ address = \"192.0.2.1\" }",
            "VPC red: remote 192.0.2.1 is there twice",
        );
        assert_wrong(
            "[\"10.0.0.0/24\"]",
            "[\"10.0.0.0/99\"]",
            "group web: members: 10.0.0.0/99: a prefix has at most 32 bits",
        );
        assert_wrong(
            "tunnel = \"mgre0\"",
            "tunnel = \"a b\"",
            "tunnel: a device's name has no blanks",
        );
    }

    #[test]
    fn one_thing_is_at_one_place() {
        let twice = |more: &str| {
            let text = format!("{EXAMPLE}\n{more}");
            let error = parse("vpc.toml", &text).unwrap_err().to_string();
            let (_, what) = error.split_once(": ").unwrap();
            what.to_owned()
        };
        let port = "[port.tap1]\nvpc = 'red'\nmac = '02:00:00:00:00:01'";
        assert_eq!(
            twice(port),
            "port tap1: port tap0 of the same VPC has 02:00:00:00:00:01, too"
        );
        let route = |mac: &str, more: &str| {
            twice(&format!(
                "[[route]]\nvpc = 'red'\nmac = '02:00:00:00:00:{mac}'\n{more}"
            ))
        };
        assert_eq!(
            route("01", "via = '192.0.2.1'"),
            "route 02:00:00:00:00:01: port tap0 has this MAC, so that it is not at a remote"
        );
        assert_eq!(
            route("02", "via = '192.0.2.2'"),
            "route 02:00:00:00:00:02: there is another one with via"
        );
        assert_eq!(
            route("03", "addresses = ['10.0.0.2']"),
            "route 02:00:00:00:00:03: 10.0.0.2 is in another route of the VPC, too"
        );
        assert_eq!(
            route("03", ""),
            "route 02:00:00:00:00:03: it has neither via nor addresses"
        );
        assert!(route("03", "addresses = ['10.0.0.0/8']").contains("is a network"));
    }

    #[test]
    fn what_goes_without_saying_may_be_said() {
        let route = "[[route]]\nvpc = 'red'\nmac = '02:00:00:00:00:01'\naddresses = ['10.0.0.1']";
        let state = parse("vpc.toml", &format!("{EXAMPLE}\n{route}")).unwrap();
        assert_eq!(state, parse("vpc.toml", EXAMPLE).unwrap());
    }
}
