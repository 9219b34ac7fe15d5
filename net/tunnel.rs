// SPDX-License-Identifier: GPL-2.0

//! What tunnels do to a packet: offloads, outer headers, decapsulation, metadata.
//!
//! C headers: [`include/net/ip_tunnels.h`](srctree/include/net/ip_tunnels.h),
//! [`include/net/dst_metadata.h`](srctree/include/net/dst_metadata.h),
//! [`include/net/gre.h`](srctree/include/net/gre.h)

use core::mem::MaybeUninit;
use core::ptr;
use core::ptr::NonNull;
use core::slice;

use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Datapath;
use crate::device::Device;
use crate::device::Driver;
use crate::netns::Net;
use crate::path::CacheRef;
use crate::path::Path;
use crate::percpu::ThisCpu;
use crate::skb::Headroom;
use crate::skb::Reason;
use crate::skb::Skb;

/// Outer addressing of one packet, from or for its metadata; `struct ip_tunnel_key`.
#[derive(Clone, Copy)]
pub struct TunnelKey {
    /// Outer address of the other end.
    pub remote: Addr,
    /// Outer address of this end, of the same version; none lets the route choose.
    pub local: Addr,
    /// The key, if there is one.
    pub key: Option<u32>,
    /// Whether there is a GRE checksum.
    pub csum: bool,
    /// Whether the outer header has DF set.
    pub df: bool,
    /// TOS or traffic class of the outer header.
    pub tos: u8,
    /// TTL or hop limit of the outer header.
    pub ttl: u8,
    /// Flow label of an outer IPv6 header.
    pub label: u32,
    /// `FLOWI_FLAG_*` for the route.
    pub flow_flags: u8,
    /// The UDP ports of a received packet, source and destination, if GRE was in UDP.
    pub ports: Option<(u16, u16)>,
}

impl TunnelKey {
    pub(crate) fn to_raw(self) -> bindings::vpcnet_tun_key {
        let (sport, dport) = self.ports.unwrap_or((0, 0));
        bindings::vpcnet_tun_key {
            remote: words_of(self.remote),
            local: words_of(self.local),
            key: self.key.unwrap_or(0).to_be(),
            label: self.label.to_be(),
            sport: sport.to_be(),
            dport: dport.to_be(),
            tos: self.tos,
            ttl: self.ttl,
            flow_flags: self.flow_flags,
            v6: self.remote.version() == Version::V6,
            has_key: self.key.is_some(),
            csum: self.csum,
            df: self.df,
        }
    }

    fn from_raw(raw: &bindings::vpcnet_tun_key) -> Self {
        let ports = (u16::from_be(raw.sport), u16::from_be(raw.dport));
        TunnelKey {
            remote: addr_of(raw.remote, raw.v6),
            local: addr_of(raw.local, raw.v6),
            key: raw.has_key.then_some(u32::from_be(raw.key)),
            csum: raw.csum,
            df: raw.df,
            tos: raw.tos,
            ttl: raw.ttl,
            label: u32::from_be(raw.label),
            flow_flags: raw.flow_flags,
            ports: (ports != (0, 0)).then_some(ports),
        }
    }
}

/// An address as words in network order; of IPv4 the first one counts.
#[inline]
pub(crate) fn words_of(addr: Addr) -> [u32; 4] {
    match addr {
        Addr::V4(addr) => [addr.to_be(), 0, 0, 0],
        Addr::V6(addr) => {
            let [a, b, c, d] = [addr >> 96, addr >> 64, addr >> 32, addr];
            [a, b, c, d].map(|word| (word as u32).to_be())
        }
    }
}

/// The reverse of [`words_of`].
#[inline]
pub(crate) fn addr_of(words: [u32; 4], v6: bool) -> Addr {
    let [a, b, c, d] = words.map(u32::from_be);
    if !v6 {
        return Addr::V4(a);
    }
    let (high, low) = (u128::from(a) << 32 | u128::from(b), u128::from(c) << 32);
    Addr::V6(high << 64 | low | u128::from(d))
}

/// Which way a packet takes to its uplink.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OutputMode(c_uint);

impl OutputMode {
    /// Directly, unless a firewall of the host wants to see it.
    pub const AUTO: Self = OutputMode(0);
    /// Directly, past any firewall.
    pub const DIRECT: Self = OutputMode(bindings::VPCNET_OUT_DIRECT);
    /// Through the host's output path.
    pub const STACK: Self = OutputMode(bindings::VPCNET_OUT_STACK);

    /// The same, and the lane decides the uplink's queue.
    pub const fn keeping_lanes(self) -> Self {
        OutputMode(self.0 | bindings::VPCNET_OUT_KEEP_LANE)
    }
}

/// Checksums that outer headers ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksums {
    /// There is a UDP header, with or without a checksum.
    pub udp: Option<bool>,
    /// The GRE header has one.
    pub gre: bool,
}

impl Skb {
    /// The outer addressing that the packet brings along for transmit, and its route cache, if it
    /// may be used.
    pub fn tunnel_key(&mut self, _dp: &Datapath) -> Option<(TunnelKey, Option<CacheRef<'_>>)> {
        let mut key = MaybeUninit::uninit();
        let mut cache = ptr::null_mut();
        // SAFETY: All pointers are valid.
        let key = unsafe {
            if !bindings::vpcnet_tun_tx_key(self.as_ptr(), key.as_mut_ptr(), &mut cache) {
                return None;
            }
            // The C function filled it in.
            key.assume_init()
        };
        // SAFETY: Not null, hence the initialised cache of the packet's metadata, which lives as
        // long as the packet does.
        let cache = (!cache.is_null()).then(|| unsafe { CacheRef::from_raw(cache) });
        Some((TunnelKey::from_raw(&key), cache))
    }

    /// Puts outer headers in front, which `write` writes, for [`Path::ip_len`] and
    /// [`Path::headers_len`]; prepares what checksums and segmentation have left to do.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EINVAL` if `write` says `None`.
    #[inline]
    pub fn encapsulate(
        &mut self,
        path: &Path<'_>,
        sums: Checksums,
        write: impl FnOnce(&mut [u8]) -> Option<()>,
        dp: &Datapath,
    ) -> Result {
        let gso = match sums {
            Checksums { gre: true, .. } => bindings::SKB_GSO_GRE_CSUM,
            Checksums { udp: None, .. } => bindings::SKB_GSO_GRE,
            Checksums {
                udp: Some(false), ..
            } => bindings::SKB_GSO_UDP_TUNNEL,
            Checksums {
                udp: Some(true), ..
            } => bindings::SKB_GSO_UDP_TUNNEL_CSUM,
        };
        let len = path.headers_len();
        let mut head = self.prepare(path.headroom().saturating_add(len), gso as c_uint, dp)?;
        write(head.push(len).ok_or(ENOMEM)?).ok_or(EINVAL)?;

        let mut what = 0;
        if head.offload() {
            what |= bindings::VPCNET_HDR_OFFLOAD;
        }
        if sums.gre {
            what |= bindings::VPCNET_HDR_GRE_CSUM;
        }
        match sums.udp {
            Some(true) => what |= bindings::VPCNET_HDR_UDP | bindings::VPCNET_HDR_UDP_CSUM,
            // A packet with nothing left to do has its zero already.
            Some(false) if head.offload() => what |= bindings::VPCNET_HDR_UDP,
            _ => (),
        }
        if what != 0 {
            let ip_len = path.ip_len();
            // SAFETY: The packet is valid, ours, and begins with the outer headers, in bytes that
            // are its own.
            unsafe { bindings::vpcnet_headers_done(head.skb().as_ptr(), ip_len, what) };
        }
        Ok(())
    }

    /// As [`Skb::encapsulate`] for a packet that is ready, see [`crate::path::Begun`], and headers
    /// without a checksum of their own.
    #[inline]
    pub fn encapsulate_ready(
        &mut self,
        path: &Path<'_>,
        write: impl FnOnce(&mut [u8]) -> Option<()>,
    ) -> Option<()> {
        // INVARIANT: The head was made this packet's alone when it began its way.
        let mut head = Headroom::ready(self);
        write(head.push(path.headers_len())?)
    }

    /// Whether the inner packet, or each segment of it, is at most `mtu` bytes of IP, where its
    /// length now is `len`.
    #[inline]
    pub fn fits(&self, len: u32, mtu: u32) -> bool {
        if len <= mtu {
            return true;
        }
        // SAFETY: The packet is valid.
        self.is_gso() && unsafe { bindings::vpcnet_gso_fits(self.as_const_ptr(), mtu) }
    }

    /// Takes note, where the packet has a route, that no more than `mtu` bytes of IP fit; the outer
    /// headers and the inner ones before IP take `headers` bytes. With `tell` the sender of the inner
    /// packet is told by ICMP. Over a bridge the answer
    /// comes back by `dev` as from the other end, in place of the packet: then there is none left.
    pub fn refuse_too_big<D: Driver>(
        self,
        dev: &Device<D>,
        path: &Path<'_>,
        headers: u32,
        mtu: u32,
        tell: bool,
        _dp: &Datapath,
    ) -> Option<Self> {
        let skb = self.into_raw();
        // SAFETY: The packet is valid and ours, and comes from the device's transmit function; it is
        // gone if the function says so.
        unsafe {
            let gone =
                bindings::vpcnet_too_big(skb, dev.as_ptr(), path.as_ptr(), headers, mtu, tell);
            (!gone).then(|| Skb::from_raw(NonNull::new_unchecked(skb)))
        }
    }

    /// Sends the packet, which begins with its outer headers, on its path. Returns whether the
    /// layers below took it.
    #[inline]
    pub fn output(
        self,
        net: &Net,
        path: Path<'_>,
        mode: OutputMode,
        lane: u16,
        _dp: &Datapath,
    ) -> bool {
        // SAFETY: The packet is given away; the path is valid.
        unsafe {
            bindings::vpcnet_output(self.into_raw(), net.as_ptr(), path.as_ptr(), mode.0, lane) == 0
        }
    }

    /// As [`Skb::output`] for a packet over IPv4 that is no longer than the path's MTU, and keeps its
    /// lane.
    #[inline]
    pub fn output_express(
        self,
        net: &Net,
        path: Path<'_>,
        mode: OutputMode,
        lane: u16,
        _dp: &Datapath,
    ) -> bool {
        // SAFETY: As in `output()`.
        unsafe {
            bindings::vpcnet_output_express(
                self.into_raw(),
                net.as_ptr(),
                path.as_ptr(),
                mode.0,
                lane,
            ) == 0
        }
    }

    /// The bytes from the header of IP on that are in one piece; also where `data` is behind it.
    #[inline]
    pub fn from_network_header(&self) -> &[u8] {
        // SAFETY: The packet is valid.
        let start = unsafe { bindings::vpcnet_network_header(self.as_const_ptr()) };
        let end = self.linear().as_ptr_range().end;
        let len = (end as usize).saturating_sub(start as usize);
        // SAFETY: The network header of a packet is within its buffer, at or before `data`; what comes
        // before `data` there is readable.
        unsafe { slice::from_raw_parts(start, len) }
    }

    /// Of an IPv6 packet on its way up: index of the link that it came by.
    pub fn link6(&self) -> u32 {
        // SAFETY: The packet is valid; what IPv6 has noted in it is there until UDP queues it.
        unsafe { bindings::vpcnet_ip6_iif(self.as_const_ptr()) as u32 }
    }

    /// Takes the outer headers off, which begin at `data`.
    ///
    /// Forgets the recorded lane (the stack does so for every tunnel): read it before.
    ///
    /// # Errors
    ///
    /// The packet again, with what is wrong.
    #[inline]
    pub fn decapsulate<'a, D: Driver>(
        mut self,
        dev: &Device<D>,
        around: &Around,
        dp: &'a Datapath,
    ) -> Result<Frame<'a>, (Skb, NotDecapsulated)> {
        let mut around = bindings::vpcnet_around {
            outer_len: around.outer_len,
            gre_len: around.gre_len,
            tos: around.tos,
            outer_summed: around.outer_summed,
            csum: around.csum,
            cross_netns: dev.crosses_netns(),
            gro_was_on: false,
            offset: 0,
        };
        // SAFETY: The packet is valid and ours, the device is registered; the function makes linear
        // and writable what it touches.
        let result = unsafe { bindings::vpcnet_decap_l2(self.as_ptr(), dev.as_ptr(), &mut around) };
        let why = match result {
            bindings::vpcnet_rx_VPCNET_RX_OK => {
                // INVARIANT: The C function made it so.
                return Ok(Frame {
                    skb: self,
                    gro_was_on: around.gro_was_on,
                    // SAFETY: The C function has just asked, and BH is off.
                    cpu: unsafe { ThisCpu::from_raw(around.offset, dp) },
                });
            }
            bindings::vpcnet_rx_VPCNET_RX_SHORT => NotDecapsulated::Short,
            bindings::vpcnet_rx_VPCNET_RX_CSUM => NotDecapsulated::Csum,
            bindings::vpcnet_rx_VPCNET_RX_INNER => NotDecapsulated::Inner,
            bindings::vpcnet_rx_VPCNET_RX_ECN => NotDecapsulated::Ecn,
            _ => NotDecapsulated::NoMemory,
        };
        Err((self, why))
    }
}

/// What is around the frame of a received packet.
pub struct Around {
    /// Bytes before GRE.
    pub outer_len: u32,
    /// Bytes of GRE.
    pub gre_len: u32,
    /// TOS or traffic class outside, whose congestion mark is carried over (RFC 6040, section 4.2),
    /// also behind VLAN tags.
    pub tos: u8,
    /// Whether what is before GRE is part of a checksum that the uplink made of the packet. That is
    /// so but for an IPv4 header, whose sum is nothing.
    pub outer_summed: bool,
    /// Whether GRE has a checksum, to be verified.
    pub csum: bool,
}

/// Why a packet was not decapsulated.
pub enum NotDecapsulated {
    /// Its outer headers are cut off.
    Short,
    /// The GRE checksum is wrong.
    Csum,
    /// The headers of the frame are cut off.
    Inner,
    /// The outer header has a congestion mark that the inner one cannot take.
    Ecn,
    /// Memory is short.
    NoMemory,
}

/// A frame that was in a tunnel, as `eth_type_trans()` leaves it.
///
/// # Invariants
///
/// The packet's device and protocol are set, its Ethernet header is right before `data`.
#[must_use]
pub struct Frame<'a> {
    skb: Skb,
    /// Whether GRO has seen it with its outer headers.
    gro_was_on: bool,
    cpu: ThisCpu<'a>,
}

impl<'a> Frame<'a> {
    /// Length in bytes, Ethernet header included.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.skb
            .len()
            .wrapping_add(vpc_core::eth::HEADER_LEN as u32)
    }

    /// The CPU that handles it.
    #[inline]
    pub fn cpu(&self) -> ThisCpu<'a> {
        self.cpu
    }

    /// The hash of its flow, computed if need be.
    #[inline]
    pub fn flow_hash(&mut self) -> u32 {
        self.skb.flow_hash()
    }

    /// The packet, without its Ethernet header.
    #[inline]
    pub fn skb(&self) -> &Skb {
        &self.skb
    }

    /// Drops the frame for a reason.
    pub fn drop_with(self, reason: Reason) {
        self.skb.drop_with(reason);
    }

    #[inline]
    pub(crate) fn into_parts(self) -> (Skb, bool) {
        (self.skb, self.gro_was_on)
    }
}
