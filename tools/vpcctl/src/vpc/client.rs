// SPDX-License-Identifier: GPL-2.0

//! Requests to the family `vpc_hook`.

use super::number::begin;
use super::number::command;
use super::object::decode;
use super::object::Config;
use super::object::Group;
use super::object::Object;
use super::object::Shown;
use super::object::Vpc;
use crate::netlink::explain;
use crate::netlink::Attribute;
use crate::netlink::Family;
use crate::netlink::Message;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::netlink::Told;
use anyhow::bail;
use anyhow::Context;
use anyhow::Error;
use anyhow::Result;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

const FAMILY: &str = "vpc_hook";

/// How often a change is tried again that somebody else came before.
const TRIES: u32 = 8;

/// A connection to the module. A transaction belongs to it and ends with it.
pub(crate) struct Client {
    pub(crate) family: Family,
}

impl Client {
    pub(crate) fn open() -> Result<Self> {
        Self::find()?.context("the module vpc_hook is not loaded: modprobe vpc_hook")
    }

    /// None if the module is not loaded.
    pub(crate) fn find() -> Result<Option<Self>> {
        Ok(Family::open(FAMILY)?.map(|family| Self { family }))
    }

    pub(crate) fn config(&mut self) -> Result<Config> {
        let what = "cannot read the configuration";
        let answers = self
            .family
            .ask(command::CONFIG_GET, Vec::new())
            .map_err(|error| explain(error, what, |_| None))?;
        Config::decode(&first(&answers)?.attributes)
    }

    pub(crate) fn set_config(&mut self, attributes: Vec<Attribute>) -> Result<()> {
        use super::number::config as attr;

        let option = |kind| match kind {
            attr::TUNNEL => Some("--tunnel"),
            attr::MAX_ENTRIES => Some("--max-entries"),
            _ => None,
        };
        self.family
            .ask(command::CONFIG_SET, attributes)
            .map_err(|error| explain(error, "cannot set the configuration", option))?;
        Ok(())
    }

    /// The object that has the key of this one.
    pub(crate) fn get<T: Object>(&mut self, key: &T) -> Result<Shown<T>> {
        let what = format!("cannot show {}", key.label());
        let answers = self
            .family
            .ask(T::GET, key.key())
            .map_err(|error| explain(error, &what, T::option))?;
        decode(&first(&answers)?.attributes)
    }

    /// The same; none if there is no such object.
    pub(crate) fn find_object<T: Object>(&mut self, key: &T) -> Result<Option<Shown<T>>> {
        match self.family.ask(T::GET, key.key()) {
            Ok(answers) => decode(&first(&answers)?.attributes).map(Some),
            Err(error) if is(&error, Errno::NOENT) => Ok(None),
            Err(error) => {
                let what = format!("cannot look for {}", key.label());
                Err(explain(error, &what, T::option))
            }
        }
    }

    /// All objects of a kind.
    pub(crate) fn all<T: Object>(&mut self) -> Result<Vec<Shown<T>>> {
        self.family
            .dump_into(T::GET, |all: &mut Vec<_>, message| {
                all.push(decode::<T>(&message.attributes)?);
                Ok(())
            })
            .map_err(|error| explain(error, &format!("cannot list {}", T::PLURAL), |_| None))
    }

    /// All groups. One with many members comes in several messages.
    pub(crate) fn groups(&mut self) -> Result<BTreeMap<String, Group>> {
        self.family
            .dump_into(Group::GET, |all: &mut BTreeMap<String, Group>, message| {
                let part = decode::<Group>(&message.attributes)?.object;
                match all.get_mut(&part.name) {
                    Some(group) => group.members.extend(part.members),
                    None => {
                        all.insert(part.name.clone(), part);
                    }
                }
                Ok(())
            })
            .map_err(|error| explain(error, "cannot list groups", |_| None))
    }

    /// Makes an object; with `replace` it may be there and is then as said.
    pub(crate) fn make<T: Object>(&mut self, object: &T, replace: bool) -> Result<()> {
        let what = match replace {
            true => format!("cannot set {}", object.label()),
            false => format!("cannot add {}", object.label()),
        };
        self.carry_out(object.make(replace), &what, T::option)
    }

    pub(crate) fn remove<T: Object>(&mut self, object: &T) -> Result<()> {
        let what = format!("cannot delete {}", object.label());
        self.carry_out(vec![object.remove()], &what, T::option)
    }

    /// Carries out all of the requests or none.
    pub(crate) fn carry_out(
        &mut self,
        requests: Vec<Request>,
        what: &str,
        option: impl Fn(u16) -> Option<&'static str>,
    ) -> Result<()> {
        let result = match <[Request; 1]>::try_from(requests) {
            Ok([request]) => self.family.request(request).map(|_| ()),
            Err(requests) => self.transact(|_| Ok(requests.clone())),
        };
        result.map_err(|error| explain(error, what, option))
    }

    /// Changes what `requests` has asked for, in a transaction.
    pub(crate) fn change(
        &mut self,
        what: &str,
        option: impl Fn(u16) -> Option<&'static str>,
        requests: impl FnMut(&mut Self) -> Result<Vec<Request>>,
    ) -> Result<()> {
        self.transact(requests)
            .map_err(|error| explain(error, what, option))
    }

    /// A transaction over what `requests` makes of the running configuration, which it may ask for.
    /// If somebody else changes that in the meantime, `requests` is asked anew.
    pub(crate) fn transact(
        &mut self,
        mut requests: impl FnMut(&mut Self) -> Result<Vec<Request>>,
    ) -> Result<()> {
        for attempt in 0..TRIES {
            let generation = self.config()?.generation;
            let requests = requests(self)?;
            let result = self.begin(generation).and_then(|()| {
                self.family
                    .batch(requests, |_| ())
                    .map_err(|failed| failed.error)?;
                self.commit().map(|_| ())
            });
            match result {
                Err(error) if is(&error, Errno::AGAIN) => {
                    // The transaction, if it is there still, ends with the connection.
                    *self = Self::open()?;
                    pause(attempt);
                }
                result => return result,
            }
        }
        bail!("{}", TOO_BUSY)
    }

    /// Begins with a copy of the configuration, which has to be of this generation.
    pub(crate) fn begin(&mut self, generation: u32) -> Result<()> {
        let attributes = vec![
            Attribute::flag(begin::COPY),
            Attribute::u32(begin::GENERATION, generation),
        ];
        self.family.ask(command::BEGIN, attributes)?;
        Ok(())
    }

    /// Returns the generation of what is the running configuration now.
    pub(crate) fn commit(&mut self) -> Result<Option<u32>> {
        let answers = self.family.ask(command::COMMIT, Vec::new())?;
        let mut found = answers.iter().flat_map(|answer| &answer.attributes);
        let generation = found.find(|attribute| attribute.kind() == begin::GENERATION);
        Ok(generation.map(Attribute::to_u32).transpose()?)
    }

    /// The VPC that is called so, or has that number.
    pub(crate) fn vpc_id(&mut self, name: &str) -> Result<u32> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let vpcs = self.all::<Vpc>()?;
        let found = vpcs
            .into_iter()
            .find(|vpc| vpc.object.name.as_deref() == Some(name));
        match found {
            Some(vpc) => Ok(vpc.object.id),
            None => bail!("there is no VPC {name}; vpcctl vpc show lists those that are"),
        }
    }

    /// Names of the VPCs, by their ids.
    pub(crate) fn vpc_names(&mut self) -> Result<BTreeMap<u32, String>> {
        let vpcs = self.all::<Vpc>()?.into_iter().map(|vpc| vpc.object);
        Ok(vpcs.filter_map(|vpc| Some((vpc.id, vpc.name?))).collect())
    }

    /// From now on, `next` tells what happens. Nothing can be asked any more.
    pub(crate) fn watch(&mut self, groups: &[&str]) -> Result<()> {
        self.family.subscribe(groups)
    }

    pub(crate) fn next(&mut self) -> Result<Told> {
        self.family.next()
    }
}

pub(crate) const TOO_BUSY: &str =
    "others change the configuration all the time; try again when they are done";

/// Gives others time, the more the longer it has not worked.
pub(crate) fn pause(attempt: u32) {
    thread::sleep(Duration::from_millis(10 << attempt.min(TRIES)));
}

/// Has the kernel refused with this error?
pub(crate) fn is(error: &Error, errno: Errno) -> bool {
    error
        .downcast_ref::<Refusal>()
        .is_some_and(|refusal| refusal.errno == errno.raw_os_error())
}

fn first(answers: &[Message]) -> Result<&Message> {
    answers.first().context("the kernel's answer is empty")
}
