// SPDX-License-Identifier: GPL-2.0

//! What is inside a netlink message of a generic netlink family.

use super::attribute::Attribute;
use netlink_packet_core::DecodeError;
use netlink_packet_core::Emitable;
use netlink_packet_core::NetlinkDeserializable;
use netlink_packet_core::NetlinkHeader;
use netlink_packet_core::NetlinkSerializable;

/// struct genlmsghdr: command, version, two bytes that are zero.
pub(super) const HEADER_LEN: usize = 4;

/// A command and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(super) family: u16,
    pub(crate) command: u8,
    pub(super) version: u8,
    pub(crate) attributes: Vec<Attribute>,
}

impl Message {
    #[cfg(test)]
    pub(crate) fn new(command: u8, attributes: Vec<Attribute>) -> Self {
        Self {
            family: 30,
            command,
            version: 1,
            attributes,
        }
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        HEADER_LEN + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (header, attributes) = buffer.split_at_mut(HEADER_LEN);
        header.copy_from_slice(&[self.command, self.version, 0, 0]);
        self.attributes.as_slice().emit(attributes);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let Some((&[command, version, _, _], attributes)) = payload.split_first_chunk() else {
            return Err(DecodeError::buffer_too_small(payload.len(), HEADER_LEN));
        };
        Ok(Self {
            family: header.message_type,
            command,
            version,
            attributes: Attribute::all(attributes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::NetlinkMessage;
    use netlink_packet_core::NetlinkPayload;

    #[test]
    fn bytes_are_as_the_kernel_wants_them() {
        let sent = Message::new(2, vec![Attribute::u32(6, 5)]);
        let payload = NetlinkPayload::InnerMessage(sent.clone());
        let mut message = NetlinkMessage::new(Default::default(), payload);
        message.finalize();
        let mut bytes = vec![0xff; message.buffer_len()];
        message.serialize(&mut bytes);

        assert_eq!(bytes.len(), 16 + HEADER_LEN + 8);
        assert_eq!(bytes[4..6], 30u16.to_ne_bytes());
        assert_eq!(bytes[16..20], [2, 1, 0, 0]);
        let got = NetlinkMessage::<Message>::deserialize(&bytes).unwrap();
        assert_eq!(got.payload, NetlinkPayload::InnerMessage(sent));
    }

    #[test]
    fn what_has_no_header_is_refused() {
        assert!(Message::deserialize(&NetlinkHeader::default(), &[1, 1, 0]).is_err());
    }
}
