// SPDX-License-Identifier: GPL-2.0

//! Whether the VMs' network devices have vhost and the queues that they could.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;
use super::super::qemu;
use super::super::qemu::Net;
use super::super::qemu::Vm;
use super::count;

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let (vms, hidden) = qemu::vms(host)?;
    let mut findings = Vec::new();
    for vm in &vms {
        for net in &vm.nets {
            findings.push(judge(vm, net));
        }
    }
    if hidden > 0 {
        let reason = format!("{hidden} processes hide their command lines; run as root");
        findings.push(Finding::unknown("host", reason));
    }
    Ok(findings)
}

fn judge(vm: &Vm, net: &Net) -> Finding {
    let subject = format!("{} {}", vm.name, net.id);
    let driver = net.device.get("driver").unwrap_or("an unknown device");
    let wanted = net.queues.max(vm.cpus);
    let finding = if !driver.starts_with("virtio-net") && net.device.get("driver").is_some() {
        Finding::warning(&subject, format!("is {driver}"))
            .why("Only virtio-net has queues for lanes.")
    } else if !net.vhost {
        Finding::warning(&subject, "a tap without vhost")
            .why("All queues go through one thread of QEMU.")
    } else if net.queues > 1 && !net.device.on("mq") {
        let found = format!("{} on the host, but no mq=on", count(net.queues, "queue"));
        Finding::problem(&subject, found).why("The guest sees one queue, and uses one.")
    } else if net.queues == 1 && vm.cpus > 1 {
        let found = format!("1 queue for {}", count(vm.cpus, "CPU"));
        Finding::warning(&subject, found).why("All CPUs of the guest share one lane.")
    } else if few_vectors(net) {
        let vectors = net.device.number("vectors").unwrap_or(0);
        let found = format!("{} with {vectors} vectors", count(net.queues, "queue"));
        Finding::warning(&subject, found)
            .why("Queues share interrupts in the guest unless there are two for each, and two.")
    } else {
        let found = format!(
            "vhost, {} for {}",
            count(net.queues, "queue"),
            count(vm.cpus, "CPU")
        );
        return Finding::ok(&subject, found);
    };
    finding
        .advice("In libvirt's definition, or on QEMU's command line, at the VM's next start:")
        .command(format!(
            "<model type='virtio'/> <driver name='vhost' queues='{wanted}' rx_queue_size='1024'/>"
        ))
        .command(format!(
            "-netdev tap,id={},vhost=on,queues={wanted},... -device virtio-net-pci,netdev={},\
             mq=on,vectors={},rx_queue_size=1024,...",
            net.id,
            net.id,
            2 * wanted + 2
        ))
}

/// Fewer interrupts than one for each ring, the control queue and the settings.
fn few_vectors(net: &Net) -> bool {
    let vectors = net.device.number("vectors");
    net.queues > 1 && vectors.is_some_and(|vectors| vectors < 2 * net.queues + 2)
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(netdev: &str, device: &str) -> MadeUp {
        let line = format!(
            "/usr/bin/qemu-system-x86_64 -name web -smp 4 -netdev tap,id=n0{netdev} \
             -device {device},netdev=n0"
        );
        let line = line.replace(' ', "\0");
        MadeUp::new()
            .file("/proc/812/cmdline", &line)
            .file("/proc/813/cmdline", "bash\0-netdev\0tap,id=n0\0")
    }

    #[test]
    fn as_it_should_be() {
        let host = made_up(",vhost=on,queues=4", "virtio-net-pci,mq=on,vectors=10");
        let found = host.one(look, Severity::Ok);
        assert_eq!(found.subject, "web n0");
        let host = made_up(",vhost=on,queues=4", "virtio-net-pci,mq=on");
        host.one(look, Severity::Ok);
    }

    #[test]
    fn no_vhost() {
        let host = made_up(",queues=4", "virtio-net-pci,mq=on");
        let found = host.one(look, Severity::Warning);
        assert!(found.commands[0].contains("<driver name='vhost' queues='4'"));
        assert!(found.commands[1].contains("mq=on,vectors=10,"));
    }

    #[test]
    fn no_mq() {
        let host = made_up(",vhost=on,queues=4", "virtio-net-pci");
        host.one(look, Severity::Problem);
    }

    #[test]
    fn one_queue() {
        let host = made_up(",vhost=on", "virtio-net-pci");
        host.one(look, Severity::Warning);
    }

    #[test]
    fn few_vectors() {
        let host = made_up(",vhost=on,queues=4", "virtio-net-pci,mq=on,vectors=3");
        host.one(look, Severity::Warning);
    }

    #[test]
    fn another_device() {
        made_up(",vhost=on", "e1000e").one(look, Severity::Warning);
    }

    #[test]
    fn no_vms() {
        assert!(MadeUp::new().look(look).is_empty());
    }

    #[test]
    fn a_process_that_hides() {
        // A folder in the file's place cannot be read.
        let host = MadeUp::new().dir("/proc/9/cmdline");
        host.one(look, Severity::Unknown);
    }
}
