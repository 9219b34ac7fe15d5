// SPDX-License-Identifier: GPL-2.0

//! `vpcctl stats`: all counters.

use super::port;
use super::remote;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::object::Counters;
use crate::vpc::object::Port;
use crate::vpc::object::Remote;
use crate::vpc::object::Shown;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What went through one VPC on this host.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sum {
    vpc: u32,
    name: Option<String>,
    ports: u32,
    rx_packets: u64,
    tx_packets: u64,
    answered: u64,
    remote_rx_packets: u64,
    remote_tx_packets: u64,
    drops: Counters,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    vpcs: &'a [Sum],
    ports: &'a [Shown<Port>],
    remotes: &'a [Shown<Remote>],
    /// Frames that belonged to no port or VPC.
    drops: &'a Counters,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut client = Client::open()?;
    let drops = client.config()?.drops;
    let names = client.vpc_names()?;
    let mut ports = client.all::<Port>()?;
    let mut remotes = client.all::<Remote>()?;
    ports.sort_by(|a, b| a.object.ifname.cmp(&b.object.ifname));
    remotes.sort_by_key(|remote| (remote.object.vpc, remote.object.address));
    let sums = sums(&ports, &remotes, &names);
    if args.json {
        return output::json(&Json {
            vpcs: &sums,
            ports: &ports,
            remotes: &remotes,
            drops: &drops,
        });
    }
    output::text(&format!(
        "{}\n{}\n{}\ndropped outside of ports: {}\n",
        text(&sums),
        port::counters(&ports),
        remote::text(&remotes, &names),
        port::dropped(&drops)
    ))
}

fn sums(
    ports: &[Shown<Port>],
    remotes: &[Shown<Remote>],
    names: &BTreeMap<u32, String>,
) -> Vec<Sum> {
    let mut sums = BTreeMap::<u32, Sum>::new();
    for Shown { object, seen } in ports {
        let sum = sums.entry(object.vpc).or_default();
        sum.ports += 1;
        sum.rx_packets += seen.rx_packets;
        sum.tx_packets += seen.tx_packets;
        sum.answered += seen.answered;
        for (reason, packets) in &seen.drops {
            *sum.drops.entry(reason.clone()).or_default() += packets;
        }
    }
    for Shown { object, seen } in remotes {
        let sum = sums.entry(object.vpc).or_default();
        sum.remote_rx_packets += seen.rx_packets;
        sum.remote_tx_packets += seen.tx_packets;
    }
    for (vpc, sum) in &mut sums {
        sum.vpc = *vpc;
        sum.name = names.get(vpc).cloned();
    }
    sums.into_values().collect()
}

fn text(sums: &[Sum]) -> String {
    let head = [
        "VPC",
        "PORTS",
        "FROM VMS",
        "TO VMS",
        "ANSWERED",
        "FROM REMOTES",
        "TO REMOTES",
        "DROPPED",
    ];
    let mut table = table::empty(&head, &[1, 2, 3, 4, 5, 6]);
    for sum in sums {
        table.add_row([
            sum.name.clone().unwrap_or_else(|| sum.vpc.to_string()),
            sum.ports.to_string(),
            sum.rx_packets.to_string(),
            sum.tx_packets.to_string(),
            sum.answered.to_string(),
            sum.remote_rx_packets.to_string(),
            sum.remote_tx_packets.to_string(),
            port::dropped(&sum.drops),
        ]);
    }
    table::text(&table, "no VPC has ports or remotes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::object::PortSeen;
    use crate::vpc::object::Told;

    #[test]
    fn what_a_vpc_has_is_added_up() {
        let port = |vpc, rx_packets, drops| {
            let mut shown: Shown<Port> = Told::default();
            shown.object.vpc = vpc;
            shown.seen = PortSeen {
                rx_packets,
                drops: [("acl".to_owned(), drops)].into(),
                ..PortSeen::default()
            };
            shown
        };
        let mut remote: Shown<Remote> = Told::default();
        remote.object.vpc = 8;
        remote.seen.tx_packets = 9;
        let ports = [port(7, 1, 2), port(7, 3, 4), port(8, 5, 0)];
        let sums = sums(&ports, &[remote], &[(7, "red".to_owned())].into());
        assert_eq!(sums.len(), 2);
        assert_eq!((sums[0].ports, sums[0].rx_packets), (2, 4));
        assert_eq!(sums[0].drops["acl"], 6);
        assert_eq!((sums[1].rx_packets, sums[1].remote_tx_packets), (5, 9));
        let rows: Vec<String> = text(&sums)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(rows[1], "red 2 4 0 0 0 0 6 acl");
        assert_eq!(rows[2], "8 1 5 0 0 0 9 none");
    }
}
