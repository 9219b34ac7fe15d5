// SPDX-License-Identifier: GPL-2.0

//! The settings of a device: from netlink, checked as a whole, and back.
//!
//! Attributes are those of `gretap`, `IFLA_GRE_*` in `include/uapi/linux/if_tunnel.h`, and a few
//! more, `IFLA_MQGRE_*` in `net/if_mqgre.h`. `policy.rs` has looked at each by itself before.

use kernel::prelude::*;

use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::outer::UDP_LEN;
use vpc_core::outer::UDP_PORT;
use vpcnet::attr::gre as ifla;
use vpcnet::attr::gre::encap;
use vpcnet::attr::Attr;
use vpcnet::attr::Message;
use vpcnet::errno;
use vpcnet::link::Request;

use crate::policy;

/// Bytes that [`Config::fill`] puts at most: two addresses, and attributes of up to 4 bytes.
pub(crate) const FILL_SIZE: usize = 2 * 20 + 18 * 8;

/// Highest id of a virtual subnet (RFC 7637): 24 bits.
const MAX_VSID: u32 = 0x00ff_ffff;

const NO_KEY: &CStr = c"the key flag needs a key";

/// TOS of an outer header: bit 0 says to take the inner one.
const TOS_INHERIT: u8 = 0x01;

/// Settings of a device; constant once made, and replaced as a whole.
#[derive(Clone, Default)]
pub(crate) struct Config {
    /// Addresses and keys; none in collect-metadata mode, where they come with each packet.
    pub(crate) peer: Option<Peer>,
    /// Index of the device to leave by; 0 for any.
    pub(crate) link: u32,
    /// Firewall mark of the outer packets.
    pub(crate) fwmark: u32,
    /// The UDP header between IP and GRE, if there is one (RFC 8086).
    pub(crate) udp: Option<Udp>,
    /// Whether the low 8 bits of sent keys are a flow id, and those of received ones ignored
    /// (RFC 7637).
    pub(crate) nvgre: bool,
    /// What becomes of the lanes.
    pub(crate) lanes: Lanes,
    /// Which way packets take to the uplink.
    pub(crate) output: Output,
}

/// The UDP header of GRE-in-UDP (RFC 8086).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Udp {
    /// Source port; 0 for one that follows from lane and flow.
    pub(crate) sport: u16,
    /// Destination port.
    pub(crate) dport: u16,
    /// Whether packets over IPv4 have a UDP checksum.
    pub(crate) csum: bool,
    /// Whether packets over IPv6 have one.
    pub(crate) csum6: bool,
}

/// What becomes of the lanes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// They are kept down to the uplink's transmit queue.
    #[default]
    Keep = 0,
    /// The flow decides the queue, as with stock devices; to measure against.
    Hash = 1,
    /// All packets take lane 0; to measure against.
    Single = 2,
}

/// Which way packets take to the uplink.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// The direct one, unless the host wants to see them in its output path.
    #[default]
    Auto = 0,
    /// The direct one, past the host's firewall.
    Direct = 1,
    /// The host's output path, always.
    Stack = 2,
}

/// The two ends of a point-to-point tunnel, in the machine's byte order.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Address of the other end.
    pub(crate) remote: Addr,
    /// Address of this end, of the same version; none lets the route choose, and receives on all.
    pub(crate) local: Addr,
    /// Key of received packets; with NVGRE the id of the virtual subnet, of 24 bits.
    pub(crate) ikey: Option<u32>,
    /// Key of sent packets, likewise.
    pub(crate) okey: Option<u32>,
    /// Whether received packets have a checksum.
    pub(crate) icsum: bool,
    /// Whether sent packets have a checksum.
    pub(crate) ocsum: bool,
    /// TTL of the outer header in hops; 0 takes the inner one.
    pub(crate) ttl: u8,
    /// TOS of the outer header.
    pub(crate) tos: u8,
    /// Whether the inner TOS is taken.
    pub(crate) tos_inherit: bool,
    /// Flow label of the outer IPv6 header; 0 takes one that follows from the flow.
    pub(crate) flow_label: u32,
    /// Whether the outer header has DF set always.
    pub(crate) pmtudisc: bool,
    /// Whether the inner DF is not taken over to the outer header.
    pub(crate) ignore_df: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Peer {
            remote: Addr::V4(0),
            local: Addr::V4(0),
            ikey: None,
            okey: None,
            icsum: false,
            ocsum: false,
            ttl: 0,
            tos: 0,
            tos_inherit: false,
            flow_label: 0,
            pmtudisc: true,
            ignore_df: false,
        }
    }
}

impl Peer {
    fn flags(key: Option<u32>, csum: bool) -> u16 {
        let key = if key.is_some() { gre::FLAG_KEY } else { 0 };
        let csum = if csum { gre::FLAG_CSUM } else { 0 };
        key | csum
    }
}

impl Default for Udp {
    fn default() -> Self {
        Udp {
            sport: 0,
            dport: UDP_PORT,
            csum: false,
            // Over IPv6 nothing else protects the addresses (RFC 8086, 6.2).
            csum6: true,
        }
    }
}

impl Udp {
    /// The settings of a request on top of what there was.
    fn with(old: Option<Self>, request: &Request<'_>) -> Result<Option<Self>> {
        let data = &request.data;
        let port = |kind| data.get(kind).and_then(|attr| attr.be16());
        let base = match data.get(ifla::ENCAP_TYPE).and_then(|attr| attr.u16()) {
            Some(encap::NONE) => None,
            Some(_) => Some(old.unwrap_or_default()),
            None => old,
        };
        let Some(mut udp) = base else {
            for kind in [ifla::ENCAP_FLAGS, ifla::ENCAP_SPORT, ifla::ENCAP_DPORT] {
                if let Some(attr) = data.get(kind).filter(|attr| attr.be16() != Some(0)) {
                    let why = c"ports and flags of an encapsulation need the type fou";
                    return Err(request.ack.refuse_attr(&attr, EINVAL, why));
                }
            }
            return Ok(None);
        };
        udp.sport = port(ifla::ENCAP_SPORT).unwrap_or(udp.sport);
        udp.dport = match port(ifla::ENCAP_DPORT) {
            Some(0) => UDP_PORT,
            Some(port) => port,
            None => udp.dport,
        };
        if let Some(flags) = data.get(ifla::ENCAP_FLAGS).and_then(|attr| attr.u16()) {
            udp.csum = flags & encap::FLAG_CSUM != 0;
            udp.csum6 = flags & encap::FLAG_CSUM6 != 0;
        }
        Ok(Some(udp))
    }

    fn flags(&self) -> u16 {
        let csum = if self.csum { encap::FLAG_CSUM } else { 0 };
        let csum6 = if self.csum6 { encap::FLAG_CSUM6 } else { 0 };
        csum | csum6
    }
}

impl Lanes {
    fn with(self, request: &Request<'_>) -> Self {
        match request.data.get(ifla::LANES).and_then(|attr| attr.u8()) {
            None => self,
            Some(1) => Lanes::Hash,
            Some(2) => Lanes::Single,
            Some(_) => Lanes::Keep,
        }
    }
}

impl Output {
    fn with(self, request: &Request<'_>) -> Self {
        match request.data.get(ifla::OUTPUT).and_then(|attr| attr.u8()) {
            None => self,
            Some(1) => Output::Direct,
            Some(2) => Output::Stack,
            Some(_) => Output::Auto,
        }
    }
}

impl Config {
    /// Bytes of outer headers, at most; in collect-metadata mode those over IPv4.
    pub(crate) fn overhead(&self) -> u32 {
        let key = self.peer.as_ref().is_none_or(|peer| peer.okey.is_some());
        let csum = self.peer.as_ref().is_some_and(|peer| peer.ocsum);
        let ip = match self.peer.as_ref().map(|peer| peer.remote) {
            Some(Addr::V6(_)) => ip::V6_LEN,
            _ => ip::V4_LEN,
        };
        let udp = self.udp.map_or(0, |_| UDP_LEN as u32);
        ip as u32 + udp + gre::BASE_LEN as u32 + 4 * u32::from(key) + 4 * u32::from(csum)
    }

    /// The settings of a new device. A request without a remote is for collect-metadata mode.
    ///
    /// # Errors
    ///
    /// `EINVAL` with a message if the attributes contradict each other.
    pub(crate) fn new(request: &Request<'_>) -> Result<Self> {
        let data = &request.data;
        let remote = data.get(ifla::REMOTE).and_then(|attr| attr.addr());
        let peer = match remote.filter(|remote| !remote.is_none()) {
            Some(remote) if !data.has(ifla::COLLECT_METADATA) => Some(Peer {
                local: remote.none_like(),
                ..Peer::default()
            }),
            _ => {
                policy::only_metadata(request)?;
                None
            }
        };
        let base = Config {
            peer,
            ..Config::default()
        };
        base.with(request)
    }

    /// These settings with the changes of a request; what it does not name stays.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` or `EINVAL` with a message.
    pub(crate) fn changed(&self, request: &Request<'_>) -> Result<Self> {
        let data = &request.data;
        if self.peer.is_none() {
            policy::only_metadata(request)?;
        } else if data.has(ifla::COLLECT_METADATA) {
            return Err(request.ack.refuse(
                errno::eopnotsupp(),
                c"a tunnel with a remote cannot turn to collect-metadata mode",
            ));
        }
        let none = |attr: &Attr<'_>| attr.addr().is_some_and(Addr::is_none);
        if let Some(remote) = data.get(ifla::REMOTE).filter(none) {
            if self.peer.is_some() {
                return Err(request
                    .ack
                    .refuse_attr(&remote, EINVAL, c"the remote is missing"));
            }
        }
        self.clone().with(request)
    }

    /// Takes the attributes of a request over, each of which was found to be fine by itself.
    ///
    /// # Errors
    ///
    /// `EINVAL` with a message if together they are not.
    fn with(mut self, request: &Request<'_>) -> Result<Self> {
        let data = &request.data;
        let byte = |kind| data.get(kind).and_then(|attr| attr.u8());
        let word = |kind| data.get(kind).and_then(|attr| attr.u32());
        let key = |kind| data.get(kind).and_then(|attr| attr.be32());
        let address = |kind| data.get(kind).and_then(|attr| attr.addr());
        let flags = |kind| data.get(kind).and_then(|attr| attr.be16());

        self.link = word(ifla::LINK).unwrap_or(self.link);
        self.fwmark = word(ifla::FWMARK).unwrap_or(self.fwmark);
        self.udp = Udp::with(self.udp, request)?;
        self.lanes = self.lanes.with(request);
        self.output = self.output.with(request);
        self.nvgre = byte(ifla::NVGRE).map_or(self.nvgre, |on| on != 0);
        let Some(peer) = self.peer.as_mut() else {
            return Ok(self);
        };
        peer.remote = address(ifla::REMOTE).unwrap_or(peer.remote);
        peer.local = match address(ifla::LOCAL).unwrap_or(peer.local) {
            local if local.is_none() => peer.remote.none_like(),
            local => local,
        };
        peer.flow_label = key(ifla::FLOWINFO).unwrap_or(peer.flow_label);
        if let Some(flags) = flags(ifla::IFLAGS) {
            peer.ikey = match flags & gre::FLAG_KEY {
                0 => None,
                _ => key(ifla::IKEY).or(peer.ikey),
            };
            peer.icsum = flags & gre::FLAG_CSUM != 0;
            if Peer::flags(peer.ikey, peer.icsum) != flags {
                return Err(request.ack.refuse(EINVAL, NO_KEY));
            }
        }
        if let Some(flags) = flags(ifla::OFLAGS) {
            peer.okey = match flags & gre::FLAG_KEY {
                0 => None,
                _ => key(ifla::OKEY).or(peer.okey),
            };
            peer.ocsum = flags & gre::FLAG_CSUM != 0;
            if Peer::flags(peer.okey, peer.ocsum) != flags {
                return Err(request.ack.refuse(EINVAL, NO_KEY));
            }
        }
        peer.ttl = byte(ifla::TTL).unwrap_or(peer.ttl);
        if let Some(tos) = byte(ifla::TOS) {
            peer.tos_inherit = tos & TOS_INHERIT != 0;
            peer.tos = tos & !TOS_INHERIT;
        }
        peer.pmtudisc = byte(ifla::PMTUDISC).map_or(peer.pmtudisc, |on| on != 0);
        // Whoever sets pmtudisc again does not want DF to be ignored any longer.
        let ignored = peer.ignore_df && !peer.pmtudisc;
        peer.ignore_df = byte(ifla::IGNORE_DF).map_or(ignored, |on| on != 0);
        if peer.ignore_df && peer.pmtudisc {
            let why = c"ignore-df contradicts pmtudisc";
            return Err(request.ack.refuse(EINVAL, why));
        }
        match self.contradiction() {
            Some(why) => Err(request.ack.refuse(EINVAL, why)),
            None => Ok(self),
        }
    }

    /// What does not go together, in a sentence.
    fn contradiction(&self) -> Option<&'static CStr> {
        const SPLIT: &CStr = c"local and remote must be of one family, IPv4 or IPv6";
        const NO_LINK: &CStr = c"a link-local address needs the device that it is on (dev)";
        const LABEL: &CStr = c"a flow label needs IPv6 addresses";
        const TWO_SUMS: &CStr = c"no GRE checksum in UDP, which segmentation cannot do: use \
            the one of UDP (encap-csum)";
        const NO_VSID: &CStr = c"nvgre needs a key both ways, which is the id of the subnet";
        const LONG_VSID: &CStr = c"with nvgre keys have 24 bits, the others are the flow id";
        const NVGRE_SUM: &CStr = c"nvgre has no GRE checksum";

        let peer = self.peer.as_ref()?;
        if peer.local.version() != peer.remote.version() {
            return Some(SPLIT);
        }
        if self.link == 0 && (peer.remote.is_link_local() || peer.local.is_link_local()) {
            return Some(NO_LINK);
        }
        if peer.flow_label != 0 && peer.remote.version() != ip::Version::V6 {
            return Some(LABEL);
        }
        let csum = peer.icsum || peer.ocsum;
        if csum && self.udp.is_some() {
            return Some(TWO_SUMS);
        }
        if !self.nvgre {
            return None;
        }
        match (peer.ikey, peer.okey) {
            (Some(ikey), Some(okey)) if ikey.max(okey) > MAX_VSID => Some(LONG_VSID),
            (Some(_), Some(_)) => csum.then_some(NVGRE_SUM),
            _ => Some(NO_VSID),
        }
    }

    /// Puts the settings into a message.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`.
    pub(crate) fn fill(&self, message: &mut Message<'_>) -> Result {
        message.put_u32(ifla::LINK, self.link)?;
        message.put_u32(ifla::FWMARK, self.fwmark)?;
        let udp = self.udp;
        let kind = udp.map_or(encap::NONE, |_| encap::FOU);
        message.put_u16(ifla::ENCAP_TYPE, kind)?;
        message.put_u16(ifla::ENCAP_FLAGS, udp.map_or(0, |udp| udp.flags()))?;
        message.put_be16(ifla::ENCAP_SPORT, udp.map_or(0, |udp| udp.sport))?;
        message.put_be16(ifla::ENCAP_DPORT, udp.map_or(0, |udp| udp.dport))?;
        message.put_u8(ifla::LANES, self.lanes as u8)?;
        message.put_u8(ifla::OUTPUT, self.output as u8)?;
        message.put_u8(ifla::NVGRE, self.nvgre.into())?;
        let Some(peer) = self.peer.as_ref() else {
            return message.put_flag(ifla::COLLECT_METADATA);
        };
        message.put_be16(ifla::IFLAGS, Peer::flags(peer.ikey, peer.icsum))?;
        message.put_be16(ifla::OFLAGS, Peer::flags(peer.okey, peer.ocsum))?;
        message.put_be32(ifla::IKEY, peer.ikey.unwrap_or(0))?;
        message.put_be32(ifla::OKEY, peer.okey.unwrap_or(0))?;
        message.put_addr(ifla::LOCAL, peer.local)?;
        message.put_addr(ifla::REMOTE, peer.remote)?;
        message.put_be32(ifla::FLOWINFO, peer.flow_label)?;
        message.put_u8(ifla::TTL, peer.ttl)?;
        message.put_u8(
            ifla::TOS,
            peer.tos | if peer.tos_inherit { TOS_INHERIT } else { 0 },
        )?;
        message.put_u8(ifla::PMTUDISC, peer.pmtudisc.into())?;
        message.put_u8(ifla::IGNORE_DF, peer.ignore_df.into())
    }
}
