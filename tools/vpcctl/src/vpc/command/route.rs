// SPDX-License-Identifier: GPL-2.0

//! `vpcctl route`: the entries, as people think of them.

use super::only_hosts;
use super::vpc_reference;
use crate::device;
use crate::netlink::Request;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::mac::Mac;
use crate::vpc::object::Entry;
use crate::vpc::object::Object;
use crate::vpc::object::Shown;
use crate::vpc::prefix::Prefix;
use anyhow::bail;
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
    /// Says behind which remote a MAC address is, or which IP addresses it has.
    ///
    /// This makes an entry for the MAC, if there is --via, and one for each IP address. All of them
    /// are made, or none. What a port says of its own MAC and addresses needs no route.
    Add(Add),
    /// Removes a route with its addresses, or only the addresses named.
    Del(Del),
    /// Shows where the MAC and IP addresses of a VPC are.
    Show(Show),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Id or name of the VPC.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: String,
    /// MAC address of the VM.
    #[arg(value_name = "MAC", value_parser = Mac::of_device)]
    mac: Mac,
}

#[derive(clap::Args, Debug)]
struct Add {
    #[command(flatten)]
    which: Which,
    /// Remote of the VPC that the MAC is behind.
    #[arg(long, value_name = "REMOTE", required_unless_present = "ip")]
    via: Option<IpAddr>,
    /// IP address that has this MAC, which may be given more than once.
    #[arg(long, value_name = "ADDR")]
    ip: Vec<Prefix>,
    /// Send on what comes here for it for so many seconds, 600 at most, since it was here before.
    #[arg(long, value_name = "SECONDS", requires = "via", value_parser = clap::value_parser!(u32).range(1..=600))]
    forward_for: Option<u32>,
    /// It may be there already, and is then as said here.
    #[arg(long)]
    replace: bool,
}

#[derive(clap::Args, Debug)]
struct Del {
    #[command(flatten)]
    which: Which,
    /// Remove only this IP address of it, which may be given more than once.
    #[arg(long, value_name = "ADDR")]
    ip: Vec<Prefix>,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Id or name of a VPC; without it, those of all.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: Option<String>,
    /// Only this MAC address.
    #[arg(long, value_name = "MAC")]
    mac: Option<Mac>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    entries: &'a [Shown<Entry>],
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => add(&mut client, &args),
        Command::Del(args) => del(&mut client, &args),
        Command::Show(args) => show(&mut client, &args),
    }
}

fn add(client: &mut Client, args: &Add) -> Result<()> {
    let addresses = only_hosts(&args.ip)?;
    let vpc = client.vpc_id(&args.which.vpc)?;
    let mut entries = Entry::of_route(vpc, args.which.mac, args.via, addresses);
    for entry in entries.iter_mut().filter(|entry| entry.remote.is_some()) {
        entry.forward = args.forward_for.map(|seconds| seconds * 1000);
    }
    let what = format!(
        "cannot add route {} of VPC {}",
        args.which.mac, args.which.vpc
    );
    let requests = entries.iter().flat_map(|entry| entry.make(args.replace));
    client.carry_out(requests.collect(), &what, Entry::option)
}

fn del(client: &mut Client, args: &Del) -> Result<()> {
    let Which { vpc: name, mac } = &args.which;
    let what = format!("cannot delete route {mac} of VPC {name}");
    let addresses = only_hosts(&args.ip)?;
    let vpc = client.vpc_id(name)?;
    if !addresses.is_empty() {
        let entries = Entry::of_route(vpc, *mac, None, addresses);
        let requests = entries.iter().map(Object::remove).collect();
        return client.carry_out(requests, &what, Entry::option);
    }
    client.change(&what, Entry::option, |client| {
        let requests = removals(&client.all::<Entry>()?, vpc, *mac);
        match requests.is_empty() {
            true => bail!("there is no such route"),
            false => Ok(requests),
        }
    })
}

/// What removes all that was said of a MAC, but for what its port says.
fn removals(entries: &[Shown<Entry>], vpc: u32, mac: Mac) -> Vec<Request> {
    let ours = entries.iter().filter(|entry| {
        (entry.object.vpc, entry.object.mac) == (vpc, mac) && entry.seen.port.is_none()
    });
    ours.map(|entry| entry.object.remove()).collect()
}

fn show(client: &mut Client, args: &Show) -> Result<()> {
    let vpc = args
        .vpc
        .as_deref()
        .map(|vpc| client.vpc_id(vpc))
        .transpose()?;
    let mut entries = client.all::<Entry>()?;
    entries.retain(|entry| {
        vpc.is_none_or(|vpc| entry.object.vpc == vpc)
            && args.mac.is_none_or(|mac| entry.object.mac == mac)
    });
    entries.sort_by_key(|entry| (entry.object.vpc, entry.object.mac, entry.object.address));
    match args.json {
        true => output::json(&Json { entries: &entries }),
        false => output::text(&text(&entries, &client.vpc_names()?)),
    }
}

/// What is said of one MAC.
#[derive(Default)]
struct Row {
    place: Option<String>,
    addresses: Vec<IpAddr>,
    forward: Option<u32>,
}

fn text(entries: &[Shown<Entry>], names: &BTreeMap<u32, String>) -> String {
    let mut rows = BTreeMap::<(u32, Mac), Row>::new();
    for Shown { object, seen } in entries {
        let row = rows.entry((object.vpc, object.mac)).or_default();
        row.addresses.extend(object.address);
        row.forward = row.forward.or(object.forward);
        let remote = object.remote.map(|remote| format!("remote {remote}"));
        let port = || {
            seen.port
                .map(|index| format!("port {}", device::name_of(index)))
        };
        row.place = row.place.take().or(remote).or_else(port);
    }
    let head = ["VPC", "MAC", "WHERE", "ADDRESSES", "SENT ON"];
    let mut table = table::empty(&head, &[]);
    for ((vpc, mac), row) in &rows {
        let forward = row.forward.map(|time| format!("{} ms more", time));
        table.add_row([
            names.get(vpc).cloned().unwrap_or_else(|| vpc.to_string()),
            mac.to_string(),
            table::or_dash(row.place.as_ref()),
            table::list(&row.addresses),
            table::or_dash(forward),
        ]);
    }
    table::text(&table, "there is no route")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attribute;
    use crate::vpc::object::decode;
    use serde_json::json;

    fn entry(more: &[Attribute]) -> Shown<Entry> {
        let mut said = vec![
            Attribute::u32(1, 7),
            Attribute::bytes(2, &[2, 0, 0, 0, 0, 1]),
        ];
        said.extend_from_slice(more);
        decode(&said).unwrap()
    }

    fn example() -> [Shown<Entry>; 3] {
        let remote = Attribute::bytes(4, &[192, 0, 2, 1]);
        [
            entry(&[remote, Attribute::u32(6, 4500)]),
            entry(&[Attribute::bytes(3, &[10, 0, 0, 1])]),
            entry(&[Attribute::bytes(3, &[10, 0, 0, 2])]),
        ]
    }

    #[test]
    fn a_row_for_each_mac_and_an_object_for_each_entry() {
        let entries = example();
        let text = text(&entries, &BTreeMap::new());
        let rows: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let expected = "7 02:00:00:00:00:01 remote 192.0.2.1 10.0.0.1, 10.0.0.2 4500 ms more";
        assert_eq!(rows[1..], [expected]);
        let shown = serde_json::to_value(Json {
            entries: &entries[..2],
        });
        let mac = "02:00:00:00:00:01";
        let expected = json!({"entries": [
            {"vpc": 7, "mac": mac, "address": null, "remote": "192.0.2.1", "port": null,
             "forward": 4500},
            {"vpc": 7, "mac": mac, "address": "10.0.0.1", "remote": null, "port": null,
             "forward": null},
        ]});
        assert_eq!(shown.unwrap(), expected);
    }

    #[test]
    fn all_that_was_said_of_a_mac_is_removed_but_for_its_port() {
        let mut entries = example().to_vec();
        entries.push(entry(&[Attribute::u32(5, 9)]));
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let requests = removals(&entries, 7, mac);
        let expected: Vec<Request> = example().iter().map(|e| e.object.remove()).collect();
        assert_eq!(requests, expected);
        assert!(removals(&entries, 8, mac).is_empty());
    }
}
