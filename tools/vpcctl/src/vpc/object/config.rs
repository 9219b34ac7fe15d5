// SPDX-License-Identifier: GPL-2.0

//! What belongs to no object, and how much there is.

use super::count;
use super::Counters;
use crate::netlink::Attribute;
use crate::vpc::number::config as attr;
use anyhow::Context;
use anyhow::Result;
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Config {
    /// Index of the tunnel's device.
    pub(crate) tunnel: Option<u32>,
    pub(crate) tunnel_name: Option<String>,
    pub(crate) generation: u32,
    pub(crate) vpcs: u32,
    pub(crate) ports: u32,
    pub(crate) entries: u32,
    pub(crate) remotes: u32,
    pub(crate) acls: u32,
    pub(crate) rules: u32,
    pub(crate) groups: u32,
    /// None where nothing has been configured yet.
    pub(crate) max_entries: Option<u32>,
    /// Frames that belonged to no port or VPC.
    pub(crate) drops: Counters,
}

impl Config {
    pub(crate) fn decode(attributes: &[Attribute]) -> Result<Self> {
        let mut config = Self::default();
        for attribute in attributes {
            config
                .take(attribute)
                .with_context(|| format!("attribute {} of the configuration", attribute.kind()))
                .context("the kernel's answer cannot be understood")?;
        }
        Ok(config)
    }

    fn take(&mut self, attribute: &Attribute) -> Result<()> {
        let number = match attribute.kind() {
            attr::TUNNEL => {
                self.tunnel = Some(attribute.to_u32()?).filter(|index| *index != 0);
                return Ok(());
            }
            attr::TUNNEL_NAME => {
                self.tunnel_name = Some(attribute.to_text()?).filter(|name| !name.is_empty());
                return Ok(());
            }
            attr::MAX_ENTRIES => {
                self.max_entries = Some(attribute.to_u32()?);
                return Ok(());
            }
            attr::DROP => return count(&mut self.drops, attribute),
            attr::GENERATION => &mut self.generation,
            attr::VPCS => &mut self.vpcs,
            attr::PORTS => &mut self.ports,
            attr::ENTRIES => &mut self.entries,
            attr::REMOTES => &mut self.remotes,
            attr::ACLS => &mut self.acls,
            attr::RULES => &mut self.rules,
            attr::GROUPS => &mut self.groups,
            _ => return Ok(()),
        };
        *number = attribute.to_u32()?;
        Ok(())
    }

    /// Name of the tunnel's device; its index, if it has just gone.
    pub(crate) fn tunnel(&self) -> Option<String> {
        let index = || self.tunnel.map(|index| format!("#{index}"));
        self.tunnel_name.clone().or_else(index)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::attribute;
    use super::super::tests::nest;
    use super::*;

    #[test]
    fn numbers_are_read() {
        let mut said = vec![attribute(1, &4u32.to_ne_bytes()), attribute(2, b"mgre0\0")];
        said.extend(
            (3..=11u16).map(|kind| attribute(kind, &(100 + u32::from(kind)).to_ne_bytes())),
        );
        said.push(nest(
            12,
            &[attribute(1, b"no-vpc\0"), attribute(2, &8u32.to_ne_bytes())],
        ));
        let config = Config::decode(&Attribute::all(&said.concat()).unwrap()).unwrap();
        let expected = Config {
            tunnel: Some(4),
            tunnel_name: Some("mgre0".to_owned()),
            generation: 103,
            vpcs: 104,
            ports: 105,
            entries: 106,
            remotes: 107,
            acls: 108,
            rules: 109,
            groups: 110,
            max_entries: Some(111),
            drops: [("no-vpc".to_owned(), 8)].into(),
        };
        assert_eq!(config, expected);
        assert_eq!(config.tunnel().as_deref(), Some("mgre0"));
        let none = Config::decode(&[Attribute::u32(1, 0)]).unwrap();
        assert_eq!(none.tunnel(), None);
    }
}
