// SPDX-License-Identifier: GPL-2.0

//! What `vpcctl port` is given.

use crate::device;
use crate::vpc::command::name;
use crate::vpc::command::vpc_reference;
use crate::vpc::mac::Mac;
use crate::vpc::object::Flags;
use crate::vpc::object::MaxConnections;
use crate::vpc::object::Port;
use crate::vpc::prefix::Prefix;
use clap::Subcommand;
use std::net::IpAddr;

pub(crate) const EXAMPLES: &str = "\
Examples:
  vpcctl port add tap0 --vpc red --mac 02:00:00:00:00:01 --ip 10.0.0.1 --acl web
      a VM that may send from this MAC and this IP address alone, if the ACL allows it
  vpcctl port set tap0 --ip 10.0.0.1 --ip 10.0.0.2
      it has two addresses now; what else it may stays
  vpcctl port move tap0 --to 192.0.2.2
      it has moved to the host 192.0.2.2
  vpcctl port move tap3 --here --vpc red --mac 02:00:00:00:00:01 --ip 10.0.0.1
      what that host is told";

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Binds a tap to a VPC.
    Add(Add),
    /// Changes a port; what is not named stays.
    ///
    /// Of --ip, --allow and --acl, all that there were are replaced by those named.
    Set(Set),
    /// Lets a tap go.
    Del(Del),
    /// Shows the ports, what they may do, their packets, and what was dropped and why.
    Show(Show),
    /// Moves a VM to another host, or takes it from there.
    ///
    /// On the host that the VM leaves, --to: the port goes, and routes lead to where it is now; all
    /// in one step. On the host that it comes to, --here: the port is made, and takes the place of
    /// the routes to the remote that its MAC and addresses had.
    Move(Move),
}

#[derive(clap::Args, Debug)]
pub(super) struct Add {
    /// The tap.
    #[arg(value_name = "DEV", value_parser = device::name)]
    pub(super) dev: String,
    /// Id or name of the VPC.
    #[arg(long, value_name = "VPC", value_parser = vpc_reference)]
    pub(super) vpc: String,
    /// MAC address of the VM, the only one that it may send from.
    #[arg(long, value_name = "MAC", value_parser = Mac::of_device)]
    pub(super) mac: Mac,
    #[command(flatten)]
    pub(super) options: Options,
    /// It may be there already, and is then as said here.
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(clap::Args, Debug, Default)]
pub(super) struct Set {
    /// The tap.
    #[arg(value_name = "DEV", value_parser = device::name)]
    pub(super) dev: String,
    /// Id or name of another VPC.
    #[arg(long, value_name = "VPC", value_parser = vpc_reference)]
    pub(super) vpc: Option<String>,
    /// Another MAC address.
    #[arg(long, value_name = "MAC", value_parser = Mac::of_device)]
    pub(super) mac: Option<Mac>,
    #[command(flatten)]
    pub(super) options: Options,
    /// It may send from any address.
    #[arg(long, conflicts_with = "ip")]
    pub(super) no_ip: bool,
    /// Allow nothing special.
    #[arg(long, conflicts_with = "allow")]
    pub(super) no_allow: bool,
    /// Have no ACL, so that all is allowed.
    #[arg(long, conflicts_with = "acl")]
    pub(super) no_acl: bool,
}

/// What a port may have.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Options {
    /// Address that the VM may send from, which may be given more than once [default: all
    /// addresses]. With a length, it is all of that network if the rest of it is zero, and else
    /// an address of it.
    #[arg(long, value_name = "ADDR[/LEN]", value_parser = Prefix::of_port)]
    pub(super) ip: Vec<Prefix>,
    /// What it may do beyond that, a list with commas of: dhcp-server, router, any-ethertype,
    /// vlan, any-source.
    ///
    /// dhcp-server: answer DHCP and DHCPv6; router: send router advertisements and redirects;
    /// any-ethertype: send what is neither IP nor ARP; vlan: send frames with VLAN tags;
    /// any-source: send from any address that nobody else of the VPC is known to have.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = Flags::named)]
    pub(super) allow: Vec<Flags>,
    /// ACL that says what may pass; of several, the first rule that matches counts [default: all
    /// is allowed].
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) acl: Vec<String>,
    /// Connections that its stateful rules may have begun at once [default: 32768].
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_connections: Option<u32>,
}

impl Options {
    pub(super) fn to_port(&self, ifname: String, vpc: u32, mac: Mac) -> Port {
        Port {
            ifname,
            vpc,
            mac,
            addresses: self.ip.iter().copied().collect(),
            flags: self.allow.iter().copied().collect(),
            acls: self.acl.clone(),
            max_connections: self.max_connections.map(MaxConnections).unwrap_or_default(),
        }
    }
}

#[derive(clap::Args, Debug)]
pub(super) struct Del {
    /// The tap.
    #[arg(value_name = "DEV", value_parser = device::name)]
    pub(super) dev: String,
}

#[derive(clap::Args, Debug)]
pub(super) struct Show {
    /// The tap; without it, all.
    #[arg(value_name = "DEV", value_parser = device::name)]
    pub(super) dev: Option<String>,
    /// Print JSON, with the names of the netlink specification.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("end").required(true))]
pub(super) struct Move {
    /// The tap.
    #[arg(value_name = "DEV", value_parser = device::name)]
    pub(super) dev: String,
    /// The VM is now at this remote of its VPC.
    #[arg(long, value_name = "REMOTE", group = "end", conflicts_with_all = ["vpc", "mac", "ip", "allow", "acl", "max_connections"])]
    pub(super) to: Option<IpAddr>,
    /// Send on what still comes here for so many seconds, 600 at most; 0 for not at all [default:
    /// 30].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=600), conflicts_with = "here")]
    pub(super) forward_for: Option<u32>,
    /// The VM is now behind this tap.
    #[arg(long, group = "end", requires_all = ["vpc", "mac"])]
    pub(super) here: bool,
    /// With --here: id or name of its VPC.
    #[arg(long, value_name = "VPC", value_parser = vpc_reference)]
    pub(super) vpc: Option<String>,
    /// With --here: its MAC address.
    #[arg(long, value_name = "MAC", value_parser = Mac::of_device)]
    pub(super) mac: Option<Mac>,
    #[command(flatten)]
    pub(super) options: Options,
}
