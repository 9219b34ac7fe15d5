// SPDX-License-Identifier: GPL-2.0

//! What becomes of a frame.
//!
//! `way.rs` decides, here it is done. Frames of ports and of the tunnel device never reach the bridge:
//! it would learn their addresses, which tenants may have in common.

use core::mem::MaybeUninit;

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::vpc::error;
use vpc_core::vpc::error::Complaint;
use vpc_core::vpc::guard;
use vpc_core::vpc::hop;
use vpc_core::vpc::hop::Hop;
use vpc_core::vpc::packet::Kind;
use vpc_core::vpc::packet::Packet;
use vpc_core::vpc::packet::Problem;
use vpc_core::vpc::plain::Plain;
use vpcnet::context::Datapath;
use vpcnet::frame::Frame;
use vpcnet::frame::Received;
use vpcnet::netdev::NetDev;
use vpcnet::netfilter::Verdict;
use vpcnet::netns::Net;
use vpcnet::percpu::ThisCpu;

use crate::acl::Direction;
use crate::ask;
use crate::ask::Place;
use crate::config::Config;
use crate::config::Tunnel;
use crate::entry::Entry;
use crate::flood;
use crate::flood::Flood;
use crate::port::Port;
use crate::remote;
use crate::remote::Remote;
use crate::state::State;
use crate::tally::Other;
use crate::tally::Why;
use crate::vpc::Mac;
use crate::way;
use crate::way::Live;
use crate::way::To;
use crate::way::Way;

/// Whoever says that a packet's time is up where no router has an address (RFC 7600, 4.8).
const DUMMY: u32 = 0xc000_0008;

/// Where a frame is being handled.
pub(crate) struct Here<'a> {
    pub(crate) state: &'a State,
    pub(crate) config: &'a Config,
    pub(crate) net: &'a Net,
    pub(crate) cpu: ThisCpu<'a>,
    pub(crate) dp: &'a Datapath,
}

/// Where a frame leaves.
#[derive(Clone, Copy)]
enum Exit<'a> {
    Port(&'a Port, &'a NetDev),
    Remote(&'a Remote, &'a Tunnel),
}

/// A device of the namespace's has received a frame.
#[inline]
pub(crate) fn received(
    state: &State,
    config: &Config,
    net: &Net,
    frame: Received<'_>,
    dp: &Datapath,
) -> Verdict {
    let here = Here {
        state,
        config,
        net,
        cpu: frame.cpu(dp),
        dp,
    };
    let ifindex = frame.port();
    if let Some(port) = config.port(ifindex, dp) {
        return here.take_from_vm(port, frame);
    }
    match config.tunnel(dp) {
        Some(tunnel) if tunnel.ifindex == ifindex => here.take_from_wire(frame),
        _ => frame.accept(),
    }
}

/// Reads a frame, of which more is made linear where that is needed, into a place.
#[inline(always)]
fn parse<'b>(
    place: &'b mut MaybeUninit<Packet>,
    frame: &mut Received<'_>,
    dp: &Datapath,
) -> Result<&'b Packet, Why> {
    let len = frame.len() as usize;
    let plain = match frame.is_tagged() {
        false => Plain::of_frame(frame.linear(), len),
        true => None,
    };
    match plain {
        Some(plain) => Ok(place.write(plain.packet())),
        None => Ok(place.write(parse_any(frame, len, dp)?)),
    }
}

#[inline(never)]
fn parse_any(frame: &mut Received<'_>, len: usize, dp: &Datapath) -> Result<Packet, Why> {
    loop {
        match Packet::parse(frame.linear(), len) {
            Ok(mut packet) => {
                packet.tagged |= frame.is_tagged();
                return Ok(packet);
            }
            // Each time more than was there: no more often than there are headers.
            Err(Problem::NeedLinear(more)) if more > frame.linear().len() => {
                if !frame.pull(more as u32, dp) {
                    return Err(Why::Other(Other::NoMemory));
                }
            }
            Err(problem) => return Err(Why::Malformed(problem)),
        }
    }
}

/// Reads a frame that has asked for a checksum somewhere else than where its packet has one: it is
/// judged with that.
#[cold]
fn parse_summed<'b>(
    place: &'b mut MaybeUninit<Packet>,
    frame: &mut Received<'_>,
    dp: &Datapath,
) -> Result<&'b Packet, Why> {
    if !frame.write_sum(dp) {
        return Err(Why::Malformed(Problem::Sum));
    }
    parse(place, frame, dp)
}

impl<'a> Here<'a> {
    fn take_from_vm(&self, port: &'a Port, mut frame: Received<'_>) -> Verdict {
        let Some(settings) = port.settings(self.dp) else {
            return self.drop(port, Why::Other(Other::NotHere), frame);
        };
        let (mut place, mut again) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let mut packet = match parse(&mut place, &mut frame, self.dp) {
            Ok(packet) => packet,
            Err(why) => return self.drop(port, why, frame),
        };
        if frame.sum().is_some_and(|sum| !packet.has_sum(sum)) {
            packet = match parse_summed(&mut again, &mut frame, self.dp) {
                Ok(packet) => packet,
                Err(why) => return self.drop(port, why, frame),
            };
        }
        let mut live = Live::new(&frame);
        let way = way::from_vm(self, port, settings, packet, frame.linear(), &mut live);
        let keeps = live.keeps;
        match way {
            Way::Drop(why) => {
                if let Why::Other(Other::UnknownMac | Other::UnknownAddress) = why {
                    let addr = packet.addrs().map(|(_, dst)| dst);
                    let mac = Some(packet.dst);
                    let vpc = settings.vpc.id;
                    self.state
                        .events
                        .miss(self.net, vpc, port, mac, addr, self.dp);
                }
                self.drop(port, why, frame)
            }
            Way::Refused(to, why) => self.drop(to, why, frame),
            Way::Answer => match live.answer {
                Some(answer) => {
                    port.tally.answered(self.cpu);
                    self.answer(port, answer.bytes(), frame)
                }
                // Not so: the answer comes with the decision.
                None => self.drop(port, Why::Other(Other::NotHere), frame),
            },
            Way::To(to, next) => self.to(port, packet, to, next, keeps, frame),
            Way::Flood { misses } => {
                if let (true, Some(addr)) = (misses, way::asks_for(packet)) {
                    let vpc = settings.vpc.id;
                    self.state
                        .events
                        .miss(self.net, vpc, port, None, Some(addr), self.dp);
                }
                let vpc = settings.vpc.id;
                let flood = self.config.floods.get(&flood::key(vpc), self.dp);
                // What nobody gets counts, too.
                let copies = flood.map_or(0, |flood| flood.copies());
                if !port.floods.take(flood::RATE, copies.max(1)) {
                    return self.drop(port, Why::Other(Other::FloodRate), frame);
                }
                port.tally.received(self.cpu);
                self.flood(vpc, flood, Some(port), packet, frame)
            }
        }
    }

    /// Drops a frame of a port.
    #[cold]
    fn drop(&self, port: &Port, why: Why, frame: Received<'_>) -> Verdict {
        port.tally.dropped(why, self.cpu);
        frame.drop_with(why.reason())
    }

    /// Drops a frame from the wire.
    #[cold]
    fn drop_wire(&self, why: Why, frame: Received<'_>) -> Verdict {
        self.config.tally.dropped(why, self.cpu);
        frame.drop_with(why.reason())
    }

    /// Sends a frame back to the VM in place of the one that it has sent.
    fn answer(&self, port: &Port, bytes: &[u8], frame: Received<'_>) -> Verdict {
        let lane = frame.lane();
        let (frame, verdict) = frame.take();
        if let Some(dev) = port.dev(self.dp) {
            // If memory is short, the VM asks once more.
            if let Ok(answer) = Frame::new(dev, bytes, lane, self.dp) {
                answer.send(dev, self.dp);
            }
        }
        frame.consume();
        verdict
    }

    /// Tells the VM why its packet did not go on, and drops that.
    #[cold]
    fn complain(
        &self,
        port: &Port,
        complaint: Complaint,
        from: error::Sender,
        packet: &Packet,
        frame: Received<'_>,
    ) -> Verdict {
        let why = match complaint {
            Complaint::TooBig(_) => Other::TooBig,
            Complaint::TimeExceeded => Other::Ttl,
        };
        let message = KVec::from_elem(0u8, error::MAX_LEN, GFP_ATOMIC);
        if let (Ok(mut message), Some(dev)) = (message, port.dev(self.dp)) {
            let len = error::write(complaint, packet, frame.linear(), &from, &mut message);
            if let Some(bytes) = len.and_then(|len| message.get(..len)) {
                if let Ok(answer) = Frame::new(dev, bytes, frame.lane(), self.dp) {
                    answer.send(dev, self.dp);
                }
            }
        }
        self.drop(port, Why::Other(why), frame)
    }

    /// Sends a frame of a port to one, by way of the virtual gateway if that says who is `next`.
    #[inline]
    fn to(
        &self,
        port: &'a Port,
        packet: &Packet,
        to: To<'a>,
        next: Option<&Entry>,
        keeps: bool,
        frame: Received<'_>,
    ) -> Verdict {
        let Some(exit) = self.exit(to) else {
            return self.drop(port, Why::Other(Other::NoTunnel), frame);
        };
        if let Exit::Remote(_, tunnel) = exit {
            let mtu = tunnel.dev.mtu();
            if !frame.fits(mtu) {
                return self.too_big(port, packet, mtu, frame);
            }
        }
        if next.is_some() && packet.ttl <= 1 {
            return self.time_exceeded(port, packet, frame);
        }
        let (mut frame, verdict) = frame.take();
        if keeps && !frame.confirm(self.dp) {
            return self.lose(port, Why::Other(Other::Connection), frame, verdict);
        }
        port.tally.received(self.cpu);
        if let Some(next) = next {
            if let Err(why) = self.hop(&mut frame, packet, next.mac) {
                return self.lose(port, why, frame, verdict);
            }
        }
        self.send(exit, frame);
        verdict
    }

    /// Drops a frame of a port that has been taken already.
    #[cold]
    fn lose(&self, port: &Port, why: Why, frame: Frame, verdict: Verdict) -> Verdict {
        port.tally.dropped(why, self.cpu);
        frame.drop_with(why.reason());
        verdict
    }

    #[cold]
    fn too_big(&self, port: &Port, packet: &Packet, mtu: u32, frame: Received<'_>) -> Verdict {
        let Some((_, addr)) = packet.addrs() else {
            return self.drop(port, Why::Other(Other::TooBig), frame);
        };
        let mac = packet.dst;
        let from = error::Sender { mac, addr };
        self.complain(port, Complaint::TooBig(mtu), from, packet, frame)
    }

    /// The virtual gateway, whose MAC address is the packet's destination, does not send it on.
    #[cold]
    fn time_exceeded(&self, port: &Port, packet: &Packet, frame: Received<'_>) -> Verdict {
        let mac = packet.dst;
        let addr = match packet.kind {
            Kind::Ip4 { .. } => Addr::V4(DUMMY),
            _ => Addr::V6(guard::link_local(mac)),
        };
        let from = error::Sender { mac, addr };
        self.complain(port, Complaint::TimeExceeded, from, packet, frame)
    }

    /// Has a frame pass the virtual gateway.
    #[cold]
    fn hop(&self, frame: &mut Frame, packet: &Packet, next: Mac) -> Result<(), Why> {
        let len = usize::from(packet.transport);
        let bytes = match frame.writable(len, self.dp) {
            Ok(bytes) => bytes,
            Err(_) => return Err(Why::Other(Other::NoMemory)),
        };
        match hop::decrement_ttl(bytes, packet, packet.dst, next) {
            Hop::Passed => Ok(()),
            Hop::Exceeded | Hop::NotIp => Err(Why::Other(Other::Ttl)),
        }
    }

    /// Where a frame leaves; `None` if it cannot.
    #[inline]
    fn exit<'b>(&'b self, to: To<'b>) -> Option<Exit<'b>> {
        match to {
            To::Port(port) => Some(Exit::Port(port, port.dev(self.dp)?)),
            To::Remote(remote) => Some(Exit::Remote(remote, self.config.tunnel(self.dp)?)),
        }
    }

    /// Sends a frame where it belongs.
    #[inline]
    fn send(&self, exit: Exit<'_>, frame: Frame) {
        match exit {
            Exit::Port(port, dev) => {
                port.tally.sent(self.cpu);
                frame.send(dev, self.dp);
            }
            Exit::Remote(remote, tunnel) => {
                remote.counters.count(remote::TX, self.cpu);
                frame.send_to(&tunnel.dev, &remote.to, self.cpu, self.dp);
            }
        }
    }

    /// Sends a copy of a frame.
    fn copy_to(&self, to: To<'_>, frame: &Received<'_>) -> Result<(), Why> {
        let exit = self.exit(to).ok_or(Why::Other(Other::NoTunnel))?;
        match frame.try_clone(self.dp) {
            Ok(copy) => {
                self.send(exit, copy);
                Ok(())
            }
            Err(_) => Err(Why::Other(Other::NoMemory)),
        }
    }

    /// Sends a frame to all but whom it comes from: to the remotes only what comes from a port.
    #[cold]
    fn flood(
        &self,
        vpc: u32,
        flood: Option<&Flood>,
        from: Option<&Port>,
        packet: &Packet,
        frame: Received<'_>,
    ) -> Verdict {
        let Some(flood) = flood else {
            let (frame, verdict) = frame.take();
            frame.consume();
            return verdict;
        };
        let from = from.map(|port| port.ifindex);
        for port in flood.ports.iter().filter(|it| Some(it.ifindex) != from) {
            // The list may be a moment older than the port's move to another VPC.
            let Some(settings) = port.settings(self.dp).filter(|it| it.vpc.id == vpc) else {
                continue;
            };
            let bytes = frame.linear();
            let mut live = Live::new(&frame);
            let place = Place {
                port,
                settings,
                direction: Direction::Ingress,
            };
            if packet.tagged && !settings.takes_tags() {
                port.tally.dropped(Why::Other(Other::Tagged), self.cpu);
            } else if ask::acl(self, &place, packet, bytes, &mut live).is_err() {
                port.tally.dropped(Why::Other(Other::Ingress), self.cpu);
            } else if let Err(why) = self.copy_to(To::Port(port), &frame) {
                port.tally.dropped(why, self.cpu);
            }
        }
        let remotes = from.map(|_| &flood.remotes);
        for remote in remotes.into_iter().flatten() {
            if let Err(why) = self.copy_to(To::Remote(remote), &frame) {
                self.config.tally.dropped(why, self.cpu);
            }
        }
        let (frame, verdict) = frame.take();
        frame.consume();
        verdict
    }

    fn take_from_wire(&self, mut frame: Received<'_>) -> Verdict {
        let Some(came_by) = frame.came_by(self.dp) else {
            return self.drop_wire(Why::Other(Other::NoKey), frame);
        };
        let at = crate::entry::addr_key(came_by.key, came_by.remote);
        let Some(remote) = self.config.remotes.get(&at, self.dp) else {
            return self.drop_wire(Why::Other(Other::UnknownPeer), frame);
        };
        remote.counters.count(remote::RX, self.cpu);
        let mut place = MaybeUninit::uninit();
        let packet = match parse(&mut place, &mut frame, self.dp) {
            Ok(packet) => packet,
            Err(why) => return self.drop_wire(why, frame),
        };
        let mut live = Live::new(&frame);
        let way = way::from_wire(self, remote, packet, frame.linear(), &mut live);
        let keeps = live.keeps;
        match way {
            Way::Drop(why) => self.drop_wire(why, frame),
            Way::Refused(to, why) => self.drop(to, why, frame),
            Way::To(to, next) => {
                let Some(exit) = self.exit(to) else {
                    return self.drop_wire(Why::Other(Other::NoTunnel), frame);
                };
                let (mut frame, verdict) = frame.take();
                if keeps && !frame.confirm(self.dp) {
                    let why = Why::Other(Other::Connection);
                    self.config.tally.dropped(why, self.cpu);
                    frame.drop_with(why.reason());
                    return verdict;
                }
                if let Some(next) = next {
                    if let Err(why) = self.hop(&mut frame, packet, next.mac) {
                        self.config.tally.dropped(why, self.cpu);
                        frame.drop_with(why.reason());
                        return verdict;
                    }
                }
                self.send(exit, frame);
                verdict
            }
            Way::Flood { .. } => {
                let flood = self.config.floods.get(&flood::key(remote.vpc), self.dp);
                self.flood(remote.vpc, flood, None, packet, frame)
            }
            // Nobody answers the wire.
            Way::Answer => self.drop_wire(Why::Other(Other::NotHere), frame),
        }
    }
}
