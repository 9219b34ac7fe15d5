// SPDX-License-Identifier: GPL-2.0

//! Ports: taps that are bound to a VPC.

use super::count;
use super::mac;
use super::Counters;
use super::Object;
use crate::netlink::Attribute;
use crate::vpc::mac::Mac;
use crate::vpc::number::command;
use crate::vpc::number::port as attr;
use crate::vpc::prefix::Prefix;
use anyhow::Result;
use serde::Serialize;
use serde::Serializer;
use std::collections::BTreeSet;
use std::fmt;

/// What a port may do beyond sending from its own addresses: names and bits.
pub(crate) const FLAGS: [(&str, u32); 5] = [
    ("dhcp-server", 1),
    ("router", 2),
    ("any-ethertype", 4),
    ("vlan", 8),
    ("any-source", 16),
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u32);

impl Flags {
    /// The bit of this name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = FLAGS.iter().find(|(known, _)| *known == name);
        found.map(|(_, bit)| Self(*bit)).ok_or_else(|| {
            let known = FLAGS.map(|(name, _)| name).join(", ");
            format!("there is nothing called {name} to allow, but {known}")
        })
    }

    /// The names; a bit that a newer module has is a number.
    pub(crate) fn names(self) -> Vec<String> {
        let mut names = Vec::new();
        let mut rest = self.0;
        for (name, bit) in FLAGS {
            if rest & bit != 0 {
                names.push(name.to_owned());
                rest &= !bit;
            }
        }
        if rest != 0 {
            names.push(format!("{rest:#x}"));
        }
        names
    }
}

impl FromIterator<Flags> for Flags {
    fn from_iter<I: IntoIterator<Item = Flags>>(flags: I) -> Self {
        Self(flags.into_iter().fold(0, |all, flag| all | flag.0))
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

/// Connections that a port may have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct MaxConnections(pub(crate) u32);

impl Default for MaxConnections {
    /// What the kernel takes if it is not told.
    fn default() -> Self {
        Self(32768)
    }
}

impl MaxConnections {
    /// The number, if it has to be said.
    pub(crate) fn said(self) -> Option<u32> {
        (self != Self::default()).then_some(self.0)
    }
}

impl fmt::Display for MaxConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Port {
    pub(crate) ifname: String,
    pub(crate) vpc: u32,
    pub(crate) mac: Mac,
    pub(crate) addresses: BTreeSet<Prefix>,
    pub(crate) flags: Flags,
    pub(crate) acls: Vec<String>,
    pub(crate) max_connections: MaxConnections,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PortSeen {
    pub(crate) ifindex: u32,
    pub(crate) rx_packets: u64,
    pub(crate) tx_packets: u64,
    pub(crate) answered: u64,
    pub(crate) connections: u32,
    pub(crate) drops: Counters,
}

impl Object for Port {
    type Seen = PortSeen;
    const GET: u8 = command::PORT_GET;
    const NEW: u8 = command::PORT_NEW;
    const DEL: u8 = command::PORT_DEL;
    const PLURAL: &str = "ports";

    fn label(&self) -> String {
        format!("port {}", self.ifname)
    }

    fn key(&self) -> Vec<Attribute> {
        vec![Attribute::string(attr::IFNAME, &self.ifname)]
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        attributes.push(Attribute::u32(attr::VPC, self.vpc));
        attributes.push(Attribute::bytes(attr::MAC, &self.mac.0));
        attributes.extend(
            self.addresses
                .iter()
                .map(|address| address.encode(attr::ADDRESS)),
        );
        if self.flags != Flags::default() {
            attributes.push(Attribute::u32(attr::FLAGS, self.flags.0));
        }
        attributes.extend(
            self.acls
                .iter()
                .map(|acl| Attribute::string(attr::ACL, acl)),
        );
        let most = self.max_connections.said();
        attributes.extend(most.map(|most| Attribute::u32(attr::MAX_CONNECTIONS, most)));
        attributes
    }

    fn take(&mut self, seen: &mut PortSeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::IFINDEX => seen.ifindex = attribute.to_u32()?,
            attr::IFNAME => self.ifname = attribute.to_text()?,
            attr::VPC => self.vpc = attribute.to_u32()?,
            attr::MAC => self.mac = mac(attribute)?,
            attr::ADDRESS => {
                self.addresses.insert(Prefix::decode(attribute)?);
            }
            attr::FLAGS => self.flags = Flags(attribute.to_u32()?),
            attr::ACL => self.acls.push(attribute.to_text()?),
            attr::RX_PACKETS => seen.rx_packets = attribute.to_uint()?,
            attr::TX_PACKETS => seen.tx_packets = attribute.to_uint()?,
            attr::ANSWERED => seen.answered = attribute.to_uint()?,
            attr::DROP => count(&mut seen.drops, attribute)?,
            attr::MAX_CONNECTIONS => self.max_connections = MaxConnections(attribute.to_u32()?),
            attr::CONNECTIONS => seen.connections = attribute.to_u32()?,
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::IFINDEX | attr::IFNAME => Some("DEV"),
            attr::VPC => Some("--vpc"),
            attr::MAC => Some("--mac"),
            attr::ADDRESS => Some("--ip"),
            attr::FLAGS => Some("--allow"),
            attr::ACL => Some("--acl"),
            attr::MAX_CONNECTIONS => Some("--max-connections"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::super::tests::nest;
    use super::*;

    fn example() -> Port {
        Port {
            ifname: "tap0".to_owned(),
            vpc: 7,
            mac: Mac([2, 0, 0, 0, 0, 1]),
            addresses: ["10.0.0.1", "10.1.0.0/16"]
                .map(|a| a.parse().unwrap())
                .into(),
            flags: Flags(1 | 16),
            acls: vec!["web".to_owned(), "base".to_owned()],
            max_connections: MaxConnections(9),
        }
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let expected = [
            attribute(2, b"tap0\0"),
            attribute(3, &7u32.to_ne_bytes()),
            attribute(4, &[2, 0, 0, 0, 0, 1]),
            nest(5, &[attribute(1, &[10, 0, 0, 1])]),
            nest(5, &[attribute(1, &[10, 1, 0, 0]), attribute(2, &[16])]),
            attribute(6, &17u32.to_ne_bytes()),
            attribute(7, b"web\0"),
            attribute(7, b"base\0"),
            attribute(12, &9u32.to_ne_bytes()),
        ];
        assert_bytes(&example(), &expected);
    }

    #[test]
    fn counters_are_read() {
        let drop =
            |name: &[u8], packets: &[u8]| nest(11, &[attribute(1, name), attribute(2, packets)]);
        let mut said = vec![
            attribute(1, &9u32.to_ne_bytes()),
            attribute(2, b"tap0\0"),
            attribute(8, &(1u64 << 40).to_ne_bytes()),
            attribute(10, &3u32.to_ne_bytes()),
            attribute(13, &8u32.to_ne_bytes()),
        ];
        said.push(drop(b"spoofed-mac\0", &5u32.to_ne_bytes()));
        said.push(drop(b"acl\0", &6u64.to_ne_bytes()));
        let port = decode::<Port>(&Attribute::all(&said.concat()).unwrap()).unwrap();
        assert_eq!((port.seen.ifindex, port.seen.rx_packets), (9, 1 << 40));
        assert_eq!((port.seen.tx_packets, port.seen.answered), (0, 3));
        assert_eq!(port.seen.connections, 8);
        let expected = [("spoofed-mac".to_owned(), 5), ("acl".to_owned(), 6)];
        assert_eq!(port.seen.drops, expected.into());
    }

    #[test]
    fn flags_have_names() {
        assert_eq!(Flags(3).to_string(), "dhcp-server,router");
        assert_eq!(Flags(16 | 64).to_string(), "any-source,0x40");
        for (name, bit) in FLAGS {
            assert_eq!(Flags::named(name), Ok(Flags(bit)));
        }
        assert!(Flags::named("all").is_err());
    }
}
