// SPDX-License-Identifier: GPL-2.0

//! The numbers of the family `vpc_hook`, which are those of
//! Documentation/netlink/specs/vpc_hook.yaml.

/// Operations, in the order of the specification.
pub(crate) mod command {
    pub(crate) const CONFIG_GET: u8 = 1;
    pub(crate) const CONFIG_SET: u8 = 2;
    pub(crate) const BEGIN: u8 = 3;
    pub(crate) const COMMIT: u8 = 4;
    pub(crate) const VPC_GET: u8 = 6;
    pub(crate) const VPC_NEW: u8 = 7;
    pub(crate) const VPC_DEL: u8 = 8;
    pub(crate) const PORT_GET: u8 = 9;
    pub(crate) const PORT_NEW: u8 = 10;
    pub(crate) const PORT_DEL: u8 = 11;
    pub(crate) const REMOTE_GET: u8 = 12;
    pub(crate) const REMOTE_NEW: u8 = 13;
    pub(crate) const REMOTE_DEL: u8 = 14;
    pub(crate) const ENTRY_GET: u8 = 15;
    pub(crate) const ENTRY_NEW: u8 = 16;
    pub(crate) const ENTRY_DEL: u8 = 17;
    pub(crate) const ACL_GET: u8 = 18;
    pub(crate) const ACL_NEW: u8 = 19;
    pub(crate) const ACL_DEL: u8 = 20;
    pub(crate) const RULE_GET: u8 = 21;
    pub(crate) const RULE_NEW: u8 = 22;
    pub(crate) const RULE_DEL: u8 = 23;
    pub(crate) const GROUP_GET: u8 = 24;
    pub(crate) const GROUP_NEW: u8 = 25;
    pub(crate) const GROUP_DEL: u8 = 26;
    pub(crate) const TRACE: u8 = 27;
    pub(crate) const CONFIG_NTF: u8 = 28;
    pub(crate) const MISS_NTF: u8 = 29;
    pub(crate) const LOG_NTF: u8 = 30;
}

pub(crate) mod config {
    pub(crate) const TUNNEL: u16 = 1;
    pub(crate) const TUNNEL_NAME: u16 = 2;
    pub(crate) const GENERATION: u16 = 3;
    pub(crate) const VPCS: u16 = 4;
    pub(crate) const PORTS: u16 = 5;
    pub(crate) const ENTRIES: u16 = 6;
    pub(crate) const REMOTES: u16 = 7;
    pub(crate) const ACLS: u16 = 8;
    pub(crate) const RULES: u16 = 9;
    pub(crate) const GROUPS: u16 = 10;
    pub(crate) const MAX_ENTRIES: u16 = 11;
    pub(crate) const DROP: u16 = 12;
}

pub(crate) mod begin {
    pub(crate) const COPY: u16 = 1;
    pub(crate) const GENERATION: u16 = 2;
}

pub(crate) mod counter {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const PACKETS: u16 = 2;
}

pub(crate) mod vpc {
    pub(crate) const ID: u16 = 1;
    pub(crate) const NAME: u16 = 2;
    pub(crate) const GATEWAY: u16 = 3;
    pub(crate) const PORTS: u16 = 4;
    pub(crate) const ENTRIES: u16 = 5;
    pub(crate) const REMOTES: u16 = 6;
}

pub(crate) mod address {
    pub(crate) const ADDRESS: u16 = 1;
    pub(crate) const PREFIX: u16 = 2;
}

pub(crate) mod port {
    pub(crate) const IFINDEX: u16 = 1;
    pub(crate) const IFNAME: u16 = 2;
    pub(crate) const VPC: u16 = 3;
    pub(crate) const MAC: u16 = 4;
    pub(crate) const ADDRESS: u16 = 5;
    pub(crate) const FLAGS: u16 = 6;
    pub(crate) const ACL: u16 = 7;
    pub(crate) const RX_PACKETS: u16 = 8;
    pub(crate) const TX_PACKETS: u16 = 9;
    pub(crate) const ANSWERED: u16 = 10;
    pub(crate) const DROP: u16 = 11;
    pub(crate) const MAX_CONNECTIONS: u16 = 12;
    pub(crate) const CONNECTIONS: u16 = 13;
}

pub(crate) mod remote {
    pub(crate) const VPC: u16 = 1;
    pub(crate) const ADDRESS: u16 = 2;
    pub(crate) const FLOOD: u16 = 3;
    pub(crate) const RX_PACKETS: u16 = 4;
    pub(crate) const TX_PACKETS: u16 = 5;
}

pub(crate) mod entry {
    pub(crate) const VPC: u16 = 1;
    pub(crate) const MAC: u16 = 2;
    pub(crate) const ADDRESS: u16 = 3;
    pub(crate) const REMOTE: u16 = 4;
    pub(crate) const PORT: u16 = 5;
    pub(crate) const FORWARD: u16 = 6;
}

pub(crate) mod acl {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const PORTS: u16 = 3;
}

pub(crate) mod rule {
    pub(crate) const ACL: u16 = 1;
    pub(crate) const PRIORITY: u16 = 2;
    pub(crate) const DIRECTION: u16 = 3;
    pub(crate) const ACTION: u16 = 4;
    pub(crate) const ETHERTYPE: u16 = 5;
    pub(crate) const PROTOCOL: u16 = 6;
    pub(crate) const SRC: u16 = 7;
    pub(crate) const DST: u16 = 8;
    pub(crate) const SRC_GROUP: u16 = 9;
    pub(crate) const DST_GROUP: u16 = 10;
    pub(crate) const SPORT_MIN: u16 = 11;
    pub(crate) const SPORT_MAX: u16 = 12;
    pub(crate) const DPORT_MIN: u16 = 13;
    pub(crate) const DPORT_MAX: u16 = 14;
    pub(crate) const ICMP_TYPE: u16 = 15;
    pub(crate) const ICMP_CODE: u16 = 16;
    pub(crate) const STATEFUL: u16 = 17;
    pub(crate) const LOG: u16 = 18;
    pub(crate) const PACKETS: u16 = 19;
}

pub(crate) mod group {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const MEMBER: u16 = 2;
    pub(crate) const APPEND: u16 = 3;
}

pub(crate) mod trace {
    pub(crate) const IFINDEX: u16 = 1;
    pub(crate) const VPC: u16 = 2;
    pub(crate) const REMOTE: u16 = 3;
    pub(crate) const FRAME: u16 = 4;
    pub(crate) const STEP: u16 = 5;
}

pub(crate) mod step {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const TEXT: u16 = 2;
}

pub(crate) mod miss {
    pub(crate) const VPC: u16 = 1;
    pub(crate) const IFINDEX: u16 = 2;
    pub(crate) const MAC: u16 = 3;
    pub(crate) const ADDRESS: u16 = 4;
    pub(crate) const MISSED: u16 = 5;
}

pub(crate) mod log {
    pub(crate) const IFINDEX: u16 = 1;
    pub(crate) const ACL: u16 = 2;
    pub(crate) const PRIORITY: u16 = 3;
    pub(crate) const DIRECTION: u16 = 4;
    pub(crate) const ACTION: u16 = 5;
    pub(crate) const HEADER: u16 = 6;
    pub(crate) const MISSED: u16 = 7;
}

#[cfg(test)]
mod tests {
    /// `NAME_A_SET_ATTRIBUTE = 1,` and the lines that follow, as the generated header has them.
    fn numbers(prefix: &str) -> Vec<String> {
        let header = include_str!("../../../../net/vpc_hook.h");
        header
            .lines()
            .filter_map(|line| line.trim().strip_prefix(prefix))
            .map(|rest| {
                rest.trim_end_matches(" = 1,")
                    .trim_end_matches(',')
                    .to_owned()
            })
            .collect()
    }

    fn number(names: &[String], name: &str) -> usize {
        1 + names.iter().position(|known| known == name).unwrap()
    }

    #[test]
    fn commands_are_those_of_the_header() {
        use super::command::*;

        let names = numbers("VPC_HOOK_CMD_");
        let ours = [
            ("CONFIG_GET", CONFIG_GET),
            ("BEGIN", BEGIN),
            ("COMMIT", COMMIT),
            ("VPC_GET", VPC_GET),
            ("PORT_NEW", PORT_NEW),
            ("REMOTE_DEL", REMOTE_DEL),
            ("ENTRY_GET", ENTRY_GET),
            ("ACL_NEW", ACL_NEW),
            ("RULE_DEL", RULE_DEL),
            ("GROUP_DEL", GROUP_DEL),
            ("TRACE", TRACE),
            ("CONFIG_NTF", CONFIG_NTF),
            ("LOG_NTF", LOG_NTF),
        ];
        for (name, ours) in ours {
            assert_eq!(usize::from(ours), number(&names, name), "{name}");
        }
    }

    /// The last of each set is where the header has it, so that none was left out before it.
    #[test]
    fn attributes_are_those_of_the_header() {
        let ours = [
            ("CONFIG", "DROP", super::config::DROP),
            ("BEGIN", "GENERATION", super::begin::GENERATION),
            ("COUNTER", "PACKETS", super::counter::PACKETS),
            ("VPC", "REMOTES", super::vpc::REMOTES),
            ("ADDRESS", "PREFIX", super::address::PREFIX),
            ("PORT", "DROP", super::port::DROP),
            ("PORT", "MAX_CONNECTIONS", super::port::MAX_CONNECTIONS),
            ("PORT", "CONNECTIONS", super::port::CONNECTIONS),
            ("REMOTE", "TX_PACKETS", super::remote::TX_PACKETS),
            ("ENTRY", "FORWARD", super::entry::FORWARD),
            ("ACL", "PORTS", super::acl::PORTS),
            ("RULE", "STATEFUL", super::rule::STATEFUL),
            ("RULE", "PACKETS", super::rule::PACKETS),
            ("GROUP", "APPEND", super::group::APPEND),
            ("TRACE", "STEP", super::trace::STEP),
            ("STEP", "TEXT", super::step::TEXT),
            ("MISS", "MISSED", super::miss::MISSED),
            ("LOG", "MISSED", super::log::MISSED),
        ];
        for (set, name, ours) in ours {
            let names = numbers(&format!("VPC_HOOK_A_{set}_"));
            assert_eq!(usize::from(ours), number(&names, name), "{set} {name}");
        }
    }
}
