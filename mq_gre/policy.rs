// SPDX-License-Identifier: GPL-2.0

//! What can be told of a request alone, attribute by attribute; `config.rs` looks at the whole.

use kernel::prelude::*;

use vpc_core::gre;
use vpcnet::attr::gre as ifla;
use vpcnet::attr::gre::encap;
use vpcnet::attr::link as ifla_link;
use vpcnet::attr::Attr;
use vpcnet::attr::Extack;
use vpcnet::attr::Nested;
use vpcnet::attr::Policy;
use vpcnet::errno;
use vpcnet::link::Request;

/// What the kernel checks of each attribute by itself.
pub(crate) const POLICY: &[Policy] = &{
    const NONE: Policy = Policy::refused(c"mqgre does not have this attribute");
    const NO_ERSPAN: Policy = Policy::refused(c"mqgre is no ERSPAN device");
    const NO_LIMIT: Policy =
        Policy::refused(c"mqgre sends no encapsulation limit: it counts nested tunnels itself");
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
    policy[ifla::ENCAP_LIMIT as usize] = NO_LIMIT;
    policy[ifla::FLOWINFO as usize] = Policy::U32;
    policy[ifla::ENCAP_TYPE as usize] = Policy::U16;
    policy[ifla::ENCAP_FLAGS as usize] = Policy::U16;
    policy[ifla::ENCAP_SPORT as usize] = Policy::U16;
    policy[ifla::ENCAP_DPORT as usize] = Policy::U16;
    policy[ifla::COLLECT_METADATA as usize] = Policy::FLAG;
    policy[ifla::IGNORE_DF as usize] = Policy::U8;
    policy[ifla::FWMARK as usize] = Policy::U32;
    policy[ifla::ERSPAN_INDEX as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_VER as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_DIR as usize] = NO_ERSPAN;
    policy[ifla::ERSPAN_HWID as usize] = NO_ERSPAN;
    policy[ifla::LANES as usize] = Policy::U8;
    policy[ifla::OUTPUT as usize] = Policy::U8;
    policy[ifla::NVGRE as usize] = Policy::U8;
    policy
};

/// Bytes that attributes must have, addresses apart.
const LENGTHS: &[(u16, usize)] = &[
    (ifla::LINK, 4),
    (ifla::IFLAGS, 2),
    (ifla::OFLAGS, 2),
    (ifla::IKEY, 4),
    (ifla::OKEY, 4),
    (ifla::TTL, 1),
    (ifla::TOS, 1),
    (ifla::PMTUDISC, 1),
    (ifla::FLOWINFO, 4),
    (ifla::ENCAP_TYPE, 2),
    (ifla::ENCAP_FLAGS, 2),
    (ifla::ENCAP_SPORT, 2),
    (ifla::ENCAP_DPORT, 2),
    (ifla::IGNORE_DF, 1),
    (ifla::FWMARK, 4),
    (ifla::LANES, 1),
    (ifla::OUTPUT, 1),
    (ifla::NVGRE, 1),
];

/// Looks at what can be told from a request alone.
///
/// # Errors
///
/// `EINVAL`, `EADDRNOTAVAIL` or `EOPNOTSUPP`, with a message.
pub(crate) fn validate(request: &Request<'_>) -> Result {
    validate_link(request)?;
    let ack = &request.ack;
    let data = &request.data;
    // The core's policies let longer ones pass.
    for (kind, len) in LENGTHS {
        if let Some(attr) = data.get(*kind).filter(|attr| attr.payload().len() != *len) {
            return Err(ack.refuse_attr(&attr, EINVAL, c"the attribute has a wrong length"));
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
    check_addresses(request)?;
    check_encap(request)?;
    for (kind, max, why) in [
        (ifla::LANES, 2, c"lanes must be keep, hash or single"),
        (ifla::OUTPUT, 2, c"output must be auto, direct or stack"),
        (ifla::NVGRE, 1, c"nvgre must be on or off"),
    ] {
        if let Some(attr) = data.get(kind) {
            if attr.u8().is_none_or(|value| value > max) {
                return Err(ack.refuse_attr(&attr, EINVAL, why));
            }
        }
    }
    Ok(())
}

/// The attributes of all links, and unknown ones of the kind.
fn validate_link(request: &Request<'_>) -> Result {
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
            .any(|(_, data)| Nested::new(data).any(|(kind, _)| kind > ifla::MAX));
        if unknown {
            return Err(ack.refuse_attr(&info, EINVAL, c"unknown attribute for mqgre"));
        }
    }
    Ok(())
}

fn check_addresses(request: &Request<'_>) -> Result {
    const BAD_REMOTE: &CStr = c"remote must be an IPv4 or IPv6 address of one host";
    const BAD_LOCAL: &CStr = c"local must be an IPv4 or IPv6 address of this host";
    let remote = request.data.get(ifla::REMOTE);
    let local = request.data.get(ifla::LOCAL);
    for (attr, why, is_remote) in [(remote, BAD_REMOTE, true), (local, BAD_LOCAL, false)] {
        let Some(attr) = attr else {
            continue;
        };
        let fine = attr.addr().is_some_and(|addr| match addr {
            // 0 stands for "none", as gretap has it.
            addr if addr.is_none() => !is_remote || addr.version() == vpc_core::ip::Version::V4,
            addr => addr.is_unicast(),
        });
        if !fine {
            return Err(request.ack.refuse_attr(&attr, EINVAL, why));
        }
    }
    if let Some(attr) = request.data.get(ifla::FLOWINFO) {
        if attr
            .be32()
            .is_none_or(|info| info & !vpc_core::ip::FLOW_LABEL != 0)
        {
            let why = c"a flow label has 20 bits, and the traffic class is what tos says";
            return Err(request.ack.refuse_attr(&attr, EINVAL, why));
        }
    }
    Ok(())
}

fn check_encap(request: &Request<'_>) -> Result {
    let ack = &request.ack;
    if let Some(attr) = request.data.get(ifla::ENCAP_TYPE) {
        if !matches!(attr.u16(), Some(encap::NONE | encap::FOU)) {
            return Err(ack.refuse_attr(
                &attr,
                errno::eopnotsupp(),
                c"of the encapsulations mqgre has fou only: GRE in UDP, as RFC 8086 has it",
            ));
        }
    }
    if let Some(attr) = request.data.get(ifla::ENCAP_FLAGS) {
        let flags = attr.u16().unwrap_or(0);
        if flags & encap::FLAG_REMCSUM != 0 {
            return Err(ack.refuse_attr(
                &attr,
                errno::eopnotsupp(),
                c"no remote checksum offload: it needs GUE, and a peer that knows it",
            ));
        }
        if flags & !(encap::FLAG_CSUM | encap::FLAG_CSUM6) != 0 {
            return Err(ack.refuse_attr(&attr, EINVAL, c"unknown flag of the encapsulation"));
        }
    }
    Ok(())
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
pub(crate) fn only_metadata(request: &Request<'_>) -> Result {
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
        (ifla::FLOWINFO, c"a flow label needs a remote"),
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
