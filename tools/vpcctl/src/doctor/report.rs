// SPDX-License-Identifier: GPL-2.0

//! What people and programs are told.

use super::checks::CHECKS;
use super::finding::Finding;
use super::finding::Severity;
use super::fix::Done;
use serde::Serialize;
use std::fmt;
use std::fmt::Write;

/// Grows with each change that would break who reads the JSON.
const VERSION: u32 = 1;
/// So many commands that are alike are shown; the rest is counted.
const SHOWN: usize = 4;
/// Where text begins, below the title of a finding, and where it ends.
const INDENT: usize = 11;
const WIDTH: usize = 80;

/// The whole of it; as JSON, just like this.
#[derive(Serialize)]
pub(crate) struct Report {
    version: u32,
    kernel: String,
    uplinks: Vec<String>,
    findings: Vec<Finding>,
    /// What --fix did.
    fixed: Vec<Done>,
    summary: Summary,
}

/// How many findings there are of each severity.
#[derive(Serialize)]
struct Summary {
    problem: usize,
    warning: usize,
    note: usize,
    unknown: usize,
    ok: usize,
}

impl Report {
    pub(crate) fn new(
        kernel: String,
        uplinks: Vec<String>,
        findings: Vec<Finding>,
        fixed: Vec<Done>,
    ) -> Self {
        let count = |severity| {
            let same = findings.iter().filter(|found| found.severity == severity);
            same.count()
        };
        let summary = Summary {
            problem: count(Severity::Problem),
            warning: count(Severity::Warning),
            note: count(Severity::Note),
            unknown: count(Severity::Unknown),
            ok: count(Severity::Ok),
        };
        Report {
            version: VERSION,
            kernel,
            uplinks,
            findings,
            fixed,
            summary,
        }
    }

    /// Whether something stands in the way.
    pub(crate) fn has_problems(&self) -> bool {
        self.summary.problem > 0
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "PROBLEM",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Unknown => "not seen",
        Severity::Ok => "ok",
    }
}

/// Findings that differ in nothing but the subject, as those of many taps.
fn alike(a: &Finding, b: &Finding) -> bool {
    (a.check, a.severity, &a.found, &a.why) == (b.check, b.severity, &b.found, &b.why)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uplinks = match self.uplinks.is_empty() {
            true => "none".to_owned(),
            false => self.uplinks.join(", "),
        };
        writeln!(f, "Linux {}, uplink: {uplinks}", self.kernel)?;
        let mut group = "";
        for check in CHECKS {
            let mut rest: Vec<&Finding> = self.findings.iter().collect();
            rest.retain(|found| found.check == check.id);
            while let Some(first) = rest.first().copied() {
                let (same, other) = rest.into_iter().partition(|found| alike(found, first));
                rest = other;
                if group != check.group {
                    group = check.group;
                    writeln!(f, "\n{group}")?;
                }
                write_findings(f, &same)?;
            }
        }
        if !self.fixed.is_empty() {
            writeln!(f, "\nDone by --fix")?;
        }
        for done in &self.fixed {
            match &done.error {
                None if done.undo.is_empty() => writeln!(f, "  {}", done.command)?,
                None => writeln!(f, "  {}   (back: {})", done.command, done.undo)?,
                Some(error) => writeln!(f, "  FAILED: {}: {error}", done.command)?,
            }
        }
        let fixable = self.findings.iter().any(|found| !found.fixes.is_empty());
        let hint = match fixable && self.fixed.is_empty() {
            true => "; --fix does what is marked with *",
            false => "",
        };
        write!(f, "\n{}{hint}", self.summary)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (number, one, more) in [
            (self.problem, "problem", "problems"),
            (self.warning, "warning", "warnings"),
            (self.note, "note", "notes"),
            (self.ok, "ok", "ok"),
            (
                self.unknown,
                "could not be looked at",
                "could not be looked at",
            ),
        ] {
            if number > 0 {
                let separator = if text.is_empty() { "" } else { ", " };
                write!(
                    text,
                    "{separator}{number} {}",
                    if number == 1 { one } else { more }
                )?;
            }
        }
        f.write_str(&text)
    }
}

/// Findings that are alike, as one.
fn write_findings(f: &mut fmt::Formatter<'_>, same: &[&Finding]) -> fmt::Result {
    let Some(first) = same.first() else {
        return Ok(());
    };
    let subjects: Vec<&str> = same.iter().map(|found| found.subject.as_str()).collect();
    let severity = word(first.severity);
    let title = format!("{}: {}: {}", first.check, subjects.join(", "), first.found);
    let indent = " ".repeat(INDENT);
    let title = wrap(&title, &format!("{indent}  "));
    writeln!(f, "  {severity:<8} {}", title.trim_start())?;
    for text in [&first.why, &first.advice] {
        if !text.is_empty() {
            writeln!(f, "{}", wrap(text, &indent))?;
        }
    }
    let mark = if first.fixes.is_empty() { ' ' } else { '*' };
    let commands: Vec<&String> = same.iter().flat_map(|found| &found.commands).collect();
    for command in commands.iter().take(SHOWN) {
        let command = command.replace('\n', &format!("\n{indent}  "));
        writeln!(f, "{indent}{mark} {command}")?;
    }
    if commands.len() > SHOWN {
        writeln!(
            f,
            "{indent}{mark} ... and {} more (--json)",
            commands.len() - SHOWN
        )?;
    }
    Ok(())
}

/// The words of a text in lines that fit, each behind `indent`.
fn wrap(text: &str, indent: &str) -> String {
    let (mut lines, mut line) = (String::new(), indent.to_owned());
    for word in text.split_whitespace() {
        if line.len() > indent.len() && line.len() + word.len() >= WIDTH {
            lines = format!("{lines}{}\n", line.trim_end());
            line = indent.to_owned();
        }
        line = format!("{line}{word} ");
    }
    format!("{lines}{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut findings = vec![
            Finding::ok("eth0", "4 queues for 4 CPUs"),
            Finding::warning("tap1", "500 packets")
                .why("Lost.")
                .command("one"),
            Finding::warning("tap2", "500 packets")
                .why("Lost.")
                .command("two"),
            Finding::unknown("host", "/x is for root only"),
        ];
        for (finding, check) in
            findings
                .iter_mut()
                .zip(["queues", "tap-queue-len", "tap-queue-len", "conntrack"])
        {
            finding.check = check;
        }
        Report::new(
            "7.3.4".to_owned(),
            vec!["eth0".to_owned()],
            findings,
            Vec::new(),
        )
    }

    #[test]
    fn what_is_alike_is_said_once() {
        let text = report().to_string();
        assert_eq!(text.matches("tap-queue-len").count(), 1);
        assert!(text.contains("tap1, tap2: 500 packets"));
        assert!(text.contains("  one\n") && text.contains("  two\n"));
    }

    #[test]
    fn lines_fit() {
        let text = wrap(&"word ".repeat(40), "    ");
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert!(text.lines().all(|line| line.starts_with("    word")));
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(wrap(&"x".repeat(100), "  ").trim_start().len(), 100);
    }

    #[test]
    fn what_was_not_seen_is_not_ok() {
        let text = report().to_string();
        assert!(text.contains("not seen conntrack: host: /x is for root only"));
        assert!(text.ends_with("2 warnings, 1 ok, 1 could not be looked at"));
        assert!(!report().has_problems());
    }

    #[test]
    fn the_json_is_as_promised() {
        let json = serde_json::to_value(report()).unwrap();
        let names = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let mut top = names(&json);
        top.sort();
        assert_eq!(
            top,
            ["findings", "fixed", "kernel", "summary", "uplinks", "version"]
        );
        let mut finding = names(&json["findings"][1]);
        finding.sort();
        assert_eq!(
            finding,
            ["advice", "check", "commands", "fixable", "found", "severity", "subject", "why"]
        );
        assert_eq!(json["findings"][1]["severity"], "warning");
        assert_eq!(json["findings"][1]["fixable"], false);
        assert_eq!(json["summary"]["unknown"], 1);
    }
}
