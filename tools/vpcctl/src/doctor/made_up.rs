// SPDX-License-Identifier: GPL-2.0

//! A made-up host for tests: files in a folder of their own.

use super::finding::Finding;
use super::finding::Severity;
use super::host::Host;
use super::host::Seen;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Removed when it is dropped.
pub(crate) struct MadeUp {
    root: PathBuf,
}

impl MadeUp {
    pub(crate) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vpcctl-doctor-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        MadeUp { root }
            .file("/sys/devices/system/cpu/online", "0-3\n")
            .file("/proc/sys/kernel/osrelease", "7.3.4-test\n")
            .said("ip -j -d link", "[]")
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.root.join(path.trim_start_matches('/'))).unwrap();
        self
    }

    /// What a program says.
    pub(crate) fn said(self, command: &str, text: &str) -> Self {
        self.file(&format!("/said/{command}"), text)
    }

    /// A device that is up.
    pub(crate) fn device(mut self, name: &str, queues: usize) -> Self {
        let dir = format!("/sys/class/net/{name}");
        self = self.file(&format!("{dir}/flags"), "0x1003\n");
        for queue in 0..queues {
            self = self
                .file(&format!("{dir}/queues/tx-{queue}/xps_cpus"), "0\n")
                .file(&format!("{dir}/queues/rx-{queue}/rps_cpus"), "0\n");
        }
        self
    }

    /// A network card that is up.
    pub(crate) fn nic(self, name: &str, queues: usize) -> Self {
        self.device(name, queues)
            .dir(&format!("/sys/class/net/{name}/device"))
    }

    /// A multiqueue tap.
    pub(crate) fn tap(self, name: &str, queues: usize) -> Self {
        self.device(name, queues)
            .file(&format!("/sys/class/net/{name}/tun_flags"), "0x5102\n")
    }

    pub(crate) fn host(&self) -> Host {
        Host::new(Some(self.root.clone()), Vec::new())
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path.trim_start_matches('/'))).unwrap()
    }

    /// The findings of a check.
    pub(crate) fn look(&self, check: fn(&Host) -> Seen<Vec<Finding>>) -> Vec<Finding> {
        check(&self.host()).unwrap()
    }

    /// The only finding of a check, which must have this severity.
    pub(crate) fn one(
        &self,
        check: fn(&Host) -> Seen<Vec<Finding>>,
        severity: Severity,
    ) -> Finding {
        let mut findings = self.look(check);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        let finding = findings.remove(0);
        assert_eq!(finding.severity, severity, "{finding:#?}");
        // Who is told of trouble is told why and what to do.
        if severity <= Severity::Warning {
            assert!(!finding.why.is_empty(), "{finding:#?}");
            let told = !finding.advice.is_empty() || !finding.commands.is_empty();
            assert!(told, "{finding:#?}");
        }
        finding
    }
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
