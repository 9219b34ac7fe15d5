// SPDX-License-Identifier: GPL-2.0

//! Tunnels that carry Ethernet in GRE, as `ip -d link` shows them.

use super::host::Host;
use super::host::Seen;
use serde_json::Value;

/// A GRE port.
pub(crate) struct Port {
    pub(crate) name: String,
    /// mqgre, gretap or ip6gretap.
    pub(crate) kind: String,
    pub(crate) qdisc: String,
    /// Up, or in a bridge.
    pub(crate) in_use: bool,
    pub(crate) bridge: Option<String>,
    /// The settings, if `ip` could read them (those of mqgre need its plugin).
    data: Value,
}

impl Port {
    pub(crate) fn is_mqgre(&self) -> bool {
        self.kind == "mqgre"
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str)
    }

    pub(crate) fn remote(&self) -> Option<&str> {
        self.text("remote").filter(|addr| *addr != "any")
    }

    /// GRE in UDP.
    pub(crate) fn in_udp(&self) -> bool {
        let encap = self.data.get("encap");
        encap.and_then(|encap| encap.get("type")) == Some(&Value::from("fou"))
    }

    /// Whether the settings are to be seen.
    pub(crate) fn readable(&self) -> bool {
        self.data.is_object()
    }
}

/// The GRE ports of this namespace, but for those that a module makes on its
/// own and that nobody has used.
pub(crate) fn ports(host: &Host) -> Seen<Vec<Port>> {
    let links = host.ask_json(&["ip", "-j", "-d", "link"])?;
    let links = links.as_ref().and_then(Value::as_array);
    Ok(links.into_iter().flatten().filter_map(port).collect())
}

/// The ports in use.
pub(crate) fn used_ports(host: &Host) -> Seen<Vec<Port>> {
    let mut ports = ports(host)?;
    ports.retain(|port| port.in_use);
    Ok(ports)
}

fn port(link: &Value) -> Option<Port> {
    let text = |name| link.get(name).and_then(Value::as_str).map(str::to_owned);
    let info = link.get("linkinfo")?;
    let kind = info.get("info_kind")?.as_str()?.to_owned();
    if !matches!(kind.as_str(), "mqgre" | "gretap" | "ip6gretap") {
        return None;
    }
    let flags = link.get("flags").and_then(Value::as_array);
    let up = flags.is_some_and(|flags| flags.contains(&Value::from("UP")));
    let bridge = text("master");
    Some(Port {
        name: text("ifname")?,
        kind,
        qdisc: text("qdisc").unwrap_or_default(),
        in_use: up || bridge.is_some(),
        bridge,
        data: info.get("info_data").cloned().unwrap_or(Value::Null),
    })
}
