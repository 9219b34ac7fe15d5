// SPDX-License-Identifier: GPL-2.0

//! `vpcctl vpc`.

use super::vpc_id;
use super::vpc_name;
use super::vpc_reference;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::mac::Mac;
use crate::vpc::object::Object;
use crate::vpc::object::Shown;
use crate::vpc::object::Vpc;
use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Makes a VPC.
    Add(Add),
    /// Changes a VPC; what is not named stays.
    Set(Set),
    /// Removes a VPC that nothing belongs to.
    Del(Del),
    /// Shows the VPCs, and how much belongs to each.
    Show(Show),
}

#[derive(clap::Args, Debug)]
struct Add {
    /// Its number, from 1 to 16777215, which is also the key of its packets in GRE.
    #[arg(value_name = "ID", value_parser = vpc_id)]
    id: u32,
    /// A name to call it by.
    #[arg(long, value_name = "NAME", value_parser = vpc_name)]
    name: Option<String>,
    /// MAC address of the virtual gateway, whose frames are routed.
    #[arg(long, value_name = "MAC", value_parser = Mac::of_device)]
    gateway: Option<Mac>,
    /// It may be there already, and is then as said here.
    #[arg(long)]
    replace: bool,
}

#[derive(clap::Args, Debug)]
struct Set {
    /// Its id or name.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: String,
    /// Another name.
    #[arg(long, value_name = "NAME", value_parser = vpc_name)]
    name: Option<String>,
    /// Take its name.
    #[arg(long, conflicts_with = "name")]
    no_name: bool,
    /// Another MAC address of the virtual gateway.
    #[arg(long, value_name = "MAC", value_parser = Mac::of_device)]
    gateway: Option<Mac>,
    /// Have no virtual gateway.
    #[arg(long, conflicts_with = "gateway")]
    no_gateway: bool,
}

#[derive(clap::Args, Debug)]
struct Del {
    /// Its id or name.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: String,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Its id or name; without it, all.
    #[arg(value_name = "VPC", value_parser = vpc_reference)]
    vpc: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    vpcs: &'a [Shown<Vpc>],
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => {
            let vpc = Vpc {
                id: args.id,
                name: args.name,
                gateway: args.gateway,
            };
            client.make(&vpc, args.replace)
        }
        Command::Set(args) => set(&mut client, &args),
        Command::Del(args) => {
            let id = client.vpc_id(&args.vpc)?;
            client.remove(&by_id(id))
        }
        Command::Show(args) => show(&mut client, &args),
    }
}

fn by_id(id: u32) -> Vpc {
    Vpc {
        id,
        ..Vpc::default()
    }
}

fn set(client: &mut Client, args: &Set) -> Result<()> {
    let what = format!("cannot set VPC {}", args.vpc);
    client.change(&what, Vpc::option, |client| {
        let id = client.vpc_id(&args.vpc)?;
        let vpc = changed(client.get(&by_id(id))?.object, args);
        Ok(vpc.make(true))
    })
}

fn changed(mut vpc: Vpc, args: &Set) -> Vpc {
    if args.name.is_some() || args.no_name {
        vpc.name.clone_from(&args.name);
    }
    if args.gateway.is_some() || args.no_gateway {
        vpc.gateway = args.gateway;
    }
    vpc
}

fn show(client: &mut Client, args: &Show) -> Result<()> {
    let mut vpcs = match &args.vpc {
        Some(name) => {
            let id = client.vpc_id(name)?;
            vec![client.get(&by_id(id))?]
        }
        None => client.all::<Vpc>()?,
    };
    vpcs.sort_by_key(|vpc| vpc.object.id);
    match args.json {
        true => output::json(&Json { vpcs: &vpcs }),
        false => output::text(&text(&vpcs)),
    }
}

fn text(vpcs: &[Shown<Vpc>]) -> String {
    let head = ["ID", "NAME", "GATEWAY", "PORTS", "ROUTES", "REMOTES"];
    let mut table = table::empty(&head, &[0, 3, 4, 5]);
    for vpc in vpcs {
        table.add_row([
            vpc.object.id.to_string(),
            table::or_dash(vpc.object.name.as_ref()),
            table::or_dash(vpc.object.gateway),
            vpc.seen.ports.to_string(),
            vpc.seen.entries.to_string(),
            vpc.seen.remotes.to_string(),
        ]);
    }
    table::text(&table, "there is no VPC; vpcctl vpc add ID makes one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attribute;
    use crate::vpc::object::decode;
    use serde_json::json;

    fn example() -> Shown<Vpc> {
        let said = [
            Attribute::u32(1, 7),
            Attribute::string(2, "red"),
            Attribute::u32(4, 2),
            Attribute::u32(6, 1),
        ];
        decode(&said).unwrap()
    }

    #[test]
    fn a_row_and_an_object_for_each() {
        let vpcs = [example()];
        let shown = serde_json::to_value(Json { vpcs: &vpcs }).unwrap();
        let expected = json!({"vpcs": [{
            "id": 7, "name": "red", "gateway": null, "ports": 2, "entries": 0, "remotes": 1,
        }]});
        assert_eq!(shown, expected);
        let text = text(&vpcs);
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["7", "red", "-", "2", "0", "1"]);
    }

    #[test]
    fn what_is_not_named_stays() {
        let args = |name: Option<&str>, no_gateway| Set {
            vpc: "red".to_owned(),
            name: name.map(str::to_owned),
            no_name: false,
            gateway: None,
            no_gateway,
        };
        let vpc = Vpc {
            gateway: Some(Mac([2; 6])),
            ..example().object
        };
        assert_eq!(changed(vpc.clone(), &args(None, false)), vpc);
        let changed = changed(vpc.clone(), &args(Some("blue"), true));
        assert_eq!(changed.name.as_deref(), Some("blue"));
        assert_eq!(changed.gateway, None);
    }
}
