// SPDX-License-Identifier: GPL-2.0

//! Whether received packets reach all queues of the uplink.

use super::super::devices;
use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::each_uplink;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    each_uplink(host, |name| look_at(host, name))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let queues = devices::queues(host, name, "rx-")?.len();
    if queues < 2 {
        return Ok(Finding::ok(name, "one receive queue: nothing to spread"));
    }
    let said = host.ask_json(&["ethtool", "--json", "-x", name])?;
    let table = said
        .as_ref()
        .and_then(|said| said.get(0)?.get("rss-indirection-table"));
    let Some(table) = table
        .and_then(Value::as_array)
        .filter(|table| !table.is_empty())
    else {
        return Ok(Finding::unknown(name, "the driver does not show its table"));
    };
    let used: BTreeSet<u64> = table.iter().filter_map(Value::as_u64).collect();
    let found = format!("received packets go to {} of {queues} queues", used.len());
    if used.len() >= queues {
        return Ok(Finding::ok(name, found));
    }
    Ok(Finding::warning(name, found)
        .why(
            "A packet to a VM goes to the VM queue of the lane that it came by, so queues that \
              receive nothing leave VM queues idle.",
        )
        .advice("Flows change their queues once.")
        .command(format!("ethtool -X {name} equal {queues}")))
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(table: &str) -> MadeUp {
        let said = format!(r#"[{{"ifname":"eth0","rss-indirection-table":[{table}]}}]"#);
        MadeUp::new()
            .nic("eth0", 4)
            .said("ethtool --json -x eth0", &said)
    }

    #[test]
    fn all_queues() {
        made_up("0,0,1,1,2,2,3,3").one(look, Severity::Ok);
    }

    #[test]
    fn half_of_them() {
        let found = made_up("0,1,0,1,0,1,0,1").one(look, Severity::Warning);
        assert_eq!(found.found, "received packets go to 2 of 4 queues");
        assert_eq!(found.commands, ["ethtool -X eth0 equal 4"]);
    }

    #[test]
    fn one_queue_needs_no_table() {
        MadeUp::new().nic("eth0", 1).one(look, Severity::Ok);
    }

    #[test]
    fn not_shown() {
        let host = MadeUp::new().nic("eth0", 4);
        host.one(look, Severity::Unknown);
        let host = host.said("ethtool --json -x eth0", "");
        host.one(look, Severity::Unknown);
    }
}
