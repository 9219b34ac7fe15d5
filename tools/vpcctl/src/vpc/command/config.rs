// SPDX-License-Identifier: GPL-2.0

//! `vpcctl config`.

use crate::device;
use crate::netlink::Attribute;
use crate::output;
use crate::table;
use crate::vpc::apply;
use crate::vpc::client::Client;
use crate::vpc::number::config as attr;
use crate::vpc::object::Config;
use anyhow::Context;
use anyhow::Result;
use clap::Subcommand;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Shows what belongs to no object, and how much there is.
    Show(Show),
    /// Sets what belongs to no object; what is not named stays.
    Set(Set),
    /// Prints all of the configuration as a file for vpcctl apply.
    Export,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
struct Set {
    /// The mqgre device, in collect-metadata mode, that packets to remotes leave by.
    #[arg(long, value_name = "DEV", value_parser = device::name, group = "what")]
    tunnel: Option<String>,
    /// Have no tunnel.
    #[arg(long, conflicts_with = "tunnel", group = "what")]
    no_tunnel: bool,
    /// How many entries there may be; a request that goes beyond is refused.
    #[arg(long, value_name = "N", group = "what")]
    max_entries: Option<u32>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Show(args) => {
            let config = client.config()?;
            match args.json {
                true => output::json(&config),
                false => output::text(&text(&config)),
            }
        }
        Command::Export => output::text(&apply::export(&mut client)?),
        Command::Set(args) => {
            let tunnel = match &args.tunnel {
                Some(name) => Some(device::index(name).context("--tunnel")?),
                None => args.no_tunnel.then_some(0),
            };
            client.set_config(attributes(tunnel, args.max_entries))
        }
    }
}

/// What a request says to set these.
pub(crate) fn attributes(tunnel: Option<u32>, max_entries: Option<u32>) -> Vec<Attribute> {
    let tunnel = tunnel.map(|index| Attribute::u32(attr::TUNNEL, index));
    let max_entries = max_entries.map(|number| Attribute::u32(attr::MAX_ENTRIES, number));
    tunnel.into_iter().chain(max_entries).collect()
}

fn text(config: &Config) -> String {
    let mut table = table::empty(&["CONFIGURATION", ""], &[]);
    table.add_row(["tunnel".to_owned(), table::or_dash(config.tunnel())]);
    let numbers = [
        ("generation", config.generation),
        ("VPCs", config.vpcs),
        ("ports", config.ports),
        ("remotes", config.remotes),
        ("entries", config.entries),
        ("ACLs", config.acls),
        ("rules", config.rules),
        ("groups", config.groups),
    ];
    let limit = table::or_dash(config.max_entries);
    table.add_row(["entries at most".to_owned(), limit]);
    for (name, number) in numbers {
        table.add_row([name.to_owned(), number.to_string()]);
    }
    let dropped = super::port::dropped(&config.drops);
    table.add_row(["dropped outside of ports".to_owned(), dropped]);
    table::text(&table, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_sent() {
        assert_eq!(attributes(None, None), []);
        let expected = [Attribute::u32(1, 0), Attribute::u32(11, 5)];
        assert_eq!(attributes(Some(0), Some(5)), expected);
    }

    #[test]
    fn a_row_for_each_number() {
        let config = Config {
            tunnel_name: Some("mgre0".to_owned()),
            max_entries: Some(1000),
            drops: [("no-vpc".to_owned(), 2)].into(),
            ..Config::default()
        };
        let text = text(&config);
        assert!(text.contains("tunnel                    mgre0\n"), "{text}");
        assert!(text.contains("entries at most           1000\n"));
        assert!(text.contains("2 no-vpc"));
    }
}
