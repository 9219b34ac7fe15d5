// SPDX-License-Identifier: GPL-2.0

//! Rules and packets of few values, so that they meet often.

use super::*;
use proptest::arbitrary::any;
use proptest::prelude::*;

fn address4() -> impl Strategy<Value = u32> {
    prop_oneof![
        prop::sample::select(vec![
            0,
            1,
            2,
            0x7fff_ffff,
            0x8000_0000,
            u32::MAX - 1,
            u32::MAX
        ]),
        0x0a00_0000..0x0a00_0010_u32,
        any::<u32>(),
    ]
}

fn address6() -> impl Strategy<Value = u128> {
    let word = || prop::sample::select(vec![0, 1, 0x8000_0000, u32::MAX]);
    let words = (word(), word(), word(), address4());
    words.prop_map(|(a, b, c, d)| {
        u128::from(a) << 96 | u128::from(b) << 64 | u128::from(c) << 32 | u128::from(d)
    })
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![
        prop::sample::select(vec![0, 1, 22, 80, 443, 1023, 1024, 65534, 65535]),
        any::<u16>(),
    ]
}

fn ports() -> impl Strategy<Value = Ports> {
    let range = (port(), port()).prop_map(|(a, b)| Ports {
        first: a.min(b),
        last: a.max(b),
    });
    prop_oneof![Just(Ports::ANY), port().prop_map(Ports::one), range]
}

fn prefixes() -> impl Strategy<Value = (Option<Prefix>, Option<Prefix>)> {
    let four = || (address4(), 0..=32_u8).prop_map(|(addr, len)| v4(addr, len));
    let six = || (address6(), 0..=128_u8).prop_map(|(addr, len)| v6(addr, len));
    prop_oneof![
        Just((None, None)),
        (four(), Just(None)),
        (Just(None), six()),
        (four(), four()),
        (six(), six()),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let protocol = prop::sample::select(vec![
        None,
        Some(0),
        Some(1),
        Some(TCP),
        Some(UDP),
        Some(255),
    ]);
    let ethertype = prop::sample::select(vec![None, None, Some(IPV4), Some(IPV6), Some(0x0806)]);
    let fields = (ethertype, protocol, prefixes(), ports(), ports());
    (fields, any::<bool>(), any::<bool>()).prop_map(|(fields, drop, log)| {
        let (ethertype, protocol, (src, dst), sport, dport) = fields;
        let ports = matches!(protocol, Some(TCP | UDP));
        let either = |ports: bool, some| if ports { some } else { Ports::ANY };
        let mut rule = Rule {
            ethertype,
            protocol,
            src,
            dst,
            sport: either(ports, sport),
            dport: either(ports || protocol == Some(1), dport),
            verdict: if drop { Verdict::Drop } else { Verdict::Allow },
            log,
        };
        if rule.check().is_err() {
            rule.ethertype = None;
        }
        rule
    })
}

fn check(rules: &[Rule], seed: u64, keys: usize) -> Result<(), TestCaseError> {
    let lines = lines(rules);
    let r = &mut Random::new(seed);
    for _ in 0..keys {
        let key = key_near(r, rules);
        let found = Snapshot::new(&lines).lookup(&key);
        prop_assert_eq!(found, naive(rules, &key), "{:?}", key);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_few_rules(rules in prop::collection::vec(rule(), 0..12), seed: u64) {
        check(&rules, seed, 200)?;
    }

    #[test]
    fn rules_enough_for_all_kinds_of_lines(rules in prop::collection::vec(rule(), 12..400), seed: u64) {
        check(&rules, seed, 200)?;
    }

    #[test]
    fn any_packet(rules in prop::collection::vec(rule(), 0..60), src in address6(), dst in address4(), seed: u64) {
        let lines = lines(&rules);
        let r = &mut Random::new(seed);
        for ethertype in [IPV4, IPV6, 0x0806, 0] {
            let protocol = [TCP, UDP, 1, 0, 255][r.below(5)];
            let (src, dst, protocol) = match ethertype {
                IPV4 => (src & 0xffff_ffff, dst.into(), protocol),
                IPV6 => (src, dst.into(), protocol),
                _ => (0, 0, 0),
            };
            let key = Key {
                ethertype,
                src,
                dst,
                protocol,
                sport: r.bits() as u16,
                dport: r.bits() as u16,
                ports: r.percent(50),
            };
            prop_assert_eq!(Snapshot::new(&lines).lookup(&key), naive(&rules, &key), "{:?}", key);
        }
    }

    #[test]
    fn rules_of_one_field(
        prefixes in prop::collection::vec((address4(), 0..=32_u8), 0..300),
        seed: u64,
    ) {
        let rule = |(addr, len)| Rule { dst: v4(addr, len), ..sets::any() };
        let rules: Vec<Rule> = prefixes.into_iter().map(rule).collect();
        check(&rules, seed, 200)?;
    }
}
