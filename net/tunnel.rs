// SPDX-License-Identifier: GPL-2.0

//! What tunnels do to a packet: offloads, outer headers, decapsulation, metadata.
//!
//! C headers: [`include/net/ip_tunnels.h`](srctree/include/net/ip_tunnels.h),
//! [`include/net/dst_metadata.h`](srctree/include/net/dst_metadata.h),
//! [`include/net/gre.h`](srctree/include/net/gre.h)

use core::mem::MaybeUninit;
use core::ptr;
use core::ptr::NonNull;

use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::ip::Addr;
use vpc_core::ip::Version;

use crate::bindings;
use crate::context::Datapath;
use crate::netns::Net;
use crate::route::CacheRef;
use crate::route::Route4;
use crate::skb::Headroom;
use crate::skb::Skb;

/// Levels of encapsulation that a packet may go through, `IP_TUNNEL_RECURSION_LIMIT`.
const RECURSION_LIMIT: c_int = bindings::VPCNET_RECURSION_LIMIT as c_int;

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
    fn to_raw(self) -> bindings::vpcnet_tun_key {
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

/// Metadata for a received packet: a reference of a `struct metadata_dst`.
///
/// # Invariants
///
/// The pointer is valid and a reference is held.
pub struct Metadata(NonNull<bindings::metadata_dst>);

impl Metadata {
    /// Allocates; packets do so only for devices in collect-metadata mode, where the receiver asks
    /// for it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn for_received(key: &TunnelKey, _dp: &Datapath) -> Result<Self> {
        let key = TunnelKey {
            flow_flags: 0,
            ..*key
        }
        .to_raw();
        // SAFETY: `key` is valid.
        let md = unsafe { bindings::vpcnet_tun_rx_dst(&key) };
        // INVARIANT: The reference that the C function returns is ours.
        NonNull::new(md).map(Metadata).ok_or(ENOMEM)
    }

    /// Gives the reference away.
    pub(crate) fn into_raw(self) -> *mut bindings::metadata_dst {
        let md = self.0.as_ptr();
        core::mem::forget(self);
        md
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; `dst` is the first field of `metadata_dst`.
        unsafe { bindings::dst_release(self.0.as_ptr().cast()) };
    }
}

impl Headroom<'_> {
    /// Tells segmentation and checksums about the GRE header that was just pushed; with `csum` its
    /// checksum field is there, and zero.
    ///
    /// Does nothing if that many bytes are not linear.
    #[inline]
    pub fn gre_header_done(&mut self, csum: bool, _dp: &Datapath) {
        let skb = self.skb();
        if skb.linear().len() < 8 {
            return;
        }
        // SAFETY: The packet is valid, ours, and has the bytes that are written, which are its own.
        unsafe { bindings::vpcnet_gre_header_done(skb.as_ptr(), csum) };
    }
}

/// Whether encapsulating once more would go deeper than the stack allows.
#[inline]
pub fn too_deep(_dp: &Datapath) -> bool {
    // SAFETY: Reads a counter of this CPU (or task).
    unsafe { bindings::vpcnet_recursion() > RECURSION_LIMIT }
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

    /// Prepares checksum and segmentation for GRE; `iptunnel_handle_offloads()`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline]
    pub fn handle_gre_offloads(&mut self, csum: bool, _dp: &Datapath) -> Result {
        let gso = if csum {
            bindings::SKB_GSO_GRE_CSUM
        } else {
            bindings::SKB_GSO_GRE
        };
        // SAFETY: The packet is valid and ours.
        to_result(unsafe { bindings::iptunnel_handle_offloads(self.as_ptr(), gso as c_int) })
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

    /// Tells the sender of the inner packet, by ICMP, that no more than `mtu` bytes of IP fit.
    pub fn send_too_big(&mut self, mtu: u32, _dp: &Datapath) {
        // SAFETY: The packet is valid and ours, and comes from a device's transmit function.
        unsafe { bindings::vpcnet_send_too_big(self.as_ptr(), mtu) };
    }

    /// Sends the packet, which begins with an outer IPv4 header (complete but for length, ident and
    /// checksum), over `route`. Returns whether the layers below took it.
    #[inline]
    pub fn output_ip4(self, net: &Net, route: Route4, cross_netns: bool, _dp: &Datapath) -> bool {
        if self.linear().len() < vpc_core::ip::V4_LEN {
            return false;
        }
        // SAFETY: The packet and the reference of the route are given away; the header is there.
        unsafe {
            bindings::vpcnet_ip4_output(
                net.as_ptr(),
                self.into_raw(),
                route.into_dst(),
                cross_netns,
            ) == 0
        }
    }

    /// Whether the checksum over the GRE packet at `data` is right.
    pub fn gre_csum_ok(&mut self, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and ours.
        unsafe { bindings::vpcnet_gre_rx_csum_ok(self.as_ptr()) }
    }

    /// Takes `gre_len` bytes of GRE header off an Ethernet payload.
    ///
    /// Forgets the recorded lane (the stack does so for every tunnel): read it before.
    ///
    /// # Errors
    ///
    /// `EINVAL` or `ENOMEM` if the inner headers are not all there.
    pub fn decapsulate_l2(&mut self, gre_len: u32, cross_netns: bool, _dp: &Datapath) -> Result {
        // SAFETY: The packet is valid and ours.
        to_result(unsafe { bindings::vpcnet_decap_l2(self.as_ptr(), gre_len, cross_netns) })
    }

    /// Carries the outer ECN over to the IP header within the Ethernet frame at `data`, also behind
    /// VLAN tags; false if the packet must be dropped.
    ///
    /// Source: RFC 6040, section 4.2.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the header cannot be made writable.
    pub fn ecn_decapsulate(&mut self, outer_tos: u8, _dp: &Datapath) -> Result<bool> {
        // SAFETY: The packet is valid and ours; the function makes linear and writable what it
        // touches.
        match unsafe { bindings::vpcnet_ecn_decapsulate(self.as_ptr(), outer_tos) } {
            error if error < 0 => Err(ENOMEM),
            judgement => Ok(judgement < 2),
        }
    }
}
