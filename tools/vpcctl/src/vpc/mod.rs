// SPDX-License-Identifier: GPL-2.0

//! The module vpc_hook: VPCs and all that belongs to them.

pub(crate) mod apply;
mod client;
pub(crate) mod command;
mod frame;
mod mac;
mod number;
mod object;
mod prefix;

pub(crate) use client::Client;
pub(crate) use object::Port;
pub(crate) use object::Shown;
