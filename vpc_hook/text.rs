// SPDX-License-Identifier: GPL-2.0

//! Addresses and names as text, for who traces a packet.

use kernel::fmt;

use vpc_core::ip::Addr;

use crate::vpc::Mac;

/// Bytes as text.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.0).unwrap_or("?"))
    }
}

/// A MAC address as text.
pub(crate) struct MacText(pub(crate) Mac);

impl fmt::Display for MacText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// An IP address as text.
pub(crate) struct Ip(pub(crate) Addr);

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Addr::V4(addr) => core::fmt::Display::fmt(&core::net::Ipv4Addr::from_bits(addr), f),
            Addr::V6(addr) => core::fmt::Display::fmt(&core::net::Ipv6Addr::from_bits(addr), f),
        }
    }
}
