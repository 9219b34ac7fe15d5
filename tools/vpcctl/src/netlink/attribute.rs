// SPDX-License-Identifier: GPL-2.0

//! Attributes: what the messages of a generic netlink family are made of.

use netlink_packet_core::parse_string;
use netlink_packet_core::DecodeError;
use netlink_packet_core::Emitable;
use netlink_packet_core::Nla;
use netlink_packet_core::NlasIterator;

/// The bits of the type that say which attribute it is.
const KIND: u16 = 0x3fff;

/// One attribute, its value as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    kind: u16,
    nested: bool,
    value: Vec<u8>,
}

impl Attribute {
    /// Bytes, which mean what the kind says.
    pub(crate) fn bytes(kind: u16, value: &[u8]) -> Self {
        Self {
            kind,
            nested: false,
            value: value.to_vec(),
        }
    }

    pub(crate) fn u8(kind: u16, value: u8) -> Self {
        Self::bytes(kind, &[value])
    }

    pub(crate) fn u16(kind: u16, value: u16) -> Self {
        Self::bytes(kind, &value.to_ne_bytes())
    }

    pub(crate) fn u32(kind: u16, value: u32) -> Self {
        Self::bytes(kind, &value.to_ne_bytes())
    }

    #[cfg(test)]
    pub(crate) fn u64(kind: u16, value: u64) -> Self {
        Self::bytes(kind, &value.to_ne_bytes())
    }

    /// A string, with the NUL that the kernel's policies want.
    pub(crate) fn string(kind: u16, text: &str) -> Self {
        let mut attribute = Self::bytes(kind, text.as_bytes());
        attribute.value.push(0);
        attribute
    }

    /// A flag, which says yes by being there.
    pub(crate) fn flag(kind: u16) -> Self {
        Self::bytes(kind, &[])
    }

    /// Attributes in an attribute, marked as such, which the kernel insists on.
    pub(crate) fn nest(kind: u16, inner: &[Attribute]) -> Self {
        let mut value = vec![0; inner.buffer_len()];
        inner.emit(&mut value);
        Self {
            kind,
            nested: true,
            value,
        }
    }

    pub(crate) fn kind(&self) -> u16 {
        self.kind
    }

    /// How many bytes it takes in a message.
    pub(crate) fn length(&self) -> usize {
        self.buffer_len()
    }

    pub(crate) fn to_bytes(&self) -> &[u8] {
        &self.value
    }

    pub(crate) fn to_u8(&self) -> Result<u8, DecodeError> {
        netlink_packet_core::parse_u8(&self.value)
    }

    pub(crate) fn to_u16(&self) -> Result<u16, DecodeError> {
        netlink_packet_core::parse_u16(&self.value)
    }

    pub(crate) fn to_u32(&self) -> Result<u32, DecodeError> {
        netlink_packet_core::parse_u32(&self.value)
    }

    /// A number of 4 or 8 bytes, what specifications call `uint`.
    pub(crate) fn to_uint(&self) -> Result<u64, DecodeError> {
        if self.value.len() == 4 {
            return self.to_u32().map(u64::from);
        }
        netlink_packet_core::parse_u64(&self.value)
    }

    pub(crate) fn to_text(&self) -> Result<String, DecodeError> {
        parse_string(&self.value)
    }

    pub(crate) fn to_nest(&self) -> Result<Vec<Attribute>, DecodeError> {
        Self::all(&self.value)
    }

    /// Takes apart what holds one attribute after the other.
    pub(crate) fn all(bytes: &[u8]) -> Result<Vec<Attribute>, DecodeError> {
        NlasIterator::new(bytes)
            .map(|found| {
                let found = found?;
                Ok(Attribute {
                    kind: found.kind() & KIND,
                    nested: found.nested_flag(),
                    value: found.value().to_vec(),
                })
            })
            .collect()
    }
}

impl Nla for Attribute {
    fn value_len(&self) -> usize {
        self.value.len()
    }

    fn kind(&self) -> u16 {
        self.kind
    }

    fn is_nested(&self) -> bool {
        self.nested
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let sent = [
            Attribute::u32(3, 70_000),
            Attribute::string(2, "tap0"),
            Attribute::flag(7),
            Attribute::nest(15, &[Attribute::u64(3, 1 << 40), Attribute::u32(4, 5)]),
        ];
        let mut bytes = vec![0; sent.as_slice().buffer_len()];
        sent.as_slice().emit(&mut bytes);

        let got = Attribute::all(&bytes).unwrap();
        assert_eq!(got, sent);
        assert_eq!(got[0].to_u32().unwrap(), 70_000);
        assert_eq!(got[1].to_text().unwrap(), "tap0");
        let inner = got[3].to_nest().unwrap();
        assert_eq!(inner[0].to_uint().unwrap(), 1 << 40);
        assert_eq!(inner[1].to_uint().unwrap(), 5);
    }

    #[test]
    fn strings_end_with_nul_and_are_padded() {
        let one = Attribute::string(2, "tap0");
        let mut bytes = vec![0xff; one.buffer_len()];
        one.emit(&mut bytes);
        assert_eq!(bytes[..2], 9u16.to_ne_bytes());
        assert_eq!(bytes[2..4], 2u16.to_ne_bytes());
        assert_eq!(&bytes[4..], b"tap0\0\0\0\0");
    }

    #[test]
    fn flags_of_the_type_are_left_out() {
        let mut bytes = 4u16.to_ne_bytes().to_vec();
        bytes.extend((15u16 | (1 << 15)).to_ne_bytes());
        let got = Attribute::all(&bytes).unwrap();
        assert_eq!(got, [Attribute::nest(15, &[])]);
        assert_eq!(got[0].kind(), 15);
    }

    #[test]
    fn nests_are_marked() {
        let nest = Attribute::nest(5, &[Attribute::bytes(1, &[192, 0, 2, 1])]);
        let mut bytes = vec![0; nest.length()];
        nest.emit(&mut bytes);
        let expected = [
            &12u16.to_ne_bytes()[..],
            &(5u16 | 0x8000).to_ne_bytes(),
            &8u16.to_ne_bytes(),
            &1u16.to_ne_bytes(),
            &[192, 0, 2, 1],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let mut bytes = 12u16.to_ne_bytes().to_vec();
        bytes.extend(1u16.to_ne_bytes());
        bytes.extend([0; 4]);
        assert!(Attribute::all(&bytes).is_err());
        assert!(Attribute::u32(1, 1).to_uint().is_ok());
        assert!(Attribute::string(1, "x").to_uint().is_err());
    }
}
