// SPDX-License-Identifier: GPL-2.0

//! ACLs; their rules are objects of their own.

use super::Object;
use crate::netlink::Attribute;
use crate::vpc::number::acl as attr;
use crate::vpc::number::command;
use anyhow::Result;
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Acl {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AclSeen {
    /// Number of ports that have it.
    pub(crate) ports: u32,
}

impl Object for Acl {
    type Seen = AclSeen;
    const GET: u8 = command::ACL_GET;
    const NEW: u8 = command::ACL_NEW;
    const DEL: u8 = command::ACL_DEL;
    const PLURAL: &str = "ACLs";

    fn label(&self) -> String {
        format!("ACL {}", self.name)
    }

    fn key(&self) -> Vec<Attribute> {
        vec![Attribute::string(attr::NAME, &self.name)]
    }

    fn encode(&self) -> Vec<Attribute> {
        self.key()
    }

    fn take(&mut self, seen: &mut AclSeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::NAME => self.name = attribute.to_text()?,
            attr::PORTS => seen.ports = attribute.to_u32()?,
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        (kind == attr::NAME).then_some("NAME")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let acl = Acl {
            name: "web".to_owned(),
        };
        assert_bytes(&acl, &[attribute(1, b"web\0")]);
    }
}
