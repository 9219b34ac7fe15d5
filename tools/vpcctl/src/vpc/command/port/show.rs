// SPDX-License-Identifier: GPL-2.0

//! `vpcctl port show`.

use super::args::Show;
use super::by_name;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::object::Counters;
use crate::vpc::object::Port;
use crate::vpc::object::Shown;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    ports: &'a [Shown<Port>],
}

pub(super) fn run(client: &mut Client, args: &Show) -> Result<()> {
    let mut ports = match &args.dev {
        Some(name) => vec![client.get(&by_name(name))?],
        None => client.all::<Port>()?,
    };
    ports.sort_by(|a, b| a.object.ifname.cmp(&b.object.ifname));
    match args.json {
        true => output::json(&Json { ports: &ports }),
        false => output::text(&text(&ports, &client.vpc_names()?)),
    }
}

fn text(ports: &[Shown<Port>], names: &BTreeMap<u32, String>) -> String {
    if ports.is_empty() {
        return "there is no port; vpcctl port add DEV makes one\n".to_owned();
    }
    format!("{}\n{}", bindings(ports, names), counters(ports))
}

/// What each port is.
fn bindings(ports: &[Shown<Port>], names: &BTreeMap<u32, String>) -> String {
    let head = [
        "PORT",
        "VPC",
        "MAC",
        "SENDS FROM",
        "ALLOWED",
        "ACLS",
        "CONNECTIONS",
    ];
    let mut table = table::empty(&head, &[]);
    for Shown { object: port, seen } in ports {
        let vpc = names.get(&port.vpc).cloned();
        let addresses = match port.addresses.is_empty() {
            true => "any".to_owned(),
            false => table::list(&port.addresses),
        };
        table.add_row([
            port.ifname.clone(),
            vpc.unwrap_or_else(|| port.vpc.to_string()),
            port.mac.to_string(),
            addresses,
            table::list(port.flags.names()),
            table::list(&port.acls),
            format!("{} of {}", seen.connections, port.max_connections),
        ]);
    }
    table::text(&table, "")
}

/// What went through each port.
pub(crate) fn counters(ports: &[Shown<Port>]) -> String {
    let head = ["PORT", "FROM VM", "TO VM", "ANSWERED", "DROPPED"];
    let mut table = table::empty(&head, &[1, 2, 3]);
    for Shown { object, seen } in ports {
        table.add_row([
            object.ifname.clone(),
            seen.rx_packets.to_string(),
            seen.tx_packets.to_string(),
            seen.answered.to_string(),
            dropped(&seen.drops),
        ]);
    }
    table::text(&table, "there is no port")
}

/// How many were dropped, and why.
pub(crate) fn dropped(drops: &Counters) -> String {
    let told: Vec<String> = drops
        .iter()
        .filter(|(_, packets)| **packets != 0)
        .map(|(reason, packets)| format!("{packets} {reason}"))
        .collect();
    match told.is_empty() {
        true => "none".to_owned(),
        false => told.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::mac::Mac;
    use crate::vpc::object::Flags;
    use crate::vpc::object::MaxConnections;
    use crate::vpc::object::PortSeen;
    use serde_json::json;

    fn example() -> Shown<Port> {
        Shown {
            object: Port {
                ifname: "tap0".to_owned(),
                vpc: 7,
                mac: Mac([2, 0, 0, 0, 0, 1]),
                addresses: ["10.0.0.1".parse().unwrap()].into(),
                flags: Flags(3),
                acls: vec!["web".to_owned()],
                max_connections: MaxConnections(9),
            },
            seen: PortSeen {
                ifindex: 9,
                rx_packets: 5,
                tx_packets: 6,
                answered: 1,
                connections: 4,
                drops: [("acl".to_owned(), 3), ("mac".to_owned(), 0)].into(),
            },
        }
    }

    #[test]
    fn json_has_the_names_of_the_specification() {
        let ports = [example()];
        let shown = serde_json::to_value(Json { ports: &ports }).unwrap();
        let expected = json!({"ports": [{
            "ifindex": 9, "ifname": "tap0", "vpc": 7, "mac": "02:00:00:00:00:01",
            "addresses": ["10.0.0.1"], "flags": ["dhcp-server", "router"], "acls": ["web"],
            "max_connections": 9, "connections": 4,
            "rx_packets": 5, "tx_packets": 6, "answered": 1, "drops": {"acl": 3, "mac": 0},
        }]});
        assert_eq!(shown, expected);
    }

    #[test]
    fn tables_say_what_a_port_is_and_what_went_through() {
        let text = text(&[example()], &[(7, "red".to_owned())].into());
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let binding = "tap0 red 02:00:00:00:00:01 10.0.0.1 dhcp-server, router web 4 of 9";
        assert_eq!(lines[1], binding);
        assert_eq!(lines[4], "tap0 5 6 1 3 acl");
    }
}
