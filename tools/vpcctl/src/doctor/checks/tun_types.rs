// SPDX-License-Identifier: GPL-2.0

//! Whether tun_mq can find its way in the tun driver's own memory.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;

const WHY: &str = "By tun's type information tun_mq knows whether a tap has a steering program, \
    which goes before lanes, and how many queues it serves.";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    let own = host.exists("/sys/kernel/btf/tun");
    let kernel = host.exists("/sys/kernel/btf/vmlinux");
    // A driver that is built in has no size in memory of its own.
    let module = host.exists("/sys/module/tun/coresize");
    let built_in = host.exists("/sys/module/tun") && !module;
    Ok(vec![if kernel && (own || built_in) {
        Finding::ok("tun", "its type information (BTF) is there")
    } else if kernel && !module {
        Finding::note("tun", "not loaded yet").why(WHY)
    } else {
        let found = match kernel {
            true => "the driver has no type information (BTF)",
            false => "the kernel has no type information (BTF)",
        };
        Finding::warning("tun", found).why(WHY).advice(
            "Use a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y, and tun as it was built with it.",
        )
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    fn made_up() -> MadeUp {
        MadeUp::new().file("/sys/kernel/btf/vmlinux", "")
    }

    #[test]
    fn there() {
        let host = made_up().file("/sys/module/tun/coresize", "1\n");
        host.file("/sys/kernel/btf/tun", "").one(look, Severity::Ok);
        // Built in.
        made_up().dir("/sys/module/tun").one(look, Severity::Ok);
    }

    #[test]
    fn not_there() {
        let host = made_up().file("/sys/module/tun/coresize", "1\n");
        host.one(look, Severity::Warning);
        MadeUp::new().one(look, Severity::Warning);
    }

    #[test]
    fn not_yet() {
        made_up().one(look, Severity::Note);
    }
}
