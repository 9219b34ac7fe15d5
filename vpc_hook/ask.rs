// SPDX-License-Identifier: GPL-2.0

//! What the ACLs of a port say of a packet, with its connection if they look at that.

use kernel::prelude::*;
use kernel::sync::Arc;

use vpc_core::eth::is_group;
use vpc_core::ip;
use vpc_core::ip::Version;
use vpc_core::vpc::acl::Key;
use vpc_core::vpc::acl::Verdict;
use vpc_core::vpc::packet::Fragment;
use vpc_core::vpc::packet::Kind;
use vpc_core::vpc::packet::Packet;
use vpcnet::conntrack::Conn;

use crate::acl::Acl;
use crate::acl::Direction;
use crate::compiled::Said;
use crate::hook::Here;
use crate::port::Port;
use crate::port::Settings;
use crate::tally::Other;
use crate::tally::Why;
use crate::text::Text;
use crate::way::Watcher;

/// A port, and which way the packet passes it.
pub(crate) struct Place<'a> {
    pub(crate) port: &'a Port,
    pub(crate) settings: &'a Settings,
    pub(crate) direction: Direction,
}

impl Place<'_> {
    /// The port sends the packet; else it gets it.
    pub(crate) fn sends(&self) -> bool {
        self.direction == Direction::Egress
    }
}

/// What rules look at in a packet.
#[inline]
fn acl_key(packet: &Packet) -> Key {
    let (src, dst) = match packet.kind {
        Kind::Ip4 { src, dst } => (src.into(), dst.into()),
        Kind::Ip6 { src, dst } | Kind::Nd { src, dst, .. } => (src, dst),
        Kind::Arp(_) | Kind::Other => (0, 0),
    };
    let has_ports = matches!(
        packet.protocol,
        ip::PROTO_TCP | ip::PROTO_UDP | ip::PROTO_ICMP | ip::PROTO_ICMPV6 | 33 | 132 | 136
    );
    Key {
        ethertype: packet.ethertype,
        src,
        dst,
        protocol: packet.protocol,
        sport: packet.sport,
        dport: packet.dport,
        ports: has_ports && packet.fragment != Fragment::Later,
    }
}

/// Whether the ACLs of a port let a packet pass.
#[inline]
pub(crate) fn acl<W: Watcher>(
    here: &Here<'_>,
    place: &Place<'_>,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Result<(), Why> {
    if place.settings.acls.is_empty() {
        return Ok(());
    }
    // Without these no rule would be of use; the guard has had its say.
    if matches!(packet.kind, Kind::Arp(_) | Kind::Nd { .. }) {
        watcher.step(c"acl", fmt!("ARP and neighbour discovery are exempt"));
        return Ok(());
    }
    ask(here, place, packet, frame, watcher)
}

/// The version of IP of packets that can be tracked: those to one, and whole. Of a fragment neither
/// length nor checksum is right, and later ones have no ports: rules alone decide.
fn tracked(packet: &Packet) -> Option<Version> {
    if packet.tagged || is_group(packet.dst) || packet.fragment != Fragment::Whole {
        return None;
    }
    packet.addrs().map(|(src, _)| src.version())
}

// Out of line: who has no rules does not pay for them.
#[inline(never)]
fn ask<W: Watcher>(
    here: &Here<'_>,
    place: &Place<'_>,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Result<(), Why> {
    let refused = match place.direction {
        Direction::Egress => Why::Other(Other::Egress),
        Direction::Ingress => Why::Other(Other::Ingress),
    };
    let tracks = |acl: &Arc<Acl>| acl.tracks(place.direction, here.dp);
    let version = match place.settings.acls.iter().any(tracks) {
        true => tracked(packet),
        false => None,
    };
    if let Some(version) = version {
        match watcher.conn(here, place, version) {
            Conn::New | Conn::Related => (),
            Conn::Known => {
                watcher.step(c"acl", fmt!("it belongs to a connection"));
                return Ok(());
            }
            Conn::Invalid => return Err(Why::Other(Other::Connection)),
        }
    }
    let cpu = W::COUNTS.then_some(here.cpu);
    let key = || acl_key(packet);
    for acl in &place.settings.acls {
        let Some(said) = acl.say(place.direction, key, cpu, here.dp) else {
            continue;
        };
        let Said {
            verdict, priority, ..
        } = said;
        let name = Text(&acl.name);
        if said.log && W::COUNTS {
            here.state.events.log(
                here.net,
                place.port,
                &acl.name,
                place.direction,
                &said,
                frame,
                here.dp,
            );
        }
        return match verdict {
            Verdict::Allow => {
                watcher.step(c"acl", fmt!("{name} allows it, rule {priority}"));
                match said.stateful && version.is_some() && !watcher.keep(here, place) {
                    true => Err(Why::Other(Other::Connections)),
                    false => Ok(()),
                }
            }
            Verdict::Drop => {
                watcher.step(c"acl", fmt!("{name} drops it, rule {priority}"));
                Err(refused)
            }
        };
    }
    watcher.step(c"acl", fmt!("no rule matches, which drops it"));
    Err(refused)
}
