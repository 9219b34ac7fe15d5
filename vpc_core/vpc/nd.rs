// SPDX-License-Identifier: GPL-2.0

//! Neighbour discovery of IPv6 (RFC 4861).

/// Length in bytes of a solicitation or advertisement of a neighbour, without options.
pub const NEIGHBOUR_LEN: usize = 24;
/// Hop limit of all messages: no router has passed them on (RFC 4861, 3.1).
pub const HOP_LIMIT: u8 = 255;
/// Option: MAC address of the sender (4.6.1).
pub const OPTION_SOURCE: u8 = 1;
/// Option: MAC address of the target (4.6.1).
pub const OPTION_TARGET: u8 = 2;
/// Length in bytes of either option on Ethernet.
pub const LINK_OPTION_LEN: usize = 8;
/// So many options are looked through. A router advertisement with a dozen prefixes has fewer.
pub const MAX_OPTIONS: usize = 32;

/// Which message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Message {
    /// A host asks for routers (4.1).
    RouterSolicitation = 133,
    /// A router makes itself known (4.2).
    RouterAdvertisement = 134,
    /// Somebody asks for the MAC address of the target (4.3).
    NeighbourSolicitation = 135,
    /// The answer, or news without a question (4.4).
    NeighbourAdvertisement = 136,
    /// A router knows a better first hop (4.5).
    Redirect = 137,
}

impl Message {
    /// The message of an ICMPv6 type, if it is one of neighbour discovery.
    #[inline]
    pub const fn of_type(kind: u8) -> Option<Message> {
        match kind {
            133 => Some(Message::RouterSolicitation),
            134 => Some(Message::RouterAdvertisement),
            135 => Some(Message::NeighbourSolicitation),
            136 => Some(Message::NeighbourAdvertisement),
            137 => Some(Message::Redirect),
            _ => None,
        }
    }

    /// Length in bytes of what precedes the options.
    const fn fixed_len(self) -> usize {
        match self {
            Message::RouterSolicitation => 8,
            Message::RouterAdvertisement => 16,
            Message::NeighbourSolicitation | Message::NeighbourAdvertisement => NEIGHBOUR_LEN,
            Message::Redirect => 40,
        }
    }

    const fn has_target(self) -> bool {
        !matches!(
            self,
            Message::RouterSolicitation | Message::RouterAdvertisement
        )
    }
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nd {
    /// Which message it is.
    pub message: Message,
    /// Target address; 0 if the message has none.
    pub target: u128,
    /// MAC address of the sender, if the option is there.
    pub source_mac: Option<[u8; 6]>,
    /// MAC address of the target, if the option is there.
    pub target_mac: Option<[u8; 6]>,
}

impl Nd {
    /// Reads a message, which begins with its ICMPv6 type and ends where the packet does.
    ///
    /// `None` if it is none of neighbour discovery, if it or an option is cut off, if an option has
    /// no length (4.6), or there are more than [`MAX_OPTIONS`]. Of two options of the same kind
    /// receivers take one or the other: a message with two MAC addresses of a kind is none, too, nor
    /// one with a MAC address that is not Ethernet's. Checksum and code are not looked at.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Nd> {
        let message = Message::of_type(*bytes.first()?)?;
        let (fixed, options) = bytes.split_at_checked(message.fixed_len())?;
        let target = match message.has_target() {
            true => u128::from_be_bytes(*fixed.get(8..)?.first_chunk()?),
            false => 0,
        };
        let mut nd = Nd {
            message,
            target,
            source_mac: None,
            target_mac: None,
        };
        nd.take_options(options)?;
        Some(nd)
    }

    fn take_options(&mut self, mut options: &[u8]) -> Option<()> {
        for _ in 0..MAX_OPTIONS {
            if options.is_empty() {
                return Some(());
            }
            // In units of 8 bytes.
            let &[kind, units] = options.first_chunk()?;
            let len = usize::from(units).wrapping_mul(8);
            if len == 0 {
                return None;
            }
            let (option, rest) = options.split_at_checked(len)?;
            options = rest;
            let mac = match kind {
                OPTION_SOURCE => &mut self.source_mac,
                OPTION_TARGET => &mut self.target_mac,
                _ => continue,
            };
            let &[_, _, a, b, c, d, e, f] = option else {
                return None;
            };
            if mac.replace([a, b, c, d, e, f]).is_some() {
                return None;
            }
        }
        options.is_empty().then_some(())
    }
}
