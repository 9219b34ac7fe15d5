// SPDX-License-Identifier: GPL-2.0

//! The host that is looked at: its files, and what its programs say. With
//! --root both come from a folder, where `said/PROGRAM ARGS` has a program's
//! output; an empty one stands for "not supported".

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Why something could not be looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unseen(pub(crate) String);

pub(crate) type Seen<T> = Result<T, Unseen>;

/// A host, or a folder that is like one.
pub(crate) struct Host {
    root: Option<PathBuf>,
    /// What --uplink named.
    pub(crate) chosen: Vec<String>,
}

/// The file is not there, or says that there is nothing to say.
fn nothing(error: &io::Error) -> bool {
    const ENODEV: i32 = 19;
    const ENOTDIR: i32 = 20;
    const EINVAL: i32 = 22;
    const EOPNOTSUPP: i32 = 95;
    error.kind() == io::ErrorKind::NotFound
        || matches!(
            error.raw_os_error(),
            Some(ENODEV | ENOTDIR | EINVAL | EOPNOTSUPP)
        )
}

fn unseen(path: &str, error: &io::Error) -> Unseen {
    Unseen(match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{path} is for root only"),
        _ => format!("{path}: {error}"),
    })
}

impl Host {
    pub(crate) fn new(root: Option<PathBuf>, chosen: Vec<String>) -> Self {
        Host { root, chosen }
    }

    fn path(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// The bytes of a file; None if there is no such file.
    pub(crate) fn bytes(&self, path: &str) -> Seen<Option<Vec<u8>>> {
        match fs::read(self.path(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if nothing(&error) => Ok(None),
            Err(error) => Err(unseen(path, &error)),
        }
    }

    /// The text of a file; None if there is no such file.
    pub(crate) fn read(&self, path: &str) -> Seen<Option<String>> {
        let bytes = self.bytes(path)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The number in a file, decimal or 0x...; None if there is none.
    pub(crate) fn number(&self, path: &str) -> Seen<Option<u64>> {
        Ok(self.read(path)?.and_then(|text| match text.trim() {
            text if text.starts_with("0x") => u64::from_str_radix(&text[2..], 16).ok(),
            text => text.parse().ok(),
        }))
    }

    /// The names in a folder, in order; none if there is no such folder.
    pub(crate) fn list(&self, path: &str) -> Seen<Vec<String>> {
        let entries = match fs::read_dir(self.path(path)) {
            Ok(entries) => entries,
            Err(error) if nothing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unseen(path, &error)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        // By length first, so that tx-2 comes before tx-10.
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        Ok(names)
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.path(path).is_dir()
    }

    pub(crate) fn write(&self, path: &str, value: &str) -> Result<(), String> {
        fs::write(self.path(path), value).map_err(|error| format!("{path}: {error}"))
    }

    /// Loads a module.
    pub(crate) fn load(&self, module: &str) -> Result<(), String> {
        if self.root.is_some() {
            return Err("no module is loaded with --root".to_owned());
        }
        let out = Command::new("modprobe").arg(module).output();
        let out = out.map_err(|error| format!("modprobe: {error}"))?;
        match out.status.success() {
            true => Ok(()),
            false => Err(first_line(&out.stderr)),
        }
    }

    /// What a program says; None if it says that this is not supported.
    pub(crate) fn ask(&self, command: &[&str]) -> Seen<Option<String>> {
        if self.root.is_some() {
            let said = self.read(&format!("/said/{}", command.join(" ")))?;
            let said = said.ok_or_else(|| Unseen(format!("nobody ran {}", command.join(" "))))?;
            return Ok(Some(said).filter(|said| !said.is_empty()));
        }
        let [program, args @ ..] = command else {
            return Ok(None);
        };
        let out = Command::new(program)
            .args(args.iter().map(OsStr::new))
            .env("LC_ALL", "C")
            .output();
        let out = match out {
            Ok(out) => out,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Unseen(format!("{program} is not installed")))
            }
            Err(error) => return Err(Unseen(format!("{program}: {error}"))),
        };
        if out.status.success() {
            return Ok(Some(String::from_utf8_lossy(&out.stdout).into_owned()));
        }
        let reason = first_line(&out.stderr);
        if reason.contains("not supported") {
            return Ok(None);
        }
        Err(Unseen(format!("{}: {reason}", command.join(" "))))
    }

    /// What a program says, as JSON.
    pub(crate) fn ask_json(&self, command: &[&str]) -> Seen<Option<serde_json::Value>> {
        let Some(said) = self.ask(command)? else {
            return Ok(None);
        };
        match serde_json::from_str(&said) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Unseen(format!("{}: {error}", command.join(" ")))),
        }
    }
}

fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().next().unwrap_or("failed").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn what_is_missing_is_not_what_cannot_be_read() {
        let host = MadeUp::new().file("/sys/a", "0x1003\n");
        let host = host.host();
        assert_eq!(host.number("/sys/a"), Ok(Some(0x1003)));
        assert_eq!(host.read("/sys/b"), Ok(None));
        // A folder can be opened, but has no text.
        assert!(host.read("/sys").is_err());
    }

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut host = MadeUp::new();
        for queue in 0..11 {
            host = host.file(&format!("/sys/queues/tx-{queue}/x"), "");
        }
        let names = host.host().list("/sys/queues").unwrap();
        assert_eq!(names[9..], ["tx-9", "tx-10"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_unseen() {
        let host = Host::new(None, Vec::new());
        let said = host.ask(&["no-such-program-here"]);
        let reason = "no-such-program-here is not installed".to_owned();
        assert_eq!(said, Err(Unseen(reason)));
    }
}
