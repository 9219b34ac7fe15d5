// SPDX-License-Identifier: GPL-2.0

//! `vpcctl port move`: what a live migration needs, on either host.

use super::args::Move;
use super::by_name;
use crate::netlink::Request;
use crate::vpc::client::Client;
use crate::vpc::command::hosts;
use crate::vpc::object::Entry;
use crate::vpc::object::Object;
use crate::vpc::object::Port;
use anyhow::Context;
use anyhow::Result;
use std::net::IpAddr;

/// How long frames are sent on if nothing is said, in seconds: until all hosts know.
const FORWARD_FOR: u32 = 30;

pub(super) fn run(client: &mut Client, args: &Move) -> Result<()> {
    let what = format!("cannot move port {}", args.dev);
    match args.to {
        Some(remote) => {
            let forward = args.forward_for.unwrap_or(FORWARD_FOR) * 1000;
            client.change(&what, option, |client| {
                let port = client.get(&by_name(&args.dev))?.object;
                Ok(away(&port, remote, forward))
            })
        }
        None => client.change(&what, option, |client| {
            let name = args.vpc.as_deref().context("--here needs --vpc")?;
            let mac = args.mac.context("--here needs --mac")?;
            let vpc = client.vpc_id(name)?;
            let port = args.options.to_port(args.dev.clone(), vpc, mac);
            let mut entries = Vec::new();
            for entry in entries_of(&port) {
                let found = client.find_object(&entry)?;
                entries.extend(found.filter(|entry| entry.seen.port.is_none()));
            }
            let entries: Vec<Entry> = entries.into_iter().map(|entry| entry.object).collect();
            Ok(here(&port, &entries))
        }),
    }
}

/// The kernel refuses a route or a port; which of them has the attribute cannot be told.
fn option(_: u16) -> Option<&'static str> {
    None
}

/// The entries that a port has no need of: it says the same.
fn entries_of(port: &Port) -> Vec<Entry> {
    let mut entries = Entry::of_route(port.vpc, port.mac, None, hosts(&port.addresses));
    entries.push(Entry {
        vpc: port.vpc,
        mac: port.mac,
        ..Entry::default()
    });
    entries
}

/// The port goes, and routes lead to the remote.
fn away(port: &Port, remote: IpAddr, forward: u32) -> Vec<Request> {
    let mut entries = Entry::of_route(port.vpc, port.mac, Some(remote), hosts(&port.addresses));
    if let Some(at_remote) = entries.first_mut() {
        at_remote.forward = Some(forward).filter(|time| *time != 0);
    }
    let mut requests = vec![port.remove()];
    requests.extend(entries.iter().flat_map(|entry| entry.make(true)));
    requests
}

/// The entries of this MAC go, and the port is made.
fn here(port: &Port, entries: &[Entry]) -> Vec<Request> {
    let ours = entries.iter().filter(|entry| entry.mac == port.mac);
    let mut requests: Vec<Request> = ours.map(Object::remove).collect();
    requests.extend(port.make(false));
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::mac::Mac;
    use crate::vpc::object::decode;
    use netlink_packet_core::NLM_F_REPLACE;

    fn port() -> Port {
        Port {
            ifname: "tap0".to_owned(),
            vpc: 7,
            mac: Mac([2; 6]),
            addresses: ["10.0.0.1", "10.1.0.0/16"]
                .map(|a| a.parse().unwrap())
                .into(),
            ..Port::default()
        }
    }

    #[test]
    fn a_vm_that_leaves_becomes_a_route() {
        let remote = "192.0.2.1".parse().unwrap();
        let requests = away(&port(), remote, 5000);
        assert_eq!(requests[0], port().remove());
        let entries: Vec<Entry> = requests[1..]
            .iter()
            .map(|request| {
                assert_eq!((request.command, request.flags), (16, NLM_F_REPLACE));
                decode::<Entry>(&request.attributes).unwrap().object
            })
            .collect();
        // A network has no one MAC.
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].remote, Some(remote));
        assert_eq!(entries[0].forward, Some(5000));
        assert_eq!(entries[1].address, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(entries[1].forward, None);
        let requests = away(&port(), remote, 0);
        let entry = decode::<Entry>(&requests[1].attributes).unwrap();
        assert_eq!(entry.object.forward, None);
    }

    #[test]
    fn a_vm_that_comes_takes_the_place_of_its_routes() {
        let mut entries = entries_of(&port());
        assert_eq!(entries.len(), 2);
        // Another VM has the address meanwhile: that is for the kernel to judge.
        entries[0].mac = Mac([4; 6]);
        let requests = here(&port(), &entries);
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0], entries[1].remove());
        assert_eq!(requests[1], port().make(false)[0]);
    }
}
