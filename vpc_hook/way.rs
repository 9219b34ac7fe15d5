// SPDX-License-Identifier: GPL-2.0

//! Which way a frame takes. Nothing is changed here but counters of rules, so that a request can ask
//! the same.

use kernel::fmt;
use kernel::prelude::*;

use vpc_core::eth::is_group;
use vpc_core::eth::is_link_local;
use vpc_core::eth::is_station;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::ip::Version;
use vpc_core::vpc::answer;
use vpc_core::vpc::guard;
use vpc_core::vpc::packet::Kind;
use vpc_core::vpc::packet::Packet;
use vpc_core::vpc::spoof::Spoof;
use vpcnet::clock;
use vpcnet::conntrack::Conn;
use vpcnet::frame::Received;

use crate::acl::Direction;
use crate::ask::acl;
use crate::ask::Place;
use crate::entry::addr_key;
use crate::entry::mac_key;
use crate::entry::Entry;
use crate::entry::Target;
use crate::hook::Here;
use crate::port::Connections;
use crate::port::Port;
use crate::port::Settings;
use crate::remote::Remote;
use crate::tally::Other;
use crate::tally::Why;
use crate::text::Ip;
use crate::text::MacText;
use crate::vpc::Mac;

/// The way of a frame. Small: what is in here is carried about for each one.
pub(crate) enum Way<'a> {
    /// It is answered: see [`Watcher::answer`].
    Answer,
    /// It goes to one; if by way of the virtual gateway, whose MAC address it has, to whom from there.
    To(To<'a>, Option<&'a Entry>),
    /// It goes to all.
    Flood {
        /// It asks for an address, see [`asks_for`], that nobody here knows.
        misses: bool,
    },
    /// It goes nowhere.
    Drop(Why),
    /// The port that it is for does not take it.
    Refused(&'a Port, Why),
}

/// Whom a frame goes to.
#[derive(Clone, Copy)]
pub(crate) enum To<'a> {
    Port(&'a Port),
    Remote(&'a Remote),
}

/// An answer that is ready to be sent.
pub(crate) enum Answer {
    Arp([u8; answer::ARP_LEN]),
    Neighbour([u8; answer::ND_LEN]),
}

impl Answer {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Answer::Arp(bytes) => bytes,
            Answer::Neighbour(bytes) => bytes,
        }
    }
}

/// Who is told of each step.
pub(crate) trait Watcher {
    /// Whether it is a real frame that takes the way, and counts.
    const COUNTS: bool;

    /// A step, and what came of it.
    fn step(&mut self, name: &'static CStr, text: fmt::Arguments<'_>);

    /// It is to be answered with this.
    fn answer(&mut self, answer: Answer);

    /// What the packet is to its connection, as far as a port has allowed that.
    fn conn(&mut self, here: &Here<'_>, place: &Place<'_>, version: Version) -> Conn;

    /// The port allows it: it is to be one, unless the packet is dropped after all. False: the port
    /// has too many.
    fn keep(&mut self, here: &Here<'_>, place: &Place<'_>) -> bool;
}

/// A frame that takes the way, which nobody is told of.
pub(crate) struct Live<'a, 'b> {
    frame: &'a Received<'b>,
    conn: Option<Conn>,
    /// Its connection is to be kept.
    pub(crate) keeps: bool,
    pub(crate) answer: Option<Answer>,
}

impl<'a, 'b> Live<'a, 'b> {
    #[inline]
    pub(crate) fn new(frame: &'a Received<'b>) -> Self {
        Live {
            frame,
            conn: None,
            keeps: false,
            answer: None,
        }
    }
}

impl Watcher for Live<'_, '_> {
    const COUNTS: bool = true;

    #[inline]
    fn step(&mut self, _name: &'static CStr, _text: fmt::Arguments<'_>) {}

    #[inline]
    fn answer(&mut self, answer: Answer) {
        self.answer = Some(answer);
    }

    fn conn(&mut self, here: &Here<'_>, place: &Place<'_>, version: Version) -> Conn {
        let Some(zone) = &place.settings.connections.zone else {
            return Conn::Invalid;
        };
        let conn = *self
            .conn
            .get_or_insert_with(|| self.frame.track(here.net, zone, version, here.dp));
        match conn {
            Conn::Known | Conn::Related if self.frame.is_allowed(zone, place.sends(), here.dp) => {
                Conn::Known
            }
            // Only others have allowed it.
            Conn::Known => Conn::New,
            conn => conn,
        }
    }

    fn keep(&mut self, here: &Here<'_>, place: &Place<'_>) -> bool {
        // Whoever may send an error does not allow what that is about.
        if self.conn == Some(Conn::Related) {
            return true;
        }
        self.keeps = self.conn == Some(Conn::New);
        let Connections { zone, most } = &place.settings.connections;
        let Some(zone) = zone else {
            return false;
        };
        if self.keeps && !self.frame.count(zone, *most, here.dp) {
            return false;
        }
        self.frame.allow(zone, place.sends(), here.dp);
        true
    }
}

/// The way of a frame that a port has sent.
#[inline]
pub(crate) fn from_vm<'a, W: Watcher>(
    here: &Here<'a>,
    port: &'a Port,
    settings: &'a Settings,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Way<'a> {
    vm_way(here, port, settings, packet, frame, watcher).unwrap_or_else(Way::Drop)
}

#[inline]
fn vm_way<'a, W: Watcher>(
    here: &Here<'a>,
    port: &'a Port,
    settings: &'a Settings,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Result<Way<'a>, Why> {
    let vpc = settings.vpc.id;
    if settings.any_source() {
        // Anybody's but somebody else's.
        let known = || {
            settings.vpc.gateway == Some(packet.src)
                || here.entry(&mac_key(vpc, packet.src)).is_some()
        };
        if packet.src != settings.mac && (!is_station(packet.src) || known()) {
            return Err(Why::Spoof(Spoof::Mac));
        }
        let guard = settings.guard_of_any(packet.src);
        guard.from_vm(packet).map_err(Why::Spoof)?;
        claims_own(here, settings, packet)?;
        watcher.step(c"source", fmt!("it is nobody else's"));
    } else {
        settings.guard().from_vm(packet).map_err(Why::Spoof)?;
        watcher.step(c"source", fmt!("it is the port's own"));
    }
    let misses = match packet.kind {
        Kind::Arp(_) | Kind::Nd { .. } => match ask(here, settings, packet, frame, watcher) {
            Asked::Nothing => false,
            Asked::Answered => return Ok(Way::Answer),
            Asked::Unknown => true,
        },
        _ => false,
    };
    let place = Place {
        port,
        settings,
        direction: Direction::Egress,
    };
    acl(here, &place, packet, frame, watcher)?;
    if is_group(packet.dst) {
        if is_link_local(packet.dst) {
            return Err(Why::Other(Other::LinkLocal));
        }
        watcher.step(c"destination", fmt!("all of the VPC"));
        return Ok(Way::Flood { misses });
    }
    let mut next = None;
    if settings.vpc.gateway == Some(packet.dst) {
        let (_, addr) = packet.addrs().ok_or(Why::Other(Other::UnknownAddress))?;
        let entry = here
            .entry(&addr_key(vpc, addr))
            .ok_or(Why::Other(Other::UnknownAddress))?;
        watcher.step(c"gateway", fmt!("next is {}", MacText(entry.mac)));
        next = Some(entry);
    }
    // By reference: a copy would be taken apart into bytes.
    let mac = next.map_or(&packet.dst, |next| &next.mac);
    let entry = here
        .entry(&mac_key(vpc, *mac))
        .ok_or(Why::Other(Other::UnknownMac))?;
    let to = match &entry.target {
        Target::Port(to) if to.ifindex == port.ifindex => {
            return Err(Why::Other(Other::Hairpin));
        }
        Target::Port(to) => match here.to_port(vpc, to, packet, frame, watcher) {
            Ok(to) => to,
            Err(why) => return Ok(Way::Refused(to, why)),
        },
        Target::Remote(remote) => To::Remote(remote),
        Target::Moved(moved) => To::Remote(&moved.remote),
        Target::ByMac => return Err(Why::Other(Other::UnknownMac)),
    };
    tell(&to, watcher);
    Ok(Way::To(to, next))
}

/// What comes of a question for an address.
enum Asked {
    /// There is none, or it is not for us to answer.
    Nothing,
    Answered,
    /// Nobody here knows the address.
    Unknown,
}

// Out of line: few packets ask.
#[inline(never)]
fn ask<W: Watcher>(
    here: &Here<'_>,
    settings: &Settings,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Asked {
    let Some(addr) = asks_for(packet) else {
        return Asked::Nothing;
    };
    let Some(entry) = here.entry(&addr_key(settings.vpc.id, addr)) else {
        return Asked::Unknown;
    };
    let mac = entry.mac;
    let Some(answer) = answer(packet, frame, mac, settings.vpc.gateway) else {
        return Asked::Nothing;
    };
    watcher.step(c"answer", fmt!("with {}", MacText(mac)));
    watcher.answer(answer);
    Asked::Answered
}

/// Whether the IP addresses that a sender behind a port says it has are known to be nobody else's.
// Out of line: few ports may send from any address.
#[inline(never)]
fn claims_own(here: &Here<'_>, settings: &Settings, packet: &Packet) -> Result<(), Why> {
    for (addr, spoof) in guard::claims(packet).into_iter().flatten() {
        let entry = here.entry(&addr_key(settings.vpc.id, addr));
        if entry.is_some_and(|it| it.mac != packet.src && it.mac != settings.mac) {
            return Err(Why::Spoof(spoof));
        }
    }
    Ok(())
}

fn tell<W: Watcher>(to: &To<'_>, watcher: &mut W) {
    match to {
        To::Port(port) => {
            watcher.step(c"destination", fmt!("the port of device {}", port.ifindex));
        }
        To::Remote(remote) => {
            watcher.step(c"destination", fmt!("the remote {}", Ip(remote.addr)));
        }
    }
}

/// The way of a frame that has come from a remote of its VPC.
#[inline]
pub(crate) fn from_wire<'a, W: Watcher>(
    here: &Here<'a>,
    remote: &'a Remote,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Way<'a> {
    wire_way(here, remote, packet, frame, watcher).unwrap_or_else(Way::Drop)
}

#[inline]
fn wire_way<'a, W: Watcher>(
    here: &Here<'a>,
    remote: &'a Remote,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Result<Way<'a>, Why> {
    let vpc = remote.vpc;
    if !is_station(packet.src) {
        return Err(Why::Spoof(Spoof::Mac));
    }
    // Whoever is here does not send from elsewhere.
    if let Some(entry) = here.entry(&mac_key(vpc, packet.src)) {
        if let Target::Port(_) = entry.target {
            return Err(Why::Spoof(Spoof::Mac));
        }
    }
    watcher.step(c"source", fmt!("it is none of this host's"));
    if is_group(packet.dst) {
        if is_link_local(packet.dst) {
            return Err(Why::Other(Other::LinkLocal));
        }
        watcher.step(c"destination", fmt!("all ports of the VPC"));
        return Ok(Way::Flood { misses: false });
    }
    let Some(entry) = here.entry(&mac_key(vpc, packet.dst)) else {
        return error_way(here, vpc, packet, frame, watcher);
    };
    let to = match &entry.target {
        Target::Port(port) => match here.to_port(vpc, port, packet, frame, watcher) {
            Ok(to) => to,
            Err(why) => return Ok(Way::Refused(port, why)),
        },
        Target::Moved(moved)
            if moved.remote.addr != remote.addr && clock::milliseconds() < moved.until =>
        {
            To::Remote(&moved.remote)
        }
        Target::Moved(_) | Target::Remote(_) | Target::ByMac => {
            return Err(Why::Other(Other::NotHere));
        }
    };
    tell(&to, watcher);
    Ok(Way::To(to, None))
}

/// The way of an ICMP error from the wire that is for nobody's MAC address. A packet that has passed
/// the virtual gateway has that one's, and what is told of it, such as that it is too long for the
/// path, comes back to that: it goes on to who has sent the packet, if that is a port here.
#[cold]
fn error_way<'a, W: Watcher>(
    here: &Here<'a>,
    vpc: u32,
    packet: &Packet,
    frame: &[u8],
    watcher: &mut W,
) -> Result<Way<'a>, Why> {
    const NOT_HERE: Why = Why::Other(Other::NotHere);
    let (_, addr) = packet.addrs().ok_or(NOT_HERE)?;
    if !is_error(packet) {
        return Err(NOT_HERE);
    }
    let next = here.entry(&addr_key(vpc, addr)).ok_or(NOT_HERE)?;
    let entry = here.entry(&mac_key(vpc, next.mac)).ok_or(NOT_HERE)?;
    let Target::Port(port) = &entry.target else {
        return Err(NOT_HERE);
    };
    let settings = port.settings(here.dp).ok_or(NOT_HERE)?;
    if settings.vpc.gateway != Some(packet.dst) {
        return Err(NOT_HERE);
    }
    watcher.step(c"gateway", fmt!("next is {}", MacText(next.mac)));
    match here.to_port(vpc, port, packet, frame, watcher) {
        Ok(to) => {
            tell(&to, watcher);
            Ok(Way::To(to, Some(next)))
        }
        Err(why) => Ok(Way::Refused(port, why)),
    }
}

/// Whether it is an ICMP error: of IPv4 that a destination is unreachable, that time is up or that a
/// parameter is wrong (RFC 792), of IPv6 all below 128 (RFC 4443, 2.1).
fn is_error(packet: &Packet) -> bool {
    let [kind, _] = packet.dport.to_be_bytes();
    match packet.protocol {
        ip::PROTO_ICMP => matches!(kind, 3 | 11 | 12),
        // 0 is reserved, and what later fragments seem to have.
        ip::PROTO_ICMPV6 => (1..128).contains(&kind),
        _ => false,
    }
}

impl<'a> Here<'a> {
    #[inline]
    fn entry(&self, key: &vpcnet::table::Key) -> Option<&'a Entry> {
        self.config.entries.get(key, self.dp)
    }

    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn to_port<W: Watcher>(
        &self,
        vpc: u32,
        port: &'a Port,
        packet: &Packet,
        frame: &[u8],
        watcher: &mut W,
    ) -> Result<To<'a>, Why> {
        // An entry may be a moment older than the port's move to another VPC.
        let settings = port
            .settings(self.dp)
            .filter(|settings| settings.vpc.id == vpc)
            .ok_or(Why::Other(Other::UnknownMac))?;
        if packet.tagged && !settings.takes_tags() {
            return Err(Why::Other(Other::Tagged));
        }
        if !settings.any_source() {
            settings.guard().to_vm_ip(packet).map_err(Why::Spoof)?;
        }
        let place = Place {
            port,
            settings,
            direction: Direction::Ingress,
        };
        acl(self, &place, packet, frame, watcher)?;
        Ok(To::Port(port))
    }
}

/// Which address a packet asks for.
pub(crate) fn asks_for(packet: &Packet) -> Option<Addr> {
    match packet.kind {
        Kind::Arp(_) => answer::arp_target(packet).map(Addr::V4),
        Kind::Nd { .. } => answer::nd_target(packet).map(Addr::V6),
        _ => None,
    }
}

/// The answer to such a packet.
fn answer(packet: &Packet, frame: &[u8], mac: Mac, gateway: Option<Mac>) -> Option<Answer> {
    match packet.kind {
        Kind::Arp(_) => answer::arp(packet, mac).map(Answer::Arp),
        _ => {
            let is_router = gateway == Some(mac);
            answer::neighbour(packet, frame, mac, is_router).map(Answer::Neighbour)
        }
    }
}
