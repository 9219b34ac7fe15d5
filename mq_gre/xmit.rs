// SPDX-License-Identifier: GPL-2.0

//! Encapsulation: a frame of the VM becomes a GRE packet of the host, on the same lane.
//!
//! A tunnel with one remote keeps route and outer headers for each CPU, so that a packet takes a
//! check that they still hold, a copy of the headers and their patching. Packets whose remote comes
//! with them do the same with one of several ways that are kept.

use vpc_core::flow;
use vpc_core::flow::FlowKey;
use vpc_core::gre;
use vpc_core::ip;
use vpc_core::lane;
use vpc_core::outer;
use vpc_core::outer::Headers;
use vpc_core::outer::Packet;
use vpc_core::outer::Template;
use vpcnet::context::Datapath;
use vpcnet::device::Device;
use vpcnet::path;
use vpcnet::path::Begun;
use vpcnet::path::CacheRef;
use vpcnet::path::Flow;
use vpcnet::path::Path;
use vpcnet::path::Place;
use vpcnet::path::Refusal;
use vpcnet::path::Route;
use vpcnet::path::Way;
use vpcnet::path::Ways;
use vpcnet::percpu::ThisCpu;
use vpcnet::skb::Skb;
use vpcnet::tunnel::Checksums;
use vpcnet::tunnel::TunnelKey;

use crate::config::Config;
use crate::config::Lanes;
use crate::config::Peer;
use crate::counters::Drop;
use crate::port::MqGre;
use crate::port::Settings;
use crate::trace;

/// Sends a frame: `ndo_start_xmit`.
#[inline]
pub(crate) fn transmit(dev: &Device<MqGre>, mut skb: Skb, dp: &Datapath) {
    let Some(settings) = dev.data().settings(dp) else {
        return refuse(dev, skb, Drop::TxNoRoute, dp);
    };
    if let Some(ways) = settings.ways.as_ref() {
        return transmit_to(dev, settings, ways, skb, dp);
    }
    let begun = match path::begin(&mut skb, settings.paths.as_ref(), dp) {
        Ok(begun) => begun,
        Err(refusal) => return refuse(dev, skb, refusal.into(), dp),
    };
    let cpu = begun.cpu;
    if let (Some(path), true, Some(express)) = (begun.path, begun.ready, settings.express) {
        let back = match express.udp {
            true => express.send_udp(dev, settings, skb, path, cpu, dp),
            false => express.send::<false>(dev, settings, skb, path, cpu, dp),
        };
        match back {
            Some(back) => skb = back,
            None => return,
        }
    }
    send_any(dev, settings, skb, begun.path, None, cpu, dp);
}

/// Sends a frame that brings along where it goes. Out of line, so that the way of tunnels is short.
#[inline(never)]
fn transmit_to(dev: &Device<MqGre>, settings: &Settings, ways: &Ways, mut skb: Skb, dp: &Datapath) {
    let (begun, place) = match path::begin_to(&mut skb, ways, dp) {
        Ok(begun) => begun,
        Err(refusal) => return refuse(dev, skb, refusal.into(), dp),
    };
    let Begun { cpu, path, ready } = begun;
    if let (Some(path), true, Some(express)) = (path, ready, settings.express) {
        let (tos, ttl) = path.asked();
        let express = Express {
            tos,
            ttl,
            ..express
        };
        let back = match express.udp {
            true => express.send_udp(dev, settings, skb, path, cpu, dp),
            false => express.send::<true>(dev, settings, skb, path, cpu, dp),
        };
        match back {
            Some(back) => skb = back,
            None => return,
        }
    }
    send_any(dev, settings, skb, path, place, cpu, dp);
}

impl From<Refusal> for Drop {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooDeep => Drop::TxRecursion,
            Refusal::BadFrame => Drop::TxBadFrame,
        }
    }
}

/// Counts a packet of `bytes` bytes that was not sent, and drops it unless it is gone.
#[cold]
fn unsent(
    dev: &Device<MqGre>,
    mut skb: Option<Skb>,
    lane: u16,
    bytes: u32,
    why: Drop,
    dp: &Datapath,
) {
    dev.data().counters.dropped(why.index(), dp);
    trace::xmit_drop(dev, skb.as_mut(), lane, bytes, why, dp);
    if let Some(skb) = skb {
        skb.drop_with(why.reason());
    }
}

/// Counts and drops a packet as it came.
#[cold]
fn refuse(dev: &Device<MqGre>, skb: Skb, why: Drop, dp: &Datapath) {
    let (lane, bytes) = (skb.tx_queue(), skb.len());
    unsent(dev, Some(skb), lane, bytes, why, dp);
}

/// Why a packet is not sent, and the packet, unless it is gone.
type Unsent = (Drop, Option<Skb>);

/// What all packets of a tunnel have in common if it takes the short way.
#[derive(Clone, Copy)]
pub(crate) struct Express {
    tos: u8,
    /// 0 takes the inner one.
    ttl: u8,
    /// Whether there is a UDP header, whose source port follows from lane and flow.
    udp: bool,
}

impl Express {
    /// Whether all that a tunnel may ask for is a GRE header, perhaps in UDP, behind an IPv4 header
    /// that is never fragmented, without a checksum: nearly all tunnels.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let usual = config.udp.is_none_or(|udp| !udp.csum && udp.sport == 0)
            && !config.nvgre
            && config.lanes == Lanes::Keep;
        let udp = config.udp.is_some();
        let Some(peer) = config.peer.as_ref() else {
            // The rest is what the packet says.
            let (tos, ttl) = (0, 0);
            return usual.then_some(Express { tos, ttl, udp });
        };
        let usual = usual
            && peer.remote.version() == ip::Version::V4
            && peer.pmtudisc
            && !peer.ocsum
            && !peer.tos_inherit;
        usual.then_some(Express {
            tos: peer.tos,
            ttl: peer.ttl,
            udp,
        })
    }

    /// Sends a packet that has room for its headers, if it is IP, fits, and has no VLAN tag; else
    /// gives it back. Made for tunnels, and once more for packets that bring along where they go: with
    /// two callers the compiler would inline it in neither.
    #[inline]
    fn send<const TO: bool>(
        self,
        dev: &Device<MqGre>,
        settings: &Settings,
        skb: Skb,
        path: Path<'_>,
        cpu: ThisCpu<'_>,
        dp: &Datapath,
    ) -> Option<Skb> {
        let Some((total_len, tos, ttl)) = self.outer::<TO>(&skb, path) else {
            return Some(skb);
        };
        let write = |out: &mut [u8]| path.write_plain(out, total_len, tos, ttl);
        finish(dev, settings, skb, path, write, cpu, dp);
        None
    }

    /// The same with a UDP header. Out of line, so that the way without is short.
    #[inline(never)]
    fn send_udp(
        self,
        dev: &Device<MqGre>,
        settings: &Settings,
        skb: Skb,
        path: Path<'_>,
        cpu: ThisCpu<'_>,
        dp: &Datapath,
    ) -> Option<Skb> {
        let Some((total_len, tos, ttl)) = self.outer::<true>(&skb, path) else {
            return Some(skb);
        };
        let sport = outer::source_port(skb.tx_queue(), flow_hash(&skb, settings));
        let write = |out: &mut [u8]| path.write_plain_udp(out, total_len, tos, ttl, sport);
        finish(dev, settings, skb, path, write, cpu, dp);
        None
    }

    /// Total length, TOS and TTL of the outer header of a packet that is one of the usual ones.
    #[inline]
    fn outer<const TO: bool>(self, skb: &Skb, path: Path<'_>) -> Option<(u32, u8, u8)> {
        let inner = ip::Glimpse::of_frame(skb.linear())?;
        let total_len = skb.len().saturating_add(path.headers_len());
        if total_len > path.mtu() || !path.is_plain() {
            return None;
        }
        let ttl = if self.ttl == 0 { inner.ttl } else { self.ttl };
        Some((total_len, ip::ecn_encapsulate(self.tos, inner.tos), ttl))
    }
}

/// Puts the outer headers in front of a packet on the short way, and sends it.
#[inline(always)]
fn finish(
    dev: &Device<MqGre>,
    settings: &Settings,
    mut skb: Skb,
    path: Path<'_>,
    write: impl FnOnce(&mut [u8]) -> Option<()>,
    cpu: ThisCpu<'_>,
    dp: &Datapath,
) {
    // The transmit queue is the lane, see `select_queue()`.
    let lane = skb.tx_queue();
    let bytes = skb.len();
    if skb.encapsulate_ready(&path, write).is_none() {
        return refuse(dev, skb, Drop::TxNoMemory, dp);
    }
    trace::xmit(dev, &mut skb, lane, bytes, path, dp);
    match skb.output_express(dev.underlay(), path, settings.output, lane, dp) {
        true => dev.data().counters.sent(lane, bytes, cpu, dp),
        false => unsent(dev, None, lane, bytes, Drop::TxLower, dp),
    }
}

/// Sends any packet. Out of line, so that the short way is short.
#[inline(never)]
fn send_any(
    dev: &Device<MqGre>,
    settings: &Settings,
    skb: Skb,
    path: Option<Path<'_>>,
    place: Option<Place<'_>>,
    cpu: ThisCpu<'_>,
    dp: &Datapath,
) {
    let (queue, bytes) = (skb.tx_queue(), skb.len());
    match encapsulate(dev, settings, skb, path, place, cpu, dp) {
        Ok(lane) => dev.data().counters.sent(lane, bytes, cpu, dp),
        Err((why, skb)) => unsent(dev, skb, queue, bytes, why, dp),
    }
}

/// Finds the way of a packet; returns its lane once it is sent.
fn encapsulate(
    dev: &Device<MqGre>,
    settings: &Settings,
    mut skb: Skb,
    path: Option<Path<'_>>,
    place: Option<Place<'_>>,
    cpu: ThisCpu<'_>,
    dp: &Datapath,
) -> Result<u16, Unsent> {
    let config = &settings.config;
    let lane = match config.lanes {
        // The transmit queue is the lane, see `select_queue()`.
        Lanes::Keep => skb.tx_queue(),
        Lanes::Hash => lane::of_hash(skb.flow_hash(), dev.tx_queues()),
        Lanes::Single => 0,
    };
    let inner = ip::Inner::of_frame(skb.linear());
    let mut own = None;
    let (outer, path) = match (config.peer.as_ref(), path) {
        (Some(peer), Some(path)) => (Outer::for_peer(peer, inner.as_ref()), path),
        (Some(peer), None) => {
            let outer = Outer::for_peer(peer, inner.as_ref());
            let key = TunnelKey {
                tos: outer.tos,
                ..peer.tunnel_key()
            };
            let (route, template) = match find(dev, config, &key, config.fwmark, 0, None, dp) {
                Ok(found) => found,
                Err(why) => return Err((why, Some(skb))),
            };
            let path = match settings.paths.as_ref() {
                Some(paths) => paths.keep(route, template, cpu),
                None => own.insert(Way::new(route, template)).path(),
            };
            (outer, path)
        }
        (None, path) => {
            let mark = skb.mark();
            // A route with several next hops is the same for all flows where it is kept: the flow
            // that comes first must not decide for the others, and another one when it has made
            // place meanwhile.
            let hash = match path.is_some() || place.is_some() {
                true => 0,
                false => skb.flow_hash(),
            };
            let Some((key, cache)) = skb.tunnel_key(dp) else {
                return Err((Drop::TxNoMetadata, Some(skb)));
            };
            let outer = Outer::for_metadata(&key, inner.as_ref());
            let key = TunnelKey {
                tos: outer.tos,
                ..key
            };
            let path = match path {
                Some(path) => path,
                None => {
                    let (route, template) = match find(dev, config, &key, mark, hash, cache, dp) {
                        Ok(found) => found,
                        Err(why) => return Err((why, Some(skb))),
                    };
                    let way = Way::new(route, template);
                    match place {
                        Some(place) => match place.keep(&skb, way) {
                            Ok(path) => path,
                            Err(way) => own.insert(way).path(),
                        },
                        None => own.insert(way).path(),
                    }
                }
            };
            (outer, path)
        }
    };
    forward(dev, settings, skb, lane, inner.as_ref(), &outer, path, dp).map(|()| lane)
}

/// Puts the outer headers of `path` in front of a packet, and sends it.
#[inline]
#[allow(clippy::too_many_arguments)]
fn forward(
    dev: &Device<MqGre>,
    settings: &Settings,
    skb: Skb,
    lane: u16,
    inner: Option<&ip::Inner>,
    outer: &Outer,
    path: Path<'_>,
    dp: &Datapath,
) -> Result<(), Unsent> {
    let config = &settings.config;
    let mut skb = refuse_too_big(dev, skb, outer, inner, &path, dp)?;

    // IPv4 has an identification where somebody may fragment (RFC 6864).
    let df = outer.df && !path.mtu_locked();
    let id = match path.version() {
        ip::Version::V4 if !df => path.ident(dev.underlay(), &skb, dp),
        _ => 0,
    };
    // What a flow is recognised by from outside.
    let named = config.udp.is_some() || config.nvgre || path.version() == ip::Version::V6;
    let hash = match named {
        true => flow_hash(&skb, settings),
        false => 0,
    };
    let packet = Packet {
        payload_len: skb.len(),
        tos: ip::ecn_encapsulate(outer.tos, inner.map_or(0, |inner| inner.tos)),
        ttl: match outer.ttl {
            0 => inner.map_or(path.hop_limit(), |inner| inner.ttl),
            ttl => ttl,
        },
        df,
        id,
        flow_label: match outer.label {
            0 => hash,
            label => label,
        },
        sport: match config.udp {
            Some(udp) if udp.sport == 0 => Some(outer::source_port(lane, hash)),
            _ => None,
        },
        flow_id: config.nvgre.then_some(hash as u8),
    };
    let sums = Checksums {
        // Behind UDP there is none: see `find()`.
        gre: outer.csum && config.udp.is_none(),
        udp: config.udp.map(|udp| match path.version() {
            ip::Version::V4 => udp.csum,
            ip::Version::V6 => udp.csum6,
        }),
    };
    let written = skb.encapsulate(&path, sums, |out| path.write_headers(out, &packet), dp);
    if written.is_err() {
        return Err((Drop::TxNoMemory, Some(skb)));
    }
    trace::xmit(dev, &mut skb, lane, packet.payload_len, path, dp);
    match skb.output(dev.underlay(), path, settings.output, lane, dp) {
        true => Ok(()),
        false => Err((Drop::TxLower, None)),
    }
}

/// Looks up the route for an outer header, and makes what goes with it.
fn find(
    dev: &Device<MqGre>,
    config: &Config,
    key: &TunnelKey,
    mark: u32,
    hash: u32,
    cache: Option<CacheRef<'_>>,
    dp: &Datapath,
) -> Result<(Route, Template), Drop> {
    let udp = config.udp.map(|udp| (udp.sport, udp.dport));
    let flow = Flow {
        remote: key.remote,
        local: key.local,
        key: key.key.unwrap_or(0),
        udp,
        hash,
        mark,
        oif: config.link,
        tos: key.tos,
        flags: key.flow_flags,
        flow_label: key.label,
    };
    let route = Route::lookup(dev.underlay(), cache, &flow, dp).map_err(|_| Drop::TxNoRoute)?;
    if dev.is_on(&route, dp) {
        return Err(Drop::TxRecursion);
    }
    let headers = Headers {
        src: route.local(),
        dst: key.remote,
        udp,
        gre: gre::Header {
            proto: gre::PROTO_TEB,
            // Segmentation cannot redo the checksums of both UDP and GRE.
            csum: (key.csum && udp.is_none()).then_some(0),
            key: key.key.map(|key| match config.nvgre {
                true => key << outer::FLOW_ID_BITS,
                false => key,
            }),
            seq: None,
        },
    };
    let template = Template::new(&headers).ok_or(Drop::TxNoRoute)?;
    Ok((route, template))
}

/// What the outer header of one packet says, as far as tunnel and inner packet decide.
struct Outer {
    tos: u8,
    /// 0 takes the inner one.
    ttl: u8,
    df: bool,
    csum: bool,
    /// Flow label of IPv6; 0 takes one that follows from the flow.
    label: u32,
}

impl Outer {
    #[inline]
    fn for_peer(peer: &Peer, inner: Option<&ip::Inner>) -> Self {
        // IPv6 has no DF to take over: its routers never fragment, the tunnel's may.
        let inner_df = inner.is_some_and(|ip| ip.version == ip::Version::V4 && ip.df);
        Outer {
            tos: match inner {
                Some(inner) if peer.tos_inherit => inner.tos,
                _ => peer.tos,
            },
            ttl: peer.ttl,
            df: peer.pmtudisc || (inner_df && !peer.ignore_df),
            csum: peer.ocsum,
            label: peer.flow_label,
        }
    }

    #[inline]
    fn for_metadata(key: &TunnelKey, inner: Option<&ip::Inner>) -> Self {
        const INHERIT: u8 = 1;
        Outer {
            tos: match key.tos {
                INHERIT => inner.map_or(0, |inner| inner.tos),
                tos => tos,
            },
            ttl: key.ttl,
            df: key.df,
            csum: key.csum,
            label: key.label,
        }
    }
}

impl Peer {
    /// The outer addressing of all packets.
    fn tunnel_key(&self) -> TunnelKey {
        TunnelKey {
            remote: self.remote,
            local: self.local,
            key: self.okey,
            csum: self.ocsum,
            df: self.pmtudisc,
            tos: self.tos,
            ttl: self.ttl,
            label: self.flow_label,
            flow_flags: 0,
            ports: None,
        }
    }
}

/// A hash of the inner flow, the same for all of its packets.
#[inline]
fn flow_hash(skb: &Skb, settings: &Settings) -> u32 {
    match FlowKey::of_plain(skb.linear()) {
        Some(key) => flow::hash(&key, settings.seed),
        None => flow_hash_of_any(skb, settings),
    }
}

#[inline(never)]
fn flow_hash_of_any(skb: &Skb, settings: &Settings) -> u32 {
    FlowKey::of_frame(skb.linear()).map_or(0, |key| flow::hash(&key, settings.seed))
}

/// Refuses a packet that does not fit through the path and may not be fragmented. Its sender is told
/// how much does, if it would rather know than fragment; a packet that must not leave in pieces is
/// dropped in any case.
#[inline]
fn refuse_too_big(
    dev: &Device<MqGre>,
    skb: Skb,
    outer: &Outer,
    inner: Option<&ip::Inner>,
    path: &Path<'_>,
    dp: &Datapath,
) -> Result<Skb, Unsent> {
    const MIN_V6_MTU: u32 = 1280;
    let offset = inner.map_or(0, |inner| inner.offset as u32);
    let headers = path.headers_len().saturating_add(offset);
    // Bytes behind the headers that fit, and that are there.
    let mtu = match (outer.df, inner) {
        (true, _) => path.mtu().saturating_sub(headers),
        (false, Some(_)) => dev.mtu(),
        (false, None) => return Ok(skb),
    };
    if skb.fits(skb.len().saturating_sub(offset), mtu) {
        return Ok(skb);
    }
    let told = inner.is_some_and(|inner| match inner.version {
        ip::Version::V4 => inner.df,
        ip::Version::V6 => mtu >= MIN_V6_MTU,
    });
    if told || (outer.df && !path.mtu_locked()) {
        let left = skb.refuse_too_big(dev, path, headers, mtu, told, dp);
        return Err((Drop::TxTooBig, left));
    }
    Ok(skb)
}
