// SPDX-License-Identifier: GPL-2.0

//! The device in front of the uplink, where all queues of all VMs meet.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::links;
use super::super::links::Port;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let ports = links::used_ports(host)?;
    if ports.is_empty() {
        return Ok(vec![Finding::note("host", "no GRE port is up").why(
            "This namespace has neither an mqgre nor a gretap device in use.",
        )]);
    }
    Ok(ports.iter().map(judge).collect())
}

fn judge(port: &Port) -> Finding {
    if !port.is_mqgre() {
        return stock(port);
    }
    if !matches!(port.qdisc.as_str(), "" | "noqueue" | "noop") {
        return Finding::warning(&port.name, format!("mqgre with the qdisc {}", port.qdisc))
            .why(
                "A qdisc on the port puts packets of all lanes under its lock; the uplink has one \
                  for each lane already.",
            )
            .command(format!("tc qdisc del dev {} root", port.name));
    }
    match port.text("lanes") {
        Some(lanes) if lanes != "keep" => {
            Finding::warning(&port.name, format!("mqgre with lanes {lanes}"))
                .why("This setting is to measure against: packets leave their lanes.")
                .command(format!("ip link set {} type mqgre lanes keep", port.name))
        }
        _ if !port.readable() => Finding::ok(&port.name, "mqgre without a qdisc")
            .advice("`ip` lacks the plugin link_mqgre.so, so the settings were not looked at."),
        _ => Finding::ok(&port.name, "mqgre without a qdisc, lanes are kept"),
    }
}

fn stock(port: &Port) -> Finding {
    let found = match port.qdisc.as_str() {
        "" | "noqueue" | "noop" => port.kind.clone(),
        qdisc => format!("{} with the qdisc {qdisc}", port.kind),
    };
    let finding = Finding::problem(&port.name, found)
        .why(
            "All queues of all VMs meet in this stock device: it has one queue and one lock, or, \
              with more queues, shifts or hashes them.",
        )
        .advice("Replace it; the other end may stay as it is.")
        .command(format!("ip link del {}", port.name))
        .command(as_mqgre(port));
    match &port.bridge {
        Some(bridge) => finding.command(format!("ip link set {} master {bridge} up", port.name)),
        None => finding.command(format!("ip link set {} up", port.name)),
    }
}

/// The command that makes an mqgre device with the same ends.
fn as_mqgre(port: &Port) -> String {
    let mut command = format!("ip link add {} type mqgre", port.name);
    if let Some(remote) = port.remote() {
        command = format!("{command} remote {remote}");
    }
    if let Some(local) = port.text("local").filter(|addr| *addr != "any") {
        command = format!("{command} local {local}");
    }
    for key in ["ikey", "okey"] {
        if let Some(value) = port.text(key) {
            command = format!("{command} {key} {value}");
        }
    }
    if port.in_udp() {
        command = format!("{command} encap fou encap-sport auto encap-dport 4754");
    }
    if port.remote().is_none() {
        command = format!("{command} external");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(link: &str) -> MadeUp {
        let link = format!(r#"[{{"ifname":"lo"}},{{"ifname":"gre7",{link}}}]"#);
        MadeUp::new().said("ip -j -d link", &link)
    }

    #[test]
    fn mqgre() {
        let host = made_up(
            r#""flags":["UP"],"qdisc":"noqueue","linkinfo":{"info_kind":"mqgre","info_data":{}}"#,
        );
        host.one(look, Severity::Ok);
    }

    #[test]
    fn mqgre_with_a_qdisc() {
        let host = made_up(r#""flags":["UP"],"qdisc":"fq_codel","linkinfo":{"info_kind":"mqgre"}"#);
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.commands, ["tc qdisc del dev gre7 root"]);
    }

    #[test]
    fn mqgre_that_hashes() {
        let host = made_up(
            r#""flags":["UP"],"qdisc":"noqueue","linkinfo":
               {"info_kind":"mqgre","info_data":{"lanes":"hash"}}"#,
        );
        host.one(look, Severity::Warning);
    }

    #[test]
    fn gretap() {
        let host = made_up(
            r#""flags":[],"master":"br0","qdisc":"fq_codel","linkinfo":{"info_kind":"gretap",
               "info_data":{"remote":"192.0.2.2","local":"192.0.2.1","ikey":"0.0.0.7",
               "okey":"0.0.0.7"}}"#,
        );
        let found = host.one(look, Severity::Problem);
        assert_eq!(found.found, "gretap with the qdisc fq_codel");
        assert_eq!(
            found.commands,
            [
                "ip link del gre7",
                "ip link add gre7 type mqgre remote 192.0.2.2 local 192.0.2.1 \
                 ikey 0.0.0.7 okey 0.0.0.7",
                "ip link set gre7 master br0 up"
            ]
        );
    }

    #[test]
    fn one_that_is_not_used() {
        let host = made_up(r#""flags":[],"linkinfo":{"info_kind":"gretap"}"#);
        host.one(look, Severity::Note);
    }
}
