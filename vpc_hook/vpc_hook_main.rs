// SPDX-License-Identifier: GPL-2.0

//! `vpc_hook`: tenant networks (VPCs) in the bridge.
//!
//! Hooks take the frames of ports, which are taps bound to a VPC, and of the tunnel device, before
//! their bridge does, and leave all others to the bridge. Who sends is checked, ARP and neighbour discovery are
//! answered, ACLs are asked; then the frame goes to the port or the remote that its destination is
//! behind, with its lane, past the bridge. `docs/design.md` has the whole picture.
//!
//! | file | what is in it |
//! |---|---|
//! | `hook.rs` | what becomes of a frame |
//! | `way.rs`, `ask.rs` | which way it takes, and what ACLs say of it |
//! | `state.rs`, `transaction.rs` | what a namespace has: the running configuration, transactions |
//! | `config.rs` | a configuration: what packets look up, and lists of objects |
//! | `vpc.rs`, `remote.rs`, `entry.rs`, `group.rs` | these objects, and requests about them |
//! | `port.rs`, `ports.rs` | ports, and requests about them |
//! | `acl.rs`, `rules.rs` | ACLs, and requests about them and their rules |
//! | `compiled.rs` | what packets look up of them |
//! | `answers.rs` | what ACLs have said of flows |
//! | `flood.rs`, `pace.rs` | who gets what is for all, and how often something may happen |
//! | `tally.rs` | what is counted, and why frames are dropped |
//! | `netlink.rs`, `events.rs`, `trace.rs` | requests, events, and what would become of a frame |
//! | `name.rs`, `sorted.rs`, `text.rs` | names, lists in their order, addresses as text |

#![deny(unsafe_code)]

use kernel::prelude::*;
use kernel::sync::SetOnce;
use vpcnet::genl;
use vpcnet::notifier;
use vpcnet::pernet;
use vpcnet::sockets;

// What `pr_warn!` puts in front.
const __LOG_PREFIX: &[u8] = b"vpc_hook\0";

mod acl;
mod answers;
mod ask;
mod compiled;
mod config;
mod entry;
mod events;
mod flood;
mod group;
mod hook;
mod name;
mod netlink;
mod pace;
mod port;
mod ports;
mod remote;
mod rules;
mod sorted;
mod state;
mod tally;
mod text;
mod trace;
mod transaction;
mod vpc;
mod way;

#[allow(unsafe_code)]
mod module {
    use super::VpcHookModule;
    use kernel::prelude::*;

    module! {
        type: VpcHookModule,
        name: "vpc_hook",
        authors: ["The Lanes authors"],
        description: "Tenant networks in the bridge: lookup, anti-spoofing, ACLs",
        license: "GPL",
    }
}

/// This module.
static MODULE: SetOnce<&'static ThisModule> = SetOnce::new();

/// Fields are dropped in this order: no requests, no events, then what namespaces have, and what they
/// share.
struct VpcHookModule {
    _family: genl::Registration,
    _sockets: sockets::Registration<transaction::Sockets>,
    _devices: notifier::Registration<state::Devices>,
    _namespaces: pernet::Registration<state::State>,
    _answers: answers::Memory,
}

impl kernel::Module for VpcHookModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        vpcnet::layout::check()?;
        MODULE.populate(module);
        let namespaces = pernet::Registration::new()?;
        let devices = notifier::Registration::new()?;
        let sockets = sockets::Registration::new()?;
        let family = netlink::register(module)?;
        Ok(VpcHookModule {
            _family: family,
            _sockets: sockets,
            _devices: devices,
            _namespaces: namespaces,
            _answers: answers::Memory,
        })
    }
}
