// SPDX-License-Identifier: GPL-2.0

//! What packets look up of an ACL: its rules of one direction, with those that groups make, compiled.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::vpc::acl;
use vpc_core::vpc::acl::Key;
use vpc_core::vpc::acl::Match;
use vpc_core::vpc::acl::Prefix;
use vpc_core::vpc::acl::Rule;
use vpc_core::vpc::acl::Snapshot;
use vpc_core::vpc::acl::Verdict;
use vpcnet::context::Rtnl;
use vpcnet::percpu::Counters;
use vpcnet::percpu::ThisCpu;

use crate::acl::portion;
use crate::acl::Direction;
use crate::acl::Entry;
use crate::acl::Rules;
use crate::answers::Answers;
use crate::group::Group;
use crate::name::Name;
use crate::sorted::Sorted;

/// From so many lines on what a tree says is kept: fewer are in the CPU's cache as well, and read as
/// fast.
const MANY_LINES: usize = 128;

/// What packets look up.
pub(crate) struct Compiled {
    /// The first rule, if it is for all packets: then the others are for none.
    always: Option<Found>,
    lines: KVVec<acl::Line>,
    /// What they have said, where they are many.
    answers: Option<Answers>,
    /// What each rule in the lines is of the ACL's.
    rules: KVVec<Origin>,
    counters: KVec<Arc<Counters>>,
    /// Some rule of the ACL, in whatever direction, tracks what it allows.
    pub(crate) tracks: bool,
}

/// What is kept of a rule.
struct Origin {
    counter: u32,
    priority: u32,
    stateful: bool,
}

/// A vector for the compiler.
struct Room<T>(KVVec<T>);

impl<T> Room<T> {
    fn new() -> Self {
        Room(KVVec::new())
    }
}

impl<T> acl::Store<T> for Room<T> {
    fn push(&mut self, item: T) -> Result<(), acl::Full> {
        self.0.push(item, GFP_KERNEL_ACCOUNT).map_err(|_| acl::Full)
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn items(&self) -> &[T] {
        &self.0
    }

    fn items_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// The prefixes that a side of a rule has: its own, or those of a group.
fn prefixes<'a>(own: &'a Option<Prefix>, group: Option<&'a Group>) -> &'a [Prefix] {
    match group {
        Some(group) => &group.members,
        None => own.as_slice(),
    }
}

impl Compiled {
    /// Compiles the rules of a direction, of which there may be so many with those of groups.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG` if there are more.
    pub(crate) fn new(
        rules: &Rules,
        direction: Direction,
        groups: &Sorted<Group>,
        most: usize,
        rtnl: &mut Rtnl,
    ) -> Result<Self> {
        let mut all: KVVec<Rule> = KVVec::new();
        let mut origins = KVVec::new();
        let mut add = |entry: &Entry, rule: Rule| -> Result {
            if rule.check().is_err() {
                // A member of a group of the other version.
                return Ok(());
            }
            if all.len() >= most {
                return Err(E2BIG);
            }
            all.push(rule, GFP_KERNEL_ACCOUNT)?;
            let origin = Origin {
                counter: entry.counter,
                priority: entry.priority,
                stateful: entry.stateful,
            };
            origins.push(origin, GFP_KERNEL_ACCOUNT)?;
            Ok(())
        };
        for entry in rules.list.iter().filter(|it| it.direction == direction) {
            let of = |name: &Option<Name>| match name {
                Some(name) => groups.get(name).map(Some).ok_or(ENOENT),
                None => Ok(None),
            };
            let (from, to) = (of(&entry.src_group)?, of(&entry.dst_group)?);
            let (srcs, dsts) = (
                prefixes(&entry.rule.src, from),
                prefixes(&entry.rule.dst, to),
            );
            let rule = entry.rule;
            match (
                from.is_some() || !srcs.is_empty(),
                to.is_some() || !dsts.is_empty(),
            ) {
                (false, false) => add(entry, rule)?,
                (true, false) => {
                    for &src in srcs {
                        add(
                            entry,
                            Rule {
                                src: Some(src),
                                ..rule
                            },
                        )?;
                    }
                }
                (false, true) => {
                    for &dst in dsts {
                        add(
                            entry,
                            Rule {
                                dst: Some(dst),
                                ..rule
                            },
                        )?;
                    }
                }
                (true, true) => {
                    for &src in srcs {
                        for &dst in dsts {
                            let (src, dst) = (Some(src), Some(dst));
                            add(entry, Rule { src, dst, ..rule })?;
                        }
                    }
                }
            }
        }
        let (mut lines, mut other) = (Room::new(), Room::new());
        let (mut lists, mut work) = (Room::new(), Room::new());
        acl::compile(&all, &mut lines, &mut other, &mut lists, &mut work).map_err(|error| {
            match error {
                acl::Error::Full => ENOMEM,
                acl::Error::TooMany => E2BIG,
                acl::Error::Invalid { .. } => EINVAL,
            }
        })?;
        let mut counters = KVec::with_capacity(rules.counters.len(), GFP_KERNEL)?;
        for it in &rules.counters {
            counters.push(it.clone(), GFP_KERNEL)?;
        }
        let answers = match lines.0.len() >= MANY_LINES {
            true => Some(Answers::new(&all, rtnl)?),
            false => None,
        };
        let first = all.first().zip(origins.first());
        let is_any = |rule: &Rule| {
            *rule
                == Rule {
                    log: rule.log,
                    ..Rule::any(rule.verdict)
                }
        };
        let always = first.filter(|(rule, _)| is_any(rule));
        Ok(Compiled {
            always: always.map(|(rule, origin)| Found::new(rule.verdict, rule.log, origin)),
            lines: lines.0,
            answers,
            rules: origins,
            counters,
            tracks: rules.list.iter().any(|it| it.stateful),
        })
    }
}

impl Compiled {
    /// How many they are, with one for each member of a group.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rule that the trees find.
    #[inline]
    fn find(&self, key: &Key) -> Option<Found> {
        let Match { rule, verdict, log } = Snapshot::new(&self.lines).lookup(key)?;
        let origin = self.rules.get(rule as usize)?;
        Some(Found::new(verdict, log, origin))
    }

    /// See [`crate::acl::Acl::say`].
    #[inline]
    pub(crate) fn say(&self, key: impl Fn() -> Key, count: Option<ThisCpu<'_>>) -> Option<Said> {
        let Found { counter, said } = match (self.always, &self.answers, count) {
            (Some(found), ..) => found,
            (None, Some(answers), Some(cpu)) => {
                let key = &key();
                answers.ask(key, cpu, || self.find_anew(key))?
            }
            _ => self.find(&key())?,
        };
        if let Some(cpu) = count {
            let (portion, index) = portion(counter);
            if let Some(counters) = self.counters.get(portion) {
                counters.count(index, cpu);
            }
        }
        Some(said)
    }

    // Out of line: it is what is to be spared.
    #[inline(never)]
    fn find_anew(&self, key: &Key) -> Option<Found> {
        self.find(key)
    }
}

/// A rule that decides.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    counter: u32,
    said: Said,
}

impl Found {
    fn new(verdict: Verdict, log: bool, origin: &Origin) -> Self {
        Found {
            counter: origin.counter,
            said: Said {
                verdict,
                log,
                stateful: origin.stateful,
                priority: origin.priority,
            },
        }
    }
}

/// What an ACL says of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    pub(crate) log: bool,
    /// What it allows is to be tracked.
    pub(crate) stateful: bool,
    /// Priority of the rule.
    pub(crate) priority: u32,
}
