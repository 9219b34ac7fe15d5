// SPDX-License-Identifier: GPL-2.0

//! How many packets the rings between a VM and vhost hold.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::qemu;

/// QEMU's own, in both directions.
const DEFAULT: usize = 256;
/// The most that QEMU takes for packets to the VM.
const MOST: usize = 1024;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let mut findings = Vec::new();
    // Who hides his command line is told of by the check of vhost.
    for vm in qemu::vms(host)?.0 {
        for net in &vm.nets {
            let driver = net.device.get("driver").unwrap_or_default();
            if !driver.starts_with("virtio-net") {
                continue;
            }
            let size = |name| net.device.number(name).unwrap_or(DEFAULT);
            let (rx, tx) = (size("rx_queue_size"), size("tx_queue_size"));
            let subject = format!("{} {}", vm.name, net.id);
            let found = format!("to the VM {rx}, from it {tx}");
            findings.push(match rx < MOST {
                true => short(&subject, found, net.queues),
                false => Finding::ok(&subject, found),
            });
        }
    }
    Ok(findings)
}

fn short(subject: &str, found: String, queues: usize) -> Finding {
    let many = match queues {
        1 => String::new(),
        _ => format!(" queues='{queues}'"),
    };
    Finding::warning(subject, found)
        .why(
            "A guest that does not look for a while finds its ring full, and the tap's queue \
              after it.",
        )
        .advice(
            "At the VM's next start. QEMU takes 256 to 1024, a power of two; leave tx_queue_size: \
             above 256 it is refused except for vhost-user and vdpa. libvirt, QEMU:",
        )
        .command(format!("<driver name='vhost'{many} rx_queue_size='1024'/>"))
        .command("-device virtio-net-pci,...,rx_queue_size=1024")
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(device: &str) -> MadeUp {
        let line = format!(
            "qemu-kvm -name web -netdev tap,id=n0,vhost=on,queues=4 -device {device},netdev=n0"
        );
        MadeUp::new().file("/proc/812/cmdline", &line.replace(' ', "\0"))
    }

    #[test]
    fn long() {
        let host = made_up("virtio-net-pci,mq=on,rx_queue_size=1024");
        let found = host.one(look, Severity::Ok);
        assert_eq!(found.found, "to the VM 1024, from it 256");
    }

    #[test]
    fn short() {
        for device in ["virtio-net-pci", "virtio-net-pci,rx_queue_size=512"] {
            let found = made_up(device).one(look, Severity::Warning);
            assert_eq!(
                found.commands[0],
                "<driver name='vhost' queues='4' rx_queue_size='1024'/>"
            );
        }
    }

    #[test]
    fn other_devices_have_none() {
        assert!(made_up("e1000e").look(look).is_empty());
    }
}
