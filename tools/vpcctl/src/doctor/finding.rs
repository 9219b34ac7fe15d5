// SPDX-License-Identifier: GPL-2.0

//! What a check has found, and what is to be done about it.

use super::fix::Fix;
use serde::Serialize;

/// How much a finding matters. The order is that of the summary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Lanes do not work like this.
    Problem,
    /// Lanes work, but lose packets or speed.
    Warning,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Could not be looked at.
    Unknown,
    /// As it should be.
    Ok,
}

/// One thing that a check says about one subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The check's id; the runner of the checks fills it in.
    pub(crate) check: &'static str,
    pub(crate) severity: Severity,
    /// A device, a VM, a module or "host".
    pub(crate) subject: String,
    pub(crate) found: String,
    /// Why it matters, in one sentence; empty if all is well.
    pub(crate) why: String,
    /// What to do, where the commands alone do not say it; else empty.
    pub(crate) advice: String,
    pub(crate) commands: Vec<String>,
    /// What --fix would do.
    #[serde(rename = "fixable", serialize_with = "any")]
    pub(crate) fixes: Vec<Fix>,
}

fn any<S: serde::Serializer>(fixes: &[Fix], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(!fixes.is_empty())
}

impl Finding {
    fn new(severity: Severity, subject: &str, found: impl Into<String>) -> Self {
        Finding {
            check: "",
            severity,
            subject: subject.to_owned(),
            found: found.into(),
            why: String::new(),
            advice: String::new(),
            commands: Vec::new(),
            fixes: Vec::new(),
        }
    }

    pub(crate) fn ok(subject: &str, found: impl Into<String>) -> Self {
        Finding::new(Severity::Ok, subject, found)
    }

    pub(crate) fn note(subject: &str, found: impl Into<String>) -> Self {
        Finding::new(Severity::Note, subject, found)
    }

    pub(crate) fn warning(subject: &str, found: impl Into<String>) -> Self {
        Finding::new(Severity::Warning, subject, found)
    }

    pub(crate) fn problem(subject: &str, found: impl Into<String>) -> Self {
        Finding::new(Severity::Problem, subject, found)
    }

    pub(crate) fn unknown(subject: &str, reason: impl Into<String>) -> Self {
        Finding::new(Severity::Unknown, subject, reason)
    }

    pub(crate) fn why(mut self, why: &str) -> Self {
        self.why = why.to_owned();
        self
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// A command that a person would give.
    pub(crate) fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// Something that --fix does; the command that does the same is shown.
    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.commands.push(fix.command());
        self.fixes.push(fix);
        self
    }
}
