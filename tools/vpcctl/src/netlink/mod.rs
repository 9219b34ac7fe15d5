// SPDX-License-Identifier: GPL-2.0

//! Generic netlink: families are found by name, answers have the kernel's own words.
//!
//! Attributes stay numbers here; what they mean is up to who asks.

mod attribute;
mod batch;
mod family;
mod message;
mod refusal;

pub(crate) use attribute::Attribute;
pub(crate) use batch::Failed;
pub(crate) use family::Family;
pub(crate) use family::Request;
pub(crate) use family::Told;
pub(crate) use message::Message;
pub(crate) use refusal::explain;
pub(crate) use refusal::Refusal;
