// SPDX-License-Identifier: GPL-2.0

//! Whether received packets are handed to other CPUs.

use super::super::cpus;
use super::super::devices;
use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::links;
use super::each;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let mut names = devices::uplinks(host)?;
    names.extend(devices::taps(host)?);
    // Where `ip` is missing, the check of the GRE ports says so.
    let ports = links::used_ports(host).unwrap_or_default();
    names.extend(ports.into_iter().map(|port| port.name));
    Ok(each(&names, |name| look_at(host, name)))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let queues = devices::queues(host, name, "rx-")?;
    let mut set = Vec::new();
    for queue in &queues {
        let path = format!("/sys/class/net/{name}/queues/{queue}/rps_cpus");
        let mask = host.read(&path)?.unwrap_or_default();
        if cpus::mask_has_any(&mask) {
            set.push(path);
        }
    }
    if set.is_empty() {
        return Ok(Finding::ok(name, "RPS is off"));
    }
    let found = format!("RPS is set on {} of {} queues", set.len(), queues.len());
    if queues.len() == 1 {
        return Ok(Finding::note(name, found)
            .why("With a single queue RPS is what spreads packets over CPUs."));
    }
    let mut finding = Finding::warning(name, found).why(
        "Packets of all lanes meet again in the queues between CPUs, and each costs an interrupt.",
    );
    for path in set {
        finding = finding.fix(Fix::write(path, 0));
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn off() {
        let host = MadeUp::new().nic("eth0", 2).tap("tap7", 2);
        let found = host.look(look);
        let subjects: Vec<&str> = found.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(subjects, ["eth0", "tap7"]);
        assert!(found.iter().all(|f| f.severity == Severity::Ok));
    }

    #[test]
    fn on_a_tap() {
        let host = MadeUp::new()
            .tap("tap7", 2)
            .file("/sys/class/net/tap7/queues/rx-1/rps_cpus", "f\n");
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.found, "RPS is set on 1 of 2 queues");
        assert_eq!(
            found.commands,
            ["echo 0 >/sys/class/net/tap7/queues/rx-1/rps_cpus"]
        );
        assert_eq!(found.fixes.len(), 1);
    }

    #[test]
    fn a_single_queue_may_need_it() {
        let host = MadeUp::new()
            .nic("eth0", 1)
            .file("/sys/class/net/eth0/queues/rx-0/rps_cpus", "f\n");
        host.one(look, Severity::Note);
    }
}
