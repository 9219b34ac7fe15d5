// SPDX-License-Identifier: GPL-2.0

//! `vpcctl doctor`: what on this host stands in the way of lanes.
//!
//! Each check is a file in `checks/`. It looks at files and at what the
//! standard tools say, and knows nothing of the others.

mod checks;
mod cpus;
mod devices;
mod finding;
mod fix;
mod host;
mod links;
#[cfg(test)]
mod made_up;
mod qemu;
mod report;

use checks::CHECKS;
use finding::Finding;
use fix::Done;
use host::Host;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `vpcctl doctor` is given.
///
/// Exit status: 0 if nothing stands in the way, 1 if there are problems or it
/// did not work, 2 for wrong usage.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Do what interrupts no traffic and one command undoes (until the next boot).
    #[arg(long)]
    fix: bool,
    /// Look at this uplink, not at those that packets to GRE remotes leave by; may be repeated.
    #[arg(long, value_name = "DEV")]
    uplink: Vec<String>,
    /// Look at a copy of a host: /sys, /proc, /boot and /lib below DIR, and the output of
    /// programs in DIR/said/"PROGRAM ARGS".
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(root) = args.root.iter().find(|root| !root.is_dir()) {
        eprintln!("vpcctl: --root {}: no such folder", root.display());
        return Ok(ExitCode::from(2));
    }
    let host = Host::new(args.root, args.uplink);
    if let Some(name) = host
        .chosen
        .iter()
        .find(|name| !devices::exists(&host, name))
    {
        eprintln!("vpcctl: --uplink {name}: no such device");
        return Ok(ExitCode::from(2));
    }
    let report = examine(&host, args.fix);
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{report}"),
    }
    Ok(match report.has_problems() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Looks; with `fix` it mends what is safe, and looks again.
fn examine(host: &Host, fix: bool) -> Report {
    let mut findings = look(host);
    let mut fixed = Vec::new();
    if fix {
        fixed = mend(host, &findings);
        findings = look(host);
    }
    let kernel = host.read("/proc/sys/kernel/osrelease").ok().flatten();
    let kernel = kernel.unwrap_or_default().trim().to_owned();
    let uplinks = devices::uplinks(host).unwrap_or_default();
    Report::new(kernel, uplinks, findings, fixed)
}

fn look(host: &Host) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check.run(host)).collect()
}

fn mend(host: &Host, findings: &[Finding]) -> Vec<Done> {
    let mut done = Vec::new();
    for finding in findings {
        for fix in &finding.fixes {
            done.push(fix.apply(host, finding.check, &finding.subject));
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::made_up::MadeUp;
    use super::*;

    #[test]
    fn what_is_safe_is_mended_and_said() {
        let host = MadeUp::new()
            .nic("eth0", 4)
            .tap("tap7", 4)
            .file("/sys/class/net/tap7/tx_queue_len", "500\n")
            .file("/sys/class/net/tap7/queues/rx-0/rps_cpus", "f\n");
        let before = examine(&host.host(), false).to_string();
        assert!(before.contains("500 packets") && !before.contains("Done by --fix"));
        assert_eq!(host.text("/sys/class/net/tap7/tx_queue_len"), "500\n");

        let after = examine(&host.host(), true).to_string();
        assert!(after.contains("10000 packets"));
        assert!(after.contains("(back: ip link set dev tap7 txqueuelen 500)"));
        assert_eq!(host.text("/sys/class/net/tap7/queues/rx-0/rps_cpus"), "0");

        // Nothing is left to do.
        let again = examine(&host.host(), true).to_string();
        assert!(!again.contains("Done by --fix"));
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
    }
}
