// SPDX-License-Identifier: GPL-2.0

//! Which packets a rule is for, and which rules there cannot be.

use super::*;
use vpc_core::ip::Addr;

const ICMP: u8 = 1;
const GRE: u8 = 47;

fn tcp() -> Key {
    Key {
        ethertype: IPV4,
        src: 0x0a00_0001,
        dst: 0x0a00_0002,
        protocol: TCP,
        sport: 40_000,
        dport: 443,
        ports: true,
    }
}

/// What the model says, which is what the tree has to say.
fn matches(rule: Rule, key: Key) -> bool {
    let found = Snapshot::new(&lines(&[rule])).lookup(&key).is_some();
    assert_eq!(found, rule.matches(&key));
    found
}

#[test]
fn each_field_counts() {
    let whole = Rule {
        ethertype: Some(IPV4),
        protocol: Some(TCP),
        src: v4(0x0a00_0000, 24),
        dst: v4(0x0a00_0002, 32),
        sport: Ports {
            first: 40_000,
            last: 40_001,
        },
        dport: Ports::one(443),
        ..any()
    };
    assert!(matches(whole, tcp()));
    let not = |change: fn(&mut Key)| {
        let mut key = tcp();
        change(&mut key);
        !matches(whole, key)
    };
    assert!(not(|key| key.ethertype = IPV6));
    assert!(not(|key| key.protocol = UDP));
    assert!(not(|key| key.src = 0x0a00_0100));
    assert!(not(|key| key.dst = 0x0a00_0003));
    assert!(not(|key| key.sport = 39_999));
    assert!(not(|key| key.sport = 40_002));
    assert!(not(|key| key.dport = 80));
    assert!(not(|key| key.ports = false));
}

#[test]
fn without_ports_only_rules_that_say_nothing_of_them() {
    let fragment = Key {
        ports: false,
        sport: 0,
        dport: 0,
        ..tcp()
    };
    let rule = Rule {
        protocol: Some(TCP),
        ..any()
    };
    assert!(matches(rule, fragment));
    for ports in [
        Ports::one(0),
        Ports {
            first: 0,
            last: 65534,
        },
    ] {
        let (sport, dport) = (
            Rule {
                sport: ports,
                ..rule
            },
            Rule {
                dport: ports,
                ..rule
            },
        );
        assert!(!matches(sport, fragment));
        assert!(!matches(dport, fragment));
    }
}

#[test]
fn a_prefix_is_for_its_version() {
    let everything = [v4(0, 0), v6(0, 0)];
    for (i, prefix) in everything.into_iter().enumerate() {
        for (j, ethertype) in [IPV4, IPV6, 0x0806].into_iter().enumerate() {
            let key = Key { ethertype, ..tcp() };
            assert_eq!(
                matches(
                    Rule {
                        src: prefix,
                        ..any()
                    },
                    key
                ),
                i == j
            );
            assert_eq!(
                matches(
                    Rule {
                        dst: prefix,
                        ..any()
                    },
                    key
                ),
                i == j
            );
        }
    }
}

#[test]
fn icmp_by_type_and_code() {
    let key = |kind: u16, code: u16| Key {
        protocol: ICMP,
        sport: 0,
        dport: kind << 8 | code,
        ..tcp()
    };
    let rule = |ports| Rule {
        protocol: Some(ICMP),
        dport: ports,
        ..any()
    };
    assert!(matches(rule(Ports::icmp(3, None)), key(3, 4)));
    assert!(!matches(rule(Ports::icmp(3, None)), key(4, 0)));
    assert!(matches(rule(Ports::icmp(3, Some(4))), key(3, 4)));
    assert!(!matches(rule(Ports::icmp(3, Some(4))), key(3, 3)));
}

#[test]
fn the_first_of_two_wins() {
    let narrow = Rule {
        protocol: Some(TCP),
        ..any()
    };
    let find = |rules: &[Rule]| Snapshot::new(&lines(rules)).lookup(&tcp()).unwrap().rule;
    assert_eq!(find(&[narrow, any()]), 0);
    assert_eq!(find(&[any(), narrow]), 0);
}

#[test]
fn rules_that_cannot_be() {
    let prefix = |addr, len| Some(Prefix { addr, len });
    let with_src = |src| Rule { src, ..any() };
    let with_dst = |dst| Rule { dst, ..any() };
    let with_ports = |protocol, sport, dport| Rule {
        protocol,
        sport,
        dport,
        ..any()
    };
    let reversed = Ports { first: 2, last: 1 };
    let one = Ports::one(1);
    let wrong = [
        (with_src(prefix(Addr::V4(0), 33)), Invalid::PrefixTooLong),
        (with_dst(prefix(Addr::V6(0), 129)), Invalid::PrefixTooLong),
        (with_src(prefix(Addr::V4(1), 31)), Invalid::BitsBeyondPrefix),
        (with_dst(prefix(Addr::V6(1), 0)), Invalid::BitsBeyondPrefix),
        (
            Rule {
                ethertype: Some(IPV6),
                ..with_src(v4(0, 0))
            },
            Invalid::VersionMismatch,
        ),
        (
            Rule {
                ethertype: Some(0x0806),
                ..with_dst(v4(0, 8))
            },
            Invalid::VersionMismatch,
        ),
        (
            Rule {
                dst: v6(0, 8),
                ..with_src(v4(0, 8))
            },
            Invalid::VersionMismatch,
        ),
        (
            with_ports(Some(TCP), reversed, Ports::ANY),
            Invalid::PortsReversed,
        ),
        (
            with_ports(Some(UDP), Ports::ANY, reversed),
            Invalid::PortsReversed,
        ),
        (
            with_ports(None, one, Ports::ANY),
            Invalid::PortsWithoutProtocol,
        ),
        (
            with_ports(Some(GRE), Ports::ANY, one),
            Invalid::PortsWithoutProtocol,
        ),
        (
            with_ports(Some(ICMP), one, one),
            Invalid::PortsWithoutProtocol,
        ),
    ];
    for (rule, why) in wrong {
        assert_eq!(rule.check(), Err(why), "{rule:?}");
        let compiled = compile(
            &[any(), rule],
            &mut Items::new(),
            &mut Items::new(),
            &mut Items::new(),
            &mut Items::new(),
        );
        assert_eq!(compiled, Err(Error::Invalid { rule: 1, why }));
    }
    let right = [
        any(),
        with_src(v4(0xffff_ffff, 32)),
        with_dst(v6(u128::MAX, 128)),
        with_ports(Some(132), one, one),
        with_ports(Some(58), Ports::ANY, one),
        with_ports(Some(GRE), Ports::ANY, Ports::ANY),
    ];
    for rule in right {
        assert_eq!(rule.check(), Ok(()), "{rule:?}");
    }
}
