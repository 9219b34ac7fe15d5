// SPDX-License-Identifier: GPL-2.0

//! How many packets a tap's queue holds for the VM.

use super::super::devices;
use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;
use super::each;

/// What taps of libvirt and of `ip tuntap` have: tun's own 500, or Ethernet's
/// 1000, and whatever is not more.
const SHORT: u64 = 1000;
/// Ten milliseconds of a million packets a second, more than a vhost thread
/// usually waits for a CPU, and 80 kB of pointers for each queue.
const LONG: u64 = 10_000;

/// Of Linux 7.3: tun stops the queue instead of dropping.
const IFF_BACKPRESSURE: u64 = 0x80;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    Ok(each(&devices::taps(host)?, |name| look_at(host, name)))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let path = format!("/sys/class/net/{name}/tx_queue_len");
    let Some(len) = host.number(&path)? else {
        return Ok(Finding::unknown(name, format!("{path} is not there")));
    };
    let mut found = format!("{len} packets for each queue");
    let dropped = devices::counter(host, name, "tx_dropped")?;
    if dropped > 0 {
        found = format!("{found}, {dropped} dropped so far");
    }
    if len > SHORT {
        return Ok(Finding::ok(name, found));
    }
    let stops = devices::tun_flags(host, name)? & IFF_BACKPRESSURE != 0;
    let finding = match stops && dropped == 0 {
        true => Finding::note(name, format!("{found}, then the queue is stopped")),
        false => Finding::warning(name, found),
    };
    Ok(finding
        .why(
            "What comes while the queue is full is lost: at a million packets a second 1000 are \
              a millisecond, and vhost threads wait longer for a CPU.",
        )
        .fix(Fix::write(path, LONG)))
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(len: u64) -> MadeUp {
        MadeUp::new()
            .tap("tap7", 4)
            .file("/sys/class/net/tap7/tx_queue_len", &format!("{len}\n"))
    }

    #[test]
    fn long() {
        made_up(10_000).one(look, Severity::Ok);
    }

    #[test]
    fn short() {
        for len in [500, 1000] {
            let host = made_up(len).file("/sys/class/net/tap7/statistics/tx_dropped", "12\n");
            let found = host.one(look, Severity::Warning);
            assert!(found.found.ends_with("12 dropped so far"));
            assert_eq!(found.commands, ["ip link set dev tap7 txqueuelen 10000"]);
            assert_eq!(found.fixes.len(), 1);
        }
    }

    #[test]
    fn short_but_stopped_when_full() {
        let host = made_up(500).file("/sys/class/net/tap7/tun_flags", "0x5182\n");
        host.one(look, Severity::Note);
    }

    #[test]
    fn not_known() {
        MadeUp::new().tap("tap7", 4).one(look, Severity::Unknown);
    }
}
