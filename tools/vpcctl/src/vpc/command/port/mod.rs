// SPDX-License-Identifier: GPL-2.0

//! `vpcctl port`.

mod args;
mod migrate;
mod show;

use crate::vpc::client::Client;
use crate::vpc::object::Object;
use crate::vpc::object::Port;

use anyhow::Result;
use args::Command;
use args::Set;

pub(crate) use args::Args;
pub(crate) use args::EXAMPLES;
pub(crate) use show::counters;
pub(crate) use show::dropped;

pub(crate) fn run(args: Args) -> Result<()> {
    let mut client = Client::open()?;
    match args.command {
        Command::Add(args) => {
            let vpc = client.vpc_id(&args.vpc)?;
            let port = args.options.to_port(args.dev, vpc, args.mac);
            client.make(&port, args.replace)
        }
        Command::Set(args) => set(&mut client, &args),
        Command::Del(args) => client.remove(&by_name(&args.dev)),
        Command::Show(args) => show::run(&mut client, &args),
        Command::Move(args) => migrate::run(&mut client, &args),
    }
}

fn by_name(ifname: &str) -> Port {
    Port {
        ifname: ifname.to_owned(),
        ..Port::default()
    }
}

fn set(client: &mut Client, args: &Set) -> Result<()> {
    let what = format!("cannot set port {}", args.dev);
    client.change(&what, Port::option, |client| {
        let vpc = args
            .vpc
            .as_deref()
            .map(|vpc| client.vpc_id(vpc))
            .transpose()?;
        let port = client.get(&by_name(&args.dev))?.object;
        Ok(changed(port, vpc, args).make(true))
    })
}

fn changed(mut port: Port, vpc: Option<u32>, args: &Set) -> Port {
    let said = args
        .options
        .to_port(port.ifname.clone(), port.vpc, port.mac);
    port.vpc = vpc.unwrap_or(port.vpc);
    port.mac = args.mac.unwrap_or(port.mac);
    if !said.addresses.is_empty() || args.no_ip {
        port.addresses = said.addresses;
    }
    if !args.options.allow.is_empty() || args.no_allow {
        port.flags = said.flags;
    }
    if !said.acls.is_empty() || args.no_acl {
        port.acls = said.acls;
    }
    if args.options.max_connections.is_some() {
        port.max_connections = said.max_connections;
    }
    port
}

#[cfg(test)]
mod tests {
    use super::args::Options;
    use super::*;
    use crate::vpc::mac::Mac;
    use crate::vpc::object::Flags;
    use crate::vpc::object::MaxConnections;

    #[test]
    fn what_is_not_named_stays() {
        let port = Port {
            ifname: "tap0".to_owned(),
            vpc: 7,
            mac: Mac([2; 6]),
            addresses: ["10.0.0.1".parse().unwrap()].into(),
            flags: Flags(2),
            acls: vec!["web".to_owned()],
            max_connections: MaxConnections(9),
        };
        assert_eq!(changed(port.clone(), None, &Set::default()), port);

        let args = Set {
            mac: Some(Mac([4; 6])),
            options: Options {
                ip: vec!["10.0.0.2".parse().unwrap()],
                max_connections: Some(10),
                ..Options::default()
            },
            no_allow: true,
            no_acl: true,
            ..Set::default()
        };
        let expected = Port {
            ifname: "tap0".to_owned(),
            vpc: 8,
            mac: Mac([4; 6]),
            addresses: ["10.0.0.2".parse().unwrap()].into(),
            flags: Flags(0),
            acls: Vec::new(),
            max_connections: MaxConnections(10),
        };
        assert_eq!(changed(port, Some(8), &args), expected);
    }
}
