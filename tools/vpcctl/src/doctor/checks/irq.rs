// SPDX-License-Identifier: GPL-2.0

//! Which CPUs take the interrupts of the uplink's queues.

use super::super::cpus;
use super::super::finding::Finding;
use super::super::fix::Fix;
use super::super::host::Host;
use super::super::host::Seen;
use super::count;
use super::each_uplink;
use std::collections::BTreeSet;

const WHY: &str = "Packets are received, and sent ones cleaned up, on the CPU that takes the \
    queue's interrupt: lanes on one CPU wait for each other.";

/// An interrupt of a queue.
struct Irq {
    number: String,
    /// The first number in its name that follows what it is for.
    queue: usize,
    cpus: Vec<u32>,
}

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    each_uplink(host, |name| look_at(host, name))
}

fn look_at(host: &Host, name: &str) -> Seen<Finding> {
    let irqs = irqs(host, name)?;
    let online = cpus::online(host)?;
    if irqs.is_empty() {
        let reason = "no interrupt is known as that of a queue";
        return Ok(Finding::unknown(name, reason));
    }
    let used: BTreeSet<u32> = irqs
        .iter()
        .filter_map(|irq| irq.cpus.first())
        .copied()
        .collect();
    let queues: BTreeSet<usize> = irqs.iter().map(|irq| irq.queue).collect();
    let found = format!(
        "{} on {}",
        count(irqs.len(), "interrupt"),
        count(used.len(), "CPU")
    );
    if used.len() >= queues.len().min(online.len()) {
        return Ok(Finding::ok(name, found));
    }
    let mut finding = match used.len() {
        0 | 1 => Finding::warning(name, found),
        _ => Finding::note(name, found),
    }
    .why(WHY);
    let balanced = irqbalance(host)?;
    if balanced {
        finding = finding.advice(
            "irqbalance runs and would move them again: stop it, or let it leave these alone \
             (--banirq), then:",
        );
    }
    for irq in &irqs {
        let cpu = online[irq.queue % online.len()];
        let fix = Fix::write(format!("/proc/irq/{}/smp_affinity_list", irq.number), cpu);
        finding = match balanced {
            true => finding.command(fix.command()),
            false => finding.fix(fix),
        };
    }
    Ok(finding)
}

/// The interrupts of the queues of a card. A virtio card's belong to the PCI
/// device above it.
fn irqs(host: &Host, name: &str) -> Seen<Vec<Irq>> {
    let device = format!("/sys/class/net/{name}/device");
    let mut numbers = host.list(&format!("{device}/msi_irqs"))?;
    if numbers.is_empty() {
        numbers = host.list(&format!("{device}/../msi_irqs"))?;
    }
    let mut irqs = Vec::new();
    for number in numbers {
        let dir = format!("/proc/irq/{number}");
        let mut queue = None;
        for action in host.list(&dir)? {
            if host.is_dir(&format!("{dir}/{action}")) {
                queue = queue.or(queue_of(&action));
            }
        }
        let Some(queue) = queue else {
            continue;
        };
        irqs.push(Irq {
            cpus: cpus_of(host, &dir)?,
            number,
            queue,
        });
    }
    Ok(irqs)
}

/// The CPUs that take an interrupt. Where it was moved, but has not come since,
/// the effective CPU is still the old one.
fn cpus_of(host: &Host, dir: &str) -> Seen<Vec<u32>> {
    let list = |file: &str| -> Seen<Vec<u32>> {
        let text = host.read(&format!("{dir}/{file}"))?;
        Ok(cpus::parse_list(&text.unwrap_or_default()))
    };
    let allowed = list("smp_affinity_list")?;
    let mut effective = list("effective_affinity_list")?;
    effective.retain(|cpu| allowed.contains(cpu));
    Ok(match effective.is_empty() {
        true => allowed,
        false => effective,
    })
}

/// The queue that an interrupt belongs to, by its name: "eth0-TxRx-3",
/// "mlx5_comp3@pci:...", "virtio2-input.3". None for what is not of a queue.
fn queue_of(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let (_, rest) = ["rx", "tx", "input", "output", "comp", "blk"]
        .iter()
        .filter_map(|word| name.rsplit_once(word))
        .min_by_key(|(_, rest)| rest.len())?;
    let digits = rest.trim_start_matches(['-', '.', '_']);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

fn irqbalance(host: &Host) -> Seen<bool> {
    for pid in host.list("/proc")? {
        if !pid.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        // A process may have ended meanwhile.
        let comm = host.read(&format!("/proc/{pid}/comm")).ok().flatten();
        if comm.is_some_and(|comm| comm.trim() == "irqbalance") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up(cpus: [u32; 4]) -> MadeUp {
        let mut host = MadeUp::new()
            .nic("eth0", 4)
            .file("/sys/class/net/eth0/device/msi_irqs/40", "msix")
            .dir("/proc/irq/40/eth0");
        for (queue, cpu) in cpus.iter().enumerate() {
            let number = 41 + queue;
            host = host
                .file(
                    &format!("/sys/class/net/eth0/device/msi_irqs/{number}"),
                    "msix",
                )
                .dir(&format!("/proc/irq/{number}/eth0-TxRx-{queue}"))
                .file(&format!("/proc/irq/{number}/smp_affinity_list"), "0-3\n")
                .file(
                    &format!("/proc/irq/{number}/effective_affinity_list"),
                    &format!("{cpu}\n"),
                );
        }
        host
    }

    #[test]
    fn each_on_its_cpu() {
        let found = made_up([3, 1, 0, 2]).one(look, Severity::Ok);
        assert_eq!(found.found, "4 interrupts on 4 CPUs");
    }

    #[test]
    fn all_on_one() {
        let host = made_up([0; 4]);
        let found = host.one(look, Severity::Warning);
        assert_eq!(found.fixes.len(), 4);
        assert_eq!(found.commands[2], "echo 2 >/proc/irq/43/smp_affinity_list");
    }

    #[test]
    fn some_together() {
        made_up([0, 0, 1, 1]).one(look, Severity::Note);
    }

    #[test]
    fn moved_but_quiet_since() {
        let mut host = made_up([0; 4]);
        for queue in 0..4 {
            let file = format!("/proc/irq/{}/smp_affinity_list", 41 + queue);
            host = host.file(&file, &format!("{queue}\n"));
        }
        host.one(look, Severity::Ok);
    }

    #[test]
    fn irqbalance_would_undo_it() {
        let host = made_up([0; 4]).file("/proc/812/comm", "irqbalance\n");
        let found = host.one(look, Severity::Warning);
        assert!(found.advice.contains("irqbalance"));
        assert!(found.fixes.is_empty());
        assert_eq!(found.commands.len(), 4);
    }

    #[test]
    fn a_card_without_them() {
        MadeUp::new().nic("eth0", 4).one(look, Severity::Unknown);
    }

    #[test]
    fn names_of_drivers() {
        assert_eq!(queue_of("enp1s0f0-TxRx-12"), Some(12));
        assert_eq!(queue_of("up0-rx-3"), Some(3));
        assert_eq!(queue_of("virtio2-output.1"), Some(1));
        assert_eq!(queue_of("mlx5_comp7@pci:0000:3b:00.0"), Some(7));
        assert_eq!(queue_of("ens5-Tx-Rx-0"), Some(0));
        assert_eq!(queue_of("gve-ntfy-blk4@pci:0000:00:04.0"), Some(4));
        assert_eq!(queue_of("mlx5_async0@pci:0000:3b:00.0"), None);
        assert_eq!(queue_of("virtio2-config"), None);
        assert_eq!(queue_of("eth0"), None);
    }
}
