// SPDX-License-Identifier: GPL-2.0

//! Whether the sending CPU chooses the uplink's queue.

use super::super::cpus;
use super::super::devices;
use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::links;
use super::count;
use super::each_uplink;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let ports = links::used_ports(host);
    let stock = ports.as_ref().ok().and_then(|ports| {
        let port = ports.iter().find(|port| !port.is_mqgre());
        port.map(|port| port.name.clone())
    });
    each_uplink(host, |name| look_at(host, name, stock.as_deref()))
}

fn look_at(host: &Host, name: &str, stock: Option<&str>) -> Seen<Finding> {
    let queues = devices::queues(host, name, "tx-")?;
    let mut set = Vec::new();
    for queue in &queues {
        for map in ["xps_cpus", "xps_rxqs"] {
            let path = format!("/sys/class/net/{name}/queues/{queue}/{map}");
            let mask = host.read(&path)?.unwrap_or_default();
            if cpus::mask_has_any(&mask) {
                set.push(path);
            }
        }
    }
    if set.is_empty() {
        return Ok(Finding::ok(name, "XPS is off"));
    }
    let (maps, queues) = (count(set.len(), "map"), count(queues.len(), "queue"));
    let found = format!("XPS is set: {maps} on {queues}");
    let Some(port) = stock else {
        return Ok(Finding::note(name, found)
            .why("No harm: mqgre leads packets past XPS, the host's own still follow it."));
    };
    let mut finding = Finding::warning(name, found)
        .why(&format!(
            "Packets of {port}, a stock device, leave by the queue of the CPU that sends them, \
             whatever their lane."
        ))
        .advice(
            "Packets of mqgre are led past it. For the stock device (drivers set it again when \
             the number of queues changes):",
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

    fn port(kind: &str) -> String {
        format!(r#"[{{"ifname":"gre7","flags":["UP"],"linkinfo":{{"info_kind":"{kind}"}}}}]"#)
    }

    fn made_up() -> MadeUp {
        MadeUp::new().nic("eth0", 2)
    }

    #[test]
    fn off() {
        made_up().one(look, Severity::Ok);
    }

    #[test]
    fn harmless_with_mqgre() {
        let map = "/sys/class/net/eth0/queues/tx-1/xps_cpus";
        let host = made_up().file(map, "00000000,00000002\n");
        host.one(look, Severity::Note);
        let host = host.said("ip -j -d link", &port("mqgre"));
        assert!(host.one(look, Severity::Note).fixes.is_empty());
    }

    #[test]
    fn in_the_way_of_gretap() {
        let map = "/sys/class/net/eth0/queues/tx-1/xps_rxqs";
        let host = made_up()
            .file(map, "1\n")
            .said("ip -j -d link", &port("gretap"));
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.commands, [format!("echo 0 >{map}")]);
        assert_eq!(found.fixes.len(), 1);
    }
}
