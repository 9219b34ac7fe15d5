// SPDX-License-Identifier: GPL-2.0

//! Remotes: the hosts that a VPC spans.

use super::Object;
use crate::netlink::Attribute;
use crate::vpc::number::command;
use crate::vpc::number::remote as attr;
use crate::vpc::prefix;
use anyhow::Result;
use serde::Serialize;
use std::net::IpAddr;
use std::net::Ipv4Addr;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Remote {
    pub(crate) vpc: u32,
    pub(crate) address: IpAddr,
    pub(crate) flood: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RemoteSeen {
    pub(crate) rx_packets: u64,
    pub(crate) tx_packets: u64,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            vpc: 0,
            address: Ipv4Addr::UNSPECIFIED.into(),
            flood: false,
        }
    }
}

impl Object for Remote {
    type Seen = RemoteSeen;
    const GET: u8 = command::REMOTE_GET;
    const NEW: u8 = command::REMOTE_NEW;
    const DEL: u8 = command::REMOTE_DEL;
    const PLURAL: &str = "remotes";

    fn label(&self) -> String {
        format!("remote {} of VPC {}", self.address, self.vpc)
    }

    fn key(&self) -> Vec<Attribute> {
        vec![
            Attribute::u32(attr::VPC, self.vpc),
            prefix::encode(attr::ADDRESS, self.address),
        ]
    }

    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = self.key();
        if self.flood {
            attributes.push(Attribute::flag(attr::FLOOD));
        }
        attributes
    }

    fn take(&mut self, seen: &mut RemoteSeen, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::VPC => self.vpc = attribute.to_u32()?,
            attr::ADDRESS => self.address = prefix::decode(attribute)?,
            attr::FLOOD => self.flood = true,
            attr::RX_PACKETS => seen.rx_packets = attribute.to_uint()?,
            attr::TX_PACKETS => seen.tx_packets = attribute.to_uint()?,
            _ => (),
        }
        Ok(())
    }

    fn option(kind: u16) -> Option<&'static str> {
        match kind {
            attr::VPC => Some("VPC"),
            attr::ADDRESS => Some("ADDR"),
            attr::FLOOD => Some("--flood"),
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
        let mut remote = Remote {
            vpc: 7,
            address: "192.0.2.1".parse().unwrap(),
            flood: true,
        };
        let mut expected = vec![
            attribute(1, &7u32.to_ne_bytes()),
            attribute(2, &[192, 0, 2, 1]),
            attribute(3, &[]),
        ];
        assert_bytes(&remote, &expected);
        remote.address = "fd00::1".parse().unwrap();
        remote.flood = false;
        expected.pop();
        expected[1] = attribute(2, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_bytes(&remote, &expected);
    }
}
