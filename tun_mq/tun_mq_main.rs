// SPDX-License-Identifier: GPL-2.0

//! `tun_mq`: taps keep the queue that the VM chose, in both directions, while it runs.
//!
//! The stock tun driver records the VM's queue of each packet. At the packet's first touch on the tap
//! this module records the lane in its place, which is the base of the tap plus that queue. On the way
//! to the VM the driver would choose a queue by the flow; here its choice is answered by the lane. Taps
//! are spread so that all lanes of an uplink are used alike. `docs/design.md` has the whole picture.
//!
//! | file | what is in it |
//! |---|---|
//! | `tap.rs` | the packets of a tap |
//! | `managed.rs` | a tap that is managed: what is asked of it, and what it does |
//! | `registry.rs` | all such taps, and where they are on their uplinks |
//! | `auto.rs` | what happens to devices |
//! | `netlink.rs` | requests and notifications |
//! | `report.rs` | what is said about a tap |

#![deny(unsafe_code)]

use kernel::prelude::*;
use vpcnet::context::Rtnl;
use vpcnet::genl;
use vpcnet::notifier;
use vpcnet::tap::Watch;

// What `pr_warn!` puts in front.
const __LOG_PREFIX: &[u8] = b"tun_mq\0";

mod auto;
mod managed;
mod netlink;
mod registry;
mod report;
mod tap;

#[allow(unsafe_code)]
mod module {
    use super::TunMqModule;
    use kernel::prelude::*;

    module! {
        type: TunMqModule,
        name: "tun_mq",
        authors: ["The Lanes authors"],
        description: "Taps keep the queue that the VM chose, and are spread over the uplink's queues",
        license: "GPL",
        params: {
            auto: bool {
                default: false,
                description: "Take every multiqueue tap that joins a bridge",
            },
        },
    }

    pub(super) fn auto() -> bool {
        module_parameters::auto.value()
    }
}

/// Fields are dropped in this order: no requests and no events any more, no taps, no redirect.
struct TunMqModule {
    _family: genl::Registration,
    _devices: notifier::Registration<auto::Devices>,
    _taps: AllTaps,
    _watch: Watch,
}

/// Lets all taps go when it is dropped.
struct AllTaps;

impl Drop for AllTaps {
    fn drop(&mut self) {
        Rtnl::with(registry::clear);
    }
}

impl kernel::Module for TunMqModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        vpcnet::layout::check()?;
        if module::auto() {
            auto::enable();
        }
        let watch = Watch::new()?;
        let taps = AllTaps;
        let devices = notifier::Registration::new()?;
        let family = netlink::register(module)?;
        Ok(TunMqModule {
            _family: family,
            _devices: devices,
            _taps: taps,
            _watch: watch,
        })
    }
}
