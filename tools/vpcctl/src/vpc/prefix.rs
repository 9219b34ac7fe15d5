// SPDX-License-Identifier: GPL-2.0

//! IP addresses and prefixes, and how messages hold them.

use super::number::address;
use crate::netlink::Attribute;
use anyhow::bail;
use anyhow::Result;
use serde::Serialize;
use serde::Serializer;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address with the length of a prefix. If all bits beyond that are zero, it stands for the
/// network; else for the one address, and the prefix says which network that is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    fn new(address: IpAddr, length: u8) -> Result<Self, String> {
        let most = bits(address);
        match length <= most {
            true => Ok(Self { address, length }),
            false => Err(format!(
                "{address}/{length}: a prefix has at most {most} bits"
            )),
        }
    }

    /// What a port can have: also an address of a network.
    pub(crate) fn of_port(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no IP address or prefix");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        match length {
            Some(length) => Self::new(address, length.parse().map_err(|_| wrong())?),
            None => Ok(Self::host(address)),
        }
    }

    /// The one address that it stands for; none if it is a network.
    pub(crate) fn station(self) -> Option<IpAddr> {
        let is_network = network(self.address, self.length) == self.address;
        (!is_network || self.as_host().is_some()).then_some(self.address)
    }

    /// One address.
    pub(crate) fn host(address: IpAddr) -> Self {
        Self {
            address,
            length: bits(address),
        }
    }

    /// The address, if there is no network with it.
    pub(crate) fn as_host(self) -> Option<IpAddr> {
        (self.length == bits(self.address)).then_some(self.address)
    }

    /// What is inside an attribute that holds a prefix.
    pub(crate) fn encode(self, kind: u16) -> Attribute {
        let mut inner = vec![encode(address::ADDRESS, self.address)];
        if self.as_host().is_none() {
            inner.push(Attribute::u8(address::PREFIX, self.length));
        }
        Attribute::nest(kind, &inner)
    }

    pub(crate) fn decode(attribute: &Attribute) -> Result<Self> {
        let (mut found, mut length) = (None, None);
        for inner in attribute.to_nest()? {
            match inner.kind() {
                address::ADDRESS => found = Some(decode(&inner)?),
                address::PREFIX => length = Some(inner.to_u8()?),
                _ => (),
            }
        }
        let Some(address) = found else {
            bail!("there is no address");
        };
        let length = length.unwrap_or(bits(address));
        if length > bits(address) {
            bail!("a prefix of {length} bits");
        }
        Ok(Self { address, length })
    }
}

/// 4 or 16 bytes, in the order of the network.
pub(crate) fn encode(kind: u16, address: IpAddr) -> Attribute {
    match address {
        IpAddr::V4(address) => Attribute::bytes(kind, &address.octets()),
        IpAddr::V6(address) => Attribute::bytes(kind, &address.octets()),
    }
}

pub(crate) fn decode(attribute: &Attribute) -> Result<IpAddr> {
    let bytes = attribute.to_bytes();
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Ok(bytes.into());
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => bail!("an address of {} bytes", bytes.len()),
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all bits beyond the prefix zero.
fn network(address: IpAddr, length: u8) -> IpAddr {
    let shift = bits(address).saturating_sub(length).into();
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

impl FromStr for Prefix {
    type Err = String;

    /// Refuses bits beyond the prefix: whoever wrote them meant something else.
    fn from_str(text: &str) -> Result<Self, String> {
        let prefix = Self::of_port(text)?;
        let network = network(prefix.address, prefix.length);
        match network == prefix.address {
            true => Ok(prefix),
            false => Err(format!(
                "{text} is no prefix: {network}/{} would be the network, {} the address",
                prefix.length, prefix.address
            )),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_host() {
            Some(address) => address.fmt(f),
            None => write!(f, "{}/{}", self.address, self.length),
        }
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::Emitable;

    #[test]
    fn text_comes_back() {
        for text in [
            "10.0.0.1",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "fd00::/8",
            "::/0",
            "fd00::1",
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
        assert_eq!(
            "10.0.0.1/32".parse::<Prefix>().unwrap().to_string(),
            "10.0.0.1"
        );
        for text in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
        let error = "10.0.0.5/24".parse::<Prefix>().unwrap_err();
        assert!(
            error.contains("10.0.0.0/24 would be the network"),
            "{error}"
        );
    }

    #[test]
    fn a_port_has_addresses_of_networks() {
        let station = |text: &str| {
            let prefix = Prefix::of_port(text).unwrap();
            assert_eq!(prefix.to_string(), text);
            assert_eq!(Prefix::decode(&prefix.encode(5)).unwrap(), prefix);
            prefix.station().map(|address| address.to_string())
        };
        assert_eq!(station("10.0.0.5/24").as_deref(), Some("10.0.0.5"));
        assert_eq!(station("10.0.0.5").as_deref(), Some("10.0.0.5"));
        assert_eq!(station("10.0.0.0/24"), None);
        assert_eq!(station("fd00::1/64").as_deref(), Some("fd00::1"));
        assert!(Prefix::of_port("10.0.0.5/33").is_err());
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let prefix: Prefix = "10.1.0.0/16".parse().unwrap();
        let attribute = prefix.encode(5);
        let mut bytes = vec![0; attribute.length()];
        attribute.emit(&mut bytes);
        let expected = [
            &20u16.to_ne_bytes()[..],
            &(5u16 | 0x8000).to_ne_bytes(),
            &8u16.to_ne_bytes(),
            &1u16.to_ne_bytes(),
            &[10, 1, 0, 0],
            &5u16.to_ne_bytes(),
            &2u16.to_ne_bytes(),
            &[16, 0, 0, 0],
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(Prefix::decode(&attribute).unwrap(), prefix);

        let host: Prefix = "fd00::1".parse().unwrap();
        assert_eq!(host.encode(5).to_nest().unwrap().len(), 1);
        assert_eq!(Prefix::decode(&host.encode(5)).unwrap(), host);
    }

    #[test]
    fn nonsense_is_refused() {
        let nest = |inner: &[Attribute]| Prefix::decode(&Attribute::nest(1, inner));
        assert!(nest(&[]).is_err());
        assert!(nest(&[Attribute::bytes(1, &[1, 2, 3])]).is_err());
        assert!(nest(&[Attribute::bytes(1, &[1, 2, 3, 4]), Attribute::u8(2, 33)]).is_err());
    }
}
