// SPDX-License-Identifier: GPL-2.0

//! What a configuration is made of, and how messages hold it. JSON has the names of the
//! specification, with `_` for `-`.

mod acl;
mod config;
mod entry;
mod group;
mod port;
mod remote;
mod rule;
mod vpc;

pub(crate) use acl::Acl;
pub(crate) use config::Config;
pub(crate) use entry::Entry;
pub(crate) use entry::EntryKey;
pub(crate) use group::Group;
pub(crate) use port::Flags;
pub(crate) use port::MaxConnections;
pub(crate) use port::Port;
#[cfg(test)]
pub(crate) use port::PortSeen;
pub(crate) use remote::Remote;
pub(crate) use rule::Action;
pub(crate) use rule::Direction;
pub(crate) use rule::Icmp;
pub(crate) use rule::Ports;
pub(crate) use rule::Rule;
pub(crate) use rule::ETHERTYPES;
pub(crate) use rule::PROTOCOLS;
pub(crate) use vpc::Vpc;

use super::mac::Mac;
use super::number::counter;
use crate::netlink::Attribute;
use crate::netlink::Request;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use netlink_packet_core::NLM_F_REPLACE;
use serde::Serialize;
use std::collections::BTreeMap;

/// A kind of object that a configuration has several of.
pub(crate) trait Object: Default {
    /// What the kernel says beyond what was asked for: numbers and counters.
    type Seen: Default;
    const GET: u8;
    const NEW: u8;
    const DEL: u8;

    /// What people call several of them.
    const PLURAL: &'static str;

    /// What people call this one: `port tap0`.
    fn label(&self) -> String;

    /// The attributes that say which one it is.
    fn key(&self) -> Vec<Attribute>;

    /// All that a request says of it.
    fn encode(&self) -> Vec<Attribute>;

    /// Takes one attribute from an answer. What is not known here is left out.
    fn take(&mut self, seen: &mut Self::Seen, attribute: &Attribute) -> Result<()>;

    /// The argument of the command line that an attribute comes from.
    fn option(kind: u16) -> Option<&'static str>;

    /// The requests that make it; more than one if it does not fit into one.
    fn make(&self, replace: bool) -> Vec<Request> {
        vec![new::<Self>(self.encode(), replace)]
    }

    fn remove(&self) -> Request {
        Request::new(Self::DEL, self.key())
    }
}

/// A request to make an object, or with `replace` to have it so.
fn new<T: Object>(attributes: Vec<Attribute>, replace: bool) -> Request {
    let mut request = Request::new(T::NEW, attributes);
    if replace {
        request.flags = NLM_F_REPLACE;
    }
    request
}

/// An object as the kernel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told<T, S> {
    #[serde(flatten)]
    pub(crate) object: T,
    #[serde(flatten)]
    pub(crate) seen: S,
}

/// An object as the kernel shows it.
pub(crate) type Shown<T> = Told<T, <T as Object>::Seen>;

/// Reads what the kernel says about an object.
pub(crate) fn decode<T: Object>(attributes: &[Attribute]) -> Result<Shown<T>> {
    let (mut object, mut seen) = (T::default(), T::Seen::default());
    for attribute in attributes {
        object
            .take(&mut seen, attribute)
            .with_context(|| format!("attribute {} of {}", attribute.kind(), object.label()))
            .context("the kernel's answer cannot be understood")?;
    }
    Ok(Told { object, seen })
}

/// Counters by their names, which the kernel chooses.
pub(crate) type Counters = BTreeMap<String, u64>;

/// Adds the counter that an attribute holds.
fn count(counters: &mut Counters, attribute: &Attribute) -> Result<()> {
    let (mut name, mut packets) = (None, 0);
    for inner in attribute.to_nest()? {
        match inner.kind() {
            counter::NAME => name = Some(inner.to_text()?),
            counter::PACKETS => packets = inner.to_uint()?,
            _ => (),
        }
    }
    counters.extend(name.map(|name| (name, packets)));
    Ok(())
}

pub(crate) fn mac(attribute: &Attribute) -> Result<Mac> {
    match attribute.to_bytes().try_into() {
        Ok(bytes) => Ok(Mac(bytes)),
        Err(_) => bail!("a MAC address of {} bytes", attribute.to_bytes().len()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use netlink_packet_core::Emitable;

    /// What a request with the object holds, in bytes.
    pub(crate) fn bytes(attributes: &[Attribute]) -> Vec<u8> {
        let mut bytes = vec![0; attributes.buffer_len()];
        attributes.emit(&mut bytes);
        bytes
    }

    /// An attribute as include/uapi/linux/netlink.h has it, written by hand.
    pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    pub(crate) fn nest(kind: u16, inner: &[Vec<u8>]) -> Vec<u8> {
        attribute(kind | 0x8000, &inner.concat())
    }

    /// The object has these bytes, and is read from them.
    #[track_caller]
    pub(crate) fn assert_bytes<T>(object: &T, expected: &[Vec<u8>])
    where
        T: Object + PartialEq + std::fmt::Debug,
    {
        let sent = object.encode();
        assert_eq!(bytes(&sent), expected.concat());
        let got = decode::<T>(&Attribute::all(&expected.concat()).unwrap()).unwrap();
        assert_eq!(got.object, *object);
        // Which one it is can be told from the beginning of what is said of it.
        assert!(object.key().iter().all(|key| sent.contains(key)));
    }

    #[test]
    fn what_is_new_is_left_out_and_what_is_wrong_is_refused() {
        let said = [Attribute::string(2, "tap0"), Attribute::u32(99, 1)];
        let port = decode::<Port>(&said).unwrap();
        assert_eq!(port.object.ifname, "tap0");
        let said = [Attribute::string(2, "tap0"), Attribute::bytes(4, &[1])];
        let error = decode::<Port>(&said).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("attribute 4 of port tap0"), "{error}");
    }
}
