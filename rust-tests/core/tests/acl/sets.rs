// SPDX-License-Identifier: GPL-2.0

//! Sets of rules: as people write them, and as somebody writes them who means harm.

use vpc_core::ip::Addr;
use vpc_core::vpc::acl::*;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;

/// Numbers that are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        // Knuth's MMIX generator, of which the upper half is good.
        let mut half = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 32
        };
        half() << 32 | half()
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() >> 33) as usize % n.max(1)
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn wide(&mut self) -> u128 {
        u128::from(self.bits()) << 64 | u128::from(self.bits())
    }
}

pub(crate) fn v4(addr: u32, len: u8) -> Option<Prefix> {
    let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
    Some(Prefix {
        addr: Addr::V4(addr & mask),
        len,
    })
}

pub(crate) fn v6(addr: u128, len: u8) -> Option<Prefix> {
    let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    Some(Prefix {
        addr: Addr::V6(addr & mask),
        len,
    })
}

pub(crate) fn any() -> Rule {
    Rule::any(Verdict::Allow)
}

/// Ports as in published filter sets: any, one, the upper ones, a range.
fn ports(r: &mut Random) -> Ports {
    match r.below(10) {
        0..=2 => Ports::ANY,
        3..=7 => Ports::one([22, 53, 80, 443, 8080, 3306, 5432, 25, 110, 6379][r.below(10)]),
        8 => Ports {
            first: 1024,
            last: 65535,
        },
        _ => range(r),
    }
}

fn range(r: &mut Random) -> Ports {
    let (a, b) = (r.bits() as u16, r.bits() as u16);
    Ports {
        first: a.min(b),
        last: a.max(b),
    }
}

/// Prefixes that share their beginnings, as a tree of subnets has them.
fn subnet(r: &mut Random, pool: &[u32]) -> Option<Prefix> {
    let len = [
        32, 32, 32, 28, 27, 26, 24, 24, 24, 24, 22, 21, 20, 16, 12, 8,
    ][r.below(16)];
    let addr = pool[r.below(pool.len())] ^ (r.bits() as u32 >> [8, 16, 20, 24][r.below(4)]);
    v4(addr, len)
}

/// As ClassBench makes them: pairs of prefixes, ports, of some the one or the other any.
pub(crate) fn class_bench(r: &mut Random, n: usize, any_src: usize, any_dst: usize) -> Vec<Rule> {
    let pool: Vec<u32> = (0..64).map(|_| r.bits() as u32).collect();
    let mut rules: Vec<Rule> = (0..n.saturating_sub(1))
        .map(|_| {
            let mut rule = any();
            rule.ethertype = Some(IPV4);
            if !r.percent(any_src) {
                rule.src = subnet(r, &pool);
            }
            if !r.percent(any_dst) {
                rule.dst = subnet(r, &pool);
            }
            match r.below(20) {
                // Nobody writes rules without anything in them.
                0 if rule.src.is_some() && rule.dst.is_some() => {}
                1 => rule.protocol = Some(1),
                _ => {
                    rule.protocol = Some(if r.percent(75) { TCP } else { UDP });
                    rule.dport = ports(r);
                    if r.percent(10) {
                        rule.sport = ports(r);
                    }
                }
            }
            rule
        })
        .collect();
    // What is wider comes later, or the others would be of no use.
    let bits = |ports: Ports| 16 - (u32::from(ports.last - ports.first) + 1).ilog2();
    let len = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| u32::from(prefix.len));
    rules.sort_by_cached_key(|rule| {
        let fields = len(rule.src) + len(rule.dst) + bits(rule.sport) + bits(rule.dport);
        std::cmp::Reverse(fields / 8)
    });
    rules.push(Rule::any(Verdict::Drop));
    rules
}

/// A security group: each member may come in on a few ports.
pub(crate) fn group(r: &mut Random, n: usize, v6_too: bool) -> Vec<Rule> {
    let net = r.bits() as u32 & 0xfff0_0000;
    let net6 = r.wide() & !0xffff_ffff_ffff;
    let ports = [22, 80, 443, 8443];
    (0..n)
        .map(|i| {
            let mut rule = any();
            rule.protocol = Some(TCP);
            rule.dport = Ports::one(ports[i % 4]);
            let member = (i as u32 / 4).wrapping_mul(0x9e37) & 0xf_ffff;
            rule.src = if v6_too && i % 8 >= 4 {
                v6(net6 | u128::from(member), 128)
            } else {
                v4(net | member, 32)
            };
            rule
        })
        .collect()
}

/// Nothing but members.
pub(crate) fn members(r: &mut Random, n: usize) -> Vec<Rule> {
    let address = |r: &mut Random| Rule {
        src: v4(r.bits() as u32, 32),
        ..any()
    };
    (0..n).map(|_| address(r)).collect()
}

/// Nothing but ports.
pub(crate) fn port_list(r: &mut Random, n: usize) -> Vec<Rule> {
    let port = |r: &mut Random| Rule {
        protocol: Some(if r.percent(50) { TCP } else { UDP }),
        dport: Ports::one(r.bits() as u16),
        ..any()
    };
    (0..n).map(|_| port(r)).collect()
}

/// Nothing but prefixes, longest first.
pub(crate) fn prefix_list(r: &mut Random, n: usize) -> Vec<Rule> {
    let mut prefixes: Vec<(u8, u32)> = (0..n)
        .map(|_| {
            (
                [24, 24, 24, 23, 22, 21, 20, 19, 18, 17, 16, 28, 32][r.below(13)],
                r.bits() as u32,
            )
        })
        .collect();
    prefixes.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
    let rule = |(len, addr)| Rule {
        dst: v4(addr, len),
        ..any()
    };
    prefixes.into_iter().map(rule).collect()
}

/// The same for IPv6.
pub(crate) fn prefix_list6(r: &mut Random, n: usize) -> Vec<Rule> {
    let mut prefixes: Vec<(u8, u128)> = (0..n)
        .map(|_| {
            (
                [64, 64, 56, 48, 48, 44, 40, 32, 128][r.below(9)],
                0x2 << 124 | r.wide() >> 4,
            )
        })
        .collect();
    prefixes.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
    let rule = |(len, addr)| Rule {
        dst: v6(addr, len),
        ..any()
    };
    prefixes.into_iter().map(rule).collect()
}

/// Ports of networks that lie in each other.
pub(crate) fn services(r: &mut Random, n: usize) -> Vec<Rule> {
    let one = |r: &mut Random| {
        let first = 1024 + r.below(3072) as u16;
        let more = r.below(usize::from(4096 - first)) as u16;
        let dport = match r.percent(50) {
            true => Ports::one(first),
            false => Ports {
                first,
                last: first + more,
            },
        };
        Rule {
            ethertype: Some(IPV4),
            protocol: Some(if r.percent(50) { TCP } else { UDP }),
            dst: v4(
                0xc613_0000 | r.below(1 << 16) as u32,
                [20, 24, 28, 32][r.below(4)],
            ),
            dport,
            ..any()
        }
    };
    (0..n).map(|_| one(r)).collect()
}

/// Everything at random and wide.
pub(crate) fn random_boxes(r: &mut Random, n: usize) -> Vec<Rule> {
    let one = |r: &mut Random| Rule {
        protocol: Some(TCP),
        src: v4(r.bits() as u32, r.below(33) as u8),
        dst: v4(r.bits() as u32, r.below(33) as u8),
        sport: range(r),
        dport: range(r),
        ..any()
    };
    (0..n).map(|_| one(r)).collect()
}

/// Each rule is narrow in one of the fields, at random, and any in the others.
pub(crate) fn crosses(r: &mut Random, n: usize) -> Vec<Rule> {
    let one = |r: &mut Random| {
        let mut rule = Rule {
            protocol: Some(TCP),
            ..any()
        };
        let port = Ports::one(r.bits() as u16);
        match r.below(4) {
            0 => rule.src = v4(r.bits() as u32, 32),
            1 => rule.dst = v4(r.bits() as u32, 32),
            2 => rule.sport = port,
            _ => rule.dport = port,
        }
        rule
    };
    (0..n).map(|_| one(r)).collect()
}

/// Narrow in one or two of the fields, by half in the others.
pub(crate) fn half_crosses(r: &mut Random, n: usize) -> Vec<Rule> {
    let one = |r: &mut Random| {
        let half = |r: &mut Random| match r.below(3) {
            0 => Ports {
                first: 0,
                last: 0x7fff + r.below(1000) as u16,
            },
            1 => Ports {
                first: 0x8000 - r.below(1000) as u16,
                last: u16::MAX,
            },
            _ => Ports::one(r.bits() as u16),
        };
        let prefix = |r: &mut Random| {
            let len = [1, 2, 3, 32][r.below(4)];
            v4(r.bits() as u32, len)
        };
        Rule {
            protocol: Some(TCP),
            src: prefix(r),
            dst: prefix(r),
            sport: half(r),
            dport: half(r),
            ..any()
        }
    };
    (0..n).map(|_| one(r)).collect()
}

/// Prefixes of all lengths around a few addresses, in both fields, the wide ones first or last.
pub(crate) fn nests(r: &mut Random, n: usize, wide_first: bool) -> Vec<Rule> {
    let hosts: Vec<(u32, u32)> = (0..n.div_ceil(1089))
        .map(|_| (r.bits() as u32, r.bits() as u32))
        .collect();
    let mut rules = Vec::new();
    for i in 0..n {
        let (src, dst) = hosts[i / 1089];
        let (a, b) = ((i % 1089 / 33) as u8, (i % 33) as u8);
        rules.push(Rule {
            protocol: Some(TCP),
            src: v4(src, a),
            dst: v4(dst, b),
            // Something that not all packets have.
            sport: Ports {
                first: 0,
                last: 40_000 + i as u16,
            },
            ..any()
        });
    }
    if !wide_first {
        rules.reverse();
    }
    rules
}

/// Ranges of ports that all overlap, as a staircase, with another in the other field.
pub(crate) fn stairs(n: usize) -> Vec<Rule> {
    let step = |i: usize| (i * 32_000 / n) as u16;
    let rule = |i| Rule {
        protocol: Some(UDP),
        sport: Ports {
            first: step(i),
            last: step(i) + 32_000,
        },
        dport: Ports {
            first: 32_000 - step(i),
            last: 64_000 - step(i),
        },
        ..any()
    };
    (0..n).map(rule).collect()
}

/// Ranges in both fields that shrink from both sides, so that each lies within the one behind it.
pub(crate) fn rings(n: usize) -> Vec<Rule> {
    let rule = |i: usize| {
        let d = (i * 32_000 / n) as u16;
        let ports = Ports {
            first: d,
            last: u16::MAX - d,
        };
        Rule {
            protocol: Some(UDP),
            sport: ports,
            dport: ports,
            ..any()
        }
    };
    (0..n).rev().map(rule).collect()
}

/// Prefixes and ranges of a random size in each field, small ones as likely as large ones.
pub(crate) fn scales(r: &mut Random, n: usize) -> Vec<Rule> {
    let one = |r: &mut Random| {
        let around = |r: &mut Random| {
            let size = (1_u32 << r.below(17)) - 1;
            let first = (r.bits() as u16).saturating_sub(size as u16);
            Ports {
                first,
                last: first.saturating_add(size as u16),
            }
        };
        Rule {
            protocol: Some(UDP),
            src: v4(r.bits() as u32, r.below(33) as u8),
            dst: v4(r.bits() as u32, r.below(33) as u8),
            sport: around(r),
            dport: around(r),
            ..any()
        }
    };
    let mut rules: Vec<Rule> = (0..n).map(|_| one(r)).collect();
    // The largest last, so that the others count.
    let size = |p: Ports| u32::from(p.last - p.first).max(1).ilog2();
    let len = |p: Option<Prefix>| p.map_or(32, |p| 32 - u32::from(p.len));
    rules.sort_by_key(|x| size(x.sport) + size(x.dport) + len(x.src) + len(x.dst));
    rules
}

/// Prefixes of any length on both sides, of a few nets, the long ones first.
pub(crate) fn scales6(r: &mut Random, n: usize) -> Vec<Rule> {
    let nets: Vec<u128> = (0..16).map(|_| r.wide()).collect();
    let one = |r: &mut Random| {
        let prefix = |r: &mut Random| {
            let kept = r.below(129) as u32;
            let other = r.wide().checked_shr(kept).unwrap_or(0);
            v6(nets[r.below(16)] ^ other, r.below(129) as u8)
        };
        Rule {
            src: prefix(r),
            dst: prefix(r),
            ..any()
        }
    };
    let mut rules: Vec<Rule> = (0..n).map(|_| one(r)).collect();
    let len = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| u32::from(prefix.len));
    rules.sort_by_key(|rule| std::cmp::Reverse(len(rule.src) + len(rule.dst)));
    rules
}

/// All sets by name.
pub(crate) fn all(n: usize) -> Vec<(&'static str, Vec<Rule>)> {
    let r = &mut Random::new(n as u64);
    vec![
        ("class-bench acl", class_bench(r, n, 2, 1)),
        ("class-bench fw", class_bench(r, n, 30, 15)),
        ("class-bench ipc", class_bench(r, n, 8, 8)),
        ("services", services(r, n)),
        ("group", group(r, n, false)),
        ("group 4+6", group(r, n, true)),
        ("members", members(r, n)),
        ("ports", port_list(r, n)),
        ("prefixes", prefix_list(r, n)),
        ("prefixes 6", prefix_list6(r, n)),
        ("random boxes", random_boxes(r, n)),
        ("crosses", crosses(r, n)),
        ("half crosses", half_crosses(r, n)),
        ("nests, wide first", nests(r, n, true)),
        ("nests, wide last", nests(r, n, false)),
        ("stairs", stairs(n)),
        ("rings", rings(n)),
        ("scales", scales(r, n)),
        ("scales 6", scales6(r, n)),
    ]
}

/// A packet at the edges of a rule, or one of them changed to something else.
pub(crate) fn key_near(r: &mut Random, rules: &[Rule]) -> Key {
    let at = |r: &mut Random, prefix: Option<Prefix>, like: u16| match prefix {
        Some(Prefix { addr, len }) => {
            let (addr, bits) = match addr {
                Addr::V4(addr) => (u128::from(addr), 32),
                Addr::V6(addr) => (addr, 128),
            };
            let more = u128::MAX
                .checked_shr(128 - (bits - u32::from(len)))
                .unwrap_or(0);
            let past = 1_u128.checked_shl(bits - u32::from(len)).unwrap_or(0);
            let all = u128::MAX >> (128 - bits);
            match r.below(8) {
                0 => addr,
                1 => addr | more,
                2 => addr.wrapping_sub(1) & all,
                3 => (addr | more).wrapping_add(1) & all,
                4 => (addr ^ past) & all,
                _ => addr | r.wide() & more,
            }
        }
        None if like == IPV6 => r.wide(),
        None => u128::from(r.bits() as u32),
    };
    let port = |r: &mut Random, ports: Ports| match r.below(8) {
        0 => ports.first,
        1 => ports.last,
        2 => ports.first.wrapping_sub(1),
        3 => ports.last.wrapping_add(1),
        _ => {
            (u32::from(ports.first) + r.below(usize::from(ports.last - ports.first) + 1) as u32)
                as u16
        }
    };
    let rule = if rules.is_empty() {
        any()
    } else {
        rules[r.below(rules.len())]
    };
    let other = if rules.is_empty() {
        any()
    } else {
        rules[r.below(rules.len())]
    };
    let version = |prefix: Option<Prefix>| {
        prefix.map(|prefix| {
            if matches!(prefix.addr, Addr::V4(_)) {
                IPV4
            } else {
                IPV6
            }
        })
    };
    let ethertype = version(rule.src).or(version(rule.dst)).or(rule.ethertype);
    let ethertype = match ethertype {
        Some(kind) if !r.percent(3) => kind,
        _ => [IPV4, IPV4, IPV4, IPV6, 0x0806][r.below(5)],
    };
    let from = |r: &mut Random| if r.percent(6) { other } else { rule };
    let protocol = from(r).protocol.unwrap_or([TCP, UDP, 1, 47][r.below(4)]);
    let (src, dst) = (from(r).src, from(r).dst);
    let (sport, dport) = (from(r).sport, from(r).dport);
    let (mask, protocol) = match ethertype {
        IPV4 => (u128::from(u32::MAX), protocol),
        IPV6 => (u128::MAX, protocol),
        _ => (0, 0),
    };
    Key {
        ethertype,
        src: at(r, src, ethertype) & mask,
        dst: at(r, dst, ethertype) & mask,
        protocol,
        sport: port(r, sport),
        dport: port(r, dport),
        ports: !r.percent(4),
    }
}
