// SPDX-License-Identifier: GPL-2.0

//! Rates: what counters of two moments tell.

use crate::lanes::Tap;
use crate::vpc::Port;
use crate::vpc::Shown;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters of one port or lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) rx: u64,
    pub(super) tx: u64,
    pub(super) dropped: u64,
}

/// A lane of an uplink.
pub(super) type LaneKey = (String, u32);

/// All counters of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// By the name of the port, with its VPC.
    pub(super) ports: BTreeMap<(String, u32), Count>,
    pub(super) lanes: BTreeMap<LaneKey, Count>,
}

impl Sample {
    pub(super) fn new(ports: &[Shown<Port>], taps: &[Tap]) -> Self {
        let mut sample = Self::default();
        for Shown { object, seen } in ports {
            let count = Count {
                rx: seen.rx_packets,
                tx: seen.tx_packets,
                dropped: seen.drops.values().sum(),
            };
            let key = (object.ifname.clone(), object.vpc);
            sample.ports.insert(key, count);
        }
        for tap in taps {
            let uplink = tap.uplink_name.as_deref().unwrap_or("-");
            for queue in &tap.queues {
                let Some(lane) = queue.lane else {
                    continue;
                };
                let count = sample.lanes.entry((uplink.to_owned(), lane)).or_default();
                // Queues count as the VM sees them, ports as the host does.
                count.rx += queue.tx_packets;
                count.tx += queue.rx_packets;
            }
        }
        sample
    }
}

/// Packets a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PortRate {
    pub(super) ifname: String,
    pub(super) vpc: u32,
    pub(super) rx: f64,
    pub(super) tx: f64,
    pub(super) dropped: f64,
}

/// Packets a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LaneRate {
    pub(super) uplink: String,
    pub(super) lane: u32,
    pub(super) rx: f64,
    pub(super) tx: f64,
}

/// The busiest ports first, lanes in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    pub(super) ports: Vec<PortRate>,
    pub(super) lanes: Vec<LaneRate>,
}

impl Rates {
    pub(super) fn new(before: &Sample, after: &Sample, time: Duration) -> Self {
        let ports = rates(&before.ports, &after.ports, time);
        let mut ports: Vec<PortRate> = ports
            .map(|((ifname, vpc), [rx, tx, dropped])| PortRate {
                ifname: ifname.clone(),
                vpc: *vpc,
                rx,
                tx,
                dropped,
            })
            .collect();
        ports.sort_by(|a, b| (b.rx + b.tx + b.dropped).total_cmp(&(a.rx + a.tx + a.dropped)));
        let lanes = rates(&before.lanes, &after.lanes, time);
        let lanes = lanes.map(|((uplink, lane), [rx, tx, _])| LaneRate {
            uplink: uplink.clone(),
            lane: *lane,
            rx,
            tx,
        });
        Self {
            ports,
            lanes: lanes.collect(),
        }
    }
}

/// The rates of what is there at both moments. What has been made anew counts from zero.
fn rates<'a, K: Ord>(
    before: &'a BTreeMap<K, Count>,
    after: &'a BTreeMap<K, Count>,
    time: Duration,
) -> impl Iterator<Item = (&'a K, [f64; 3])> {
    let rate = move |before: u64, after: u64| {
        let new = after.checked_sub(before).unwrap_or(after);
        new as f64 / time.as_secs_f64().max(f64::EPSILON)
    };
    after.iter().filter_map(move |(key, now)| {
        let then = before.get(key)?;
        let rates = [
            rate(then.rx, now.rx),
            rate(then.tx, now.tx),
            rate(then.dropped, now.dropped),
        ];
        Some((key, rates))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ports: &[(&str, u64)]) -> Sample {
        let ports = ports.iter().map(|(name, rx)| {
            let count = Count {
                rx: *rx,
                ..Count::default()
            };
            (((*name).to_owned(), 7), count)
        });
        Sample {
            ports: ports.collect(),
            ..Sample::default()
        }
    }

    #[test]
    fn the_busiest_is_first_and_what_is_new_waits() {
        let before = sample(&[("tap0", 100), ("tap1", 100), ("tap2", 5000)]);
        let after = sample(&[("tap0", 110), ("tap1", 300), ("tap2", 30), ("tap3", 9)]);
        let rates = Rates::new(&before, &after, Duration::from_secs(2));
        let told: Vec<(&str, f64)> = rates
            .ports
            .iter()
            .map(|port| (port.ifname.as_str(), port.rx))
            .collect();
        assert_eq!(told, [("tap1", 100.0), ("tap2", 15.0), ("tap0", 5.0)]);
    }

    #[test]
    fn lanes_are_those_of_all_taps() {
        use crate::lanes::Queue;

        let tap = |tx_packets, rx_packets| Tap {
            uplink_name: Some("eth1".to_owned()),
            queues: vec![Queue {
                lane: Some(3),
                tx_packets,
                rx_packets,
                ..Queue::default()
            }],
            ..Tap::default()
        };
        let sample = Sample::new(&[], &[tap(1, 2), tap(10, 20)]);
        let count = sample.lanes[&("eth1".to_owned(), 3)];
        assert_eq!((count.rx, count.tx), (11, 22));
    }
}
