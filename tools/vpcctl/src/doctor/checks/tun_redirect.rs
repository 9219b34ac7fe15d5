// SPDX-License-Identifier: GPL-2.0

//! Whether tun_mq can redirect tun's choice of a queue.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;

const FUNCTION: &str = "tun_select_queue";
const WHY: &str = "tun_mq redirects tun_select_queue by ftrace; else packets to VMs are spread \
    over their queues by flow, not by lane.";
const OTHERWISE: &str = "Or set steering programs: vpcctl lanes set TAP --mode ebpf. Or build \
    tun with the patches in tun_mq/patches.";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    Ok(vec![judge(host)?])
}

fn judge(host: &Host) -> Seen<Finding> {
    if let Some(option) = missing_option(host)? {
        return Ok(
            Finding::problem("tun", format!("the kernel has no {option}"))
                .why(WHY)
                .advice(OTHERWISE),
        );
    }
    if host.number("/proc/sys/kernel/ftrace_enabled")? == Some(0) {
        return Ok(Finding::problem("tun", "ftrace is switched off")
            .why(WHY)
            .advice(OTHERWISE)
            .command("sysctl -w kernel.ftrace_enabled=1"));
    }
    if !host.exists("/sys/module/tun") {
        return Ok(Finding::note("tun", "not loaded yet")
            .why("Only then is it known whether its choice of a queue can be redirected."));
    }
    let Some(dir) = tracefs(host)? else {
        return Ok(Finding::unknown("tun", "tracefs is not mounted")
            .advice("Mount it and run this again:")
            .command("mount -t tracefs tracefs /sys/kernel/tracing"));
    };
    if let Some(owner) = owner(host, dir)? {
        return Ok(match owner.contains("[tun_mq]") {
            true => Finding::ok("tun", "tun_mq redirects tun_select_queue"),
            false => Finding::problem("tun", format!("tun_select_queue is taken: {owner}"))
                .why("Only one at a time may redirect a function: a livepatch or a tracer has it.")
                .advice(OTHERWISE),
        });
    }
    let traceable = host.read(&format!("{dir}/available_filter_functions"))?;
    Ok(
        match traceable.is_some_and(|list| list.lines().any(is_ours)) {
            true => Finding::ok("tun", "tun_select_queue can be redirected"),
            false => Finding::problem("tun", "tun has no tun_select_queue that can be traced")
                .why(WHY)
                .advice(OTHERWISE),
        },
    )
}

fn is_ours(line: &str) -> bool {
    line.split_whitespace().next() == Some(FUNCTION)
}

/// The folder of the tracer's files; None if it is not mounted.
fn tracefs(host: &Host) -> Seen<Option<&'static str>> {
    for dir in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
        if !host.list(dir)?.is_empty() {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// Who redirects the function, in the words of the tracer: "I" means that the
/// instruction pointer is changed.
fn owner(host: &Host, dir: &str) -> Seen<Option<String>> {
    let enabled = host.read(&format!("{dir}/enabled_functions"))?;
    let enabled = enabled.unwrap_or_default();
    let line = enabled.lines().find(|line| is_ours(line));
    // tun_select_queue [tun] (1) R I   \ttramp: ... (callback+0x0/0x10 [owner])
    let Some((_, rest)) = line.and_then(|line| line.split_once(") ")) else {
        return Ok(None);
    };
    let (flags, by) = rest.split_once('\t').unwrap_or((rest, ""));
    if !flags.split_whitespace().any(|flag| flag == "I") {
        return Ok(None);
    }
    let by = by.trim();
    Ok(Some(
        if by.is_empty() {
            "by whom is not said"
        } else {
            by
        }
        .to_owned(),
    ))
}

/// What the kernel is configured without; None, too, if that is not known.
fn missing_option(host: &Host) -> Seen<Option<&'static str>> {
    let release = host.read("/proc/sys/kernel/osrelease")?.unwrap_or_default();
    let release = release.trim();
    let mut config = None;
    for path in [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
        format!("/lib/modules/{release}/build/.config"),
    ] {
        if config.is_none() {
            // Another place may be open to all.
            config = host.read(&path).ok().flatten();
        }
    }
    if config.is_none() && host.exists("/proc/config.gz") {
        config = host.ask(&["zcat", "/proc/config.gz"])?;
    }
    let Some(config) = config else {
        return Ok(None);
    };
    let needed = [
        "CONFIG_FUNCTION_TRACER",
        "CONFIG_DYNAMIC_FTRACE_WITH_ARGS",
        "CONFIG_NETFILTER_INGRESS",
    ];
    let is_set = |option: &&str| {
        let mut lines = config.lines();
        lines.any(|line| line.strip_prefix(option) == Some("=y"))
    };
    Ok(needed.into_iter().find(|option| !is_set(option)))
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    const CONFIG: &str = "CONFIG_FUNCTION_TRACER=y\nCONFIG_DYNAMIC_FTRACE_WITH_ARGS=y\n\
                          CONFIG_NETFILTER_INGRESS=y\n";

    fn made_up() -> MadeUp {
        MadeUp::new()
            .dir("/sys/module/tun")
            .file("/boot/config-7.3.4-test", CONFIG)
            .file(
                "/sys/kernel/tracing/available_filter_functions",
                "tun_net_xmit [tun]\ntun_select_queue [tun]\n",
            )
    }

    fn enabled(line: &str) -> MadeUp {
        made_up().file(
            "/sys/kernel/tracing/enabled_functions",
            &format!("tun_net_xmit [tun] (1)  I      \n{line}\n"),
        )
    }

    #[test]
    fn free() {
        made_up().one(look, Severity::Ok);
        // A tracer that only looks is in nobody's way.
        let line = "tun_select_queue [tun] (1)           \ttramp: 0xffffffffc04c3000 (function_t)";
        enabled(line).one(look, Severity::Ok);
    }

    #[test]
    fn ours() {
        let line = "tun_select_queue [tun] (1)   I       \ttramp: 0xffffffffc0 (redirect [tun_mq])";
        enabled(line).one(look, Severity::Ok);
    }

    #[test]
    fn taken() {
        let line =
            "tun_select_queue [tun] (1) R I       \ttramp: 0xffffffffc0 (klp_ftrace_handler)";
        let found = enabled(line).one(look, Severity::Problem);
        assert!(found.found.ends_with("(klp_ftrace_handler)"));
    }

    #[test]
    fn not_traceable() {
        let host = made_up().file(
            "/sys/kernel/tracing/available_filter_functions",
            "tun_net_xmit [tun]\n",
        );
        host.one(look, Severity::Problem);
    }

    #[test]
    fn no_ftrace() {
        let host = made_up().file("/boot/config-7.3.4-test", "CONFIG_FUNCTION_TRACER=y\n");
        let found = host.one(look, Severity::Problem);
        assert_eq!(
            found.found,
            "the kernel has no CONFIG_DYNAMIC_FTRACE_WITH_ARGS"
        );
    }

    #[test]
    fn the_config_may_be_packed() {
        let host = MadeUp::new()
            .file("/proc/config.gz", "")
            .said("zcat /proc/config.gz", "CONFIG_NET=y\n");
        host.one(look, Severity::Problem);
    }

    #[test]
    fn switched_off() {
        let host = made_up().file("/proc/sys/kernel/ftrace_enabled", "0\n");
        let found = host.one(look, Severity::Problem);
        assert_eq!(found.commands, ["sysctl -w kernel.ftrace_enabled=1"]);
    }

    #[test]
    fn not_to_be_seen() {
        let host = MadeUp::new().dir("/sys/module/tun");
        host.one(look, Severity::Unknown);
        MadeUp::new().one(look, Severity::Note);
    }
}
