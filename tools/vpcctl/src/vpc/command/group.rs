// SPDX-License-Identifier: GPL-2.0

//! `vpcctl group`.

use super::name;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::object::Group;
use crate::vpc::object::Object;
use crate::vpc::prefix::Prefix;
use anyhow::bail;
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
    /// Makes a group of addresses, which rules can name.
    Add(Add),
    /// Removes a group that no rule names.
    Del(Del),
    /// Shows the groups and their members.
    Show(Show),
}

#[derive(clap::Args, Debug)]
struct Add {
    /// Its name.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Its members, addresses or networks.
    #[arg(value_name = "ADDR[/LEN]")]
    members: Vec<Prefix>,
    /// It is there already, and gets these members in addition to those it has.
    #[arg(long)]
    append: bool,
    /// It may be there already, and has then these members and no others.
    #[arg(long, conflicts_with = "append")]
    replace: bool,
}

#[derive(clap::Args, Debug)]
struct Del {
    /// Its name.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Its name; without it, all.
    #[arg(value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    groups: &'a [Group],
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => {
            let group = Group {
                name: args.name,
                members: args.members.into_iter().collect(),
            };
            match args.append {
                true => {
                    let what = format!("cannot add to group {}", group.name);
                    client.carry_out(group.append(), &what, Group::option)
                }
                false => client.make(&group, args.replace),
            }
        }
        Command::Del(args) => client.remove(&Group {
            name: args.name,
            ..Group::default()
        }),
        Command::Show(args) => show(&mut client, &args),
    }
}

fn show(client: &mut Client, args: &Show) -> Result<()> {
    let mut groups = client.groups()?;
    if let Some(name) = &args.name {
        groups.retain(|known, _| known == name);
        if groups.is_empty() {
            bail!("there is no group {name}");
        }
    }
    let groups: Vec<Group> = groups.into_values().collect();
    match args.json {
        true => output::json(&Json { groups: &groups }),
        false => output::text(&text(&groups)),
    }
}

fn text(groups: &[Group]) -> String {
    let mut table = table::empty(&["GROUP", "SIZE", "MEMBERS"], &[1]);
    for group in groups {
        table.add_row([
            group.name.clone(),
            group.members.len().to_string(),
            table::list(&group.members),
        ]);
    }
    table::text(&table, "there is no group; vpcctl group add NAME makes one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_and_an_object_for_each() {
        let groups = [Group {
            name: "web".to_owned(),
            members: ["fd00::/8", "10.0.0.1"].map(|m| m.parse().unwrap()).into(),
        }];
        let shown = serde_json::to_value(Json { groups: &groups }).unwrap();
        let expected = json!({"groups": [{"name": "web", "members": ["10.0.0.1", "fd00::/8"]}]});
        assert_eq!(shown, expected);
        assert!(text(&groups).ends_with("web       2  10.0.0.1, fd00::/8\n"));
    }
}
