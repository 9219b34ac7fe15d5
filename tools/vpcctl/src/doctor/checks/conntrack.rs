// SPDX-License-Identifier: GPL-2.0

//! Whether the host tracks the tunnels' outer packets as connections.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::count;

const ENTRIES: &str = "/proc/net/nf_conntrack";

/// The port of GRE in UDP is 4754 (RFC 8086). The hook for sent packets would
/// take mqgre off its direct way, so there is none; see the advice.
const RULES: &str = "nft -f - <<'EOF'
table inet lanes_untracked {
	chain prerouting {
		type filter hook prerouting priority raw;
		meta l4proto gre notrack
		udp dport 4754 notrack
	}
}
EOF";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    if !host.exists("/sys/module/nf_conntrack") && !host.exists(ENTRIES) {
        return Ok(vec![Finding::ok("host", "nothing is tracked")]);
    }
    let Some(entries) = host.read(ENTRIES)? else {
        let reason = "the kernel has no /proc/net/nf_conntrack; try: conntrack -L -p gre";
        return Ok(vec![Finding::unknown("host", reason)]);
    };
    let outer = entries.lines().filter(|line| is_outer(line)).count();
    if outer == 0 {
        return Ok(vec![Finding::ok("host", "no outer packets are tracked")]);
    }
    let found = format!("{} of GRE or UDP port 4754", count(outer, "connection"));
    Ok(vec![Finding::warning("host", found)
        .why(
            "All packets between two hosts share one entry, which every CPU writes to for each \
              of them, and sent ones take the long way through the host's stack.",
        )
        .advice(
            "Untracked packets have no state: let rules of your firewall accept them first \
             (`meta l4proto gre accept`, `udp dport 4754 accept`). For packets sent: \
             `ip link set DEV type mqgre output direct`, which no rule of the host sees.",
        )
        .command(RULES)])
}

/// Whether an entry is of packets with a VM's frame in them.
fn is_outer(line: &str) -> bool {
    let mut words = line.split_whitespace();
    // ipv4 2 gre 47 29 src=...
    match words.nth(3) {
        Some("47") => true,
        Some("17") => words.any(|word| word == "dport=4754"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    const TCP: &str = "ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=192.0.2.9 \
                       sport=47 dport=4754\n";
    const GRE: &str = "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=192.0.2.1 \
                       dst=192.0.2.2 srckey=0x0 dstkey=0x0 [UNREPLIED] src=192.0.2.2\n";
    const UDP: &str = "ipv6     10 udp      17 29 src=2001:db8::1 dst=2001:db8::2 sport=50000 \
                       dport=4754 [UNREPLIED] src=2001:db8::2\n";

    #[test]
    fn no_conntrack() {
        MadeUp::new().one(look, Severity::Ok);
    }

    #[test]
    fn other_connections() {
        let host = MadeUp::new().file(ENTRIES, TCP);
        host.one(look, Severity::Ok);
    }

    #[test]
    fn outer_packets() {
        let host = MadeUp::new().file(ENTRIES, &format!("{TCP}{GRE}{UDP}"));
        let found = host.one(look, Severity::Warning);
        assert!(found.found.starts_with("2 connections"));
        // A firewall is for people to change.
        assert!(found.fixes.is_empty());
    }

    #[test]
    fn entries_not_to_be_seen() {
        let host = MadeUp::new().dir("/sys/module/nf_conntrack");
        host.one(look, Severity::Unknown);
    }
}
