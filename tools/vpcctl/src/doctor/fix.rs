// SPDX-License-Identifier: GPL-2.0

//! What --fix does: only what takes effect at once, interrupts no traffic, and
//! one command undoes. What restarts a NIC or a VM, or changes what a firewall
//! lets pass, is left to people. Nothing of it outlives a reboot.

use super::host::Host;
use serde::Serialize;

/// A change that is safe to make.
#[derive(Clone, Debug)]
pub(crate) enum Fix {
    /// A value written to a file of /sys or /proc.
    Write { path: String, value: String },
    /// A module loaded.
    Load { module: &'static str },
}

/// What became of a fix.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    pub(crate) check: &'static str,
    pub(crate) subject: String,
    pub(crate) command: String,
    /// The command that takes it back; empty if nothing was changed.
    pub(crate) undo: String,
    /// Why it did not work; null if it did.
    pub(crate) error: Option<String>,
}

fn write_command(path: &str, value: &str) -> String {
    let Some(device) = path
        .strip_prefix("/sys/class/net/")
        .and_then(|rest| rest.strip_suffix("/tx_queue_len"))
    else {
        return match path.strip_prefix("/proc/sys/") {
            Some(name) => format!("sysctl -w {}={value}", name.replace('/', ".")),
            None => format!("echo {value} >{path}"),
        };
    };
    format!("ip link set dev {device} txqueuelen {value}")
}

impl Fix {
    pub(crate) fn write(path: impl Into<String>, value: impl ToString) -> Self {
        Fix::Write {
            path: path.into(),
            value: value.to_string(),
        }
    }

    /// The command that does the same.
    pub(crate) fn command(&self) -> String {
        match self {
            Fix::Write { path, value } => write_command(path, value),
            Fix::Load { module } => format!("modprobe {module}"),
        }
    }

    pub(crate) fn apply(&self, host: &Host, check: &'static str, subject: &str) -> Done {
        let (undo, result) = match self {
            Fix::Write { path, value } => {
                let before = host.read(path).ok().flatten();
                let undo = before.map(|text| write_command(path, text.trim()));
                (undo.unwrap_or_default(), host.write(path, value))
            }
            Fix::Load { module } => (format!("modprobe -r {module}"), host.load(module)),
        };
        Done {
            check,
            subject: subject.to_owned(),
            command: self.command(),
            undo: if result.is_ok() { undo } else { String::new() },
            error: result.err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn a_fix_says_what_it_did_and_how_to_undo_it() {
        let host = MadeUp::new().file("/sys/class/net/tap7/tx_queue_len", "500\n");
        let fix = Fix::write("/sys/class/net/tap7/tx_queue_len", 10000);
        let done = fix.apply(&host.host(), "tap-queue-len", "tap7");
        assert_eq!(done.command, "ip link set dev tap7 txqueuelen 10000");
        assert_eq!(done.undo, "ip link set dev tap7 txqueuelen 500");
        assert_eq!(done.error, None);
        assert_eq!(host.text("/sys/class/net/tap7/tx_queue_len"), "10000");
    }

    #[test]
    fn a_fix_that_fails_says_so() {
        let host = MadeUp::new();
        let done = Fix::write("/sys/nowhere/at/all", 1).apply(&host.host(), "x", "y");
        assert!(done.error.is_some());
        assert_eq!(done.undo, "");
    }

    #[test]
    fn a_sysctl_is_shown_as_one() {
        let fix = Fix::write("/proc/sys/net/core/netdev_max_backlog", 5);
        assert_eq!(fix.command(), "sysctl -w net.core.netdev_max_backlog=5");
    }
}
