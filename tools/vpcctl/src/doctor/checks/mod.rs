// SPDX-License-Identifier: GPL-2.0

//! The checks, in the order of the report.

mod backlog;
mod br_netfilter;
mod conntrack;
mod gre_port;
mod irq;
mod modules;
mod queues;
mod rings;
mod rps;
mod rss;
mod signing;
mod spread;
mod tap_queue_len;
mod tap_queues;
mod tun_redirect;
mod tun_types;
mod vhost;
mod vhost_rings;
mod xps;

use super::devices;
use super::finding::Finding;
use super::host::Host;
use super::host::Seen;

/// A check.
pub(crate) struct Check {
    pub(crate) id: &'static str,
    /// What it is about: a heading of the report.
    pub(crate) group: &'static str,
    look: fn(&Host) -> Seen<Vec<Finding>>,
}

const UPLINK: &str = "Uplink";
const TAPS: &str = "Taps and VMs";
const GRE: &str = "GRE port";
const HOST: &str = "Kernel";

const fn check(
    group: &'static str,
    id: &'static str,
    look: fn(&Host) -> Seen<Vec<Finding>>,
) -> Check {
    Check { id, group, look }
}

pub(crate) const CHECKS: &[Check] = &[
    check(UPLINK, "queues", queues::look),
    check(UPLINK, "irq", irq::look),
    check(UPLINK, "rss", rss::look),
    check(UPLINK, "rings", rings::look),
    check(UPLINK, "xps", xps::look),
    check(UPLINK, "rps", rps::look),
    check(GRE, "gre-port", gre_port::look),
    check(GRE, "spread", spread::look),
    check(GRE, "conntrack", conntrack::look),
    check(TAPS, "tap-queues", tap_queues::look),
    check(TAPS, "tap-queue-len", tap_queue_len::look),
    check(TAPS, "vhost", vhost::look),
    check(TAPS, "vhost-rings", vhost_rings::look),
    check(TAPS, "br-netfilter", br_netfilter::look),
    check(HOST, "modules", modules::look),
    check(HOST, "signing", signing::look),
    check(HOST, "tun-redirect", tun_redirect::look),
    check(HOST, "tun-types", tun_types::look),
    check(HOST, "backlog", backlog::look),
];

impl Check {
    /// What it finds; what it cannot see is a finding, too.
    pub(crate) fn run(&self, host: &Host) -> Vec<Finding> {
        let mut findings =
            (self.look)(host).unwrap_or_else(|unseen| vec![Finding::unknown("host", unseen.0)]);
        for finding in &mut findings {
            finding.check = self.id;
        }
        findings
    }
}

/// One finding for each of the devices, be it that one cannot be looked at.
fn each(names: &[String], look: impl Fn(&str) -> Seen<Finding>) -> Vec<Finding> {
    let found =
        |name: &String| look(name).unwrap_or_else(|unseen| Finding::unknown(name, unseen.0));
    names.iter().map(found).collect()
}

/// The same for the uplinks.
fn each_uplink(host: &Host, look: impl Fn(&str) -> Seen<Finding>) -> Seen<Vec<Finding>> {
    Ok(each(&devices::uplinks(host)?, look))
}

/// "1 queue", "2 queues".
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
