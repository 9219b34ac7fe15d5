// SPDX-License-Identifier: GPL-2.0

//! How many queues each VM has.

use super::super::devices;
use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::count;
use super::each;

const IFF_MULTI_QUEUE: u64 = 0x100;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let taps = devices::taps(host)?;
    if taps.is_empty() {
        let found = "no taps in this namespace";
        return Ok(vec![
            Finding::note("host", found).why("Lanes begin at the taps of VMs.")
        ]);
    }
    Ok(each(&taps, |name| look_at(host, name)))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let queues = devices::queues(host, name, "tx-")?.len();
    let found = format!("{} in use", count(queues, "queue"));
    if devices::tun_flags(host, name)? & IFF_MULTI_QUEUE != 0 {
        return Ok(match queues {
            0 | 1 => Finding::note(name, found)
                .why("The VM has one lane, although its tap could have more.")
                .advice("Has it started? In the guest, N up to the queues that the VM has:")
                .command("ethtool -L eth0 combined N"),
            _ => Finding::ok(name, found),
        });
    }
    Ok(Finding::note(name, format!("{found}, not made for more"))
        .why("A VM with one queue has one lane: its CPUs share it.")
        .advice("In the VM's definition (at its next start), N up to the number of its CPUs:")
        .command("<driver name='vhost' queues='N' rx_queue_size='1024'/>"))
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn many() {
        MadeUp::new().tap("tap7", 4).one(look, Severity::Ok);
    }

    #[test]
    fn one_of_many() {
        let found = MadeUp::new().tap("tap7", 1).one(look, Severity::Note);
        assert_eq!(found.commands, ["ethtool -L eth0 combined N"]);
    }

    #[test]
    fn one() {
        let host = MadeUp::new()
            .tap("tap7", 1)
            .file("/sys/class/net/tap7/tun_flags", "0x5002\n");
        host.one(look, Severity::Note);
    }

    #[test]
    fn none() {
        MadeUp::new().one(look, Severity::Note);
    }
}
