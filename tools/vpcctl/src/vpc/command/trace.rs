// SPDX-License-Identifier: GPL-2.0

//! `vpcctl trace`: what would become of a frame, and why.

use super::acl;
use super::vpc_reference;
use crate::device;
use crate::netlink::explain;
use crate::netlink::Attribute;
use crate::output;
use crate::table;
use crate::vpc::client::Client;
use crate::vpc::frame;
use crate::vpc::frame::Inside;
use crate::vpc::frame::Upper;
use crate::vpc::mac::Mac;
use crate::vpc::number::command;
use crate::vpc::number::step;
use crate::vpc::number::trace as attr;
use crate::vpc::object::Entry;
use crate::vpc::object::Icmp;
use crate::vpc::object::Port;
use crate::vpc::prefix;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde::Serialize;
use std::net::IpAddr;
use std::net::Ipv4Addr;

pub(crate) const EXAMPLES: &str = "\
Examples:
  vpcctl trace --port tap0 --dst-ip 10.0.0.2
      would a ping from the VM behind tap0 arrive?
  vpcctl trace --port tap0 --dst-ip 10.0.0.2 --protocol tcp --dport 80
      and a connection to port 80?
  vpcctl trace --port tap0 --arp 10.0.0.2
      who would answer its ARP request?
  vpcctl trace --vpc red --remote 192.0.2.1 --src-mac 02:00:00:00:00:02 --dst-mac 02:00:00:00:00:01 \\
      --src-ip 10.0.0.2 --dst-ip 10.0.0.1 --protocol udp --dport 53
      what becomes of a packet that comes from the host 192.0.2.1?";

#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("from").required(true))]
#[command(group = clap::ArgGroup::new("content").required(true))]
pub(crate) struct Args {
    /// The frame comes from the VM behind this port.
    #[arg(long, value_name = "DEV", value_parser = device::name, group = "from")]
    port: Option<String>,
    /// It comes from the wire, in this VPC.
    #[arg(long, value_name = "VPC", value_parser = vpc_reference, group = "from", requires = "remote")]
    vpc: Option<String>,
    /// With --vpc: from this remote.
    #[arg(long, value_name = "ADDR", requires = "vpc", conflicts_with = "port")]
    remote: Option<IpAddr>,
    /// The frame in hexadecimal digits, from its destination MAC on.
    #[arg(long, value_name = "HEX", group = "content", conflicts_with_all = [
        "src_mac", "dst_mac", "src_ip", "protocol", "sport", "dport", "icmp_type", "ttl"])]
    frame: Option<String>,
    /// An ARP request for this address.
    #[arg(long, value_name = "ADDR", group = "content", conflicts_with_all = [
        "protocol", "sport", "dport", "icmp_type", "ttl"])]
    arp: Option<Ipv4Addr>,
    /// An IP packet to this address.
    #[arg(long, value_name = "ADDR", group = "content")]
    dst_ip: Option<IpAddr>,
    /// Address that it comes from [default: the first of the port].
    #[arg(long, value_name = "ADDR")]
    src_ip: Option<IpAddr>,
    /// MAC address that it comes from [default: that of the port].
    #[arg(long, value_name = "MAC")]
    src_mac: Option<Mac>,
    /// MAC address that it goes to [default: the one that --dst-ip has in the VPC; that of all
    /// with --arp].
    #[arg(long, value_name = "MAC")]
    dst_mac: Option<Mac>,
    /// tcp, udp, icmp, icmpv6, or a number [default: icmp or icmpv6].
    #[arg(long, value_name = "PROTOCOL", value_parser = acl::protocol)]
    protocol: Option<u8>,
    /// Port of TCP or UDP that it comes from.
    #[arg(
        long,
        value_name = "PORT",
        requires = "protocol",
        default_value_t = 40000
    )]
    sport: u16,
    /// Port of TCP or UDP that it goes to.
    #[arg(long, value_name = "PORT", requires = "protocol")]
    dport: Option<u16>,
    /// Type of ICMP or ICMPv6, and maybe code [default: echo request].
    #[arg(long, value_name = "TYPE[/CODE]", conflicts_with_all = ["sport", "dport"])]
    icmp_type: Option<Icmp>,
    /// TTL or hop limit.
    #[arg(long, value_name = "N", default_value_t = 64)]
    ttl: u8,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was done with the frame.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Step {
    name: String,
    text: String,
}

#[derive(Serialize)]
struct Json<'a> {
    frame: String,
    steps: &'a [Step],
}

/// Where a frame comes from.
struct Origin {
    vpc: u32,
    port: Option<Port>,
    attributes: Vec<Attribute>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut client = Client::open()?;
    let origin = origin(&mut client, args)?;
    let frame = match &args.frame {
        Some(hex) => frame::from_hex(hex).context("--frame")?,
        None => made(&mut client, args, &origin)?,
    };
    let mut attributes = origin.attributes;
    attributes.push(Attribute::bytes(attr::FRAME, &frame));
    let option = |kind| match kind {
        attr::IFINDEX => Some("--port"),
        attr::VPC => Some("--vpc"),
        attr::REMOTE => Some("--remote"),
        attr::FRAME => Some("--frame"),
        _ => None,
    };
    let answers = client
        .family
        .ask(command::TRACE, attributes)
        .map_err(|error| explain(error, "cannot trace the frame", option))?;
    let said = answers.iter().flat_map(|answer| &answer.attributes);
    let steps = said
        .filter(|attribute| attribute.kind() == attr::STEP)
        .map(read)
        .collect::<Result<Vec<Step>>>()
        .context("the kernel's answer cannot be understood")?;
    match args.json {
        true => {
            let frame = frame::to_hex(&frame);
            let steps = &steps;
            output::json(&Json { frame, steps })
        }
        false => output::text(&format!("{}\n\n{}", frame::summary(&frame), text(&steps))),
    }
}

fn origin(client: &mut Client, args: &Args) -> Result<Origin> {
    if let Some(name) = &args.port {
        let key = Port {
            ifname: name.clone(),
            ..Port::default()
        };
        let shown = client.get(&key)?;
        return Ok(Origin {
            vpc: shown.object.vpc,
            port: Some(shown.object),
            attributes: vec![Attribute::u32(attr::IFINDEX, shown.seen.ifindex)],
        });
    }
    let (Some(vpc), Some(remote)) = (&args.vpc, args.remote) else {
        bail!("--port, or --vpc and --remote, say where the frame comes from");
    };
    let vpc = client.vpc_id(vpc)?;
    Ok(Origin {
        vpc,
        port: None,
        attributes: vec![
            Attribute::u32(attr::VPC, vpc),
            prefix::encode(attr::REMOTE, remote),
        ],
    })
}

/// The frame that the fields describe.
fn made(client: &mut Client, args: &Args, origin: &Origin) -> Result<Vec<u8>> {
    let inside = inside(args, origin.port.as_ref())?;
    let port = origin.port.as_ref();
    let from = args.src_mac.or(port.map(|port| port.mac));
    let from = from.context("--src-mac is needed for a frame from the wire")?;
    let to = match (args.dst_mac, &inside) {
        (Some(mac), _) => mac,
        (None, Inside::Arp { .. }) => Mac([0xff; 6]),
        (None, Inside::Ip { target, .. }) => mac_of(client, origin.vpc, *target)?,
    };
    frame::build(from, to, &inside)
}

fn inside(args: &Args, port: Option<&Port>) -> Result<Inside> {
    let own = |target: IpAddr| {
        let hosts = port
            .map(|port| super::hosts(&port.addresses))
            .unwrap_or_default();
        let of_version = |host: &IpAddr| host.is_ipv4() == target.is_ipv4();
        let found = args.src_ip.or(hosts.into_iter().find(of_version));
        found.context("--src-ip is needed: the port has no address that goes with it")
    };
    if let Some(target) = args.arp {
        return match own(target.into())? {
            IpAddr::V4(source) => Ok(Inside::Arp { source, target }),
            IpAddr::V6(source) => bail!("--src-ip: {source} is no address that ARP knows"),
        };
    }
    let target = args.dst_ip.context("--dst-ip is needed")?;
    let (echo, icmp) = if target.is_ipv4() { (8, 1) } else { (128, 58) };
    let (source, dport) = (args.sport, args.dport);
    let need = || dport.context("--dport is needed for this protocol");
    let upper = match args.protocol.unwrap_or(icmp) {
        6 => Upper::Tcp {
            source,
            target: need()?,
        },
        17 => Upper::Udp {
            source,
            target: need()?,
        },
        number if number == icmp => Upper::Icmp(args.icmp_type.unwrap_or(Icmp {
            kind: echo,
            code: None,
        })),
        number => Upper::Other(number),
    };
    Ok(Inside::Ip {
        source: own(target)?,
        target,
        ttl: args.ttl,
        upper,
    })
}

/// The MAC that an address has, as entries and ports say.
fn mac_of(client: &mut Client, vpc: u32, address: IpAddr) -> Result<Mac> {
    let entries = client.all::<Entry>()?;
    let has_it = |entry: &Entry| entry.vpc == vpc && entry.address == Some(address);
    if let Some(entry) = entries.iter().find(|entry| has_it(&entry.object)) {
        return Ok(entry.object.mac);
    }
    let ports = client.all::<Port>()?;
    let has_it = |port: &Port| port.vpc == vpc && super::hosts(&port.addresses).contains(&address);
    match ports.iter().find(|port| has_it(&port.object)) {
        Some(port) => Ok(port.object.mac),
        None => bail!("--dst-mac is needed: nobody in the VPC is known to have {address}"),
    }
}

fn read(attribute: &Attribute) -> Result<Step> {
    let mut read = Step::default();
    for inner in attribute.to_nest()? {
        match inner.kind() {
            step::NAME => read.name = inner.to_text()?,
            step::TEXT => read.text = inner.to_text()?,
            _ => (),
        }
    }
    Ok(read)
}

fn text(steps: &[Step]) -> String {
    let mut table = table::empty(&["STEP", ""], &[]);
    for step in steps {
        table.add_row([&step.name, &step.text]);
    }
    table::text(&table, "the kernel says nothing of it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use crate::args::Sub;
    use clap::Parser;

    fn parse(line: &str) -> Result<Args, String> {
        let words = ["vpcctl", "trace"]
            .into_iter()
            .chain(line.split_whitespace());
        match Cli::try_parse_from(words)
            .map_err(|error| error.to_string())?
            .sub
        {
            Sub::Trace(args) => Ok(*args),
            _ => unreachable!(),
        }
    }

    fn port() -> Port {
        Port {
            ifname: "tap0".to_owned(),
            mac: Mac([2; 6]),
            addresses: ["10.0.0.1", "fd00::1"].map(|a| a.parse().unwrap()).into(),
            ..Port::default()
        }
    }

    #[test]
    fn what_is_left_out_comes_from_the_port() {
        let inside = |line: &str| inside(&parse(line).unwrap(), Some(&port()));
        let Inside::Ip { source, upper, .. } = inside("--port tap0 --dst-ip fd00::2").unwrap()
        else {
            unreachable!();
        };
        assert_eq!(source, "fd00::1".parse::<IpAddr>().unwrap());
        let echo = Icmp {
            kind: 128,
            code: None,
        };
        assert_eq!(upper, Upper::Icmp(echo));
        let arp = inside("--port tap0 --arp 10.0.0.2").unwrap();
        let [source, target] = [1, 2].map(|n| Ipv4Addr::new(10, 0, 0, n));
        assert_eq!(arp, Inside::Arp { source, target });
        let tcp = "--port tap0 --dst-ip 10.0.0.2 --protocol tcp";
        assert!(inside(tcp).is_err());
        let Inside::Ip { upper, ttl, .. } = inside(&format!("{tcp} --dport 80 --ttl 1")).unwrap()
        else {
            unreachable!();
        };
        let (source, target) = (40000, 80);
        assert_eq!((upper, ttl), (Upper::Tcp { source, target }, 1));
    }

    #[test]
    fn one_place_and_one_frame() {
        for right in [
            "--port tap0 --dst-ip 10.0.0.2",
            "--port tap0 --frame 0a0b",
            "--vpc red --remote 192.0.2.1 --arp 10.0.0.1",
        ] {
            assert!(parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "--dst-ip 10.0.0.2",
            "--port tap0",
            "--vpc red --dst-ip 10.0.0.2",
            "--port tap0 --remote 192.0.2.1 --dst-ip 10.0.0.2",
            "--port tap0 --vpc red --remote 192.0.2.1 --dst-ip 10.0.0.2",
            "--port tap0 --dst-ip 10.0.0.2 --arp 10.0.0.2",
            "--port tap0 --frame 0a --ttl 3",
            "--port tap0 --dst-ip 10.0.0.2 --dport 80",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_are_read() {
        let said = Attribute::nest(
            5,
            &[Attribute::string(1, "acl"), Attribute::string(2, "dropped")],
        );
        let steps = [read(&said).unwrap()];
        assert_eq!(text(&steps), "STEP\nacl   dropped\n");
    }
}
