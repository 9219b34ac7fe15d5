// SPDX-License-Identifier: GPL-2.0

//! `vpcctl lanes show`.

use super::args::Show;
use super::client::Client;
use super::table;
use super::tap::Tap;
use crate::output;
use anyhow::Result;
use serde::Serialize;
use std::process::ExitCode;

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    taps: &'a [Tap],
}

pub(super) fn run(args: &Show) -> Result<ExitCode> {
    let mut client = Client::open()?;
    let mut taps = match &args.tap {
        Some(name) => vec![client.tap(name)?],
        None => client.taps()?,
    };
    taps.sort_by(|a, b| a.ifname.cmp(&b.ifname));
    for tap in &mut taps {
        tap.queues.sort_by_key(|queue| queue.index);
    }
    match args.json {
        true => output::json(&Shown { taps: &taps })?,
        false => output::text(&table::text(&taps))?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::super::tap::tests::example;
    use super::*;
    use serde_json::json;

    #[test]
    fn json_has_the_names_of_the_specification() {
        let taps = [Tap::decode(&example()).unwrap()];
        let shown = serde_json::to_value(Shown { taps: &taps }).unwrap();
        let expected = json!({"taps": [{
            "ifindex": 7, "ifname": "tap0",
            "uplink": 2, "uplink_name": "eth1",
            "lanes": 8, "base": 7, "pinned": true, "weight": 2,
            "mode": "ftrace", "override": false, "auto": false,
            "to_vm": "lanes", "reason": null, "num_queues": 2,
            "queues": [
                {"index": 0, "lane": 7, "uplink_queue": 7,
                 "tx_packets": 5_000_000_000u64, "rx_packets": 3},
                {"index": 1, "lane": 0, "uplink_queue": 0, "tx_packets": 6, "rx_packets": 4},
            ],
            "tx_unrecorded": 1, "tx_no_lanes": 0,
            "rx_unrecorded": 70, "rx_program": 0, "rx_no_lanes": 0,
        }]});
        assert_eq!(shown, expected);
    }
}
