// SPDX-License-Identifier: GPL-2.0

//! How many packets the uplink's rings hold.

use super::super::devices;
use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::each_uplink;
use serde_json::Value;

/// A ring that is shorter than this is short, if it can be longer.
const SHORT: u64 = 1024;
/// Longer ones serve nobody: their buffers no longer fit the caches.
const LONG: u64 = 4096;

const WHY: &str = "All VMs share the uplink's rings, and what does not fit is lost: at a million \
    packets a second and queue, 256 are a quarter of a millisecond.";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    each_uplink(host, |name| look_at(host, name))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let Some(said) = host.ask_json(&["ethtool", "--json", "-g", name])? else {
        return Ok(Finding::unknown(name, "the driver does not show its rings"));
    };
    let number = |what: &str| {
        said.get(0)
            .and_then(|said| said.get(what))
            .and_then(Value::as_u64)
    };
    let (Some(rx), Some(rx_max)) = (number("rx"), number("rx-max")) else {
        return Ok(Finding::unknown(name, "the driver does not show its rings"));
    };
    let (tx, tx_max) = (number("tx").unwrap_or(0), number("tx-max").unwrap_or(0));
    let missed = devices::counter(host, name, "rx_missed_errors")?
        + devices::counter(host, name, "rx_fifo_errors")?;
    let mut found = format!("receive {rx} of {rx_max}, transmit {tx} of {tx_max}");
    if missed > 0 {
        found = format!("{found}; {missed} packets missed so far");
    }
    let short = |now: u64, most: u64| now < SHORT && now < most;
    if short(rx, rx_max) || short(tx, tx_max) {
        let mut command = format!("ethtool -G {name}");
        if short(rx, rx_max) {
            command = format!("{command} rx {}", rx_max.min(LONG));
        }
        if short(tx, tx_max) {
            command = format!("{command} tx {}", tx_max.min(SHORT));
        }
        return Ok(Finding::warning(name, found)
            .why(WHY)
            .advice("Most drivers restart the card for this: the link may go down for a moment.")
            .command(command));
    }
    Ok(match missed {
        0 => Finding::ok(name, found),
        _ => Finding::note(name, found).why("The rings were full at times, or had been shorter."),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(rx: u64, tx: u64, most: u64) -> MadeUp {
        let said =
            format!(r#"[{{"ifname":"eth0","rx-max":{most},"tx-max":{most},"rx":{rx},"tx":{tx}}}]"#);
        MadeUp::new()
            .nic("eth0", 4)
            .said("ethtool --json -g eth0", &said)
    }

    #[test]
    fn long_ones() {
        made_up(4096, 1024, 4096).one(look, Severity::Ok);
    }

    #[test]
    fn the_small_default() {
        let found = made_up(256, 256, 8192).one(look, Severity::Warning);
        assert_eq!(found.commands, ["ethtool -G eth0 rx 4096 tx 1024"]);
        assert!(found.fixes.is_empty());
    }

    #[test]
    fn only_one_is_short() {
        let found = made_up(512, 2048, 2048).one(look, Severity::Warning);
        assert_eq!(found.commands, ["ethtool -G eth0 rx 2048"]);
    }

    #[test]
    fn as_long_as_they_get() {
        let host = made_up(256, 256, 256);
        host.one(look, Severity::Ok);
        let host = host.file("/sys/class/net/eth0/statistics/rx_missed_errors", "7\n");
        let found = host.one(look, Severity::Note);
        assert!(found.found.ends_with("7 packets missed so far"));
    }

    #[test]
    fn not_shown() {
        let host = MadeUp::new().nic("eth0", 4);
        host.one(look, Severity::Unknown);
        host.said("ethtool --json -g eth0", "")
            .one(look, Severity::Unknown);
    }
}
