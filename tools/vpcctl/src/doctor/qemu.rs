// SPDX-License-Identifier: GPL-2.0

//! The VMs that run, by the command lines of their QEMU processes. What was
//! plugged in later is not in there.

use super::host::Host;
use super::host::Seen;
use serde_json::Value;
use std::collections::BTreeMap;

/// A VM, or what else QEMU runs.
pub(crate) struct Vm {
    pub(crate) name: String,
    pub(crate) cpus: usize,
    pub(crate) nets: Vec<Net>,
}

/// A network device of a VM that has a tap behind it.
pub(crate) struct Net {
    pub(crate) id: String,
    pub(crate) vhost: bool,
    pub(crate) queues: usize,
    pub(crate) device: Options,
}

/// What stands behind an option such as -device: "driver,name=value,...", or
/// the same as JSON.
#[derive(Default)]
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    /// `first` is the name of the value that may stand there without one.
    fn parse(text: &str, first: &str) -> Self {
        if let Ok(Value::Object(object)) = serde_json::from_str(text) {
            let text = |value: Value| match value {
                Value::String(text) => text,
                Value::Bool(true) => "on".to_owned(),
                Value::Bool(false) => "off".to_owned(),
                other => other.to_string(),
            };
            let pairs = object.into_iter().map(|(name, value)| (name, text(value)));
            return Options(pairs.collect());
        }
        // A comma within a value is written twice.
        let text = text.replace(",,", "\u{1}");
        let pair = |(at, item): (usize, &str)| {
            let item = item.replace('\u{1}', ",");
            match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None if at == 0 => (first.to_owned(), item),
                None => (item, "on".to_owned()),
            }
        };
        Options(text.split(',').enumerate().map(pair).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("on" | "yes" | "true" | "y"))
    }
}

impl Vm {
    fn parse(pid: &str, args: &[&str]) -> Self {
        let mut vm = Vm {
            name: format!("QEMU {pid}"),
            cpus: 1,
            nets: Vec::new(),
        };
        let mut devices = Vec::new();
        for pair in args.windows(2) {
            match (pair[0].trim_start_matches('-'), pair[1]) {
                ("name", value) => {
                    let options = Options::parse(value, "guest");
                    vm.name = options.get("guest").unwrap_or(&vm.name).to_owned();
                }
                ("smp", value) => {
                    let options = Options::parse(value, "cpus");
                    vm.cpus = options.number("cpus").unwrap_or(1);
                }
                ("netdev", value) => vm.nets.extend(Net::parse(value)),
                ("device", value) => devices.push(Options::parse(value, "driver")),
                _ => {}
            }
        }
        for device in devices {
            let net = device.get("netdev");
            if let Some(net) = vm.nets.iter_mut().find(|known| Some(&*known.id) == net) {
                net.device = device;
            }
        }
        vm
    }
}

impl Net {
    /// None if it is no tap.
    fn parse(text: &str) -> Option<Self> {
        let options = Options::parse(text, "type");
        if options.get("type") != Some("tap") {
            return None;
        }
        // libvirt hands over the queues as descriptors: "35:36:37".
        let listed = options.get("fds").map(|fds| fds.split(':').count());
        let handed = options.get("vhostfd").or(options.get("vhostfds"));
        Some(Net {
            id: options.get("id").unwrap_or_default().to_owned(),
            vhost: options.on("vhost") || options.on("vhostforce") || handed.is_some(),
            queues: options.number("queues").or(listed).unwrap_or(1),
            device: Options::default(),
        })
    }
}

/// The VMs with a tap, and how many processes hide their command lines.
pub(crate) fn vms(host: &Host) -> Seen<(Vec<Vm>, usize)> {
    let (mut vms, mut hidden) = (Vec::new(), 0);
    for pid in host.list("/proc")? {
        if !pid.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let line = match host.read(&format!("/proc/{pid}/cmdline")) {
            Ok(line) => line.unwrap_or_default(),
            Err(_) => {
                hidden += 1;
                continue;
            }
        };
        let args: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
        let program = args.first().and_then(|path| path.rsplit('/').next());
        let program = program.unwrap_or_default();
        if program.starts_with("qemu-system-") || program == "qemu-kvm" || program == "kvm" {
            let vm = Vm::parse(&pid, &args);
            vms.extend(Some(vm).filter(|vm| !vm.nets.is_empty()));
        }
    }
    Ok((vms, hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_typed() {
        let args = [
            "qemu-system-x86_64",
            "-smp",
            "4",
            "-netdev",
            "tap,id=n0,ifname=tap7,script=no,vhost=on,queues=4",
            "-device",
            "virtio-net-pci,netdev=n0,mq=on,vectors=10,rx_queue_size=1024",
            "-netdev",
            "user,id=n1",
        ];
        let vm = Vm::parse("77", &args);
        assert_eq!(
            (vm.name.as_str(), vm.cpus, vm.nets.len()),
            ("QEMU 77", 4, 1)
        );
        let net = &vm.nets[0];
        assert!(net.vhost && net.device.on("mq"));
        assert_eq!(net.queues, 4);
        assert_eq!(net.device.get("driver"), Some("virtio-net-pci"));
        assert_eq!(net.device.number("rx_queue_size"), Some(1024));
    }

    #[test]
    fn as_libvirt_says_it() {
        let args = [
            "/usr/bin/qemu-system-x86_64",
            "-name",
            "guest=web,,1,debug-threads=on",
            "-smp",
            "8,sockets=8,cores=1,threads=1",
            "-netdev",
            r#"{"type":"tap","fds":"35:36","vhost":true,"vhostfds":"37:38","id":"hostnet0"}"#,
            "-device",
            r#"{"driver":"virtio-net-pci","mq":true,"vectors":6,"netdev":"hostnet0"}"#,
        ];
        let vm = Vm::parse("78", &args);
        assert_eq!((vm.name.as_str(), vm.cpus), ("web,1", 8));
        let net = &vm.nets[0];
        assert!(net.vhost && net.device.on("mq"));
        assert_eq!(net.queues, 2);
        assert_eq!(net.device.number("vectors"), Some(6));
    }
}
