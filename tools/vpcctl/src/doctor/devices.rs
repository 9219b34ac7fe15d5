// SPDX-License-Identifier: GPL-2.0

//! Which devices are the uplinks, and which are taps.

use super::host::Host;
use super::host::Seen;
use super::links;
use serde_json::Value;

/// The network cards at the bottom of the uplinks: of those that --uplink
/// names, else of those that the GRE ports' packets leave by, else all cards
/// that are up.
pub(crate) fn uplinks(host: &Host) -> Seen<Vec<String>> {
    let mut tops = host.chosen.clone();
    if tops.is_empty() {
        tops = routed(host);
    }
    if tops.is_empty() {
        tops = cards(host)?;
    }
    let mut found = Vec::new();
    for top in tops {
        for name in lowest(host, &top, 0)? {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    Ok(found)
}

/// The devices that lead to the remotes of GRE ports. Without `ip` nothing is
/// known of them, which other checks say.
fn routed(host: &Host) -> Vec<String> {
    let mut names = Vec::new();
    for port in links::used_ports(host).unwrap_or_default() {
        let Some(remote) = port.remote() else {
            continue;
        };
        let route = host.ask_json(&["ip", "-j", "route", "get", remote]);
        let device = route.ok().flatten().and_then(|route| {
            let device = route.get(0)?.get("dev").and_then(Value::as_str);
            device.map(str::to_owned)
        });
        names.extend(device.filter(|name| name != "lo"));
    }
    names
}

fn cards(host: &Host) -> Seen<Vec<String>> {
    const IFF_UP: u64 = 1;
    let mut names = Vec::new();
    for name in host.list("/sys/class/net")? {
        let dir = format!("/sys/class/net/{name}");
        if host.exists(&format!("{dir}/device"))
            && !host.exists(&format!("{dir}/phy80211"))
            && host.number(&format!("{dir}/flags"))?.unwrap_or(0) & IFF_UP != 0
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// What is below a bond, bridge or VLAN; the device itself if nothing is.
fn lowest(host: &Host, name: &str, depth: u32) -> Seen<Vec<String>> {
    let mut found = Vec::new();
    // A bridge of VMs has taps and tunnels, too: these are no uplinks.
    for entry in host.list(&format!("/sys/class/net/{name}"))? {
        let Some(lower) = entry.strip_prefix("lower_").filter(|_| depth < 8) else {
            continue;
        };
        for name in lowest(host, lower, depth + 1)? {
            if host.exists(&format!("/sys/class/net/{name}/device")) {
                found.push(name);
            }
        }
    }
    if found.is_empty() {
        found.push(name.to_owned());
    }
    Ok(found)
}

pub(crate) fn exists(host: &Host, name: &str) -> bool {
    host.is_dir(&format!("/sys/class/net/{name}"))
}

/// The taps of this namespace.
pub(crate) fn taps(host: &Host) -> Seen<Vec<String>> {
    const IFF_TAP: u64 = 2;
    let mut names = Vec::new();
    for name in host.list("/sys/class/net")? {
        if tun_flags(host, &name)? & IFF_TAP != 0 {
            names.push(name);
        }
    }
    Ok(names)
}

/// The flags of a tun device; 0 for any other.
pub(crate) fn tun_flags(host: &Host, name: &str) -> Seen<u64> {
    let flags = host.number(&format!("/sys/class/net/{name}/tun_flags"))?;
    Ok(flags.unwrap_or(0))
}

/// The queues of a device that begin with "rx-" or "tx-".
pub(crate) fn queues(host: &Host, name: &str, which: &str) -> Seen<Vec<String>> {
    let mut queues = host.list(&format!("/sys/class/net/{name}/queues"))?;
    queues.retain(|queue| queue.starts_with(which));
    Ok(queues)
}

/// A counter of a device.
pub(crate) fn counter(host: &Host, name: &str, what: &str) -> Seen<u64> {
    let count = host.number(&format!("/sys/class/net/{name}/statistics/{what}"))?;
    Ok(count.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn all_cards_that_are_up() {
        let host = MadeUp::new()
            .nic("eth0", 4)
            .nic("eth1", 4)
            .file("/sys/class/net/eth1/flags", "0x1002\n")
            .nic("wlan0", 1)
            .dir("/sys/class/net/wlan0/phy80211")
            .device("br0", 1);
        assert_eq!(uplinks(&host.host()).unwrap(), ["eth0"]);
    }

    #[test]
    fn the_cards_below_what_leads_to_the_remote() {
        let links = r#"[{"ifname":"gre7","flags":["UP"],"linkinfo":
            {"info_kind":"mqgre","info_data":{"remote":"192.0.2.2"}}}]"#;
        let host = MadeUp::new()
            .nic("eth0", 4)
            .nic("eth1", 4)
            .nic("eth2", 4)
            .device("bond0", 1)
            .dir("/sys/class/net/bond0/lower_eth1")
            .dir("/sys/class/net/bond0/lower_eth2")
            .said("ip -j -d link", links)
            .said("ip -j route get 192.0.2.2", r#"[{"dev":"bond0"}]"#);
        assert_eq!(uplinks(&host.host()).unwrap(), ["eth1", "eth2"]);
    }

    #[test]
    fn taps_are_no_tuns() {
        let host = MadeUp::new()
            .tap("tap7", 4)
            .device("tun0", 1)
            .file("/sys/class/net/tun0/tun_flags", "0x1001\n");
        assert_eq!(taps(&host.host()).unwrap(), ["tap7"]);
    }
}
