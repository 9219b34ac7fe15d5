// SPDX-License-Identifier: GPL-2.0

//! Why the kernel refused a request: the error number and its extended answer.

use super::attribute::Attribute;
use super::message;
use anyhow::anyhow;
use anyhow::Error;
use netlink_packet_core::NetlinkHeader;
use netlink_packet_core::NLM_F_ACK_TLVS;
use netlink_packet_core::NLM_F_CAPPED;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Attributes of the kernel's extended answer (enum nlmsgerr_attrs).
const MSG: u16 = 1;
const OFFS: u16 = 2;
const MISS_TYPE: u16 = 5;

/// struct nlmsghdr.
const HEADER_LEN: usize = 16;

/// What the kernel answered to a request that it did not carry out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Positive, as in errno(3).
    pub(crate) errno: i32,
    /// The kernel's own words.
    pub(crate) text: Option<String>,
    /// The attribute of the request that it is about.
    pub(crate) attribute: Option<u16>,
}

impl Refusal {
    /// Takes apart an NLMSG_ERROR. `rest` is what comes after the error number: the request, or
    /// its header alone, then the extended answer. `sent` are the attributes of the request.
    pub(super) fn from_error(
        errno: i32,
        header: &NetlinkHeader,
        rest: &[u8],
        sent: &[Attribute],
    ) -> Self {
        let request = match rest.first_chunk() {
            Some(&length) if header.flags & NLM_F_CAPPED == 0 => {
                u32::from_ne_bytes(length) as usize
            }
            _ => HEADER_LEN,
        };
        let extended = match rest.get(request.next_multiple_of(4)..) {
            Some(extended) if header.flags & NLM_F_ACK_TLVS != 0 => extended,
            _ => &[],
        };
        Self::from_extended(errno, extended, sent)
    }

    /// Takes apart the extended answer, which is the last part of an NLMSG_DONE, too.
    pub(super) fn from_extended(errno: i32, extended: &[u8], sent: &[Attribute]) -> Self {
        let mut refusal = Self {
            errno,
            ..Self::default()
        };
        // An answer that cannot be read is none: the error number is still there.
        for attribute in Attribute::all(extended).unwrap_or_default() {
            match attribute.kind() {
                MSG => refusal.text = attribute.to_text().ok(),
                OFFS => {
                    let offset = attribute.to_u32().unwrap_or(0) as usize;
                    refusal.attribute = attribute_at(sent, offset);
                }
                MISS_TYPE => {
                    refusal.attribute = attribute.to_u32().ok().and_then(|k| k.try_into().ok())
                }
                _ => (),
            }
        }
        refusal
    }
}

/// The attribute that `offset` of a request is in.
fn attribute_at(sent: &[Attribute], offset: usize) -> Option<u16> {
    let mut at = HEADER_LEN + message::HEADER_LEN;
    for attribute in sent {
        let end = at + attribute.length();
        if (at..end).contains(&offset) {
            return Some(attribute.kind());
        }
        at = end;
    }
    None
}

/// Makes one sentence of what the kernel has refused. `option` is the argument that an attribute
/// comes from.
pub(crate) fn explain(
    error: Error,
    what: &str,
    option: impl Fn(u16) -> Option<&'static str>,
) -> Error {
    let Some(refusal) = error.downcast_ref::<Refusal>() else {
        return error.context(what.to_owned());
    };
    let errno = Errno::from_raw_os_error(refusal.errno);
    let why = match (&refusal.text, errno) {
        (None, Errno::PERM) => "this needs CAP_NET_ADMIN, try it as root".to_owned(),
        (None, Errno::NODEV) => "there is no such device in this network namespace".to_owned(),
        _ => refusal.to_string(),
    };
    match refusal.attribute.and_then(option) {
        Some(option) => anyhow!("{what}: {option}: {why}"),
        None => anyhow!("{what}: {why}"),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => io::Error::from_raw_os_error(self.errno).fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::Emitable;

    fn bytes(attributes: &[Attribute]) -> Vec<u8> {
        let mut bytes = vec![0; attributes.buffer_len()];
        attributes.emit(&mut bytes);
        bytes
    }

    fn header(flags: u16) -> NetlinkHeader {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header
    }

    #[test]
    fn text_and_attribute_are_found() {
        let sent = [Attribute::string(2, "tap0"), Attribute::u32(6, 5000)];
        let extended = bytes(&[
            Attribute::string(MSG, "out of range"),
            Attribute::u32(OFFS, 32),
        ]);
        let expected = Refusal {
            errno: 34,
            text: Some("out of range".to_owned()),
            attribute: Some(6),
        };

        let mut capped = vec![0; HEADER_LEN];
        capped.extend(&extended);
        let flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
        assert_eq!(
            Refusal::from_error(34, &header(flags), &capped, &sent),
            expected
        );

        // The request with its 20 bytes of attributes comes back in full.
        let mut full = 40u32.to_ne_bytes().to_vec();
        full.resize(40, 0);
        full.extend(&extended);
        assert_eq!(
            Refusal::from_error(34, &header(NLM_F_ACK_TLVS), &full, &sent),
            expected
        );
    }

    #[test]
    fn without_words_the_error_number_speaks() {
        let refusal = Refusal::from_error(19, &header(NLM_F_CAPPED), &[0; HEADER_LEN], &[]);
        assert_eq!(refusal.text, None);
        assert!(refusal.to_string().contains("No such device"));
    }

    #[test]
    fn refusals_become_one_sentence() {
        let option = |kind| (kind == 6).then_some("--base");
        let refusal = |errno, text: Option<&str>, attribute| {
            let text = text.map(str::to_owned);
            let refusal = Refusal {
                errno,
                text,
                attribute,
            };
            explain(refusal.into(), "cannot set the lanes of tap0", option).to_string()
        };
        assert_eq!(
            refusal(34, Some("integer out of range"), Some(6)),
            "cannot set the lanes of tap0: --base: integer out of range"
        );
        assert_eq!(
            refusal(1, None, None),
            "cannot set the lanes of tap0: this needs CAP_NET_ADMIN, try it as root"
        );
        assert_eq!(
            refusal(16, Some("the tap has a steering program"), None),
            "cannot set the lanes of tap0: the tap has a steering program"
        );
    }

    #[test]
    fn an_offset_within_an_attribute_names_it() {
        let sent = [
            Attribute::u32(1, 1),
            Attribute::nest(5, &[Attribute::u8(2, 200)]),
        ];
        assert_eq!(attribute_at(&sent, 20), Some(1));
        assert_eq!(attribute_at(&sent, 28), Some(5));
        assert_eq!(attribute_at(&sent, 32), Some(5));
        assert_eq!(attribute_at(&sent, 40), None);
    }

    #[test]
    fn nonsense_is_no_answer() {
        for rest in [&[][..], &[0xff; 3], &[0xff; 16], &[0xff; 40]] {
            for flags in [0, NLM_F_ACK_TLVS, NLM_F_CAPPED | NLM_F_ACK_TLVS] {
                let refusal = Refusal::from_error(22, &header(flags), rest, &[]);
                assert_eq!(refusal.errno, 22);
                assert_eq!(refusal.text, None);
            }
        }
    }
}
