// SPDX-License-Identifier: GPL-2.0

//! Encapsulation: a frame of the VM becomes a GRE packet of the host, on the same lane.

use vpc_core::eth;
use vpc_core::gre;
use vpc_core::ip;
use vpcnet::context::Datapath;
use vpcnet::device::Device;
use vpcnet::route::Flow4;
use vpcnet::route::Route4;
use vpcnet::skb::Skb;
use vpcnet::tunnel;
use vpcnet::tunnel::TunnelKey;

use crate::config::Config;
use crate::config::Peer;
use crate::counters::Drop;
use crate::port::MqGre;
use crate::trace;

/// Sends a frame: `ndo_start_xmit`.
#[inline]
pub(crate) fn transmit(dev: &Device<MqGre>, mut skb: Skb, dp: &Datapath) {
    let counters = &dev.data().counters;
    // The transmit queue is the lane, see `select_queue()`.
    let lane = skb.tx_queue();
    let bytes = skb.len();
    match encapsulate(dev, &mut skb, dp) {
        Ok(route) => {
            skb.record_lane(lane);
            if skb.output_ip4(dev.underlay(), route, dev.crosses_netns(), dp) {
                counters.sent(lane, bytes, dp);
            } else {
                counters.dropped(Drop::TxLower.index(), dp);
                trace::xmit_drop(dev, None, lane, bytes, Drop::TxLower, dp);
            }
        }
        Err(why) => {
            counters.dropped(why.index(), dp);
            trace::xmit_drop(dev, Some(&mut skb), lane, bytes, why, dp);
            skb.drop_with(why.reason());
        }
    }
}

/// The headers to put in front, but for what the route adds.
struct Outer {
    key: TunnelKey,
    header: gre::Header,
}

/// Puts GRE and IPv4 headers in front of a frame; returns the route to send it by.
#[inline]
fn encapsulate(dev: &Device<MqGre>, skb: &mut Skb, dp: &Datapath) -> Result<Route4, Drop> {
    let settings = dev.data().settings(dp).ok_or(Drop::TxNoRoute)?;
    let config = &settings.config;
    if tunnel::too_deep(dp) {
        return Err(Drop::TxRecursion);
    }
    if skb.linear().len() < eth::HEADER_LEN || !skb.pull_inet(dp) {
        return Err(Drop::TxBadFrame);
    }
    let inner = ip::Inner::of_frame(skb.linear());
    let (outer, route) = match config.peer.as_ref() {
        Some(peer) => {
            let outer = Outer::for_peer(peer, inner.as_ref());
            let flow = outer.flow(config, config.fwmark, skb);
            // The cache knows one route; one that depends on the packet is looked up.
            let cache = (!peer.tos_inherit).then(|| settings.routes.by_ref());
            (outer, Route4::lookup(dev.underlay(), cache, &flow, dp))
        }
        None => {
            let mark = skb.mark();
            let hash = skb.flow_hash();
            let (key, cache) = skb.tunnel_key(dp).ok_or(Drop::TxNoMetadata)?;
            let outer = Outer::for_metadata(key, inner.as_ref());
            let flow = Flow4 {
                hash,
                ..outer.flow_without_hash(config, mark)
            };
            let route = Route4::lookup(dev.underlay(), cache, &flow, dp);
            (outer, route)
        }
    };
    let route = route.map_err(|_| Drop::TxNoRoute)?;
    if dev.is_on(&route) {
        return Err(Drop::TxRecursion);
    }
    refuse_too_big(dev, skb, &outer, inner.as_ref(), &route, dp)?;

    let csum = outer.header.csum.is_some();
    let gre_len = outer.header.len();
    let headers = (ip::V4_LEN + gre_len) as u32;
    skb.handle_gre_offloads(csum, dp)
        .map_err(|_| Drop::TxNoMemory)?;
    let mut head = skb
        .cow_head(route.headroom().saturating_add(headers), dp)
        .map_err(|_| Drop::TxNoMemory)?;

    let bytes = head.push(gre_len as u32).ok_or(Drop::TxNoMemory)?;
    outer.header.encode(bytes).ok_or(Drop::TxNoMemory)?;
    head.gre_header_done(csum, dp);

    let header = ip::Outer {
        tos: ip::ecn_encapsulate(outer.key.tos, inner.map_or(0, |inner| inner.tos)),
        // Length, ident and checksum are the IP layer's.
        total_len: 0,
        id: 0,
        df: outer.key.df && !route.mtu_locked(),
        ttl: match outer.key.ttl {
            0 => inner.map_or(route.hop_limit(), |inner| inner.ttl),
            ttl => ttl,
        },
        protocol: ip::PROTO_GRE,
        src: route.local(),
        dst: outer.key.remote,
    };
    let bytes = head.push(ip::V4_LEN as u32).ok_or(Drop::TxNoMemory)?;
    bytes.copy_from_slice(&header.encode());
    trace::xmit(dev, skb, headers, &outer.key, route.local());
    Ok(route)
}

impl Outer {
    #[inline]
    fn for_peer(peer: &Peer, inner: Option<&ip::Inner>) -> Self {
        let tos = match inner {
            Some(inner) if peer.tos_inherit => inner.tos,
            _ => peer.tos,
        };
        // IPv6 has no DF to take over: its routers never fragment, the tunnel's may.
        let inner_df = inner.is_some_and(|ip| ip.version == ip::Version::V4 && ip.df);
        Outer::new(TunnelKey {
            remote: peer.remote,
            local: peer.local,
            key: peer.okey,
            csum: peer.ocsum,
            df: peer.pmtudisc || (inner_df && !peer.ignore_df),
            tos,
            ttl: peer.ttl,
            flow_flags: 0,
        })
    }

    #[inline]
    fn for_metadata(mut key: TunnelKey, inner: Option<&ip::Inner>) -> Self {
        const INHERIT: u8 = 1;
        if key.tos == INHERIT {
            key.tos = inner.map_or(0, |inner| inner.tos);
        }
        Outer::new(key)
    }

    #[inline]
    fn new(key: TunnelKey) -> Self {
        let header = gre::Header {
            proto: gre::PROTO_TEB,
            csum: key.csum.then_some(0),
            key: key.key,
            seq: None,
        };
        Outer { key, header }
    }

    #[inline]
    fn flow(&self, config: &Config, mark: u32, skb: &mut Skb) -> Flow4 {
        Flow4 {
            hash: skb.flow_hash(),
            ..self.flow_without_hash(config, mark)
        }
    }

    #[inline]
    fn flow_without_hash(&self, config: &Config, mark: u32) -> Flow4 {
        Flow4 {
            remote: self.key.remote,
            local: self.key.local,
            key: self.key.key.unwrap_or(0),
            hash: 0,
            mark,
            oif: config.link,
            tos: self.key.tos,
            flags: self.key.flow_flags,
        }
    }
}

/// Refuses a packet that does not fit through the path and may not be fragmented. Its sender is told
/// how much does, if there is a route to it, as there is to this host's own and to routed ones.
#[inline]
fn refuse_too_big(
    dev: &Device<MqGre>,
    skb: &mut Skb,
    outer: &Outer,
    inner: Option<&ip::Inner>,
    route: &Route4,
    dp: &Datapath,
) -> Result<(), Drop> {
    const MIN_V6_MTU: u32 = 1280;
    let Some(inner) = inner else {
        return Ok(());
    };
    let headers = (ip::V4_LEN + outer.header.len()) as u32;
    // Bytes of IP that fit, and that are there.
    let mtu = match outer.key.df {
        true => route
            .mtu()
            .saturating_sub(headers)
            .saturating_sub(inner.offset as u32),
        false => dev.mtu(),
    };
    let len = skb.len().saturating_sub(inner.offset as u32);
    let told = match inner.version {
        ip::Version::V4 => inner.df,
        ip::Version::V6 => mtu >= MIN_V6_MTU,
    };
    if !told || skb.fits(len, mtu) {
        return Ok(());
    }
    skb.send_too_big(mtu, dp);
    Err(Drop::TxTooBig)
}
