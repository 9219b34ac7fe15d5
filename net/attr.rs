// SPDX-License-Identifier: GPL-2.0

//! Netlink attributes: parsed ones to read, policies, error messages, and messages to fill.
//!
//! C header: [`include/net/netlink.h`](srctree/include/net/netlink.h)

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

use kernel::error::to_result;
use kernel::prelude::*;

use vpc_core::ip;

use crate::bindings;

/// Constants for types of attributes, by the names that they have in C.
macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $c:ident;)*) => {
        $($(#[$doc])* pub const $name: u16 = bindings::$c as u16;)*
    };
}
pub(crate) use types;

/// Attribute types of GRE devices, `IFLA_GRE_*` in `include/uapi/linux/if_tunnel.h`, and those that
/// `mqgre` adds, `IFLA_MQGRE_*` in `if_mqgre.h`.
pub mod gre {
    use super::types;
    use crate::bindings;

    types! {
        /// u32: index of the device that carries the outer packets.
        LINK = IFLA_GRE_LINK;
        /// be16: GRE flags expected on receive.
        IFLAGS = IFLA_GRE_IFLAGS;
        /// be16: GRE flags sent.
        OFLAGS = IFLA_GRE_OFLAGS;
        /// be32: key expected on receive.
        IKEY = IFLA_GRE_IKEY;
        /// be32: key sent.
        OKEY = IFLA_GRE_OKEY;
        /// IPv4 or IPv6 address of this end.
        LOCAL = IFLA_GRE_LOCAL;
        /// IPv4 or IPv6 address of the other end.
        REMOTE = IFLA_GRE_REMOTE;
        /// u8: TTL of the outer header; 0 inherits.
        TTL = IFLA_GRE_TTL;
        /// u8: TOS of the outer header; bit 0 inherits.
        TOS = IFLA_GRE_TOS;
        /// u8: whether the outer header has DF set.
        PMTUDISC = IFLA_GRE_PMTUDISC;
        /// u8: how deep tunnels over IPv6 may nest.
        ENCAP_LIMIT = IFLA_GRE_ENCAP_LIMIT;
        /// be32: flow label of the outer IPv6 header (and a traffic class, see [`TOS`]).
        FLOWINFO = IFLA_GRE_FLOWINFO;
        /// u16: further encapsulation, `TUNNEL_ENCAP_*`.
        ENCAP_TYPE = IFLA_GRE_ENCAP_TYPE;
        /// u16: flags of the further encapsulation, `TUNNEL_ENCAP_FLAG_*`.
        ENCAP_FLAGS = IFLA_GRE_ENCAP_FLAGS;
        /// be16: its source port.
        ENCAP_SPORT = IFLA_GRE_ENCAP_SPORT;
        /// be16: its destination port.
        ENCAP_DPORT = IFLA_GRE_ENCAP_DPORT;
        /// flag: addresses and key come with each packet.
        COLLECT_METADATA = IFLA_GRE_COLLECT_METADATA;
        /// u8: whether the inner DF bit is ignored.
        IGNORE_DF = IFLA_GRE_IGNORE_DF;
        /// u32: firewall mark of the outer packets.
        FWMARK = IFLA_GRE_FWMARK;
        /// u32: index of an ERSPAN session.
        ERSPAN_INDEX = IFLA_GRE_ERSPAN_INDEX;
        /// u8: version of ERSPAN.
        ERSPAN_VER = IFLA_GRE_ERSPAN_VER;
        /// u8: direction of ERSPAN.
        ERSPAN_DIR = IFLA_GRE_ERSPAN_DIR;
        /// u16: hardware id of ERSPAN.
        ERSPAN_HWID = IFLA_GRE_ERSPAN_HWID;
        /// u8: what becomes of the lanes.
        LANES = IFLA_MQGRE_LANES;
        /// u8: which way packets take to the uplink.
        OUTPUT = IFLA_MQGRE_OUTPUT;
        /// u8: whether the low 8 bits of keys are a flow id.
        NVGRE = IFLA_MQGRE_NVGRE;
        /// The highest type.
        MAX = IFLA_MQGRE_NVGRE;
    }

    /// Values of [`ENCAP_TYPE`].
    pub mod encap {
        use super::types;
        use crate::bindings;

        types! {
            /// None.
            NONE = tunnel_encap_types_TUNNEL_ENCAP_NONE;
            /// UDP, and nothing else (`fou`).
            FOU = tunnel_encap_types_TUNNEL_ENCAP_FOU;
            /// In [`super::ENCAP_FLAGS`]: UDP checksum over IPv4.
            FLAG_CSUM = TUNNEL_ENCAP_FLAG_CSUM;
            /// In [`super::ENCAP_FLAGS`]: UDP checksum over IPv6.
            FLAG_CSUM6 = TUNNEL_ENCAP_FLAG_CSUM6;
            /// In [`super::ENCAP_FLAGS`]: remote checksum offload.
            FLAG_REMCSUM = TUNNEL_ENCAP_FLAG_REMCSUM;
        }
    }
}

/// Attribute types of links, `IFLA_*` in `include/uapi/linux/if_link.h`.
pub mod link {
    use crate::bindings;

    /// Link-layer address.
    pub const ADDRESS: u16 = bindings::IFLA_ADDRESS as u16;
    /// MTU in bytes.
    pub const MTU: u16 = bindings::IFLA_MTU as u16;
    /// The nest that holds kind and data.
    pub const LINKINFO: u16 = bindings::IFLA_LINKINFO as u16;
    /// Within [`LINKINFO`]: the kind's own attributes.
    pub const INFO_DATA: u16 = bindings::IFLA_INFO_DATA as u16;
    /// u32: number of transmit queues.
    pub const NUM_TX_QUEUES: u16 = bindings::IFLA_NUM_TX_QUEUES as u16;
    /// u32: number of receive queues.
    pub const NUM_RX_QUEUES: u16 = bindings::IFLA_NUM_RX_QUEUES as u16;
}

/// Where an error message for user space goes; `struct netlink_ext_ack`.
pub struct Extack<'a> {
    raw: *mut bindings::netlink_ext_ack,
    _request: PhantomData<&'a ()>,
}

impl Extack<'_> {
    /// Wraps the pointer of a callback.
    ///
    /// # Safety
    ///
    /// `raw` must be null or valid and unshared for the lifetime.
    pub(crate) unsafe fn from_raw(raw: *mut bindings::netlink_ext_ack) -> Self {
        Extack {
            raw,
            _request: PhantomData,
        }
    }

    /// Says why the request is refused; returns `error`, to be returned in turn.
    pub fn refuse(&self, error: Error, why: &'static CStr) -> Error {
        // SAFETY: By the constructor's contract.
        if let Some(ack) = unsafe { self.raw.as_mut() } {
            ack._msg = why.as_char_ptr();
        }
        error
    }

    /// As [`Extack::refuse`], with a text made here, of which the first 79 bytes are kept.
    pub fn refuse_fmt(&self, error: Error, why: fmt::Arguments<'_>) -> Error {
        // SAFETY: By the constructor's contract.
        if let Some(ack) = unsafe { self.raw.as_mut() } {
            let mut text = Text {
                buf: &mut ack._msg_buf,
                len: 0,
            };
            // What does not fit is cut off.
            let _ = fmt::write(&mut text, why);
            text.end();
            ack._msg = ack._msg_buf.as_ptr();
        }
        error
    }

    /// For an error that comes from further below: gives it the message `why`, unless it has one.
    pub fn explain(&self, error: Error, why: &'static CStr) -> Error {
        // SAFETY: By the constructor's contract.
        let silent = unsafe { self.raw.as_ref() }.is_some_and(|ack| ack._msg.is_null());
        match (silent, error) {
            (true, ENOMEM) => self.refuse(error, c"out of memory"),
            (true, _) => self.refuse(error, why),
            (false, _) => error,
        }
    }

    /// As [`Extack::refuse`], and points at the attribute that is at fault.
    pub fn refuse_attr(&self, attr: &Attr<'_>, error: Error, why: &'static CStr) -> Error {
        // SAFETY: By the constructor's contract.
        if let Some(ack) = unsafe { self.raw.as_mut() } {
            ack.bad_attr = attr.raw;
        }
        self.refuse(error, why)
    }
}

/// Text for a C buffer.
struct Text<'a> {
    buf: &'a mut [c_char],
    len: usize,
}

impl Text<'_> {
    fn end(&mut self) {
        let last = self.buf.len().saturating_sub(1);
        if let Some(byte) = self.buf.get_mut(self.len.min(last)) {
            *byte = 0;
        }
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            *self.buf.get_mut(self.len).ok_or(fmt::Error)? = byte as c_char;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

/// One attribute.
///
/// # Invariants
///
/// `raw` is a well-formed attribute whose payload is readable for the lifetime.
#[derive(Clone, Copy)]
pub struct Attr<'a> {
    raw: *const bindings::nlattr,
    _message: PhantomData<&'a [u8]>,
}

/// `nla_type` without the two flag bits, `NLA_TYPE_MASK`.
const TYPE_MASK: u16 = 0x3fff;
const HEADER_LEN: usize = 4;

impl<'a> Attr<'a> {
    /// The payload.
    pub fn payload(&self) -> &'a [u8] {
        // SAFETY: By the type invariant; `nla_len` counts the header, which all attributes have.
        unsafe {
            let len = usize::from((*self.raw).nla_len).saturating_sub(HEADER_LEN);
            slice::from_raw_parts(self.raw.cast::<u8>().add(HEADER_LEN), len)
        }
    }

    fn bytes<const N: usize>(&self) -> Option<[u8; N]> {
        self.payload().get(..N)?.try_into().ok()
    }

    /// A u8.
    pub fn u8(&self) -> Option<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    /// A u32 in the machine's order.
    pub fn u32(&self) -> Option<u32> {
        self.bytes().map(u32::from_ne_bytes)
    }

    /// A u16 in the machine's order.
    pub fn u16(&self) -> Option<u16> {
        self.bytes().map(u16::from_ne_bytes)
    }

    /// A u16 in network order.
    pub fn be16(&self) -> Option<u16> {
        self.bytes().map(u16::from_be_bytes)
    }

    /// A u32 in network order, if that is the exact length.
    pub fn be32(&self) -> Option<u32> {
        self.payload().try_into().ok().map(u32::from_be_bytes)
    }

    /// An IP address, of the version that its length says.
    pub fn addr(&self) -> Option<ip::Addr> {
        ip::Addr::of_bytes(self.payload())
    }

    /// A string, up to its end.
    pub fn string(&self) -> Option<&'a CStr> {
        CStr::from_bytes_until_nul(self.payload()).ok()
    }

    /// A MAC address, if that is the exact length.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.payload().try_into().ok()
    }

    /// The attributes nested in this one, as the sender wrote them.
    pub fn nested(&self) -> Nested<'a> {
        Nested::new(self.payload())
    }
}

/// Iterator over nested attributes: type and payload.
pub struct Nested<'a> {
    rest: &'a [u8],
}

impl<'a> Nested<'a> {
    /// The attributes in a payload.
    pub fn new(payload: &'a [u8]) -> Self {
        Nested { rest: payload }
    }
}

impl<'a> Iterator for Nested<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.rest.get(..HEADER_LEN)?;
        let len = usize::from(u16::from_ne_bytes(header.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(header.get(2..4)?.try_into().ok()?) & TYPE_MASK;
        let payload = self.rest.get(HEADER_LEN..len)?;
        self.rest = self.rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, payload))
    }
}

/// A table of parsed attributes, indexed by type.
///
/// # Invariants
///
/// `table` is null or has `max + 1` entries, each null or valid for the lifetime.
pub struct Attrs<'a> {
    table: *mut *mut bindings::nlattr,
    max: u16,
    _message: PhantomData<&'a [u8]>,
}

impl<'a> Attrs<'a> {
    /// Wraps the table of a callback; null stands for no attributes at all.
    ///
    /// # Safety
    ///
    /// `table` must be null or have `max + 1` entries, each null or valid for the lifetime.
    pub(crate) unsafe fn from_raw(table: *mut *mut bindings::nlattr, max: u16) -> Self {
        Attrs {
            table,
            max,
            _message: PhantomData,
        }
    }

    /// The attribute of a type, if there.
    pub fn get(&self, kind: u16) -> Option<Attr<'a>> {
        if kind > self.max {
            return None;
        }
        let table = NonNull::new(self.table)?;
        // SAFETY: By the type invariant, and `kind` is in range.
        let raw = unsafe { *table.as_ptr().add(usize::from(kind)) };
        // INVARIANT: Not null, hence valid.
        (!raw.is_null()).then_some(Attr {
            raw,
            _message: PhantomData,
        })
    }

    /// Whether the attribute of a type is there.
    pub fn has(&self, kind: u16) -> bool {
        self.get(kind).is_some()
    }
}

/// What the kernel checks of an attribute before a driver sees it; `struct nla_policy`.
#[repr(transparent)]
pub struct Policy(bindings::nla_policy);

// SAFETY: A policy is constant; the only pointer in it is to a constant string.
unsafe impl Sync for Policy {}

impl Policy {
    /// Anything goes; for types that the kind does not use.
    pub const NONE: Policy = Policy(pin_init::zeroed());
    /// One byte.
    pub const U8: Policy = Policy::of(bindings::NLA_U8);
    /// Two bytes.
    pub const U16: Policy = Policy::of(bindings::NLA_U16);
    /// Four bytes.
    pub const U32: Policy = Policy::of(bindings::NLA_U32);
    /// A string of at most 15 bytes: the name of a device.
    pub const IFNAME: Policy = Policy::string(15);
    /// Attributes within, which whoever reads them checks.
    pub const NESTED: Policy = Policy::of(bindings::NLA_NESTED);
    /// Nothing: being there is all.
    pub const FLAG: Policy = Policy::of(bindings::NLA_FLAG);

    /// A string of at most `most` bytes and an end.
    pub const fn string(most: u16) -> Policy {
        let mut policy = Policy::of(bindings::NLA_NUL_STRING);
        policy.0.len = most;
        policy
    }

    /// At most so many bytes.
    pub const fn bytes(most: u16) -> Policy {
        let mut policy = Policy::of(bindings::NLA_BINARY);
        policy.0.len = most;
        policy
    }

    const fn of(kind: c_uint) -> Policy {
        let mut policy: bindings::nla_policy = pin_init::zeroed();
        policy.type_ = kind as u8;
        Policy(policy)
    }

    /// The attribute is refused with this message.
    pub const fn refused(why: &'static CStr) -> Policy {
        let mut policy = Policy::of(bindings::NLA_REJECT);
        policy.0.__bindgen_anon_1.reject_message = why.to_bytes_with_nul().as_ptr();
        policy
    }

    pub(crate) const fn table(policies: &'static [Policy]) -> *const bindings::nla_policy {
        policies.as_ptr().cast()
    }
}

/// A message that is being filled.
///
/// All `put` methods fail with `EMSGSIZE` when there is no room left.
pub struct Message<'a> {
    skb: *mut bindings::sk_buff,
    _message: PhantomData<&'a mut ()>,
}

impl Message<'_> {
    /// Wraps the message of a callback.
    ///
    /// # Safety
    ///
    /// `skb` must be a netlink message being built, unshared for the lifetime.
    pub(crate) unsafe fn from_raw(skb: *mut bindings::sk_buff) -> Self {
        Message {
            skb,
            _message: PhantomData,
        }
    }

    fn put(&mut self, kind: u16, payload: &[u8]) -> Result {
        let len = c_int::try_from(payload.len())?;
        // SAFETY: The message is valid by the constructor's contract, the payload by its type.
        to_result(unsafe { bindings::nla_put(self.skb, kind.into(), len, payload.as_ptr().cast()) })
    }

    /// Puts bytes.
    pub fn put_bytes(&mut self, kind: u16, bytes: &[u8]) -> Result {
        self.put(kind, bytes)
    }

    /// Puts a u8.
    pub fn put_u8(&mut self, kind: u16, value: u8) -> Result {
        self.put(kind, &[value])
    }

    /// Puts a u16 in the machine's order.
    pub fn put_u16(&mut self, kind: u16, value: u16) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts a u32 in the machine's order.
    pub fn put_u32(&mut self, kind: u16, value: u32) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts a u16 in network order.
    pub fn put_be16(&mut self, kind: u16, value: u16) -> Result {
        self.put(kind, &value.to_be_bytes())
    }

    /// Puts a u32 in network order.
    pub fn put_be32(&mut self, kind: u16, value: u32) -> Result {
        self.put(kind, &value.to_be_bytes())
    }

    /// Puts an unsigned number of 4 bytes, or of 8 if it needs them: the type `uint` of YNL.
    pub fn put_uint(&mut self, kind: u16, value: u64) -> Result {
        match u32::try_from(value) {
            Ok(value) => self.put_u32(kind, value),
            Err(_) => self.put(kind, &value.to_ne_bytes()),
        }
    }

    /// Puts a string, of which `text` does not have the end.
    pub fn put_str(&mut self, kind: u16, text: &[u8]) -> Result {
        const MOST: usize = 255;
        let mut buf = [0; MOST + 1];
        let len = text.len().min(MOST);
        for (to, &from) in buf.iter_mut().zip(text.iter().take(len)) {
            *to = from;
        }
        self.put(kind, buf.get(..=len).unwrap_or(&[0]))
    }

    /// Puts attributes within one; what `fill` puts.
    pub fn put_nested(
        &mut self,
        kind: u16,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        // SAFETY: The message is valid by the constructor's contract.
        let nest = unsafe { bindings::vpcnet_nest_start(self.skb, kind.into()) };
        if nest.is_null() {
            return Err(EMSGSIZE);
        }
        fill(self)?;
        // SAFETY: The nest was begun in this message, which has only grown since.
        unsafe { bindings::vpcnet_nest_end(self.skb, nest) };
        Ok(())
    }

    /// Puts an IP address.
    pub fn put_addr(&mut self, kind: u16, addr: ip::Addr) -> Result {
        match addr {
            ip::Addr::V4(addr) => self.put(kind, &addr.to_be_bytes()),
            ip::Addr::V6(addr) => self.put(kind, &addr.to_be_bytes()),
        }
    }

    /// Puts a flag.
    pub fn put_flag(&mut self, kind: u16) -> Result {
        self.put(kind, &[])
    }
}
