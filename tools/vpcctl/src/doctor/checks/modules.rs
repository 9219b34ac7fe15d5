// SPDX-License-Identifier: GPL-2.0

//! Whether the modules are there.

use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;

/// A module, and what is missing without it.
struct Module {
    name: &'static str,
    why: &'static str,
    /// Lanes work without it.
    optional: bool,
    /// How to get it.
    advice: &'static str,
}

const BUILD: &str = "Build and install it: make && make modules_install.";

const MODULES: [Module; 4] = [
    Module {
        name: "mq_gre",
        why: "Without it the GRE port is the stock one, which no lane gets through.",
        optional: false,
        advice: BUILD,
    },
    Module {
        name: "tun_mq",
        why: "Without it nothing gives the queues of VMs their lanes.",
        optional: false,
        advice: BUILD,
    },
    Module {
        name: "vpc_hook",
        why: "Only virtual networks with rules of their own need it.",
        optional: true,
        advice: BUILD,
    },
    Module {
        name: "vhost_net",
        why: "Without it all packets of VMs go through QEMU.",
        optional: false,
        advice: "It comes with the kernel; some distributions have it in a package of its own.",
    },
];

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let release = host.read("/proc/sys/kernel/osrelease")?.unwrap_or_default();
    let dir = format!("/lib/modules/{}", release.trim());
    let mut installed = host
        .read(&format!("{dir}/modules.dep"))?
        .unwrap_or_default();
    let builtin = host
        .read(&format!("{dir}/modules.builtin"))?
        .unwrap_or_default();
    // What a module needs stands behind the colon.
    installed = installed
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect::<Vec<_>>()
        .join("\n");
    let finding = |module: &Module| {
        if host.exists(&format!("/sys/module/{}", module.name)) {
            Finding::ok(module.name, "loaded")
        } else if has(&builtin, module.name) {
            Finding::ok(module.name, "built in")
        } else if has(&installed, module.name) {
            Finding::note(module.name, "installed, not loaded")
                .why(module.why)
                .fix(Fix::Load {
                    module: module.name,
                })
        } else if module.optional {
            Finding::note(module.name, "not installed").why(module.why)
        } else {
            Finding::problem(module.name, "not installed")
                .why(module.why)
                .advice(module.advice)
        }
    };
    Ok(MODULES.iter().map(finding).collect())
}

/// Whether a list of files has this module, packed or not. Files may have
/// dashes for the underlines of the name.
fn has(files: &str, name: &str) -> bool {
    files.lines().any(|path| {
        let file = path.rsplit('/').next().unwrap_or_default();
        let stem = file.split(".ko").next().unwrap_or_default();
        file.contains(".ko") && stem.replace('-', "_") == name
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn severities(host: &MadeUp) -> Vec<Severity> {
        host.look(look).iter().map(|found| found.severity).collect()
    }

    #[test]
    fn none() {
        use Severity::*;
        let host = MadeUp::new();
        assert_eq!(severities(&host), [Problem, Problem, Note, Problem]);
    }

    #[test]
    fn all() {
        let mut host = MadeUp::new().file(
            "/lib/modules/7.3.4-test/modules.builtin",
            "kernel/drivers/vhost/vhost_net.ko\n",
        );
        for name in ["mq_gre", "tun_mq", "vpc_hook"] {
            host = host.dir(&format!("/sys/module/{name}"));
        }
        assert_eq!(severities(&host), [Severity::Ok; 4]);
    }

    #[test]
    fn installed() {
        let host = MadeUp::new().file(
            "/lib/modules/7.3.4-test/modules.dep",
            "updates/mq-gre.ko.xz:\nkernel/x.ko: updates/tun_mq.ko\n",
        );
        let found = host.look(look);
        assert_eq!(found[0].severity, Severity::Note);
        assert_eq!(found[0].commands, ["modprobe mq_gre"]);
        assert_eq!(found[0].fixes.len(), 1);
        // That another module needs it does not mean that it is there.
        assert_eq!(found[1].severity, Severity::Problem);
    }
}
