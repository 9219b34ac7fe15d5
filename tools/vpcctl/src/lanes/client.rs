// SPDX-License-Identifier: GPL-2.0

//! Requests to the family `tun_mq`, and what it says when it refuses.

use super::mode::Mode;
use super::tap::attr;
use super::tap::Tap;
use crate::netlink::explain;
use crate::netlink::Attribute;
use crate::netlink::Family;
use crate::netlink::Message;
use crate::netlink::Refusal;
use crate::netlink::Told;
use anyhow::Context;
use anyhow::Error;
use anyhow::Result;
use rustix::io::Errno;

const FAMILY: &str = "tun_mq";
const GROUP: &str = "monitor";

/// Operations, in the order of the specification.
mod command {
    pub(super) const GET: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const UNSET: u8 = 3;
    pub(super) const REBALANCE: u8 = 4;
    pub(super) const SET_NTF: u8 = 5;
    pub(super) const UNSET_NTF: u8 = 6;
}

/// The attribute set `rebalance`.
mod rebalance {
    pub(super) const UPLINK: u16 = 1;
    pub(super) const MOVED: u16 = 2;
}

/// What is to be set; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) tap: String,
    /// Index of the uplink.
    pub(crate) uplink: Option<u32>,
    pub(crate) base: Option<u32>,
    pub(crate) weight: Option<u32>,
    pub(crate) mode: Option<Mode>,
    pub(crate) over: bool,
}

impl Change {
    fn encode(&self) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::string(attr::IFNAME, &self.tap)];
        let numbers = [
            (attr::UPLINK, self.uplink),
            (attr::BASE, self.base),
            (attr::WEIGHT, self.weight),
            (attr::MODE, self.mode.and_then(Mode::number)),
        ];
        for (kind, number) in numbers {
            attributes.extend(number.map(|number| Attribute::u32(kind, number)));
        }
        if self.over {
            attributes.push(Attribute::flag(attr::OVERRIDE));
        }
        attributes
    }
}

/// Something that has happened to the lanes of a tap.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Set(Tap),
    Unset(Tap),
    /// Events came faster than they were read.
    Lost,
    /// The module is gone, and with it all lanes.
    Gone,
}

/// A connection to the module.
pub(crate) struct Client {
    pub(crate) family: Family,
}

impl Client {
    pub(crate) fn open() -> Result<Self> {
        Self::find()?.context("the module tun_mq is not loaded: modprobe tun_mq")
    }

    /// None if the module is not loaded.
    pub(crate) fn find() -> Result<Option<Self>> {
        Ok(Family::open(FAMILY)?.map(|family| Self { family }))
    }

    /// All taps that have lanes.
    pub(crate) fn taps(&mut self) -> Result<Vec<Tap>> {
        let answers = self
            .family
            .dump(command::GET)
            .map_err(|error| explain(error, "cannot list the lanes", tap_option))?;
        answers.iter().map(|m| Tap::decode(&m.attributes)).collect()
    }

    /// The lanes of the tap `name`.
    pub(crate) fn tap(&mut self, name: &str) -> Result<Tap> {
        self.get(Attribute::string(attr::IFNAME, name))
            .map_err(|error| {
                explain(
                    error,
                    &format!("cannot show the lanes of {name}"),
                    tap_option,
                )
            })
    }

    /// The lanes of the same tap now; none if it has no lanes any more.
    pub(crate) fn again(&mut self, tap: &Tap) -> Result<Option<Tap>> {
        match self.get(Attribute::u32(attr::IFINDEX, tap.ifindex)) {
            Err(error) if is_nothing(&error) => Ok(None),
            result => result.map(Some).map_err(|error| {
                explain(error, &format!("cannot watch {}", tap.ifname), tap_option)
            }),
        }
    }

    /// The mode of the tap `name`; none if it has no lanes. It is asked for `what`.
    pub(crate) fn mode(&mut self, name: &str, what: &str) -> Result<Option<Mode>> {
        match self.get(Attribute::string(attr::IFNAME, name)) {
            Err(error) if is_nothing(&error) => Ok(None),
            result => result
                .map(|tap| Some(tap.mode))
                .map_err(|error| explain(error, what, tap_option)),
        }
    }

    fn get(&mut self, which: Attribute) -> Result<Tap> {
        let answers = self.family.ask(command::GET, vec![which])?;
        let answer = answers.first().context("the kernel's answer is empty")?;
        Tap::decode(&answer.attributes)
    }

    pub(crate) fn set(&mut self, change: &Change) -> Result<()> {
        let what = format!("cannot set the lanes of {}", change.tap);
        self.family
            .ask(command::SET, change.encode())
            .map_err(|error| explain(error, &what, tap_option))?;
        Ok(())
    }

    pub(crate) fn unset(&mut self, name: &str) -> Result<()> {
        let what = format!("cannot take the lanes of {name}");
        self.family
            .ask(command::UNSET, vec![Attribute::string(attr::IFNAME, name)])
            .map_err(|error| explain(error, &what, tap_option))?;
        Ok(())
    }

    /// Returns how many taps have got another base.
    pub(crate) fn rebalance(&mut self, uplink: Option<u32>) -> Result<u32> {
        let attributes = uplink.map(|index| Attribute::u32(rebalance::UPLINK, index));
        let option = |kind| (kind == rebalance::UPLINK).then_some("--uplink");
        let answers = self
            .family
            .ask(command::REBALANCE, attributes.into_iter().collect())
            .map_err(|error| explain(error, "cannot choose bases anew", option))?;
        let mut found = answers.iter().flat_map(|answer| &answer.attributes);
        let moved = found.find(|attribute| attribute.kind() == rebalance::MOVED);
        Ok(moved.map_or(Ok(0), Attribute::to_u32)?)
    }

    /// From now on, `next` tells what happens. Nothing can be asked any more.
    pub(crate) fn watch(&mut self) -> Result<()> {
        self.family.subscribe(&[GROUP])
    }

    /// Waits for what happens next.
    pub(crate) fn next(&mut self) -> Result<Vec<Event>> {
        match self.family.next()? {
            Told::Lost => Ok(vec![Event::Lost]),
            Told::Gone => Ok(vec![Event::Gone]),
            Told::Messages(messages) => messages.iter().filter_map(event).collect(),
        }
    }
}

fn event(message: &Message) -> Option<Result<Event>> {
    let tap = || Tap::decode(&message.attributes);
    match message.command {
        command::SET_NTF => Some(tap().map(Event::Set)),
        command::UNSET_NTF => Some(tap().map(Event::Unset)),
        _ => None,
    }
}

/// The argument that an attribute comes from.
fn tap_option(kind: u16) -> Option<&'static str> {
    match kind {
        attr::IFINDEX | attr::IFNAME => Some("TAP"),
        attr::UPLINK => Some("--uplink"),
        attr::BASE => Some("--base"),
        attr::WEIGHT => Some("--weight"),
        attr::MODE => Some("--mode"),
        attr::OVERRIDE => Some("--override"),
        _ => None,
    }
}

/// Has the kernel refused since the tap is not there, or has no lanes? The same it says when the
/// module is gone, and with it all lanes.
fn is_nothing(error: &Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| {
        let errno = Errno::from_raw_os_error(refusal.errno);
        matches!(errno, Errno::NOENT | Errno::NODEV)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_sent() {
        let change = Change {
            tap: "tap0".to_owned(),
            ..Change::default()
        };
        assert_eq!(change.encode(), [Attribute::string(attr::IFNAME, "tap0")]);
    }

    #[test]
    fn all_that_is_given_is_sent() {
        let change = Change {
            tap: "tap0".to_owned(),
            uplink: Some(2),
            base: Some(0),
            weight: Some(3),
            mode: Some(Mode::Auto),
            over: true,
        };
        let expected = [
            Attribute::string(attr::IFNAME, "tap0"),
            Attribute::u32(attr::UPLINK, 2),
            Attribute::u32(attr::BASE, 0),
            Attribute::u32(attr::WEIGHT, 3),
            Attribute::u32(attr::MODE, 0),
            Attribute::flag(attr::OVERRIDE),
        ];
        assert_eq!(change.encode(), expected);
    }

    #[test]
    fn notifications_are_told_apart() {
        let said = super::super::tap::tests::example();
        let tap = Tap::decode(&said).unwrap();
        let told = |command| {
            let message = Message::new(command, said.clone());
            event(&message).transpose().unwrap()
        };
        assert_eq!(told(command::SET_NTF), Some(Event::Set(tap.clone())));
        assert_eq!(told(command::UNSET_NTF), Some(Event::Unset(tap)));
        assert_eq!(told(77), None);
    }
}
