// SPDX-License-Identifier: GPL-2.0

//! Whether a peer's packets can arrive on more than one queue.

use super::super::devices;
use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::links;
use super::each_uplink;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let mut findings = Vec::new();
    let (mut udp4, mut udp6) = (false, false);
    for port in links::used_ports(host)? {
        if port.in_udp() {
            let v6 = port.remote().is_some_and(|remote| remote.contains(':'));
            udp4 |= !v6;
            udp6 |= v6;
            continue;
        }
        if !port.is_mqgre() || port.remote().is_none() {
            continue;
        }
        let name = &port.name;
        findings.push(
            Finding::note(name, "plain GRE")
                .why(
                    "Most cards choose the receive queue by the addresses alone, so that all \
                      packets of a peer arrive on one; GRE in UDP has ports to choose by.",
                )
                .advice("At both ends, if the peers are few:")
                .command(format!(
                    "ip link set {name} type mqgre encap fou encap-sport auto encap-dport 4754"
                )),
        );
    }
    for (used, flow) in [(udp4, "udp4"), (udp6, "udp6")] {
        if used {
            findings.extend(each_uplink(host, |name| hashed(host, name, flow))?);
        }
    }
    Ok(findings)
}

/// Whether the card looks at the ports of UDP.
fn hashed(host: &Host, name: &str, flow: &str) -> Seen<Finding> {
    if devices::queues(host, name, "rx-")?.len() < 2 {
        return Ok(Finding::ok(name, "one receive queue: nothing to spread"));
    }
    let Some(said) = host.ask(&["ethtool", "-n", name, "rx-flow-hash", flow])? else {
        let reason = format!("the driver does not show what it hashes of {flow}");
        return Ok(Finding::unknown(name, reason));
    };
    if said.contains("L4 bytes 0 & 1") {
        return Ok(Finding::ok(name, format!("{flow} is hashed by its ports")));
    }
    Ok(
        Finding::warning(name, format!("{flow} is hashed by addresses only"))
            .why("All packets of a peer arrive on one queue, although GRE in UDP has ports.")
            .advice("Fragments of UDP may overtake others then.")
            .command(format!("ethtool -N {name} rx-flow-hash {flow} sdfn")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(data: &str) -> MadeUp {
        let links = format!(
            r#"[{{"ifname":"gre7","flags":["UP"],"linkinfo":
                {{"info_kind":"mqgre","info_data":{{"remote":"192.0.2.2"{data}}}}}}}]"#
        );
        MadeUp::new()
            .nic("eth0", 4)
            .said("ip -j -d link", &links)
            .said("ip -j route get 192.0.2.2", r#"[{"dev":"eth0"}]"#)
    }

    const UDP: &str = r#","encap":{"type":"fou","sport":0,"dport":4754}"#;
    const ASKED: &str = "ethtool -n eth0 rx-flow-hash udp4";

    #[test]
    fn plain_gre_is_noted() {
        let found = made_up("").one(look, Severity::Note);
        assert!(found.commands[0].starts_with("ip link set gre7 type mqgre encap fou"));
    }

    #[test]
    fn ports_count() {
        let said = "UDP over IPV4 flows use these fields for computing Hash flow key:\nIP SA\n\
                    IP DA\nL4 bytes 0 & 1 [TCP/UDP src port]\n";
        let host = made_up(UDP).said(ASKED, said);
        host.one(look, Severity::Ok);
    }

    #[test]
    fn ports_do_not_count() {
        let host = made_up(UDP).said(ASKED, "UDP over IPV4 ...\nIP SA\nIP DA\n");
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.commands, ["ethtool -N eth0 rx-flow-hash udp4 sdfn"]);
    }

    #[test]
    fn not_known() {
        made_up(UDP).one(look, Severity::Unknown);
        made_up(UDP).said(ASKED, "").one(look, Severity::Unknown);
    }
}
