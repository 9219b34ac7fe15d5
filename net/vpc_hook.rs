// SPDX-License-Identifier: GPL-2.0

//! Numbers of the netlink family `vpc_hook`, from `vpc_hook.h`, which is made from
//! `Documentation/netlink/specs/vpc_hook.yaml`; what each is stands there.

#![allow(missing_docs)]

use kernel::str::CStr;

use crate::bindings;

/// Name of the family.
pub const FAMILY: &CStr = c"vpc_hook";

/// What a rule does: `vpc_hook_action`.
pub const DROP: u32 = bindings::vpc_hook_action_VPC_HOOK_ACTION_DROP;
pub const ALLOW: u32 = bindings::vpc_hook_action_VPC_HOOK_ACTION_ALLOW;

/// For which packets a rule is: `vpc_hook_direction`.
pub const EGRESS: u32 = bindings::vpc_hook_direction_VPC_HOOK_DIRECTION_EGRESS;
pub const INGRESS: u32 = bindings::vpc_hook_direction_VPC_HOOK_DIRECTION_INGRESS;

/// What a port may do: `vpc_hook_port_flags`.
pub mod port_flags {
    use crate::bindings;

    pub const DHCP_SERVER: u32 = bindings::vpc_hook_port_flags_VPC_HOOK_PORT_FLAGS_DHCP_SERVER;
    pub const ROUTER: u32 = bindings::vpc_hook_port_flags_VPC_HOOK_PORT_FLAGS_ROUTER;
    pub const ANY_ETHERTYPE: u32 = bindings::vpc_hook_port_flags_VPC_HOOK_PORT_FLAGS_ANY_ETHERTYPE;
    pub const VLAN: u32 = bindings::vpc_hook_port_flags_VPC_HOOK_PORT_FLAGS_VLAN;
    pub const ANY_SOURCE: u32 = bindings::vpc_hook_port_flags_VPC_HOOK_PORT_FLAGS_ANY_SOURCE;
}

/// Attributes of `config`.
pub mod config {
    use crate::attr::types;
    use crate::bindings;

    types! {
        TUNNEL = VPC_HOOK_A_CONFIG_TUNNEL;
        TUNNEL_NAME = VPC_HOOK_A_CONFIG_TUNNEL_NAME;
        GENERATION = VPC_HOOK_A_CONFIG_GENERATION;
        VPCS = VPC_HOOK_A_CONFIG_VPCS;
        PORTS = VPC_HOOK_A_CONFIG_PORTS;
        ENTRIES = VPC_HOOK_A_CONFIG_ENTRIES;
        REMOTES = VPC_HOOK_A_CONFIG_REMOTES;
        ACLS = VPC_HOOK_A_CONFIG_ACLS;
        RULES = VPC_HOOK_A_CONFIG_RULES;
        GROUPS = VPC_HOOK_A_CONFIG_GROUPS;
        MAX_ENTRIES = VPC_HOOK_A_CONFIG_MAX_ENTRIES;
        DROP = VPC_HOOK_A_CONFIG_DROP;
    }
}

/// Attributes of `begin`.
pub mod begin {
    use crate::attr::types;
    use crate::bindings;

    types! {
        COPY = VPC_HOOK_A_BEGIN_COPY;
        GENERATION = VPC_HOOK_A_BEGIN_GENERATION;
    }
}

/// Attributes of `counter`.
pub mod counter {
    use crate::attr::types;
    use crate::bindings;

    types! {
        NAME = VPC_HOOK_A_COUNTER_NAME;
        PACKETS = VPC_HOOK_A_COUNTER_PACKETS;
    }
}

/// Attributes of `vpc`.
pub mod vpc {
    use crate::attr::types;
    use crate::bindings;

    types! {
        ID = VPC_HOOK_A_VPC_ID;
        NAME = VPC_HOOK_A_VPC_NAME;
        GATEWAY = VPC_HOOK_A_VPC_GATEWAY;
        PORTS = VPC_HOOK_A_VPC_PORTS;
        ENTRIES = VPC_HOOK_A_VPC_ENTRIES;
        REMOTES = VPC_HOOK_A_VPC_REMOTES;
    }
}

/// Attributes of `address`.
pub mod address {
    use crate::attr::types;
    use crate::bindings;

    types! {
        ADDRESS = VPC_HOOK_A_ADDRESS_ADDRESS;
        PREFIX = VPC_HOOK_A_ADDRESS_PREFIX;
    }
}

/// Attributes of `port`.
pub mod port {
    use crate::attr::types;
    use crate::bindings;

    types! {
        IFINDEX = VPC_HOOK_A_PORT_IFINDEX;
        IFNAME = VPC_HOOK_A_PORT_IFNAME;
        VPC = VPC_HOOK_A_PORT_VPC;
        MAC = VPC_HOOK_A_PORT_MAC;
        ADDRESS = VPC_HOOK_A_PORT_ADDRESS;
        FLAGS = VPC_HOOK_A_PORT_FLAGS;
        ACL = VPC_HOOK_A_PORT_ACL;
        RX_PACKETS = VPC_HOOK_A_PORT_RX_PACKETS;
        TX_PACKETS = VPC_HOOK_A_PORT_TX_PACKETS;
        ANSWERED = VPC_HOOK_A_PORT_ANSWERED;
        DROP = VPC_HOOK_A_PORT_DROP;
        MAX_CONNECTIONS = VPC_HOOK_A_PORT_MAX_CONNECTIONS;
        CONNECTIONS = VPC_HOOK_A_PORT_CONNECTIONS;
    }
}

/// Attributes of `remote`.
pub mod remote {
    use crate::attr::types;
    use crate::bindings;

    types! {
        VPC = VPC_HOOK_A_REMOTE_VPC;
        ADDRESS = VPC_HOOK_A_REMOTE_ADDRESS;
        FLOOD = VPC_HOOK_A_REMOTE_FLOOD;
        RX_PACKETS = VPC_HOOK_A_REMOTE_RX_PACKETS;
        TX_PACKETS = VPC_HOOK_A_REMOTE_TX_PACKETS;
    }
}

/// Attributes of `entry`.
pub mod entry {
    use crate::attr::types;
    use crate::bindings;

    types! {
        VPC = VPC_HOOK_A_ENTRY_VPC;
        MAC = VPC_HOOK_A_ENTRY_MAC;
        ADDRESS = VPC_HOOK_A_ENTRY_ADDRESS;
        REMOTE = VPC_HOOK_A_ENTRY_REMOTE;
        PORT = VPC_HOOK_A_ENTRY_PORT;
        FORWARD = VPC_HOOK_A_ENTRY_FORWARD;
    }
}

/// Attributes of `acl`.
pub mod acl {
    use crate::attr::types;
    use crate::bindings;

    types! {
        NAME = VPC_HOOK_A_ACL_NAME;
        RULES = VPC_HOOK_A_ACL_RULES;
        PORTS = VPC_HOOK_A_ACL_PORTS;
    }
}

/// Attributes of `rule`.
pub mod rule {
    use crate::attr::types;
    use crate::bindings;

    types! {
        ACL = VPC_HOOK_A_RULE_ACL;
        PRIORITY = VPC_HOOK_A_RULE_PRIORITY;
        DIRECTION = VPC_HOOK_A_RULE_DIRECTION;
        ACTION = VPC_HOOK_A_RULE_ACTION;
        ETHERTYPE = VPC_HOOK_A_RULE_ETHERTYPE;
        PROTOCOL = VPC_HOOK_A_RULE_PROTOCOL;
        SRC = VPC_HOOK_A_RULE_SRC;
        DST = VPC_HOOK_A_RULE_DST;
        SRC_GROUP = VPC_HOOK_A_RULE_SRC_GROUP;
        DST_GROUP = VPC_HOOK_A_RULE_DST_GROUP;
        SPORT_MIN = VPC_HOOK_A_RULE_SPORT_MIN;
        SPORT_MAX = VPC_HOOK_A_RULE_SPORT_MAX;
        DPORT_MIN = VPC_HOOK_A_RULE_DPORT_MIN;
        DPORT_MAX = VPC_HOOK_A_RULE_DPORT_MAX;
        ICMP_TYPE = VPC_HOOK_A_RULE_ICMP_TYPE;
        ICMP_CODE = VPC_HOOK_A_RULE_ICMP_CODE;
        STATEFUL = VPC_HOOK_A_RULE_STATEFUL;
        LOG = VPC_HOOK_A_RULE_LOG;
        PACKETS = VPC_HOOK_A_RULE_PACKETS;
    }
}

/// Attributes of `group`.
pub mod group {
    use crate::attr::types;
    use crate::bindings;

    types! {
        NAME = VPC_HOOK_A_GROUP_NAME;
        MEMBER = VPC_HOOK_A_GROUP_MEMBER;
        APPEND = VPC_HOOK_A_GROUP_APPEND;
        MEMBERS = VPC_HOOK_A_GROUP_MEMBERS;
    }
}

/// Attributes of `trace`.
pub mod trace {
    use crate::attr::types;
    use crate::bindings;

    types! {
        IFINDEX = VPC_HOOK_A_TRACE_IFINDEX;
        VPC = VPC_HOOK_A_TRACE_VPC;
        REMOTE = VPC_HOOK_A_TRACE_REMOTE;
        FRAME = VPC_HOOK_A_TRACE_FRAME;
        STEP = VPC_HOOK_A_TRACE_STEP;
    }
}

/// Attributes of `step`.
pub mod step {
    use crate::attr::types;
    use crate::bindings;

    types! {
        NAME = VPC_HOOK_A_STEP_NAME;
        TEXT = VPC_HOOK_A_STEP_TEXT;
    }
}

/// Attributes of `miss`.
pub mod miss {
    use crate::attr::types;
    use crate::bindings;

    types! {
        VPC = VPC_HOOK_A_MISS_VPC;
        IFINDEX = VPC_HOOK_A_MISS_IFINDEX;
        MAC = VPC_HOOK_A_MISS_MAC;
        ADDRESS = VPC_HOOK_A_MISS_ADDRESS;
        MISSED = VPC_HOOK_A_MISS_MISSED;
    }
}

/// Attributes of `log`.
pub mod log {
    use crate::attr::types;
    use crate::bindings;

    types! {
        IFINDEX = VPC_HOOK_A_LOG_IFINDEX;
        ACL = VPC_HOOK_A_LOG_ACL;
        PRIORITY = VPC_HOOK_A_LOG_PRIORITY;
        DIRECTION = VPC_HOOK_A_LOG_DIRECTION;
        ACTION = VPC_HOOK_A_LOG_ACTION;
        HEADER = VPC_HOOK_A_LOG_HEADER;
        MISSED = VPC_HOOK_A_LOG_MISSED;
    }
}

/// Commands.
pub mod cmd {
    use crate::bindings;

    pub const CONFIG_GET: u8 = bindings::VPC_HOOK_CMD_CONFIG_GET as u8;
    pub const CONFIG_SET: u8 = bindings::VPC_HOOK_CMD_CONFIG_SET as u8;
    pub const BEGIN: u8 = bindings::VPC_HOOK_CMD_BEGIN as u8;
    pub const COMMIT: u8 = bindings::VPC_HOOK_CMD_COMMIT as u8;
    pub const ABORT: u8 = bindings::VPC_HOOK_CMD_ABORT as u8;
    pub const VPC_GET: u8 = bindings::VPC_HOOK_CMD_VPC_GET as u8;
    pub const VPC_NEW: u8 = bindings::VPC_HOOK_CMD_VPC_NEW as u8;
    pub const VPC_DEL: u8 = bindings::VPC_HOOK_CMD_VPC_DEL as u8;
    pub const PORT_GET: u8 = bindings::VPC_HOOK_CMD_PORT_GET as u8;
    pub const PORT_NEW: u8 = bindings::VPC_HOOK_CMD_PORT_NEW as u8;
    pub const PORT_DEL: u8 = bindings::VPC_HOOK_CMD_PORT_DEL as u8;
    pub const REMOTE_GET: u8 = bindings::VPC_HOOK_CMD_REMOTE_GET as u8;
    pub const REMOTE_NEW: u8 = bindings::VPC_HOOK_CMD_REMOTE_NEW as u8;
    pub const REMOTE_DEL: u8 = bindings::VPC_HOOK_CMD_REMOTE_DEL as u8;
    pub const ENTRY_GET: u8 = bindings::VPC_HOOK_CMD_ENTRY_GET as u8;
    pub const ENTRY_NEW: u8 = bindings::VPC_HOOK_CMD_ENTRY_NEW as u8;
    pub const ENTRY_DEL: u8 = bindings::VPC_HOOK_CMD_ENTRY_DEL as u8;
    pub const ACL_GET: u8 = bindings::VPC_HOOK_CMD_ACL_GET as u8;
    pub const ACL_NEW: u8 = bindings::VPC_HOOK_CMD_ACL_NEW as u8;
    pub const ACL_DEL: u8 = bindings::VPC_HOOK_CMD_ACL_DEL as u8;
    pub const RULE_GET: u8 = bindings::VPC_HOOK_CMD_RULE_GET as u8;
    pub const RULE_NEW: u8 = bindings::VPC_HOOK_CMD_RULE_NEW as u8;
    pub const RULE_DEL: u8 = bindings::VPC_HOOK_CMD_RULE_DEL as u8;
    pub const GROUP_GET: u8 = bindings::VPC_HOOK_CMD_GROUP_GET as u8;
    pub const GROUP_NEW: u8 = bindings::VPC_HOOK_CMD_GROUP_NEW as u8;
    pub const GROUP_DEL: u8 = bindings::VPC_HOOK_CMD_GROUP_DEL as u8;
    pub const TRACE: u8 = bindings::VPC_HOOK_CMD_TRACE as u8;
    pub const CONFIG_NTF: u8 = bindings::VPC_HOOK_CMD_CONFIG_NTF as u8;
    pub const MISS_NTF: u8 = bindings::VPC_HOOK_CMD_MISS_NTF as u8;
    pub const LOG_NTF: u8 = bindings::VPC_HOOK_CMD_LOG_NTF as u8;
}
