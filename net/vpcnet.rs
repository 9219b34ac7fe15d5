// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions over the kernel's network stack, for the modules of Lanes.
//!
//! Everything unsafe of the project is in this crate: its bindings (made by bindgen from
//! `bindings_helper.h`), its C helpers (`helpers.c`) and the types on top of them, one C object to a
//! file. The modules themselves deny `unsafe_code`.
//!
//! In which context a function may be called is part of its type: what needs the RTNL mutex takes a
//! [`context::Rtnl`], what runs for a packet takes a [`context::Datapath`]. Only the callbacks that
//! the kernel makes in that context hand such a token out.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub(crate) mod bindings;

pub mod attr;
pub mod bridge;
pub mod clock;
pub mod conntrack;
pub mod context;
pub mod device;
pub mod dump;
pub mod errno;
pub mod ethtool;
pub mod frame;
pub mod genl;
pub mod lanes;
pub mod layout;
pub mod link;
pub mod metadata;
pub mod module;
pub mod mq_gre_trace;
pub mod netdev;
pub mod netfilter;
pub mod netns;
pub mod notifier;
pub mod path;
pub mod percpu;
pub mod pernet;
pub(crate) mod qstats;
pub(crate) mod queues;
pub mod random;
pub mod rcu;
pub mod skb;
pub mod sockets;
pub mod stats;
pub mod steering;
pub mod table;
pub mod tap;
pub mod tun_mq;
pub mod tunnel;
pub mod udp;
pub(crate) mod underlay;
pub mod vpc_hook;

// What `pr_err!` and the like put in front.
const __LOG_PREFIX: &[u8] = b"vpcnet\0";
