// SPDX-License-Identifier: GPL-2.0

//! `vpcctl acl`.

use super::name;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::object::Acl;
use crate::vpc::object::Action;
use crate::vpc::object::Direction;
use crate::vpc::object::Icmp;
use crate::vpc::object::Ports;
use crate::vpc::object::Rule;
use crate::vpc::object::Shown;
use crate::vpc::object::ETHERTYPES;
use crate::vpc::object::PROTOCOLS;
use crate::vpc::prefix::Prefix;
use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

pub(crate) const EXAMPLES: &str = "\
Examples:
  vpcctl acl add web
      an ACL without rules
  vpcctl acl rule add web 10 allow ingress --protocol tcp --port 80-443 --from 10.0.0.0/8
      connections to these ports may reach the VM
  vpcctl acl rule add web 1000 drop ingress --log
      nothing else does, and vpcctl watch tells of it
  vpcctl port set tap0 --acl web
      the port behind which it counts";

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Makes an ACL without rules.
    Add(Name),
    /// Removes an ACL that no port has, with its rules.
    Del(Name),
    /// Shows the ACLs, their rules, and the packets that each rule matched.
    Show(Show),
    /// Makes and removes rules.
    #[command(subcommand)]
    Rule(RuleCommand),
}

#[derive(Subcommand, Debug)]
enum RuleCommand {
    /// Makes a rule.
    ///
    /// A frame matches if all that is said of it is true.
    Add(Box<Add>),
    /// Removes a rule.
    Del(Which),
}

#[derive(clap::Args, Debug)]
struct Name {
    /// Name of the ACL.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[derive(clap::Args, Debug)]
struct Show {
    /// Name of an ACL; without it, all.
    #[arg(value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Name of the ACL.
    #[arg(value_name = "NAME", value_parser = name)]
    acl: String,
    /// The lowest counts first; an ACL has one rule of each.
    #[arg(value_name = "PRIORITY")]
    priority: u32,
}

#[derive(clap::Args, Debug)]
struct Add {
    #[command(flatten)]
    which: Which,
    /// What becomes of a frame that matches.
    #[arg(value_name = "ACTION")]
    action: Action,
    /// Which way, as the VM sees it.
    #[arg(value_name = "DIRECTION")]
    direction: Direction,
    /// ipv4, ipv6, arp, or a number.
    #[arg(long, value_name = "TYPE", value_parser = ethertype)]
    ethertype: Option<u16>,
    /// tcp, udp, icmp, icmpv6, or a number.
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    protocol: Option<u8>,
    /// Address or network that it comes from.
    #[arg(long, value_name = "CIDR")]
    from: Option<Prefix>,
    /// Address or network that it goes to.
    #[arg(long, value_name = "CIDR")]
    to: Option<Prefix>,
    /// Group of addresses that it comes from.
    #[arg(long, value_name = "GROUP", value_parser = name, conflicts_with = "from")]
    from_group: Option<String>,
    /// Group of addresses that it goes to.
    #[arg(long, value_name = "GROUP", value_parser = name, conflicts_with = "to")]
    to_group: Option<String>,
    /// Port that it comes from, or ports from A to B.
    #[arg(long, value_name = "A[-B]")]
    sport: Option<Ports>,
    /// Port that it goes to, or ports from A to B.
    #[arg(long, value_name = "A[-B]")]
    port: Option<Ports>,
    /// Type of ICMP or ICMPv6, and maybe code.
    #[arg(long, value_name = "TYPE[/CODE]")]
    icmp_type: Option<Icmp>,
    /// Track what it allows, and allow the other way what belongs to it.
    #[arg(long)]
    stateful: bool,
    /// Tell of what it matches; vpcctl watch shows that.
    #[arg(long)]
    log: bool,
    /// The rule may be there already, and is then as said here.
    #[arg(long)]
    replace: bool,
}

/// A name that people know an EtherType by, or a number, with 0x if it is in hexadecimal.
pub(crate) fn ethertype(text: &str) -> Result<u16, String> {
    if let Some((_, number)) = ETHERTYPES.iter().find(|(known, _)| *known == text) {
        return Ok(*number);
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(number @ 0x600..) => Ok(number),
        _ => Err(format!(
            "{text} is no EtherType: ipv4, ipv6, arp or a number from 0x0600 to 0xffff is one"
        )),
    }
}

/// A name that people know an IP protocol by, or a number.
pub(crate) fn protocol(text: &str) -> Result<u8, String> {
    if let Some((_, number)) = PROTOCOLS.iter().find(|(known, _)| *known == text) {
        return Ok(*number);
    }
    text.parse().map_err(|_| {
        format!("{text} is no IP protocol: tcp, udp, icmp, icmpv6 or a number to 255 is one")
    })
}

/// An ACL with its rules, as `--json` prints it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    acl: Shown<Acl>,
    rules: Vec<Shown<Rule>>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    acls: &'a [Whole],
}

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => client.make(&Acl { name: args.name }, false),
        Command::Del(args) => client.remove(&Acl { name: args.name }),
        Command::Show(args) => show(&mut client, args),
        Command::Rule(RuleCommand::Add(args)) => {
            let replace = args.replace;
            client.make(&rule(*args), replace)
        }
        Command::Rule(RuleCommand::Del(which)) => client.remove(&Rule {
            acl: which.acl,
            priority: which.priority,
            ..Rule::default()
        }),
    }
}

fn rule(args: Add) -> Rule {
    Rule {
        acl: args.which.acl,
        priority: args.which.priority,
        direction: args.direction,
        action: args.action,
        ethertype: args.ethertype,
        protocol: args.protocol,
        src: args.from,
        dst: args.to,
        src_group: args.from_group,
        dst_group: args.to_group,
        sport: args.sport,
        dport: args.port,
        icmp_type: args.icmp_type,
        stateful: args.stateful,
        log: args.log,
    }
}

fn show(client: &mut Client, args: Show) -> Result<()> {
    let acls = match args.name {
        Some(name) => vec![client.get(&Acl { name })?],
        None => client.all::<Acl>()?,
    };
    let acls = with_rules(acls, client.all::<Rule>()?);
    match args.json {
        true => output::json(&Json { acls: &acls }),
        false => output::text(&text(&acls)),
    }
}

/// Gives each ACL its rules, in the order that they count in.
fn with_rules(mut acls: Vec<Shown<Acl>>, rules: Vec<Shown<Rule>>) -> Vec<Whole> {
    acls.sort_by(|a, b| a.object.name.cmp(&b.object.name));
    let mut acls: Vec<Whole> = acls
        .into_iter()
        .map(|acl| Whole {
            acl,
            rules: Vec::new(),
        })
        .collect();
    for rule in rules {
        let at = acls.binary_search_by(|whole| whole.acl.object.name.cmp(&rule.object.acl));
        if let Some(whole) = at.ok().and_then(|at| acls.get_mut(at)) {
            whole.rules.push(rule);
        }
    }
    for whole in &mut acls {
        whole.rules.sort_by_key(|rule| rule.object.priority);
    }
    acls
}

fn text(acls: &[Whole]) -> String {
    let head = [
        "ACL",
        "PORTS",
        "PRIORITY",
        "ACTION",
        "DIRECTION",
        "MATCHES",
        "PACKETS",
    ];
    let mut table = table::empty(&head, &[1, 2, 6]);
    for whole in acls {
        let (name, ports) = (&whole.acl.object.name, whole.acl.seen.ports);
        if whole.rules.is_empty() {
            let mut row = vec![name.clone(), ports.to_string()];
            row.resize(head.len(), table::NOTHING_THERE.to_owned());
            table.add_row(row);
        }
        for Shown { object: rule, seen } in &whole.rules {
            table.add_row([
                name.clone(),
                ports.to_string(),
                rule.priority.to_string(),
                rule.action.to_string(),
                rule.direction.to_string(),
                matches(rule),
                seen.packets.to_string(),
            ]);
        }
    }
    table::text(&table, "there is no ACL; vpcctl acl add NAME makes one")
}

/// What a rule says of a frame, with the words of the command line.
pub(crate) fn matches(rule: &Rule) -> String {
    let mut words = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), value]);
        }
    };
    say("ethertype", rule.ethertype.map(ethertype_name));
    say("protocol", rule.protocol.map(protocol_name));
    say("from", rule.src.map(|prefix| prefix.to_string()));
    say("from-group", rule.src_group.clone());
    say("sport", rule.sport.map(|ports| ports.to_string()));
    say("to", rule.dst.map(|prefix| prefix.to_string()));
    say("to-group", rule.dst_group.clone());
    say("port", rule.dport.map(|ports| ports.to_string()));
    say("icmp-type", rule.icmp_type.map(|icmp| icmp.to_string()));
    if words.is_empty() {
        words.push("all".to_owned());
    }
    words.extend(rule.stateful.then(|| "stateful".to_owned()));
    words.extend(rule.log.then(|| "log".to_owned()));
    words.join(" ")
}

pub(crate) fn ethertype_name(number: u16) -> String {
    let known = ETHERTYPES.iter().find(|(_, known)| *known == number);
    known.map_or_else(|| format!("{number:#06x}"), |(name, _)| (*name).to_owned())
}

pub(crate) fn protocol_name(number: u8) -> String {
    let known = PROTOCOLS.iter().find(|(_, known)| *known == number);
    known.map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(acl: &str, priority: u32) -> Shown<Rule> {
        let object = Rule {
            acl: acl.to_owned(),
            priority,
            direction: Direction::Ingress,
            action: Action::Allow,
            protocol: Some(6),
            src: Some("10.0.0.0/8".parse().unwrap()),
            dport: Some("80".parse().unwrap()),
            stateful: true,
            ..Rule::default()
        };
        Shown {
            object,
            ..Shown::default()
        }
    }

    #[test]
    fn rules_are_shown_in_the_order_that_they_count_in() {
        let acl = |name: &str| Shown {
            object: Acl {
                name: name.to_owned(),
            },
            ..Shown::default()
        };
        let rules = vec![example("web", 20), example("web", 3), example("other", 1)];
        let acls = with_rules(vec![acl("web"), acl("bare")], rules);
        let text = text(&acls);
        let rows: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let matches = "protocol tcp from 10.0.0.0/8 port 80 stateful";
        assert_eq!(rows[1], "bare 0 - - - - -");
        assert_eq!(rows[2], format!("web 0 3 allow ingress {matches} 0"));
        assert_eq!(rows[3], format!("web 0 20 allow ingress {matches} 0"));
        assert_eq!(rows.len(), 4);
        let shown = serde_json::to_value(Json { acls: &acls }).unwrap();
        assert_eq!(shown["acls"][1]["rules"][0]["priority"], 3);
        assert_eq!(shown["acls"][1]["rules"][0]["dport"], "80");
        assert_eq!(shown["acls"][1]["name"], "web");
    }

    #[test]
    fn types_and_protocols_have_names_or_numbers() {
        assert_eq!(ethertype("ipv6"), Ok(0x86dd));
        assert_eq!(ethertype("0x88cc"), Ok(0x88cc));
        assert_eq!(ethertype("2048"), Ok(2048));
        for wrong in ["", "0x5ff", "ip", "65536"] {
            assert!(ethertype(wrong).is_err(), "{wrong}");
        }
        assert_eq!(protocol("icmpv6"), Ok(58));
        assert_eq!(protocol("132"), Ok(132));
        assert!(protocol("256").is_err());
        assert_eq!(ethertype_name(0x0806), "arp");
        assert_eq!(ethertype_name(0x88cc), "0x88cc");
        assert_eq!(protocol_name(132), "132");
    }
}
