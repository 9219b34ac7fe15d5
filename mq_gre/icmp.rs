// SPDX-License-Identifier: GPL-2.0

//! ICMP errors about packets that a device of ours has sent. The stock stack would hand them to the
//! handler of GRE, which is `ip_gre`'s, if it is loaded; so they are looked at in passing.

use vpc_core::gre;
use vpc_core::icmp::is_error;
use vpc_core::icmp::Error;
use vpc_core::icmp::Problem;
use vpc_core::icmp::HEADER_LEN;
use vpc_core::ip;
use vpc_core::ip::Addr;
use vpc_core::udp::Udp;
use vpcnet::context::Datapath;
use vpcnet::netfilter::HookSkb;
use vpcnet::netns::Net;

use crate::counters::Drop;
use crate::demux::Address;
use crate::demux::Ports;

/// Bytes of a message that are looked at: ICMP, IPv4 with all options, UDP, GRE.
const LOOKED_AT: usize = 8 + 60 + 8 + gre::MAX_LEN;

/// Sees an ICMP (or other) message for `local` that begins at `offset`. If it is an error about a
/// packet of a device of ours, it is counted there, and the path's MTU noted; in any case it goes on.
pub(crate) fn receive(
    underlay: &Net,
    ports: &Ports,
    skb: &mut HookSkb,
    offset: u32,
    local: Addr,
    scope: u32,
    dp: &Datapath,
) {
    // Most are no errors.
    if let Some(&kind) = skb.linear().get(offset as usize) {
        if !is_error(skb.version(), kind) {
            return;
        }
    }
    let mut buf = [0; LOOKED_AT];
    let Some(error) = Error::parse(skb.version(), skb.peek(offset, &mut buf)) else {
        return;
    };
    let Some(address) = sent(&error, local, scope) else {
        return;
    };
    let Some((dev, config)) = ports.sender(&address, dp) else {
        return;
    };
    // Whoever can send this has seen or guessed a packet of the tunnel; garbage has no right sum.
    if !skb.icmp_csum_ok(offset, dp) {
        return;
    }
    let counter = match error.problem {
        Problem::TooBig(_) => Drop::IcmpTooBig,
        Problem::Unreachable => Drop::IcmpUnreachable,
        Problem::TimeExceeded | Problem::Parameter => Drop::IcmpOther,
    };
    dev.data().counters.dropped(counter.index(), dp);
    if let Problem::TooBig(mtu) = error.problem {
        let link = match config.link {
            0 => scope,
            link => link,
        };
        let quoted = offset.saturating_add(HEADER_LEN as u32);
        skb.learn_pmtu(underlay, quoted, mtu, link, dp);
    }
}

/// By what the quoted packet was sent, if it is one of GRE with a frame in it, sent from where the
/// error has come to.
fn sent(error: &Error<'_>, local: Addr, scope: u32) -> Option<Address> {
    if error.src != local {
        return None;
    }
    let (port, rest) = match error.protocol {
        ip::PROTO_GRE => (0, error.payload),
        ip::PROTO_UDP => {
            let (udp, rest) = Udp::parse(error.payload)?;
            (udp.dst.get(), rest)
        }
        _ => return None,
    };
    // Eight bytes of GRE, which all routers quote, hold the key.
    let (gre, _) = gre::Header::decode(rest).ok()?;
    let scope = match error.dst.is_link_local() {
        true => scope,
        false => 0,
    };
    (gre.proto == gre::PROTO_TEB).then(|| Address::new(error.dst, local, gre.key, port, scope))
}
