// SPDX-License-Identifier: GPL-2.0

//! Decapsulation: of the packets for this host those that belong to a device of ours, on the lane
//! that the uplink recorded. All others go on to the stock stack, `ip_gre` included.

use vpc_core::eth;
use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::lane;
use vpcnet::context::Datapath;
use vpcnet::device::Device;
use vpcnet::netfilter::HookSkb;
use vpcnet::netfilter::Verdict;
use vpcnet::netns::Net;
use vpcnet::skb::Skb;
use vpcnet::tunnel::Metadata;
use vpcnet::tunnel::TunnelKey;

use crate::counters::Drop;
use crate::demux::Address;
use crate::demux::Ports;
use crate::port::MqGre;
use crate::trace;

/// What the outer headers say.
struct Outer {
    key: TunnelKey,
    gre: gre::Header,
    ip_len: u32,
    gre_len: u32,
    /// What the uplink recorded.
    lane: Option<u16>,
}

/// Sees a packet for this host.
#[inline]
pub(crate) fn receive(underlay: &Net, ports: &Ports, mut skb: HookSkb, dp: &Datapath) -> Verdict {
    let Some((ip, _)) = ip::Ipv4::parse(skb.linear()) else {
        return skb.accept();
    };
    if ip.is_fragment() {
        return skb.accept();
    }
    match ip.protocol {
        ip::PROTO_GRE => receive_gre(ports, skb, dp),
        ip::PROTO_ICMP => {
            let ip_len = ip.header_len() as u32;
            if quotes_ethernet_in_gre(&skb, ip_len) {
                skb.learn_gre_pmtu(underlay, ip_len, dp);
            }
            skb.accept()
        }
        _ => skb.accept(),
    }
}

/// Whether an ICMP message (its IP header is `ip_len` bytes long) quotes a packet as we send them.
/// Routers may quote no more than the IP header and eight bytes of what follows (RFC 792).
fn quotes_ethernet_in_gre(skb: &HookSkb, ip_len: u32) -> bool {
    const ICMP_LEN: u32 = 8;
    const LEAST: usize = 8;
    let mut buf = [0; ip::V4_MAX_LEN + LEAST];
    let Some((quoted, rest)) = ip::Ipv4::parse(skb.peek(ip_len.saturating_add(ICMP_LEN), &mut buf))
    else {
        return false;
    };
    quoted.protocol == ip::PROTO_GRE
        && quoted.frag.get() & ip::FRAG_OFFSET == 0
        && rest.len() >= LEAST
        && gre::begins_ethernet(rest)
}

#[inline]
fn receive_gre(ports: &Ports, skb: HookSkb, dp: &Datapath) -> Verdict {
    let Some(outer) = Outer::of(&skb) else {
        return skb.accept();
    };
    let Some(dev) = find(ports, &outer, dp) else {
        return skb.accept();
    };
    let counters = &dev.data().counters;
    let (mut skb, verdict) = match skb.steal() {
        Ok(stolen) => stolen,
        Err(verdict) => {
            counters.dropped(Drop::RxPolicy.index(), dp);
            trace::rcv_drop(dev, None, outer.lane, &outer.key, Drop::RxPolicy);
            return verdict;
        }
    };
    match decapsulate(dev, &mut skb, &outer, dp) {
        Ok(metadata) => {
            let queues = dev.rx_queues();
            let lane = match outer.lane {
                Some(recorded) => lane::reduce(recorded, queues),
                None => lane::of_hash(skb.flow_hash(), queues),
            };
            counters.received(lane, skb.len(), dp);
            trace::rcv(dev, &skb, lane, &outer.key);
            dev.deliver(skb, lane, metadata, dp);
        }
        Err(why) => {
            counters.dropped(why.index(), dp);
            trace::rcv_drop(dev, Some(&skb), outer.lane, &outer.key, why);
            skb.drop_with(why.reason());
        }
    }
    verdict
}

impl Outer {
    /// The outer headers of a GRE packet that is sound so far; what is not, the stock stack judges.
    #[inline]
    fn of(skb: &HookSkb) -> Option<Self> {
        let (ip, _) = ip::Ipv4::parse(skb.linear())?;
        let ip_len = ip.header_len() as u32;
        let mut buf = [0; gre::MAX_LEN];
        let (gre, gre_len) = gre::Header::decode(skb.peek(ip_len, &mut buf)).ok()?;
        Some(Outer {
            key: TunnelKey {
                remote: Addr::V4(ip.src.get()),
                local: Addr::V4(ip.dst.get()),
                key: gre.key,
                csum: gre.csum.is_some(),
                df: ip.df(),
                tos: ip.tos,
                ttl: ip.ttl,
                label: 0,
                flow_flags: 0,
                ports: None,
            },
            gre,
            ip_len,
            gre_len: gre_len as u32,
            lane: skb.lane(),
        })
    }
}

/// The device that a packet is for, if it is up: its tunnel, or else the collect-metadata device.
#[inline]
fn find<'a>(ports: &'a Ports, outer: &Outer, dp: &'a Datapath) -> Option<&'a Device<MqGre>> {
    let address = Address {
        remote: outer.key.remote,
        local: outer.key.local,
        key: outer.key.key,
        port: 0,
        scope: 0,
    };
    let tunnel = ports.tunnel(&address, dp);
    let dev = match tunnel {
        Some(dev) => dev,
        None => ports.metadata(dp)?,
    };
    if outer.gre.proto != gre::PROTO_TEB {
        // An L3 tunnel of ip_gre may have the same key.
        if tunnel.is_some() {
            dev.data().counters.dropped(Drop::RxBadProto.index(), dp);
        }
        return None;
    }
    dev.is_up().then_some(dev)
}

/// Takes the outer headers off; returns the metadata to attach, if the device wants some.
#[inline]
fn decapsulate(
    dev: &Device<MqGre>,
    skb: &mut Skb,
    outer: &Outer,
    dp: &Datapath,
) -> Result<Option<Metadata>, Drop> {
    let peer = match dev.data().settings(dp) {
        Some(settings) => settings.config.peer.as_ref(),
        None => return Err(Drop::RxBadInner),
    };
    let csum = outer.gre.csum.is_some();
    if peer.is_some_and(|peer| peer.icsum != csum) {
        return Err(Drop::RxBadCsum);
    }
    if !skb.pull(outer.ip_len) {
        return Err(Drop::RxShort);
    }
    if csum && !skb.gre_csum_ok(dp) {
        return Err(Drop::RxBadCsum);
    }
    if skb.len() < outer.gre_len.saturating_add(eth::HEADER_LEN as u32) {
        return Err(Drop::RxShort);
    }
    skb.decapsulate_l2(outer.gre_len, dev.crosses_netns(), dp)
        .map_err(|error| match error {
            kernel::error::code::ENOMEM => Drop::RxNoMemory,
            _ => Drop::RxBadInner,
        })?;
    if !skb
        .ecn_decapsulate(outer.key.tos, dp)
        .map_err(|_| Drop::RxNoMemory)?
    {
        return Err(Drop::RxBadEcn);
    }
    match peer {
        Some(_) => Ok(None),
        None => Metadata::for_received(&outer.key, dp)
            .map(Some)
            .map_err(|_| Drop::RxNoMemory),
    }
}
