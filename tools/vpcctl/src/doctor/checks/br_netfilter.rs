// SPDX-License-Identifier: GPL-2.0

//! Whether bridges show their packets to the host's firewall.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let mut on = Vec::new();
    for table in ["iptables", "ip6tables", "arptables"] {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{table}");
        if host.number(&path)?.unwrap_or(0) != 0 {
            on.push(table);
        }
    }
    if on.is_empty() {
        return Ok(vec![Finding::ok(
            "host",
            "bridges keep their packets to themselves",
        )]);
    }
    let mut finding = Finding::warning("host", format!("br_netfilter is on: {}", on.join(", ")))
        .why("Each bridged packet goes through the host's firewall and its connection tracking.")
        .advice("Unless something on this host needs it, as containers may:");
    for table in on {
        finding = finding.command(format!("sysctl -w net.bridge.bridge-nf-call-{table}=0"));
    }
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    const FILE: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";

    #[test]
    fn off() {
        MadeUp::new().one(look, Severity::Ok);
        MadeUp::new().file(FILE, "0\n").one(look, Severity::Ok);
    }

    #[test]
    fn on() {
        let found = MadeUp::new().file(FILE, "1\n").one(look, Severity::Warning);
        assert_eq!(
            found.commands,
            ["sysctl -w net.bridge.bridge-nf-call-iptables=0"]
        );
    }
}
