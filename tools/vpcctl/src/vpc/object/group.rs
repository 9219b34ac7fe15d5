// SPDX-License-Identifier: GPL-2.0

//! Groups of addresses that rules name.

use super::new;
use super::Object;
use crate::netlink::Attribute;
use crate::netlink::Request;
use crate::vpc::number::command;
use crate::vpc::number::group as attr;
use crate::vpc::prefix::Prefix;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeSet;
use std::mem;

/// How many bytes of members go into one request. The kernel's own answers have no more.
const BYTES: usize = 16 << 10;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) members: BTreeSet<Prefix>,
}

impl Group {
    /// The requests that add the members to a group that is there.
    pub(crate) fn append(&self) -> Vec<Request> {
        let parts = self.parts();
        parts.into_iter().map(|part| self.addition(part)).collect()
    }

    /// The members, as many at once as a request holds.
    fn parts(&self) -> Vec<Vec<Attribute>> {
        let (mut parts, mut part, mut length) = (Vec::new(), Vec::new(), 0);
        for member in &self.members {
            let attribute = member.encode(attr::MEMBER);
            length += attribute.length();
            if length > BYTES {
                length = attribute.length();
                parts.push(mem::take(&mut part));
            }
            part.push(attribute);
        }
        parts.push(part);
        parts
    }

    fn addition(&self, part: Vec<Attribute>) -> Request {
        let mut attributes = self.key();
        attributes.push(Attribute::flag(attr::APPEND));
        attributes.extend(part);
        new::<Self>(attributes, false)
    }
}

impl Object for Group {
    type Seen = ();
    const GET: u8 = command::GROUP_GET;
    const NEW: u8 = command::GROUP_NEW;
    const DEL: u8 = command::GROUP_DEL;
    const PLURAL: &str = "groups";

    fn label(&self) -> String {
        format!("group {}", self.name)
    }

    fn key(&self) -> Vec<Attribute> {
        vec![Attribute::string(attr::NAME, &self.name)]
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        attributes.extend(
            self.members
                .iter()
                .map(|member| member.encode(attr::MEMBER)),
        );
        attributes
    }

    fn make(&self, replace: bool) -> Vec<Request> {
        let mut parts = self.parts().into_iter();
        let mut attributes = self.key();
        attributes.extend(parts.next().into_iter().flatten());
        let mut requests = vec![new::<Self>(attributes, replace)];
        requests.extend(parts.map(|part| self.addition(part)));
        requests
    }

    fn take(&mut self, (): &mut (), attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::NAME => self.name = attribute.to_text()?,
            attr::MEMBER => {
                self.members.insert(Prefix::decode(attribute)?);
            }
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::NAME => Some("NAME"),
            attr::MEMBER => Some("ADDR"),
            attr::APPEND => Some("--append"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_bytes;
    use super::super::tests::attribute;
    use super::super::tests::nest;
    use super::*;
    use netlink_packet_core::NLM_F_REPLACE;
    use std::net::Ipv4Addr;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let group = Group {
            name: "web".to_owned(),
            members: ["10.0.0.1", "fd00::/8"].map(|m| m.parse().unwrap()).into(),
        };
        let mut network = [0; 16];
        network[0] = 0xfd;
        let expected = [
            attribute(1, b"web\0"),
            nest(2, &[attribute(1, &[10, 0, 0, 1])]),
            nest(2, &[attribute(1, &network), attribute(2, &[8])]),
        ];
        assert_bytes(&group, &expected);
        assert_eq!(group.make(false), [Request::new(25, group.encode())]);
    }

    #[test]
    fn what_is_too_much_for_a_request_is_appended() {
        let host = |n: u32| Prefix::host(Ipv4Addr::from(n).into());
        let group = Group {
            name: "all".to_owned(),
            members: (0..5000).map(host).collect(),
        };
        let requests = group.make(true);
        assert_eq!(requests.len(), 4);
        assert_eq!(requests[0].flags, NLM_F_REPLACE);
        let mut members = BTreeSet::new();
        for (at, request) in requests.iter().enumerate() {
            let has_append = request.attributes.contains(&Attribute::flag(attr::APPEND));
            assert_eq!(has_append, at != 0);
            let got = super::super::decode::<Group>(&request.attributes).unwrap();
            assert_eq!(got.object.name, "all");
            members.extend(got.object.members);
            let length: usize = request.attributes.iter().map(Attribute::length).sum();
            assert!(length < BYTES + 64);
        }
        assert_eq!(members, group.members);
        assert_eq!(group.append().len(), 4);
    }
}
