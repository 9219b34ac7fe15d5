// SPDX-License-Identifier: GPL-2.0

//! `vpcctl watch`: tells what happens.

use crate::device;
use crate::netlink::Attribute;
use crate::netlink::Message;
use crate::netlink::Told;
use crate::output;
use crate::vpc::client::Client;
use crate::vpc::frame;
use crate::vpc::mac::Mac;
use crate::vpc::number::command;
use crate::vpc::number::log as log_attr;
use crate::vpc::number::miss as miss_attr;
use crate::vpc::object::mac;
use crate::vpc::object::Action;
use crate::vpc::object::Config;
use crate::vpc::object::Direction;
use crate::vpc::prefix;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use std::net::IpAddr;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Tell only this, a list with commas [default: all].
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    only: Vec<Kind>,
    /// Print one JSON object for each event.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Something in the configuration has changed.
    Config,
    /// A VM has sent to an address that nobody is known to have.
    Miss,
    /// A rule that logs has matched.
    Log,
}

impl Kind {
    fn group(self) -> &'static str {
        match self {
            Self::Config => "monitor",
            Self::Miss => "miss",
            Self::Log => "log",
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Miss {
    vpc: u32,
    ifindex: u32,
    ifname: String,
    mac: Option<Mac>,
    address: Option<IpAddr>,
    missed: u64,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Log {
    ifindex: u32,
    ifname: String,
    acl: String,
    priority: u32,
    direction: Direction,
    action: Action,
    /// What the frame was, in words.
    frame: String,
    missed: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Config {
        generation: u32,
    },
    Miss(Miss),
    Log(Log),
    /// Events came faster than they were read.
    Lost,
    /// The module is gone.
    Gone,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut client = Client::open()?;
    let kinds = match args.only.is_empty() {
        true => Kind::value_variants(),
        false => &args.only[..],
    };
    let groups: Vec<&str> = kinds.iter().map(|kind| kind.group()).collect();
    client.watch(&groups)?;
    loop {
        for event in next(&mut client)? {
            match args.json {
                true => output::json(&event)?,
                false => output::text(&line(&event))?,
            }
            if event == Event::Gone {
                bail!("the module vpc_hook was unloaded: modprobe vpc_hook, and watch again");
            }
        }
    }
}

fn next(client: &mut Client) -> Result<Vec<Event>> {
    match client.next()? {
        Told::Lost => Ok(vec![Event::Lost]),
        Told::Gone => Ok(vec![Event::Gone]),
        Told::Messages(messages) => messages.iter().filter_map(event).collect(),
    }
}

fn event(message: &Message) -> Option<Result<Event>> {
    const DAMAGED: &str = "what the kernel tells cannot be understood";
    let said = &message.attributes;
    match message.command {
        command::CONFIG_NTF => {
            let config = Config::decode(said);
            Some(config.map(|config| Event::Config {
                generation: config.generation,
            }))
        }
        command::MISS_NTF => Some(miss(said).map(Event::Miss).context(DAMAGED)),
        command::LOG_NTF => Some(log(said).map(Event::Log).context(DAMAGED)),
        _ => None,
    }
}

fn miss(said: &[Attribute]) -> Result<Miss> {
    let mut miss = Miss::default();
    for attribute in said {
        match attribute.kind() {
            miss_attr::VPC => miss.vpc = attribute.to_u32()?,
            miss_attr::IFINDEX => miss.ifindex = attribute.to_u32()?,
            miss_attr::MAC => miss.mac = Some(mac(attribute)?),
            miss_attr::ADDRESS => miss.address = Some(prefix::decode(attribute)?),
            miss_attr::MISSED => miss.missed = attribute.to_uint()?,
            _ => (),
        }
    }
    miss.ifname = device::name_of(miss.ifindex);
    Ok(miss)
}

fn log(said: &[Attribute]) -> Result<Log> {
    let mut log = Log::default();
    for attribute in said {
        match attribute.kind() {
            log_attr::IFINDEX => log.ifindex = attribute.to_u32()?,
            log_attr::ACL => log.acl = attribute.to_text()?,
            log_attr::PRIORITY => log.priority = attribute.to_u32()?,
            log_attr::DIRECTION => log.direction = Direction::from_number(attribute.to_u32()?),
            log_attr::ACTION => log.action = Action::from_number(attribute.to_u32()?),
            log_attr::HEADER => log.frame = frame::summary(attribute.to_bytes()),
            log_attr::MISSED => log.missed = attribute.to_uint()?,
            _ => (),
        }
    }
    log.ifname = device::name_of(log.ifindex);
    Ok(log)
}

fn line(event: &Event) -> String {
    let others = |missed: u64| match missed {
        0 => String::new(),
        missed => format!(" ({missed} others were not told)"),
    };
    match event {
        Event::Config { generation } => format!("configuration {generation}\n"),
        Event::Miss(miss) => {
            let target = match (miss.address, miss.mac) {
                (Some(address), Some(mac)) => format!("{address} ({mac})"),
                (Some(address), None) => address.to_string(),
                (None, Some(mac)) => mac.to_string(),
                (None, None) => "the destination".to_owned(),
            };
            format!(
                "miss: port {} of VPC {}: nobody is known to have {target}{}\n",
                miss.ifname,
                miss.vpc,
                others(miss.missed)
            )
        }
        Event::Log(log) => format!(
            "log: {} {} by rule {} of ACL {} at port {}: {}{}\n",
            log.action,
            log.direction,
            log.priority,
            log.acl,
            log.ifname,
            log.frame,
            others(log.missed)
        ),
        Event::Lost => "some events were lost, since they came too fast\n".to_owned(),
        Event::Gone => "there is no VPC any more\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(command: u8, said: &[Attribute]) -> Event {
        event(&Message::new(command, said.to_vec()))
            .unwrap()
            .unwrap()
    }

    #[test]
    fn each_event_is_a_line() {
        let config = told(28, &[Attribute::u32(3, 12)]);
        assert_eq!(line(&config), "configuration 12\n");
        let expected = json!({"event": "config", "generation": 12});
        assert_eq!(serde_json::to_value(&config).unwrap(), expected);

        let miss = told(
            29,
            &[
                Attribute::u32(1, 7),
                Attribute::u32(2, 0x7fff_fff0),
                Attribute::bytes(4, &[10, 0, 0, 9]),
                Attribute::u32(5, 3),
            ],
        );
        assert_eq!(
            line(&miss),
            "miss: port #2147483632 of VPC 7: nobody is known to have 10.0.0.9 \
             (3 others were not told)\n"
        );
        let value = serde_json::to_value(&miss).unwrap();
        let expected = json!({
            "event": "miss", "vpc": 7, "ifindex": 2147483632, "ifname": "#2147483632",
            "mac": null, "address": "10.0.0.9", "missed": 3,
        });
        assert_eq!(value, expected);

        let header = frame::from_hex("020000000002 020000000001 88cc").unwrap();
        let log = told(
            30,
            &[
                Attribute::u32(1, 0x7fff_fff0),
                Attribute::string(2, "web"),
                Attribute::u32(3, 10),
                Attribute::u32(4, 1),
                Attribute::u32(5, 0),
                Attribute::bytes(6, &header),
            ],
        );
        assert_eq!(
            line(&log),
            "log: drop ingress by rule 10 of ACL web at port #2147483632: \
             02:00:00:00:00:01 > 02:00:00:00:00:02, 0x88cc\n"
        );
        assert_eq!(serde_json::to_value(&log).unwrap()["direction"], "ingress");
        assert!(event(&Message::new(77, Vec::new())).is_none());
        assert_eq!(
            serde_json::to_value(Event::Lost).unwrap(),
            json!({"event": "lost"})
        );
    }
}
