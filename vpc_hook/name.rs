// SPDX-License-Identifier: GPL-2.0

//! Names of objects.

use core::ops::Deref;

use kernel::prelude::*;

use vpcnet::attr::Attr;
use vpcnet::genl::Request;

/// Longest name, in bytes.
const MOST: usize = 31;

/// A name of up to 31 bytes; that of no bytes stands for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Name {
    // First, so that names are in the order of their bytes: what follows a name here is 0.
    bytes: [u8; MOST],
    len: u8,
}

impl Name {
    /// Takes a name from bytes; `None` if they are too many, or one is neither printable ASCII nor
    /// part of UTF-8.
    fn new(from: &[u8]) -> Option<Self> {
        let mut name = Name::default();
        if from.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
            return None;
        }
        name.bytes.get_mut(..from.len())?.copy_from_slice(from);
        name.len = from.len() as u8;
        Some(name)
    }

    /// Takes the name that an attribute has.
    ///
    /// # Errors
    ///
    /// `EINVAL`, with a message.
    pub(crate) fn of(request: &Request<'_>, attr: &Attr<'_>) -> Result<Self> {
        let name = attr.string().and_then(|name| Name::new(name.to_bytes()));
        name.filter(|name| !name.is_empty()).ok_or_else(|| {
            let why = c"a name has 1 to 31 bytes, without blanks";
            request.ack.refuse_attr(attr, EINVAL, why)
        })
    }

    /// Takes the name from the payload of an attribute that there may be several of.
    ///
    /// # Errors
    ///
    /// As [`Name::of`].
    pub(crate) fn of_payload(request: &Request<'_>, payload: &[u8]) -> Result<Self> {
        let name = CStr::from_bytes_until_nul(payload).ok();
        let name = name.and_then(|name| Name::new(name.to_bytes()));
        name.filter(|name| !name.is_empty()).ok_or_else(|| {
            let why = c"a name has 1 to 31 bytes, without blanks";
            request.ack.refuse(EINVAL, why)
        })
    }
}

impl Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}
