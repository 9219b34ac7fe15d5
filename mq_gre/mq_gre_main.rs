// SPDX-License-Identifier: GPL-2.0

//! `mqgre`: an Ethernet-over-GRE device with many queues and no lock.
//!
//! It does what `gretap` of `net/ipv4/ip_gre.c` does, but keeps the lane of a packet, the index of a
//! transmit queue of the uplink, all the way: the transmit queue of the device is the lane that was
//! recorded when the packet came from the VM, and the lane is recorded again before the packet goes
//! down. Packets that come in take the same way back. `docs/design.md` has the whole picture.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | settings of a device: from netlink, checked, and back |
//! | `policy.rs` | what is wrong with a request at first sight |
//! | `port.rs` | what a device and a namespace consist of, and their life |
//! | `xmit.rs` | encapsulation |
//! | `demux.rs` | which device a packet is for |
//! | `listen.rs` | UDP ports to receive on |
//! | `rcv.rs` | decapsulation |
//! | `icmp.rs` | errors about packets that were sent |
//! | `counters.rs` | why packets are dropped; `ethtool -S` |
//! | `trace.rs` | what the tracepoints say |

#![deny(unsafe_code)]

use kernel::prelude::*;
use vpcnet::link::Registration;

mod config;
mod counters;
mod demux;
mod icmp;
mod listen;
mod policy;
mod port;
mod rcv;
mod trace;
mod xmit;

#[allow(unsafe_code)]
mod module {
    use super::MqGreModule;
    use kernel::prelude::*;

    module! {
        type: MqGreModule,
        name: "mq_gre",
        authors: ["The Lanes authors"],
        description: "Multiqueue, lockless Ethernet over GRE that keeps the queue of each packet",
        license: "GPL",
        alias: ["rtnl-link-mqgre"],
    }
}

struct MqGreModule {
    _link: Registration<port::MqGre>,
}

impl kernel::Module for MqGreModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        vpcnet::layout::check()?;
        Ok(MqGreModule {
            _link: Registration::new()?,
        })
    }
}
