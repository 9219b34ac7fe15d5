// SPDX-License-Identifier: GPL-2.0

//! `vpcctl remote`.

use super::vpc_reference;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::object::Remote;
use crate::vpc::object::Shown;
use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Makes a remote: a host that has VMs of the VPC.
    Add(Add),
    /// Removes a remote that no route leads to.
    Del(Del),
    /// Shows the remotes, and the packets from and to each.
    Show(Show),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Id or name of the VPC.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: String,
    /// Outer IP address of the host.
    #[arg(value_name = "ADDR")]
    address: IpAddr,
}

#[derive(clap::Args, Debug)]
struct Add {
    #[command(flatten)]
    which: Which,
    /// It gets broadcast and multicast.
    #[arg(long)]
    flood: bool,
    /// It may be there already, and is then as said here.
    #[arg(long)]
    replace: bool,
}

#[derive(clap::Args, Debug)]
struct Del {
    #[command(flatten)]
    which: Which,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Id or name of a VPC; without it, those of all.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    remotes: &'a [Shown<Remote>],
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => {
            let remote = remote(&mut client, &args.which, args.flood)?;
            client.make(&remote, args.replace)
        }
        Command::Del(args) => {
            let remote = remote(&mut client, &args.which, false)?;
            client.remove(&remote)
        }
        Command::Show(args) => show(&mut client, &args),
    }
}

fn remote(client: &mut Client, which: &Which, flood: bool) -> Result<Remote> {
    Ok(Remote {
        vpc: client.vpc_id(&which.vpc)?,
        address: which.address,
        flood,
    })
}

fn show(client: &mut Client, args: &Show) -> Result<()> {
    let vpc = args
        .vpc
        .as_deref()
        .map(|vpc| client.vpc_id(vpc))
        .transpose()?;
    let mut remotes = client.all::<Remote>()?;
    remotes.retain(|remote| vpc.is_none_or(|vpc| remote.object.vpc == vpc));
    remotes.sort_by_key(|remote| (remote.object.vpc, remote.object.address));
    match args.json {
        true => output::json(&Json { remotes: &remotes }),
        false => output::text(&text(&remotes, &client.vpc_names()?)),
    }
}

pub(super) fn text(remotes: &[Shown<Remote>], names: &BTreeMap<u32, String>) -> String {
    let head = ["VPC", "REMOTE", "FLOOD", "FROM IT", "TO IT"];
    let mut table = table::empty(&head, &[3, 4]);
    for remote in remotes {
        let (seen, remote) = (&remote.seen, &remote.object);
        table.add_row([
            names
                .get(&remote.vpc)
                .cloned()
                .unwrap_or_else(|| remote.vpc.to_string()),
            remote.address.to_string(),
            if remote.flood { "yes" } else { "no" }.to_owned(),
            seen.rx_packets.to_string(),
            seen.tx_packets.to_string(),
        ]);
    }
    table::text(
        &table,
        "there is no remote; vpcctl remote add VPC ADDR makes one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attribute;
    use crate::vpc::object::decode;
    use serde_json::json;

    #[test]
    fn a_row_and_an_object_for_each() {
        let said = [
            Attribute::u32(1, 7),
            Attribute::bytes(2, &[192, 0, 2, 1]),
            Attribute::flag(3),
            Attribute::u32(4, 5),
        ];
        let remotes = [decode::<Remote>(&said).unwrap()];
        let shown = serde_json::to_value(Json { remotes: &remotes }).unwrap();
        let expected = json!({"remotes": [{
            "vpc": 7, "address": "192.0.2.1", "flood": true, "rx_packets": 5, "tx_packets": 0,
        }]});
        assert_eq!(shown, expected);
        let text = text(&remotes, &[(7, "red".to_owned())].into());
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["red", "192.0.2.1", "yes", "5", "0"]);
    }
}
