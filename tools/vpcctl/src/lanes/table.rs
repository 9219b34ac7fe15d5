// SPDX-License-Identifier: GPL-2.0

//! Lanes as tables for people.

use super::tap::Queue;
use super::tap::Tap;
use super::tap::ToVm;
use crate::table::empty;
use crate::table::or_dash;
use crate::table::NOTHING_THERE;
use std::fmt::Write;

/// All there is to say of these taps.
pub(super) fn text(taps: &[Tap]) -> String {
    if taps.is_empty() {
        return "no tap has lanes; vpcctl lanes set TAP gives it some\n".to_owned();
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}\n\n{}", queues(taps), policies(taps));
    text
}

/// One row for each queue.
fn queues(taps: &[Tap]) -> String {
    let mut table = empty(
        &[
            "TAP",
            "QUEUE",
            "LANE",
            "UPLINK",
            "UPLINK QUEUE",
            "FROM VM",
            "TO VM",
        ],
        &[1, 2, 4, 5, 6],
    );
    for tap in taps {
        for queue in &tap.queues {
            table.add_row(row(tap, queue));
        }
    }
    table.trim_fmt()
}

fn row(tap: &Tap, queue: &Queue) -> Vec<String> {
    vec![
        tap.ifname.clone(),
        queue.index.to_string(),
        or_dash(queue.lane),
        uplink(tap),
        or_dash(queue.uplink_queue),
        queue.tx_packets.to_string(),
        queue.rx_packets.to_string(),
    ]
}

/// One row for each tap.
fn policies(taps: &[Tap]) -> String {
    let head = [
        "TAP",
        "LANES",
        "BASE",
        "WEIGHT",
        "MODE",
        "LANES TO VM",
        "PACKETS OUTSIDE THEIR LANE",
    ];
    let mut table = empty(&head, &[1, 2, 3]);
    for tap in taps {
        table.add_row([
            tap.ifname.clone(),
            tap.lanes.to_string(),
            with_note(tap.base.to_string(), tap.pinned, "pinned"),
            tap.weight.to_string(),
            mode(tap),
            to_vm(tap),
            outside(tap),
        ]);
    }
    table.trim_fmt()
}

pub(super) fn uplink(tap: &Tap) -> String {
    match (&tap.uplink_name, tap.uplink) {
        (Some(name), _) => name.clone(),
        (None, Some(index)) => format!("#{index}"),
        (None, None) => NOTHING_THERE.to_owned(),
    }
}

fn mode(tap: &Tap) -> String {
    let mode = with_note(tap.mode.name().to_owned(), tap.over, "override");
    with_note(mode, tap.auto, "taken by auto=1")
}

/// What becomes of lanes of packets to the VM; if nothing, why.
pub(super) fn to_vm(tap: &Tap) -> String {
    match (tap.to_vm, &tap.reason) {
        (ToVm::Lanes, None) => "followed".to_owned(),
        (ToVm::Program, None) => "the tap's own steering program chooses".to_owned(),
        (state, None) => state.name().to_owned(),
        (state, Some(reason)) => format!("{}: {reason}", state.name()),
    }
}

/// The packets that could not keep their lane, and why.
fn outside(tap: &Tap) -> String {
    let reasons = [
        (tap.tx_unrecorded, "from VM, no queue recorded"),
        (tap.tx_no_lanes, "from VM, uplink gone"),
        (tap.rx_unrecorded, "to VM, no lane recorded"),
        (tap.rx_program, "to VM, own program chose"),
        (tap.rx_no_lanes, "to VM, uplink gone"),
    ];
    let told: Vec<String> = reasons
        .iter()
        .filter(|(packets, _)| *packets != 0)
        .map(|(packets, reason)| format!("{packets} {reason}"))
        .collect();
    match told.is_empty() {
        true => "none".to_owned(),
        false => told.join("; "),
    }
}

fn with_note(text: String, noted: bool, note: &str) -> String {
    match noted {
        true => format!("{text} ({note})"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tap::tests::example;
    use super::*;

    #[test]
    fn tables_have_a_row_for_each_queue_and_each_tap() {
        let tap = Tap::decode(&example()).unwrap();
        let text = text(&[tap]);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[1],
            ["tap0", "0", "7", "eth1", "7", "5000000000", "3"],
            "{text}"
        );
        assert_eq!(
            lines[2],
            ["tap0", "1", "0", "eth1", "0", "6", "4"],
            "{text}"
        );
        assert_eq!(
            lines[5].join(" "),
            "tap0 8 7 (pinned) 2 ftrace followed \
             1 from VM, no queue recorded; 70 to VM, no lane recorded"
        );
        assert_eq!(lines.len(), 6);
        assert!(text.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn a_reason_is_shown() {
        let mut tap = Tap::decode(&example()).unwrap();
        tap.to_vm = ToVm::Unavailable;
        tap.reason = Some("tun has no tun_select_queue".to_owned());
        assert!(text(&[tap]).contains("unavailable: tun has no tun_select_queue"));
    }

    #[test]
    fn what_is_gone_is_a_dash() {
        let mut tap = Tap::decode(&example()).unwrap();
        (tap.uplink, tap.uplink_name) = (None, None);
        tap.queues[0].uplink_queue = None;
        let text = text(&[tap]);
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row[3..5], ["-", "-"]);
    }
}
