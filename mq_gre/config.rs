// SPDX-License-Identifier: GPL-2.0

//! The settings of a device: from netlink, checked as a whole, and back.
//!
//! Attributes are those of `gretap`, `IFLA_GRE_*` in `include/uapi/linux/if_tunnel.h`.

use kernel::prelude::*;

use vpc_core::gre;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpcnet::attr::gre as ifla;
use vpcnet::attr::link as ifla_link;
use vpcnet::attr::Attr;
use vpcnet::attr::Extack;
use vpcnet::attr::Message;
use vpcnet::attr::Policy;
use vpcnet::errno;
use vpcnet::link::Request;
use vpcnet::table;

/// What the kernel checks of each attribute by itself.
pub(crate) const POLICY: &[Policy] = &{
    const NONE: Policy = Policy::refused(c"mqgre does not have this attribute");
    const NO_ENCAP: Policy = Policy::refused(c"mqgre has no further encapsulation: use plain GRE");
    const NO_ERSPAN: Policy = Policy::refused(c"mqgre is no ERSPAN device");
    let mut policy = [NONE; ifla::MAX as usize + 1];
    policy[ifla::LINK as usize] = Policy::U32;
    policy[ifla::IFLAGS as usize] = Policy::U16;
    policy[ifla::OFLAGS as usize] = Policy::U16;
    policy[ifla::IKEY as usize] = Policy::U32;
    policy[ifla::OKEY as usize] = Policy::U32;
    // Their length is looked at with their value.
    policy[ifla::LOCAL as usize] = Policy::NONE;
    policy[ifla::REMOTE as usize] = Policy::NONE;
    policy[ifla::TTL as usize] = Policy::U8;
    policy[ifla::TOS as usize] = Policy::U8;
    policy[ifla::PMTUDISC as usize] = Policy::U8;
    policy[ifla::ENCAP_TYPE as usize] = NO_ENCAP;
    policy[ifla::ENCAP_FLAGS as usize] = NO_ENCAP;
    policy[ifla::ENCAP_SPORT as usize] = NO_ENCAP;
    policy[ifla::ENCAP_DPORT as usize] = NO_ENCAP;
    policy[ifla::COLLECT_METADATA as usize] = Policy::FLAG;
    policy[ifla::IGNORE_DF as usize] = Policy::U8;
    policy[ifla::FWMARK as usize] = Policy::U32;
    policy[ifla::ERSPAN_INDEX as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_VER as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_DIR as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_HWID as usize] = NO_ERSPAN;
    policy
};

/// Bytes that [`Config::fill`] puts at most: 16 attributes, none of which takes more than 8.
pub(crate) const FILL_SIZE: usize = 16 * 8;

/// Bytes that each attribute must have.
const LENGTHS: &[(u16, usize)] = &[
    (ifla::LINK, 4),
    (ifla::IFLAGS, 2),
    (ifla::OFLAGS, 2),
    (ifla::IKEY, 4),
    (ifla::OKEY, 4),
    (ifla::LOCAL, 4),
    (ifla::REMOTE, 4),
    (ifla::TTL, 1),
    (ifla::TOS, 1),
    (ifla::PMTUDISC, 1),
    (ifla::IGNORE_DF, 1),
    (ifla::FWMARK, 4),
];

const BAD_REMOTE: &CStr = c"remote must be an IPv4 address of one host";
const BAD_LOCAL: &CStr = c"local must be an IPv4 address of this host";
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
    Keep,
    /// The flow decides the queue, as with stock devices; to measure against.
    Hash,
    /// All packets take lane 0; to measure against.
    Single,
}

/// Which way packets take to the uplink.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// The direct one, unless the host wants to see them in its output path.
    #[default]
    Auto,
    /// The direct one, past the host's firewall.
    Direct,
    /// The host's output path, always.
    Stack,
}

/// The two ends of a point-to-point tunnel, in the machine's byte order.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Address of the other end.
    pub(crate) remote: Addr,
    /// Address of this end; none lets the route choose, and receives on all.
    pub(crate) local: Addr,
    /// Key of received packets.
    pub(crate) ikey: Option<u32>,
    /// Key of sent packets.
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
            pmtudisc: true,
            ignore_df: false,
        }
    }
}

/// What packets are led to a device by: addresses and key of the outer header.
pub(crate) fn match_key(remote: Addr, local: Addr, key: Option<u32>) -> table::Key {
    let (remote, local) = (v4(remote), v4(local));
    let [r0, r1, r2, r3] = remote.to_be_bytes();
    let [l0, l1, l2, l3] = local.to_be_bytes();
    let [k0, k1, k2, k3] = key.unwrap_or(0).to_be_bytes();
    let keyed = u8::from(key.is_some());
    [
        r0, r1, r2, r3, l0, l1, l2, l3, k0, k1, k2, k3, 0, 0, 0, keyed,
    ]
}

impl Peer {
    /// What received packets are matched by.
    pub(crate) fn match_key(&self) -> table::Key {
        match_key(self.remote, self.local, self.ikey)
    }

    fn flags(key: Option<u32>, csum: bool) -> u16 {
        let key = if key.is_some() { gre::FLAG_KEY } else { 0 };
        let csum = if csum { gre::FLAG_CSUM } else { 0 };
        key | csum
    }
}

impl Config {
    /// Bytes of outer IPv4 and GRE header, at most.
    pub(crate) fn overhead(&self) -> u32 {
        let key = self.peer.as_ref().is_none_or(|peer| peer.okey.is_some());
        let csum = self.peer.as_ref().is_some_and(|peer| peer.ocsum);
        ip::V4_LEN as u32 + gre::BASE_LEN as u32 + 4 * u32::from(key) + 4 * u32::from(csum)
    }

    /// Looks at what can be told from a request alone.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `EADDRNOTAVAIL` or `EOPNOTSUPP`, with a message.
    pub(crate) fn validate(request: &Request<'_>) -> Result {
        let ack = &request.ack;
        if let Some(address) = request.link.get(ifla_link::ADDRESS) {
            let unicast = address
                .mac()
                .is_some_and(|mac| mac != [0; 6] && mac.first().is_some_and(|byte| byte & 1 == 0));
            if !unicast {
                return Err(ack.refuse_attr(
                    &address,
                    errno::eaddrnotavail(),
                    c"the MAC address must be a unicast one of 6 bytes",
                ));
            }
        }
        if let Some(info) = request.link.get(ifla_link::LINKINFO) {
            // The core's parser passes over types that it does not know.
            let unknown = info
                .nested()
                .filter(|(kind, _)| *kind == ifla_link::INFO_DATA)
                .any(|(_, data)| vpcnet::attr::Nested::new(data).any(|(kind, _)| kind > ifla::MAX));
            if unknown {
                return Err(ack.refuse_attr(&info, EINVAL, c"unknown attribute for mqgre"));
            }
        }
        let data = &request.data;
        // The core's policies let longer ones pass.
        for (kind, len) in LENGTHS {
            if let Some(attr) = data.get(*kind).filter(|attr| attr.payload().len() != *len) {
                let why = match *kind {
                    ifla::REMOTE => BAD_REMOTE,
                    ifla::LOCAL => BAD_LOCAL,
                    _ => c"the attribute has a wrong length",
                };
                return Err(ack.refuse_attr(&attr, EINVAL, why));
            }
        }
        for kind in [ifla::IFLAGS, ifla::OFLAGS] {
            if let Some(flags) = data.get(kind) {
                check_flags(&flags, ack)?;
            }
        }
        for (key, flags) in [(ifla::IKEY, ifla::IFLAGS), (ifla::OKEY, ifla::OFLAGS)] {
            let flag = data.get(flags).and_then(|attr| attr.be16()).unwrap_or(0) & gre::FLAG_KEY;
            match data.get(key) {
                // iproute2 sends a key of 0 where there is none.
                Some(attr) if flag == 0 && attr.be32() != Some(0) => {
                    return Err(ack.refuse_attr(&attr, EINVAL, c"a key needs the key flag"));
                }
                _ => (),
            }
        }
        for (kind, why) in [(ifla::REMOTE, BAD_REMOTE), (ifla::LOCAL, BAD_LOCAL)] {
            if let Some(attr) = data.get(kind) {
                // 0 stands for "none".
                if !attr
                    .be32()
                    .is_some_and(|address| address == 0 || is_unicast(address))
                {
                    return Err(ack.refuse_attr(&attr, EINVAL, why));
                }
            }
        }
        Ok(())
    }

    /// The settings of a new device. A request without a remote is for collect-metadata mode.
    ///
    /// # Errors
    ///
    /// `EINVAL` with a message if the attributes contradict each other.
    pub(crate) fn new(request: &Request<'_>) -> Result<Self> {
        let data = &request.data;
        let remote = data
            .get(ifla::REMOTE)
            .and_then(|attr| attr.be32())
            .unwrap_or(0);
        let peer = if data.has(ifla::COLLECT_METADATA) || remote == 0 {
            only_metadata(request)?;
            None
        } else {
            Some(Peer::default())
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
            only_metadata(request)?;
        } else if data.has(ifla::COLLECT_METADATA) {
            return Err(request.ack.refuse(
                errno::eopnotsupp(),
                c"a tunnel with a remote cannot turn to collect-metadata mode",
            ));
        }
        if let Some(remote) = data.get(ifla::REMOTE).filter(|attr| attr.be32() == Some(0)) {
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
        let address = |kind| data.get(kind).and_then(|attr| attr.be32());
        let flags = |kind| data.get(kind).and_then(|attr| attr.be16());

        self.link = word(ifla::LINK).unwrap_or(self.link);
        self.fwmark = word(ifla::FWMARK).unwrap_or(self.fwmark);
        let Some(peer) = self.peer.as_mut() else {
            return Ok(self);
        };
        peer.remote = address(ifla::REMOTE).map_or(peer.remote, Addr::V4);
        peer.local = address(ifla::LOCAL).map_or(peer.local, Addr::V4);
        if let Some(flags) = flags(ifla::IFLAGS) {
            peer.ikey = match flags & gre::FLAG_KEY {
                0 => None,
                _ => address(ifla::IKEY).or(peer.ikey),
            };
            peer.icsum = flags & gre::FLAG_CSUM != 0;
            if Peer::flags(peer.ikey, peer.icsum) != flags {
                return Err(request.ack.refuse(EINVAL, NO_KEY));
            }
        }
        if let Some(flags) = flags(ifla::OFLAGS) {
            peer.okey = match flags & gre::FLAG_KEY {
                0 => None,
                _ => address(ifla::OKEY).or(peer.okey),
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
        Ok(self)
    }

    /// Puts the settings into a message.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`.
    pub(crate) fn fill(&self, message: &mut Message<'_>) -> Result {
        message.put_u32(ifla::LINK, self.link)?;
        message.put_u32(ifla::FWMARK, self.fwmark)?;
        let Some(peer) = self.peer.as_ref() else {
            return message.put_flag(ifla::COLLECT_METADATA);
        };
        message.put_be16(ifla::IFLAGS, Peer::flags(peer.ikey, peer.icsum))?;
        message.put_be16(ifla::OFLAGS, Peer::flags(peer.okey, peer.ocsum))?;
        message.put_be32(ifla::IKEY, peer.ikey.unwrap_or(0))?;
        message.put_be32(ifla::OKEY, peer.okey.unwrap_or(0))?;
        message.put_be32(ifla::LOCAL, v4(peer.local))?;
        message.put_be32(ifla::REMOTE, v4(peer.remote))?;
        message.put_u8(ifla::TTL, peer.ttl)?;
        message.put_u8(
            ifla::TOS,
            peer.tos | if peer.tos_inherit { TOS_INHERIT } else { 0 },
        )?;
        message.put_u8(ifla::PMTUDISC, peer.pmtudisc.into())?;
        message.put_u8(ifla::IGNORE_DF, peer.ignore_df.into())
    }
}

fn check_flags(attr: &Attr<'_>, ack: &Extack<'_>) -> Result {
    let flags = attr.be16().unwrap_or(0);
    if flags & gre::FLAG_SEQ != 0 {
        return Err(ack.refuse_attr(
            attr,
            errno::eopnotsupp(),
            c"no sequence numbers: one counter for all queues would order the lanes again",
        ));
    }
    if flags & !(gre::FLAG_KEY | gre::FLAG_CSUM) != 0 {
        return Err(ack.refuse_attr(
            attr,
            EINVAL,
            c"of the GRE flags only key and csum can be set",
        ));
    }
    Ok(())
}

/// Refuses what has no meaning in collect-metadata mode.
fn only_metadata(request: &Request<'_>) -> Result {
    let contradicts = [
        (
            ifla::REMOTE,
            c"in collect-metadata mode (external, or no remote) the remote comes with each packet",
        ),
        (ifla::LOCAL, c"a local address needs a remote"),
        (ifla::IKEY, c"a key needs a remote"),
        (ifla::OKEY, c"a key needs a remote"),
        (ifla::IFLAGS, c"GRE flags need a remote"),
        (ifla::OFLAGS, c"GRE flags need a remote"),
        (ifla::TTL, c"a TTL needs a remote"),
        (ifla::TOS, c"a TOS needs a remote"),
        (ifla::IGNORE_DF, c"ignore-df needs a remote"),
    ];
    for (kind, why) in contradicts {
        if let Some(attr) = request.data.get(kind) {
            // iproute2 likes to send zeroes for what was not given.
            if attr.payload().iter().any(|&byte| byte != 0) {
                return Err(request.ack.refuse_attr(&attr, EINVAL, why));
            }
        }
    }
    Ok(())
}

/// Whether packets can be sent to or from this one address.
fn is_unicast(address: u32) -> bool {
    let multicast_or_reserved = address >> 28 >= 0xe;
    let this_network = address >> 24 == 0;
    !multicast_or_reserved && !this_network
}

fn v4(addr: Addr) -> u32 {
    match addr {
        Addr::V4(addr) => addr,
        Addr::V6(_) => 0,
    }
}
