// SPDX-License-Identifier: GPL-2.0

//! What the tracepoints say of packets: lane, key, and the two ends.

use vpc_core::ip::Addr;
use vpcnet::context::Datapath;
use vpcnet::device::Device;
use vpcnet::mq_gre_trace;
use vpcnet::mq_gre_trace::Ends;
use vpcnet::mq_gre_trace::Packet;
use vpcnet::path::Path;
use vpcnet::skb::Skb;
use vpcnet::tunnel::Frame;

use crate::counters::Drop;
use crate::demux::Address;
use crate::port::MqGre;

fn rx_ends(address: &Address) -> Ends {
    Ends {
        remote: address.remote().into(),
        local: address.local().into(),
        key: address.key(),
    }
}

/// A frame of `len` bytes has the outer headers of its path.
#[inline(always)]
pub(crate) fn xmit(
    dev: &Device<MqGre>,
    skb: &mut Skb,
    lane: u16,
    len: u32,
    path: Path<'_>,
    dp: &Datapath,
) {
    mq_gre_trace::xmit(|| {
        let ends = Ends {
            local: path.local().into(),
            ..tx_ends(dev, Some(skb), dp)
        };
        Packet {
            dev,
            skb: Some(&*skb),
            lane: Some(lane),
            len,
            ends,
        }
    });
}

/// A frame goes to the stack on `lane`.
#[inline(always)]
pub(crate) fn rcv(dev: &Device<MqGre>, frame: &Frame<'_>, lane: Option<u16>, address: &Address) {
    mq_gre_trace::rcv(|| Packet {
        dev,
        skb: Some(frame.skb()),
        lane,
        len: frame.len(),
        ends: rx_ends(address),
    });
}

/// A frame of `len` bytes is not sent. `skb` is there unless the layers below have dropped it.
#[inline(always)]
pub(crate) fn xmit_drop(
    dev: &Device<MqGre>,
    skb: Option<&mut Skb>,
    lane: u16,
    len: u32,
    why: Drop,
    dp: &Datapath,
) {
    mq_gre_trace::drop(why.name(), || {
        let mut skb = skb;
        let ends = tx_ends(dev, skb.as_deref_mut(), dp);
        Packet {
            dev,
            skb: skb.map(|skb| &*skb),
            lane: Some(lane),
            len,
            ends,
        }
    });
}

/// A packet is not received. `skb` is there unless netfilter drops it; the length is of what is left
/// of it.
#[inline(always)]
pub(crate) fn rcv_drop(
    dev: &Device<MqGre>,
    skb: Option<&Skb>,
    lane: Option<u16>,
    address: &Address,
    why: Drop,
) {
    mq_gre_trace::drop(why.name(), || Packet {
        dev,
        skb,
        lane,
        len: skb.map_or(0, Skb::len),
        ends: rx_ends(address),
    });
}

/// Where a frame was to go: by the settings, else by its metadata, else nowhere.
#[cold]
fn tx_ends(dev: &Device<MqGre>, skb: Option<&mut Skb>, dp: &Datapath) -> Ends {
    const NOWHERE: Addr = Addr::V4(0);
    if let Some(peer) = dev
        .data()
        .settings(dp)
        .and_then(|settings| settings.config.peer.as_ref())
    {
        return Ends {
            remote: peer.remote.into(),
            local: peer.local.into(),
            key: peer.okey,
        };
    }
    match skb.and_then(|skb| skb.tunnel_key(dp)) {
        Some((key, _)) => Ends {
            remote: key.remote.into(),
            local: key.local.into(),
            key: key.key,
        },
        None => Ends {
            remote: NOWHERE.into(),
            local: NOWHERE.into(),
            key: None,
        },
    }
}
