// SPDX-License-Identifier: GPL-2.0

//! Whether packets were lost on the way from one CPU to another. The length of
//! that queue matters only to who uses it: RPS, generic XDP, veth and lo.

use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;

const LIMIT: &str = "/proc/sys/net/core/netdev_max_backlog";
/// The kernel's default.
const SHORT: u64 = 1000;
const LONG: u64 = 10_000;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let Some(stat) = host.read("/proc/net/softnet_stat")? else {
        return Ok(vec![Finding::unknown(
            "host",
            "/proc/net/softnet_stat is not there",
        )]);
    };
    // A line for each CPU; the second column counts what was dropped.
    let dropped: u64 = stat
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter_map(|number| u64::from_str_radix(number, 16).ok())
        .sum();
    if dropped == 0 {
        return Ok(vec![Finding::ok("host", "no packet was lost between CPUs")]);
    }
    let limit = host.number(LIMIT)?.unwrap_or(SHORT);
    let found = format!("{dropped} packets lost between CPUs since boot, limit {limit}");
    let why = "Something hands packets to other CPUs faster than these take them.";
    Ok(vec![match limit <= SHORT {
        true => Finding::warning("host", found)
            .why(why)
            .advice("RPS, if it is on, is the first to look at. Else:")
            .fix(Fix::write(LIMIT, LONG)),
        false => Finding::note("host", found).why(why),
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(dropped: &str) -> MadeUp {
        let stat = format!("000000ff 00000000 00000002\n000000ff {dropped} 00000002\n");
        MadeUp::new().file("/proc/net/softnet_stat", &stat)
    }

    #[test]
    fn nothing_lost() {
        made_up("00000000").one(look, Severity::Ok);
    }

    #[test]
    fn lost() {
        let host = made_up("00000010").file(LIMIT, "1000\n");
        let found = host.one(look, Severity::Warning);
        assert!(found.found.starts_with("16 packets"));
        assert_eq!(
            found.commands,
            ["sysctl -w net.core.netdev_max_backlog=10000"]
        );
        let host = host.file(LIMIT, "10000\n");
        host.one(look, Severity::Note);
    }

    #[test]
    fn not_known() {
        MadeUp::new().one(look, Severity::Unknown);
    }
}
