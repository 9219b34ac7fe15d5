// SPDX-License-Identifier: GPL-2.0

//! Rules, and what is wrong with those that cannot be.

use super::key;
use super::key::Key;
use crate::eth;
use crate::ip::Addr;
use crate::ip::Version;
use crate::ip::PROTO_ICMP;
use crate::ip::PROTO_ICMPV6;
use crate::ip::PROTO_TCP;
use crate::ip::PROTO_UDP;

/// So many rules can be compiled.
pub const MAX_RULES: usize = 1 << 20;

/// Further protocols with ports at the start of their header: DCCP (RFC 4340), SCTP (RFC 9260),
/// UDP-Lite (RFC 3828).
const OTHERS_WITH_PORTS: [u8; 3] = [33, 132, 136];

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// It goes on.
    Allow,
    /// It is dropped.
    Drop,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The bits; those beyond the length are 0.
    pub addr: Addr,
    /// How many bits, up to 32 or 128.
    pub len: u8,
}

impl Prefix {
    /// The address as a number, and how many of its low bits do not matter, 0..=128.
    ///
    /// Beyond what a version has, all bits of the number matter. A length that is too long counts
    /// as the longest.
    pub(super) fn parts(self) -> (u128, u32) {
        let (addr, bits) = match self.addr {
            Addr::V4(addr) => (addr.into(), 32),
            Addr::V6(addr) => (addr, 128),
        };
        (addr, u32::saturating_sub(bits, self.len.into()))
    }

    /// Whether an address of the EtherType's version begins with these bits.
    fn holds(self, ethertype: u16, addr: u128) -> bool {
        let (first, free) = self.parts();
        ethertype == ethertype_of(self.addr.version()) && (first ^ addr) & mask(free) == 0
    }

    fn check(self) -> Result<(), Invalid> {
        let (addr, _) = self.parts();
        let longest = match self.addr.version() {
            Version::V4 => 32,
            Version::V6 => 128,
        };
        if self.len > longest {
            return Err(Invalid::PrefixTooLong);
        }
        let (_, free) = self.parts();
        if addr & !mask(free) != 0 {
            return Err(Invalid::BitsBeyondPrefix);
        }
        Ok(())
    }
}

/// All bits but the lowest `free`. By halves, since the kernel has no shifts of 128 bits by what is
/// not a constant.
#[inline]
pub(super) const fn mask(free: u32) -> u128 {
    let high = ones(free.saturating_sub(64));
    (high as u128) << 64 | ones(free) as u128
}

#[inline]
const fn ones(free: u32) -> u64 {
    match u64::MAX.checked_shl(free) {
        Some(ones) => ones,
        None => 0,
    }
}

const fn ethertype_of(version: Version) -> u16 {
    match version {
        Version::V4 => eth::TYPE_IPV4,
        Version::V6 => eth::TYPE_IPV6,
    }
}

/// Ports from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ports {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl Ports {
    /// All of them: nothing is said of ports.
    pub const ANY: Ports = Ports {
        first: 0,
        last: u16::MAX,
    };

    /// One port.
    pub const fn one(port: u16) -> Ports {
        Ports {
            first: port,
            last: port,
        }
    }

    /// ICMP messages of a type, with this code or with any.
    pub const fn icmp(kind: u8, code: Option<u8>) -> Ports {
        let kind = (kind as u16) << 8;
        match code {
            Some(code) => Ports::one(kind | code as u16),
            None => Ports {
                first: kind,
                last: kind | 0xff,
            },
        }
    }

    fn is_any(self) -> bool {
        self == Ports::ANY
    }

    fn holds(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// A rule. What it leaves out matches everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// EtherType behind VLAN tags.
    pub ethertype: Option<u16>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Where packets come from. Matches packets of this IP version only.
    pub src: Option<Prefix>,
    /// Where they go to, likewise.
    pub dst: Option<Prefix>,
    /// Source ports. A packet whose ports are not to be seen matches only [`Ports::ANY`].
    pub sport: Ports,
    /// Destination ports, or ICMP types and codes, likewise.
    pub dport: Ports,
    /// What becomes of a packet that matches.
    pub verdict: Verdict,
    /// Whether it is to be logged.
    pub log: bool,
}

/// Why a rule cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// A prefix has more bits than an address of its version.
    PrefixTooLong,
    /// An address has bits set that its prefix leaves out.
    BitsBeyondPrefix,
    /// A prefix is of another version than the EtherType or the other prefix.
    VersionMismatch,
    /// The first port is higher than the last.
    PortsReversed,
    /// Ports without a protocol that has any, or a source port with ICMP.
    PortsWithoutProtocol,
}

impl Rule {
    /// A rule that matches every packet.
    pub const fn any(verdict: Verdict) -> Rule {
        Rule {
            ethertype: None,
            protocol: None,
            src: None,
            dst: None,
            sport: Ports::ANY,
            dport: Ports::ANY,
            verdict,
            log: false,
        }
    }

    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut ethertype = self.ethertype;
        for prefix in [self.src, self.dst].into_iter().flatten() {
            prefix.check()?;
            let of_prefix = ethertype_of(prefix.addr.version());
            if *ethertype.get_or_insert(of_prefix) != of_prefix {
                return Err(Invalid::VersionMismatch);
            }
        }
        for ports in [self.sport, self.dport] {
            if ports.first > ports.last {
                return Err(Invalid::PortsReversed);
            }
        }
        let (sport, dport) = match self.protocol {
            Some(PROTO_TCP | PROTO_UDP) => (true, true),
            Some(PROTO_ICMP | PROTO_ICMPV6) => (false, true),
            Some(other) if OTHERS_WITH_PORTS.contains(&other) => (true, true),
            _ => (false, false),
        };
        if !sport && !self.sport.is_any() || !dport && !self.dport.is_any() {
            return Err(Invalid::PortsWithoutProtocol);
        }
        Ok(())
    }

    /// Whether it matches. What the tree finds is the first rule of which this is true.
    pub fn matches(&self, key: &Key) -> bool {
        let holds = |prefix: Option<Prefix>, addr| {
            prefix.is_none_or(|prefix| prefix.holds(key.ethertype, addr))
        };
        self.ethertype.is_none_or(|kind| kind == key.ethertype)
            && self
                .protocol
                .is_none_or(|protocol| protocol == key.protocol)
            && holds(self.src, key.src)
            && holds(self.dst, key.dst)
            && (!self.needs_ports() || key.ports)
            && self.sport.holds(key.sport)
            && self.dport.holds(key.dport)
    }

    /// Whether it says anything of ports.
    pub(super) fn needs_ports(&self) -> bool {
        !self.sport.is_any() || !self.dport.is_any()
    }

    /// The EtherType that it matches, given or that of its prefixes.
    pub(super) fn only_ethertype(&self) -> Option<u16> {
        let of = |prefix: Prefix| ethertype_of(prefix.addr.version());
        self.ethertype.or(self.src.or(self.dst).map(of))
    }

    /// The packets that it matches, in number `dim` of a key.
    pub(super) fn span(&self, dim: usize) -> Span {
        match dim {
            key::PROTOCOL => {
                let ports = u32::from(self.needs_ports());
                let (first, last) = match self.protocol {
                    Some(protocol) => (protocol, protocol),
                    None => (0, u8::MAX),
                };
                Span {
                    first: u32::from(first) << 1 | ports,
                    last: u32::from(last) << 1 | 1,
                }
            }
            key::ETHERTYPE => match self.only_ethertype() {
                Some(kind) => Span::new(kind, kind),
                None => Span::new(0, u16::MAX),
            },
            key::SPORT => Span::new(self.sport.first, self.sport.last),
            key::DPORT => Span::new(self.dport.first, self.dport.last),
            _ => {
                let (prefix, i) = if dim < key::DST {
                    (self.src, dim.wrapping_sub(key::SRC))
                } else {
                    (self.dst, dim.wrapping_sub(key::DST))
                };
                let Some(prefix) = prefix else {
                    return Span::ALL;
                };
                let (addr, free) = prefix.parts();
                Span {
                    first: key::word(addr & mask(free), i),
                    last: key::word(addr | !mask(free), i),
                }
            }
        }
    }
}

/// Numbers from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Span {
    pub(super) const ALL: Span = Span {
        first: 0,
        last: u32::MAX,
    };

    pub(super) fn new(first: u16, last: u16) -> Span {
        Span {
            first: first.into(),
            last: last.into(),
        }
    }

    #[inline]
    pub(super) const fn holds(self, value: u32) -> bool {
        self.first <= value && value <= self.last
    }

    pub(super) const fn covers(self, other: Span) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}
