// SPDX-License-Identifier: GPL-2.0

//! Decapsulation: of the packets for this host those that belong to a device of ours, on the lane
//! that the uplink recorded. All others go on to the stock stack, `ip_gre` included.

use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::ip::Version;
use vpc_core::lane;
use vpc_core::outer::FLOW_ID_BITS;
use vpc_core::outer::UDP_LEN;
use vpc_core::udp::Udp;
use vpcnet::context::Datapath;
use vpcnet::device::Device;
use vpcnet::metadata::Metadata;
use vpcnet::metadata::Recent;
use vpcnet::netfilter::HookSkb;
use vpcnet::netfilter::Verdict;
use vpcnet::netns::Net;
use vpcnet::percpu::ThisCpu;
use vpcnet::skb::Reason;
use vpcnet::skb::Skb;
use vpcnet::tunnel::Around;
use vpcnet::tunnel::Frame;
use vpcnet::tunnel::NotDecapsulated;
use vpcnet::tunnel::TunnelKey;

use crate::config::Config;
use crate::config::Lanes;
use crate::counters::Drop;
use crate::demux::Address;
use crate::demux::Ports;
use crate::icmp;
use crate::port::MqGre;
use crate::port::Settings;
use crate::trace;

/// What the outer headers say.
struct Outer {
    address: Address,
    proto: u16,
    around: Around,
    /// Source port and whether there is a checksum, if GRE is in UDP.
    udp: Option<(u16, bool)>,
    /// What the uplink recorded.
    lane: Option<u16>,
}

/// Whether packets of an IP protocol may be ours.
#[inline]
pub(crate) fn wants(version: Version, protocol: u8) -> bool {
    match version {
        Version::V4 => matches!(protocol, ip::PROTO_GRE | ip::PROTO_ICMP),
        Version::V6 => matches!(
            protocol,
            ip::PROTO_GRE | ip::PROTO_ICMPV6 | ip::NEXT_HOP_BY_HOP | ip::NEXT_DESTINATION
        ),
    }
}

/// Sees a packet for this host. Always inline: the version of IP is a constant there.
#[inline(always)]
pub(crate) fn receive(underlay: &Net, ports: &Ports, mut skb: HookSkb, dp: &Datapath) -> Verdict {
    let Some(ip) = Ip::of_hook(&skb) else {
        return skb.accept();
    };
    if ip.protocol != ip::PROTO_GRE {
        if matches!(ip.protocol, ip::PROTO_ICMP | ip::PROTO_ICMPV6) {
            receive_icmp(underlay, ports, &mut skb, ip, dp);
        }
        return skb.accept();
    }
    let offset = ip.len;
    // What is malformed, the stock stack judges.
    let Some((gre, gre_len)) = gre_header(skb.linear(), offset, || paged(&skb, offset)) else {
        return skb.accept();
    };
    let scope = ip.scope(|| skb.link6());
    let outer = Outer {
        address: Address::new(ip.remote, ip.local, gre.key, 0, scope),
        proto: gre.proto,
        around: Around {
            outer_len: ip.len,
            gre_len,
            tos: ip.tos,
            outer_summed: skb.version() == Version::V6,
            csum: gre.csum.is_some(),
        },
        udp: None,
        lane: skb.lane(),
    };
    let Some((dev, settings)) = find(ports, &outer, dp) else {
        return skb.accept();
    };
    match skb.steal() {
        Ok((skb, verdict)) => {
            take(dev, settings, skb, &outer, dp);
            verdict
        }
        Err(verdict) => {
            drop(dev, None, &outer, Drop::RxPolicy, dp);
            verdict
        }
    }
}

/// Sees an ICMP message.
#[cold]
fn receive_icmp(underlay: &Net, ports: &Ports, skb: &mut HookSkb, ip: Ip, dp: &Datapath) {
    let scope = ip.scope(|| skb.link6());
    icmp::receive(underlay, ports, skb, ip.len, ip.local, scope, dp);
}

/// A GRE header that is not linear.
#[cold]
fn paged(skb: &HookSkb, offset: u32) -> Decoded {
    gre::Header::decode(skb.peek(offset, &mut [0; gre::MAX_LEN]))
}

/// Takes a packet that came to a UDP port of ours.
#[inline]
pub(crate) fn receive_udp(ports: &Ports, skb: Skb, dp: &Datapath) {
    let Some(outer) = of_udp(&skb) else {
        return skb.drop_with(Reason::CutHeader);
    };
    match find(ports, &outer, dp) {
        Some((dev, settings)) => take(dev, settings, skb, &outer, dp),
        None => skb.drop_with(Reason::UnknownProto),
    }
}

/// The outer headers of a packet with the UDP header at `data`.
#[inline]
fn of_udp(skb: &Skb) -> Option<Outer> {
    const OFFSET: u32 = UDP_LEN as u32;
    let (udp, _) = Udp::parse(skb.linear())?;
    let ip = Ip::parse(skb.from_network_header())?;
    let (gre, gre_len) = gre_header(skb.linear(), OFFSET, || {
        gre::Header::decode(skb.peek(OFFSET, &mut [0; gre::MAX_LEN]))
    })?;
    let scope = ip.scope(|| skb.link6());
    Some(Outer {
        address: Address::new(ip.remote, ip.local, gre.key, udp.dst.get(), scope),
        proto: gre.proto,
        around: Around {
            outer_len: OFFSET,
            gre_len,
            tos: ip.tos,
            outer_summed: true,
            csum: gre.csum.is_some(),
        },
        udp: Some((udp.src.get(), udp.csum.get() != 0)),
        lane: skb.lane(),
    })
}

/// What is needed of the header of either version of IP.
struct Ip {
    remote: Addr,
    local: Addr,
    /// Bytes up to the payload.
    len: u32,
    protocol: u8,
    tos: u8,
}

impl Ip {
    #[inline]
    fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::parse4(bytes),
            _ => Self::parse6(bytes),
        }
    }

    /// A fragment is none of ours.
    #[inline]
    fn parse4(bytes: &[u8]) -> Option<Self> {
        let (ip, _) = ip::Ipv4::parse(bytes)?;
        (!ip.is_fragment()).then(|| Ip {
            remote: Addr::V4(ip.src.get()),
            local: Addr::V4(ip.dst.get()),
            len: ip.header_len() as u32,
            protocol: ip.protocol,
            tos: ip.tos,
        })
    }

    #[inline]
    fn parse6(bytes: &[u8]) -> Option<Self> {
        let (ip, _) = ip::Ipv6::parse(bytes)?;
        Some(Ip {
            remote: Addr::V6(u128::from_be_bytes(ip.src)),
            local: Addr::V6(u128::from_be_bytes(ip.dst)),
            len: ip::V6_LEN as u32,
            protocol: ip.next_header,
            tos: ip.traffic_class(),
        })
    }

    /// That of a packet in a hook, behind options, too.
    #[inline]
    fn of_hook(skb: &HookSkb) -> Option<Self> {
        if skb.version() == Version::V4 {
            return Self::parse4(skb.linear());
        }
        let ip = Self::parse6(skb.linear())?;
        match ip.protocol {
            ip::NEXT_HOP_BY_HOP | ip::NEXT_DESTINATION => {
                let (len, protocol) = behind_options(skb)?;
                Some(Ip {
                    len,
                    protocol,
                    ..ip
                })
            }
            _ => Some(ip),
        }
    }

    /// Index of the link, if the remote is link-local, else 0.
    #[inline]
    fn scope(&self, link: impl FnOnce() -> u32) -> u32 {
        match self.remote.is_link_local() {
            true => link(),
            false => 0,
        }
    }
}

/// Where the payload of an IPv6 packet begins behind options, and its protocol. The stack has been
/// through the hop-by-hop ones; what else wants something of this host is the stack's.
#[cold]
fn behind_options(skb: &HookSkb) -> Option<(u32, u8)> {
    const LONGEST: usize = 64;
    let (offset, protocol) = skb.payload6();
    if protocol != ip::NEXT_DESTINATION {
        return Some((offset, protocol));
    }
    let (protocol, len) = ip::pass_options(skb.peek(offset, &mut [0; LONGEST]))?;
    Some((offset.checked_add(len as u32)?, protocol))
}

/// What became of a GRE header: its fields, and its length in bytes.
type Decoded = Result<(gre::Header, usize), gre::DecodeError>;

/// The GRE header at `offset` and its length in bytes. It is nearly always linear; if not, `paged`
/// has it.
#[inline(always)]
fn gre_header(
    linear: &[u8],
    offset: u32,
    paged: impl FnOnce() -> Decoded,
) -> Option<(gre::Header, u32)> {
    let there = linear.get(offset as usize..).unwrap_or(&[]);
    let (header, len) = match gre::Header::decode(there) {
        Err(gre::DecodeError::Short) => paged(),
        decoded => decoded,
    }
    .ok()?;
    Some((header, len as u32))
}

/// The device that a packet is for, if it is up: its tunnel, or else the collect-metadata device.
#[inline]
fn find<'a>(
    ports: &'a Ports,
    outer: &Outer,
    dp: &'a Datapath,
) -> Option<(&'a Device<MqGre>, &'a Settings)> {
    let tunnel = ports.tunnel(&outer.address, dp);
    let dev = match tunnel {
        Some(dev) => dev,
        None => ports.metadata(&outer.address, dp)?,
    };
    if outer.proto != gre::PROTO_TEB {
        // An L3 tunnel of ip_gre may have the same key.
        if tunnel.is_some() {
            dev.data().counters.dropped(Drop::RxBadProto.index(), dp);
        }
        return None;
    }
    if !dev.is_up() {
        return None;
    }
    Some((dev, dev.data().settings(dp)?))
}

/// Decapsulates a packet and hands the frame to the stack.
#[inline(never)]
fn take(dev: &Device<MqGre>, settings: &Settings, skb: Skb, outer: &Outer, dp: &Datapath) {
    let config = &settings.config;
    let metadata = match check(config, outer).and_then(|()| metadata(settings, &skb, outer, dp)) {
        Ok(metadata) => metadata,
        Err(why) => {
            drop(dev, Some(&skb), outer, why, dp);
            return skb.drop_with(why.reason());
        }
    };
    let mut frame = match skb.decapsulate(dev, &outer.around, dp) {
        Ok(frame) => frame,
        Err((skb, why)) => {
            let why = match why {
                NotDecapsulated::Short => Drop::RxShort,
                NotDecapsulated::Csum => Drop::RxBadCsum,
                NotDecapsulated::Inner => Drop::RxBadInner,
                NotDecapsulated::Ecn => Drop::RxBadEcn,
                NotDecapsulated::NoMemory => Drop::RxNoMemory,
            };
            drop(dev, Some(&skb), outer, why, dp);
            return skb.drop_with(why.reason());
        }
    };
    let lane = lane_of(config.lanes, outer.lane, &mut frame, dev.rx_queues());
    dev.data()
        .counters
        .received(lane.unwrap_or(0), frame.len(), frame.cpu(), dp);
    trace::rcv(dev, &frame, lane, &outer.address);
    dev.deliver(frame, lane, metadata, dp);
}

/// Whether the packet has the checksums that the device wants.
#[inline]
fn check(config: &Config, outer: &Outer) -> Result<(), Drop> {
    if let Some(peer) = config.peer.as_ref() {
        if peer.icsum != outer.around.csum {
            return Err(Drop::RxBadCsum);
        }
    }
    // Over IPv6 the addresses have no other protection.
    let bare_udp6 = matches!(outer.udp, Some((_, false))) && outer.address.is_v6();
    if bare_udp6 && config.udp.is_none_or(|udp| udp.csum6) {
        return Err(Drop::RxBadCsum);
    }
    Ok(())
}

/// What is attached to the frame: nothing, if all have the same outer headers.
#[inline]
fn metadata(
    settings: &Settings,
    skb: &Skb,
    outer: &Outer,
    dp: &Datapath,
) -> Result<Option<Metadata>, Drop> {
    match settings.recent.as_ref() {
        None => Ok(None),
        Some(recent) => collect(&settings.config, recent, skb, outer, dp).map(Some),
    }
}

/// What a collect-metadata device attaches. Out of line, so that the way of tunnels is short.
#[inline(never)]
fn collect(
    config: &Config,
    recent: &Recent,
    skb: &Skb,
    outer: &Outer,
    dp: &Datapath,
) -> Result<Metadata, Drop> {
    let address = &outer.address;
    let mut key = TunnelKey {
        remote: address.remote(),
        local: address.local(),
        key: match config.nvgre {
            true => address.key().map(|key| key >> FLOW_ID_BITS),
            false => address.key(),
        },
        csum: outer.around.csum,
        df: false,
        tos: outer.around.tos,
        ttl: 0,
        label: 0,
        flow_flags: 0,
        ports: outer.udp.map(|(sport, _)| (sport, address.port())),
    };
    let header = skb.from_network_header();
    if address.is_v6() {
        if let Some((ip, _)) = ip::Ipv6::parse(header) {
            key.ttl = ip.hop_limit;
            key.label = ip.flow_label();
        }
    } else if let Some((ip, _)) = ip::Ipv4::parse(header) {
        key.ttl = ip.ttl;
        key.df = ip.df();
    }
    let metadata = recent.get(&key, ThisCpu::get(dp), dp);
    metadata.map_err(|_| Drop::RxNoMemory)
}

/// The lane to record, if any: a packet for which the uplink has recorded none stays without, and
/// whoever needs one takes the hash of its flow.
#[inline]
fn lane_of(lanes: Lanes, recorded: Option<u16>, frame: &mut Frame<'_>, queues: u16) -> Option<u16> {
    match lanes {
        Lanes::Keep => recorded.map(|recorded| lane::reduce(recorded, queues)),
        Lanes::Single => Some(0),
        Lanes::Hash => Some(lane::of_hash(frame.flow_hash(), queues)),
    }
}

/// Counts a packet that is not received.
#[cold]
fn drop(dev: &Device<MqGre>, skb: Option<&Skb>, outer: &Outer, why: Drop, dp: &Datapath) {
    dev.data().counters.dropped(why.index(), dp);
    trace::rcv_drop(dev, skb, outer.lane, &outer.address, why);
}
