// SPDX-License-Identifier: GPL-2.0

//! VPCs.

use super::mac;
use super::Object;
use crate::netlink::Attribute;
use crate::vpc::mac::Mac;
use crate::vpc::number::command;
use crate::vpc::number::vpc as attr;
use anyhow::Result;
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Vpc {
    pub(crate) id: u32,
    pub(crate) name: Option<String>,
    pub(crate) gateway: Option<Mac>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct VpcSeen {
    pub(crate) ports: u32,
    pub(crate) entries: u32,
    pub(crate) remotes: u32,
}

impl Object for Vpc {
    type Seen = VpcSeen;
    const GET: u8 = command::VPC_GET;
    const NEW: u8 = command::VPC_NEW;
    const DEL: u8 = command::VPC_DEL;
    const PLURAL: &str = "VPCs";

    fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("VPC {} ({name})", self.id),
            None => format!("VPC {}", self.id),
        }
    }

    fn key(&self) -> Vec<Attribute> {
        vec![Attribute::u32(attr::ID, self.id)]
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        attributes.extend(
            self.name
                .iter()
                .map(|name| Attribute::string(attr::NAME, name)),
        );
        attributes.extend(
            self.gateway
                .map(|mac| Attribute::bytes(attr::GATEWAY, &mac.0)),
        );
        attributes
    }

    fn take(&mut self, seen: &mut VpcSeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::ID => self.id = attribute.to_u32()?,
            attr::NAME => self.name = Some(attribute.to_text()?).filter(|name| !name.is_empty()),
            attr::GATEWAY => self.gateway = Some(mac(attribute)?),
            attr::PORTS => seen.ports = attribute.to_u32()?,
            attr::ENTRIES => seen.entries = attribute.to_u32()?,
            attr::REMOTES => seen.remotes = attribute.to_u32()?,
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::ID => Some("ID"),
            attr::NAME => Some("--name"),
            attr::GATEWAY => Some("--gateway"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let vpc = Vpc {
            id: 7,
            name: Some("red".to_owned()),
            gateway: Some(Mac([2, 0, 0, 0, 0, 1])),
        };
        let expected = [
            attribute(1, &7u32.to_ne_bytes()),
            attribute(2, b"red\0"),
            attribute(3, &[2, 0, 0, 0, 0, 1]),
        ];
        assert_bytes(&vpc, &expected);
        assert_eq!(vpc.label(), "VPC 7 (red)");
        let vpc = Vpc { id: 8, ..vpc };
        assert_bytes(
            &Vpc {
                name: None,
                gateway: None,
                ..vpc
            },
            &[attribute(1, &8u32.to_ne_bytes())],
        );
    }
}
