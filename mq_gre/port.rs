// SPDX-License-Identifier: GPL-2.0

//! What a device and a namespace consist of, and how they begin and end.

use kernel::prelude::*;

use vpc_core::eth;
use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Version;
use vpc_core::lane;
use vpcnet::attr::link as ifla_link;
use vpcnet::attr::Message;
use vpcnet::attr::Policy;
use vpcnet::context::Datapath;
use vpcnet::context::RcuRead;
use vpcnet::context::Rtnl;
use vpcnet::device::Device;
use vpcnet::device::Driver;
use vpcnet::device::NewDevice;
use vpcnet::errno;
use vpcnet::link::LinkDriver;
use vpcnet::link::Request;
use vpcnet::metadata::Recent;
use vpcnet::netfilter::HookSkb;
use vpcnet::netfilter::Verdict;
use vpcnet::netns::Net;
use vpcnet::netns::NetId;
use vpcnet::path::Flow;
use vpcnet::path::Paths;
use vpcnet::path::Route;
use vpcnet::path::Uplink;
use vpcnet::path::Ways;
use vpcnet::rcu::RcuBox;
use vpcnet::rcu::RcuCell;
use vpcnet::rcu::RtnlCell;
use vpcnet::skb::Candidate;
use vpcnet::skb::Skb;
use vpcnet::stats::LaneCounters;
use vpcnet::stats::Totals;
use vpcnet::tunnel::OutputMode;

use crate::config::Config;
use crate::config::Lanes;
use crate::config::Output;
use crate::config::FILL_SIZE;
use crate::counters::Drop;
use crate::demux::Place;
use crate::demux::Ports;
use crate::listen::Listening;
use crate::policy;
use crate::rcv;
use crate::xmit;
use crate::xmit::Express;

/// Queues that there is memory for if the user does not say; NICs rarely have more.
const DEFAULT_QUEUES: u16 = 64;

/// Headroom in bytes to ask for below the tunnel's own headers while the uplink is not known; more
/// than Ethernet, VLAN and IPsec together.
const UNKNOWN_HEADROOM: u32 = 128;

/// MTU in bytes to expect of an uplink that is not known.
const UNKNOWN_MTU: u32 = 1500;

/// Least MTU in bytes that IPv4 can live with, `ETH_MIN_MTU`.
const MIN_MTU: u32 = 68;

/// Largest MTU in bytes whose outer packets are no longer than IPv4 allows.
const MAX_MTU: u32 = u16::MAX as u32 - (ip::V4_LEN + 8 + gre::MAX_LEN + eth::HEADER_LEN) as u32;

/// A device's own data. Fields are dropped in this order, when no packet is left.
pub(crate) struct MqGre {
    settings: RcuCell<Settings>,
    /// Given up when the device is unregistered, or with it if that was never registered.
    listening: RtnlCell<Listening>,
    pub(crate) counters: LaneCounters<{ Drop::COUNT }>,
}

/// What packets need of a device, replaced as a whole: routes that were found for one configuration
/// are never used with another.
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The way to the remote, if all packets take the same.
    pub(crate) paths: Option<Paths>,
    /// Ways to where packets say, in collect-metadata mode.
    pub(crate) ways: Option<Ways>,
    /// What received packets have been given, in collect-metadata mode.
    pub(crate) recent: Option<Recent>,
    /// The short way, if packets can take it.
    pub(crate) express: Option<Express>,
    pub(crate) output: OutputMode,
    /// Of the hashes that flows are told apart by.
    pub(crate) seed: u32,
}

impl Settings {
    fn new(config: Config) -> Result<RcuBox<Self>> {
        // A route may depend on the TOS.
        let one_way = config.peer.as_ref().is_some_and(|peer| !peer.tos_inherit);
        let output = match config.output {
            Output::Auto => OutputMode::AUTO,
            Output::Direct => OutputMode::DIRECT,
            Output::Stack => OutputMode::STACK,
        };
        RcuBox::new(Settings {
            seed: vpcnet::random::seed(),
            express: Express::new(&config),
            paths: one_way.then(Paths::new).transpose()?,
            ways: config.peer.is_none().then(Ways::new).transpose()?,
            recent: config.peer.is_none().then(Recent::new).transpose()?,
            output: match config.lanes {
                Lanes::Hash => output,
                Lanes::Keep | Lanes::Single => output.keeping_lanes(),
            },
            config,
        })
    }
}

static NET_ID: NetId = NetId::new();

impl MqGre {
    /// The settings now. There always are some.
    #[inline]
    pub(crate) fn settings<'a>(&'a self, alive: &'a impl RcuRead) -> Option<&'a Settings> {
        self.settings.read(alive)
    }

    fn config<'a>(&'a self, alive: &'a impl RcuRead) -> Option<&'a Config> {
        self.settings(alive).map(|settings| &settings.config)
    }
}

impl Driver for MqGre {
    /// The recorded lane, or else one for the packet's flow.
    #[inline]
    fn select_queue(dev: &Device<Self>, mut skb: Candidate<'_>) -> u16 {
        let queues = dev.tx_queues();
        match skb.lane() {
            Some(recorded) => lane::reduce(recorded, queues),
            None => lane::of_hash(skb.flow_hash(), queues),
        }
    }

    #[inline]
    fn transmit(dev: &Device<Self>, skb: Skb, dp: &Datapath) {
        xmit::transmit(dev, skb, dp);
    }

    fn totals(dev: &Device<Self>) -> (Totals, u64, u64) {
        let (tx_dropped, rx_dropped) = dev.data().dropped();
        (dev.data().counters.total(), tx_dropped, rx_dropped)
    }

    fn queue_totals(dev: &Device<Self>, index: u16) -> Totals {
        dev.data().counters.lane(index)
    }

    fn lower_ifindex(dev: &Device<Self>) -> u32 {
        let guard = kernel::sync::rcu::read_lock();
        dev.data().config(&guard).map_or(0, |config| config.link)
    }
}

impl LinkDriver for MqGre {
    type Net = Ports;

    const KIND: &'static CStr = c"mqgre";
    const POLICY: &'static [Policy] = policy::POLICY;
    const FILL_SIZE: usize = FILL_SIZE;

    fn net_id() -> &'static NetId {
        &NET_ID
    }

    fn default_queues() -> u16 {
        vpcnet::device::possible_cpus().max(DEFAULT_QUEUES)
    }

    fn new_net() -> Result<Ports> {
        Ports::new()
    }

    fn validate(request: &Request<'_>) -> Result {
        policy::validate(request)
    }

    fn create(
        dev: &mut NewDevice<'_, Self>,
        underlay: &Net,
        ports: &Ports,
        request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result<Self> {
        let config = Config::new(request)?;
        ports.refuse_taken(Place::of(&config), None, request, rtnl)?;
        let uplink = uplink(&config, underlay, request, rtnl)?;

        let max_tx = dev.max_tx_queues();
        let max_rx = dev.max_rx_queues();
        let wanted = match uplink {
            Some(uplink) => uplink.tx_queues,
            None => vpcnet::device::online_cpus(),
        };
        let tx = match request.link.has(ifla_link::NUM_TX_QUEUES) {
            true => max_tx,
            false => wanted.clamp(1, max_tx),
        };
        let rx = match request.link.has(ifla_link::NUM_RX_QUEUES) {
            true => max_rx,
            false => tx.min(max_rx),
        };
        dev.set_queues(tx, rx, rtnl)?;
        vpcnet::lanes::reserve(max_tx, rtnl)?;
        let mtu = (!request.link.has(ifla_link::MTU)).then_some(default_mtu(&config, uplink));
        dev.set_sizes(mtu, headroom(&config, uplink));
        if !request.link.has(ifla_link::ADDRESS) {
            dev.set_random_mac();
        }
        Ok(MqGre {
            listening: RtnlCell::new(Listening::new(&config, underlay, request, rtnl)?),
            settings: RcuCell::new(Settings::new(config)?),
            // As many as `ethtool -L` may come to use.
            counters: LaneCounters::new(max_tx.max(max_rx))?,
        })
    }

    fn registered(
        dev: &Device<Self>,
        ports: &Ports,
        _request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result {
        ports.insert(dev.data().place(rtnl), None, dev, rtnl)
    }

    fn change(dev: &Device<Self>, ports: &Ports, request: &Request<'_>, rtnl: &mut Rtnl) -> Result {
        let this = dev.data();
        let Some(old) = this.config(rtnl).cloned() else {
            return Ok(());
        };
        let new = old.changed(request)?;
        if new.link == dev.ifindex() && !dev.crosses_netns() {
            let why = c"a tunnel cannot send by itself";
            return Err(request.ack.refuse(errno::eloop(), why));
        }
        let (old_place, new_place) = (Place::of(&old), Place::of(&new));
        ports.refuse_taken(new_place, Some(dev), request, rtnl)?;
        let uplink = uplink(&new, dev.underlay(), request, rtnl)?;
        // From here on nothing fails half-way: first what may fail, then what is seen.
        let settings = Settings::new(new.clone())?;
        let listening = Listening::new(&new, dev.underlay(), request, rtnl)?;
        if new_place != old_place {
            ports.insert(new_place, old_place, dev, rtnl)?;
        }
        this.settings.set(Some(settings), rtnl);
        if new_place != old_place {
            ports.remove(old_place, new_place, dev, rtnl);
        }
        drop(this.listening.replace(listening, rtnl));
        // Keep an MTU that the user chose; follow the headers where it was the default.
        let grown = new.overhead().wrapping_sub(old.overhead());
        let mtu = match request.link.has(ifla_link::MTU) || grown == 0 {
            true => None,
            false => Some(dev.mtu().wrapping_sub(grown).clamp(MIN_MTU, MAX_MTU)),
        };
        dev.set_sizes(mtu, headroom(&new, uplink), rtnl);
        dev.notify_changed(rtnl);
        Ok(())
    }

    fn unregistered(dev: &Device<Self>, ports: &Ports, rtnl: &mut Rtnl) {
        ports.remove(dev.data().place(rtnl), None, dev, rtnl);
        drop(dev.data().listening.replace(Listening::NOT, rtnl));
    }

    fn fill(dev: &Device<Self>, message: &mut Message<'_>, rtnl: &Rtnl) -> Result {
        match dev.data().config(rtnl) {
            Some(config) => config.fill(message),
            None => Ok(()),
        }
    }

    #[inline]
    fn wants(version: Version, protocol: u8) -> bool {
        rcv::wants(version, protocol)
    }

    #[inline(always)]
    fn receive(underlay: &Net, ports: &Ports, skb: HookSkb, dp: &Datapath) -> Verdict {
        rcv::receive(underlay, ports, skb, dp)
    }

    #[inline]
    fn receive_udp(ports: &Ports, skb: Skb, dp: &Datapath) {
        rcv::receive_udp(ports, skb, dp);
    }
}

impl MqGre {
    fn place(&self, rtnl: &Rtnl) -> Option<Place> {
        Place::of(self.config(rtnl)?)
    }
}

/// The device that the outer packets leave by, if it can be told now.
///
/// # Errors
///
/// `ENODEV` with a message if the one that was named is not there.
fn uplink(
    config: &Config,
    underlay: &Net,
    request: &Request<'_>,
    rtnl: &Rtnl,
) -> Result<Option<Uplink>> {
    if config.link != 0 {
        return match Uplink::by_index(underlay, config.link, rtnl) {
            Some(uplink) => Ok(Some(uplink)),
            None => Err(request
                .ack
                .refuse(ENODEV, c"the device to send by does not exist")),
        };
    }
    let Some(peer) = config.peer.as_ref() else {
        return Ok(None);
    };
    let flow = Flow {
        remote: peer.remote,
        local: peer.local,
        key: peer.okey.unwrap_or(0),
        udp: config.udp.map(|udp| (udp.sport, udp.dport)),
        hash: 0,
        mark: config.fwmark,
        oif: 0,
        tos: peer.tos,
        flags: 0,
        flow_label: peer.flow_label,
    };
    // A route may come later; that is no fault of the request.
    Ok(Route::resolve(underlay, &flow)
        .ok()
        .map(|route| route.uplink()))
}

/// MTU in bytes that lets a full frame through the uplink in one piece.
fn default_mtu(config: &Config, uplink: Option<Uplink>) -> u32 {
    uplink
        .map_or(UNKNOWN_MTU, |uplink| uplink.mtu)
        .saturating_sub(config.overhead() + eth::HEADER_LEN as u32)
        .clamp(MIN_MTU, MAX_MTU)
}

/// Headroom in bytes that spares each packet a copy. It follows from settings alone, so it does not
/// grow with what passes.
fn headroom(config: &Config, uplink: Option<Uplink>) -> u16 {
    let below = uplink.map_or(UNKNOWN_HEADROOM, |uplink| uplink.headroom);
    let needed = config.overhead().saturating_add(below);
    u16::try_from(needed).unwrap_or(u16::MAX)
}
