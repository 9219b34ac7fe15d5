// SPDX-License-Identifier: GPL-2.0

//! How many lanes the uplink gives.

use super::super::cpus;
use super::super::devices;
use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::count;
use super::each_uplink;

const WHY: &str =
    "Each transmit queue of the uplink is a lane: VM queues that share one share its \
    lock, its ring and its interrupt.";
const RESTARTS: &str = "Most drivers restart the card for this: the link may go down for a moment.";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let uplinks = devices::uplinks(host)?;
    if uplinks.is_empty() {
        return Ok(vec![Finding::problem("host", "no network card is up")
            .why("Without an uplink there are no lanes.")
            .advice("Set it up, or name it with --uplink.")]);
    }
    each_uplink(host, |name| look_at(host, name))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let lanes = devices::queues(host, name, "tx-")?.len();
    let cpus = cpus::online(host)?.len();
    if lanes > 1 && lanes >= cpus {
        let found = format!("{} for {}", count(lanes, "queue"), count(cpus, "CPU"));
        return Ok(Finding::ok(name, found));
    }
    let (most, combined) = most(host, name)?.unwrap_or((lanes, true));
    let wanted = most.min(cpus);
    let command = match combined {
        true => format!("ethtool -L {name} combined {wanted}"),
        false => format!("ethtool -L {name} rx {wanted} tx {wanted}"),
    };
    let found = format!(
        "{} of {most} for {}",
        count(lanes, "queue"),
        count(cpus, "CPU")
    );
    Ok(match lanes {
        0 | 1 if wanted > 1 => Finding::problem(name, found)
            .why(WHY)
            .advice(RESTARTS)
            .command(command),
        0 | 1 if cpus > 1 => Finding::problem(name, found)
            .why(WHY)
            .advice("Use a card that has more; a virtual one gets them from its host."),
        _ if lanes < wanted => Finding::warning(name, found)
            .why(WHY)
            .advice(RESTARTS)
            .command(command),
        _ => Finding::ok(name, found),
    })
}

/// How many transmit queues there may be, and whether they go in pairs with
/// those for receiving. None if the driver does not say.
fn most(host: &Host, name: &str) -> Seen<Option<(usize, bool)>> {
    let Some(said) = host.ask(&["ethtool", "-l", name])? else {
        return Ok(None);
    };
    let upper = said.split("Current hardware settings").next();
    let number = |what: &str| -> usize {
        let lines = upper.unwrap_or_default().lines();
        lines
            .filter_map(|line| line.strip_prefix(what))
            .find_map(|rest| rest.trim().parse().ok())
            .unwrap_or(0)
    };
    Ok(match (number("Combined:"), number("TX:")) {
        (0, 0) => None,
        (0, alone) => Some((alone, false)),
        (combined, _) => Some((combined, true)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn channels(most: &str, now: &str) -> String {
        let part = |n| format!("RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\t1\nCombined:\t{n}\n");
        format!(
            "Channel parameters for eth0:\nPre-set maximums:\n{}Current hardware settings:\n{}",
            part(most),
            part(now)
        )
    }

    #[test]
    fn a_queue_for_each_cpu_is_well() {
        let host = MadeUp::new().nic("eth0", 4);
        let found = host.one(look, Severity::Ok).found;
        assert_eq!(found, "4 queues for 4 CPUs");
    }

    #[test]
    fn one_of_eight_can_be_mended() {
        let host = MadeUp::new()
            .nic("eth0", 1)
            .said("ethtool -l eth0", &channels("8", "1"));
        let found = host.one(look, Severity::Problem);
        assert_eq!(found.found, "1 queue of 8 for 4 CPUs");
        assert_eq!(found.commands, ["ethtool -L eth0 combined 4"]);
        // It would interrupt the traffic.
        assert!(found.fixes.is_empty());
    }

    #[test]
    fn one_of_one_cannot() {
        let host = MadeUp::new().nic("eth0", 1).said("ethtool -l eth0", "");
        assert!(host.one(look, Severity::Problem).commands.is_empty());
    }

    #[test]
    fn two_of_eight_are_few() {
        let host = MadeUp::new()
            .nic("eth0", 2)
            .said("ethtool -l eth0", &channels("8", "2"));
        host.one(look, Severity::Warning);
        // All that the card has.
        let host = host.said("ethtool -l eth0", &channels("2", "2"));
        host.one(look, Severity::Ok);
    }

    #[test]
    fn queues_that_are_not_paired() {
        let said = "Pre-set maximums:\nRX: 4\nTX: 4\nCombined: n/a\nCurrent hardware settings:\n";
        let host = MadeUp::new().nic("eth0", 2).said("ethtool -l eth0", said);
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.commands, ["ethtool -L eth0 rx 4 tx 4"]);
    }

    #[test]
    fn without_ethtool_it_is_not_known() {
        MadeUp::new().nic("eth0", 2).one(look, Severity::Unknown);
    }

    #[test]
    fn no_uplink() {
        MadeUp::new().one(look, Severity::Problem);
    }
}
