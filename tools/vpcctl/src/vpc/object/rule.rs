// SPDX-License-Identifier: GPL-2.0

//! Rules of ACLs.

use super::Object;
use crate::netlink::Attribute;
use crate::vpc::number::command;
use crate::vpc::number::rule as attr;
use crate::vpc::prefix::Prefix;
use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use serde::Serializer;
use std::fmt;
use std::str::FromStr;

/// Names that people know EtherTypes by.
pub(crate) const ETHERTYPES: [(&str, u16); 3] =
    [("ipv4", 0x0800), ("ipv6", 0x86dd), ("arp", 0x0806)];

/// Names that people know IP protocols by.
pub(crate) const PROTOCOLS: [(&str, u8); 4] =
    [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58)];

/// What becomes of a frame that a rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    #[default]
    Drop,
    Allow,
}

/// As the VM sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    /// From the VM.
    #[default]
    Egress,
    /// To the VM.
    Ingress,
}

impl Action {
    pub(crate) fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Allow,
            _ => Self::Drop,
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Allow => 1,
        }
    }
}

impl Direction {
    pub(crate) fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Ingress,
            _ => Self::Egress,
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Egress => 0,
            Self::Ingress => 1,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop => "drop",
            Self::Allow => "allow",
        })
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        })
    }
}

/// Ports of TCP or UDP, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) min: u16,
    pub(crate) max: u16,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| format!("{text} is no port: 0 to 65535 are"))
        };
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (number(min)?, number(max)?);
        match min <= max {
            true => Ok(Self { min, max }),
            false => Err(format!("{text}: the first port is the lower one")),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min == self.max {
            true => self.min.fmt(f),
            false => write!(f, "{}-{}", self.min, self.max),
        }
    }
}

/// A type of ICMP or ICMPv6, and maybe a code of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: Option<u8>,
}

impl FromStr for Icmp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| format!("{text} is no type or code of ICMP: 0 to 255 are"))
        };
        let (kind, code) = match text.split_once('/') {
            Some((kind, code)) => (kind, Some(code)),
            None => (text, None),
        };
        Ok(Self {
            kind: number(kind)?,
            code: code.map(number).transpose()?,
        })
    }
}

impl fmt::Display for Icmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}/{code}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Icmp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    pub(crate) acl: String,
    pub(crate) priority: u32,
    pub(crate) direction: Direction,
    pub(crate) action: Action,
    pub(crate) ethertype: Option<u16>,
    pub(crate) protocol: Option<u8>,
    pub(crate) src: Option<Prefix>,
    pub(crate) dst: Option<Prefix>,
    pub(crate) src_group: Option<String>,
    pub(crate) dst_group: Option<String>,
    pub(crate) sport: Option<Ports>,
    pub(crate) dport: Option<Ports>,
    pub(crate) icmp_type: Option<Icmp>,
    pub(crate) stateful: bool,
    pub(crate) log: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RuleSeen {
    pub(crate) packets: u64,
}

impl Object for Rule {
    type Seen = RuleSeen;
    const GET: u8 = command::RULE_GET;
    const NEW: u8 = command::RULE_NEW;
    const DEL: u8 = command::RULE_DEL;
    const PLURAL: &str = "rules";

    fn label(&self) -> String {
        format!("rule {} of ACL {}", self.priority, self.acl)
    }

    fn key(&self) -> Vec<Attribute> {
        vec![
            Attribute::string(attr::ACL, &self.acl),
            Attribute::u32(attr::PRIORITY, self.priority),
        ]
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        let string = |kind| move |text: &String| Attribute::string(kind, text);
        attributes.extend([
            Attribute::u32(attr::DIRECTION, self.direction.number()),
            Attribute::u32(attr::ACTION, self.action.number()),
        ]);
        attributes.extend(self.ethertype.map(|n| Attribute::u16(attr::ETHERTYPE, n)));
        attributes.extend(self.protocol.map(|n| Attribute::u8(attr::PROTOCOL, n)));
        attributes.extend(self.src.map(|prefix| prefix.encode(attr::SRC)));
        attributes.extend(self.dst.map(|prefix| prefix.encode(attr::DST)));
        attributes.extend(self.src_group.as_ref().map(string(attr::SRC_GROUP)));
        attributes.extend(self.dst_group.as_ref().map(string(attr::DST_GROUP)));
        let ports = [
            (self.sport, attr::SPORT_MIN, attr::SPORT_MAX),
            (self.dport, attr::DPORT_MIN, attr::DPORT_MAX),
        ];
        for (ports, min, max) in ports {
            attributes.extend(ports.map(|ports| Attribute::u16(min, ports.min)));
            attributes.extend(ports.map(|ports| Attribute::u16(max, ports.max)));
        }
        if let Some(icmp) = self.icmp_type {
            attributes.push(Attribute::u8(attr::ICMP_TYPE, icmp.kind));
            attributes.extend(icmp.code.map(|code| Attribute::u8(attr::ICMP_CODE, code)));
        }
        if self.stateful {
            attributes.push(Attribute::flag(attr::STATEFUL));
        }
        if self.log {
            attributes.push(Attribute::flag(attr::LOG));
        }
        attributes
    }

    fn take(&mut self, seen: &mut RuleSeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::ACL => self.acl = attribute.to_text()?,
            attr::PRIORITY => self.priority = attribute.to_u32()?,
            attr::DIRECTION => self.direction = Direction::from_number(attribute.to_u32()?),
            attr::ACTION => self.action = Action::from_number(attribute.to_u32()?),
            attr::ETHERTYPE => self.ethertype = Some(attribute.to_u16()?),
            attr::PROTOCOL => self.protocol = Some(attribute.to_u8()?),
            attr::SRC => self.src = Some(Prefix::decode(attribute)?),
            attr::DST => self.dst = Some(Prefix::decode(attribute)?),
            attr::SRC_GROUP => self.src_group = Some(attribute.to_text()?),
            attr::DST_GROUP => self.dst_group = Some(attribute.to_text()?),
            attr::SPORT_MIN => self.sport = min(self.sport, attribute.to_u16()?),
            attr::SPORT_MAX => self.sport = max(self.sport, attribute.to_u16()?),
            attr::DPORT_MIN => self.dport = min(self.dport, attribute.to_u16()?),
            attr::DPORT_MAX => self.dport = max(self.dport, attribute.to_u16()?),
            attr::ICMP_TYPE => {
                let code = self.icmp_type.and_then(|icmp| icmp.code);
                let kind = attribute.to_u8()?;
                self.icmp_type = Some(Icmp { kind, code });
            }
            attr::ICMP_CODE => {
                let kind = self.icmp_type.map_or(0, |icmp| icmp.kind);
                let code = Some(attribute.to_u8()?);
                self.icmp_type = Some(Icmp { kind, code });
            }
            attr::STATEFUL => self.stateful = true,
            attr::LOG => self.log = true,
            attr::PACKETS => seen.packets = attribute.to_uint()?,
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::ACL => Some("NAME"),
            attr::PRIORITY => Some("PRIORITY"),
            attr::ETHERTYPE => Some("--ethertype"),
            attr::PROTOCOL => Some("--protocol"),
            attr::SRC => Some("--from"),
            attr::DST => Some("--to"),
            attr::SRC_GROUP => Some("--from-group"),
            attr::DST_GROUP => Some("--to-group"),
            attr::SPORT_MIN | attr::SPORT_MAX => Some("--sport"),
            attr::DPORT_MIN | attr::DPORT_MAX => Some("--port"),
            attr::ICMP_TYPE | attr::ICMP_CODE => Some("--icmp-type"),
            attr::STATEFUL => Some("--stateful"),
            attr::LOG => Some("--log"),
            _ => None,
        }
    }
}

/// The first port; as long as no other is told, the last one, too.
fn min(ports: Option<Ports>, min: u16) -> Option<Ports> {
    let max = ports.map_or(min, |ports| ports.max);
    Some(Ports { min, max })
}

fn max(ports: Option<Ports>, max: u16) -> Option<Ports> {
    let min = ports.map_or(max, |ports| ports.min);
    Some(Ports { min, max })
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::super::tests::nest;
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let rule = Rule {
            acl: "web".to_owned(),
            priority: 100,
            direction: Direction::Ingress,
            action: Action::Allow,
            ethertype: Some(0x0800),
            protocol: Some(6),
            src: Some("10.0.0.0/8".parse().unwrap()),
            dst: Some("10.0.0.1".parse().unwrap()),
            src_group: Some("a".to_owned()),
            dst_group: Some("b".to_owned()),
            sport: Some("1024-65535".parse().unwrap()),
            dport: Some("80".parse().unwrap()),
            icmp_type: Some("3/4".parse().unwrap()),
            stateful: true,
            log: true,
        };
        let expected = [
            attribute(1, b"web\0"),
            attribute(2, &100u32.to_ne_bytes()),
            attribute(3, &1u32.to_ne_bytes()),
            attribute(4, &1u32.to_ne_bytes()),
            attribute(5, &0x0800u16.to_ne_bytes()),
            attribute(6, &[6]),
            nest(7, &[attribute(1, &[10, 0, 0, 0]), attribute(2, &[8])]),
            nest(8, &[attribute(1, &[10, 0, 0, 1])]),
            attribute(9, b"a\0"),
            attribute(10, b"b\0"),
            attribute(11, &1024u16.to_ne_bytes()),
            attribute(12, &65535u16.to_ne_bytes()),
            attribute(13, &80u16.to_ne_bytes()),
            attribute(14, &80u16.to_ne_bytes()),
            attribute(15, &[3]),
            attribute(16, &[4]),
            attribute(17, &[]),
            attribute(18, &[]),
        ];
        assert_bytes(&rule, &expected);
        let bare = Rule {
            acl: "web".to_owned(),
            ..Rule::default()
        };
        let number = |kind| attribute(kind, &0u32.to_ne_bytes());
        assert_bytes(
            &bare,
            &[attribute(1, b"web\0"), number(2), number(3), number(4)],
        );
    }

    #[test]
    fn packets_and_single_ports_are_read() {
        let said = [
            Attribute::u16(attr::DPORT_MIN, 1024),
            Attribute::u32(attr::PACKETS, 12),
        ];
        let rule = decode::<Rule>(&said).unwrap();
        assert_eq!(rule.object.dport, Some("1024".parse().unwrap()));
        assert_eq!(rule.seen.packets, 12);
    }

    #[test]
    fn text_comes_back() {
        for text in ["80", "0-65535"] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), text);
        }
        for text in ["3", "3/4"] {
            assert_eq!(text.parse::<Icmp>().unwrap().to_string(), text);
        }
        for text in ["", "65536", "2-1", "1-", "-1", "http"] {
            assert!(text.parse::<Ports>().is_err(), "{text}");
        }
        for text in ["", "256", "3/", "3/256"] {
            assert!(text.parse::<Icmp>().is_err(), "{text}");
        }
    }
}
