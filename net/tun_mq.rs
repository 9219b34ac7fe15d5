// SPDX-License-Identifier: GPL-2.0

//! Numbers of the netlink family `tun_mq`, from `tun_mq.h`, which is made from
//! `Documentation/netlink/specs/tun_mq.yaml`.

use kernel::str::CStr;

use crate::bindings;

/// Name of the family.
pub const FAMILY: &CStr = c"tun_mq";

/// Commands.
pub mod cmd {
    use crate::bindings;

    /// One tap, or all.
    pub const GET: u8 = bindings::TUN_MQ_CMD_GET as u8;
    /// Gives a tap lanes, or changes them.
    pub const SET: u8 = bindings::TUN_MQ_CMD_SET as u8;
    /// Lets a tap go.
    pub const UNSET: u8 = bindings::TUN_MQ_CMD_UNSET as u8;
    /// Chooses all bases anew.
    pub const REBALANCE: u8 = bindings::TUN_MQ_CMD_REBALANCE as u8;
    /// Tells that a tap got lanes, or other ones.
    pub const SET_NTF: u8 = bindings::TUN_MQ_CMD_SET_NTF as u8;
    /// Tells that a tap has none any more.
    pub const UNSET_NTF: u8 = bindings::TUN_MQ_CMD_UNSET_NTF as u8;
}

/// Attributes of a tap.
pub mod tap {
    use crate::attr::types;
    use crate::bindings;

    types! {
        /// u32: index of the tap.
        IFINDEX = TUN_MQ_A_TAP_IFINDEX;
        /// string: name of the tap.
        IFNAME = TUN_MQ_A_TAP_IFNAME;
        /// u32: index of the uplink.
        UPLINK = TUN_MQ_A_TAP_UPLINK;
        /// string: name of the uplink.
        UPLINK_NAME = TUN_MQ_A_TAP_UPLINK_NAME;
        /// u32: number of lanes.
        LANES = TUN_MQ_A_TAP_LANES;
        /// u32: lane of queue 0.
        BASE = TUN_MQ_A_TAP_BASE;
        /// flag: the base was given.
        PINNED = TUN_MQ_A_TAP_PINNED;
        /// u32: how much each queue counts.
        WEIGHT = TUN_MQ_A_TAP_WEIGHT;
        /// u32: how packets to the VM get their queue.
        MODE = TUN_MQ_A_TAP_MODE;
        /// flag: lanes go before a steering program.
        OVERRIDE = TUN_MQ_A_TAP_OVERRIDE;
        /// flag: taken by the module's parameter.
        AUTO = TUN_MQ_A_TAP_AUTO;
        /// u32: what becomes of the lanes of packets to the VM.
        TO_VM = TUN_MQ_A_TAP_TO_VM;
        /// string: why they are unavailable.
        REASON = TUN_MQ_A_TAP_REASON;
        /// u32: number of queues in use.
        NUM_QUEUES = TUN_MQ_A_TAP_NUM_QUEUES;
        /// nest, several: a queue.
        QUEUE = TUN_MQ_A_TAP_QUEUE;
        /// uint: packets from the VM without a queue.
        TX_UNRECORDED = TUN_MQ_A_TAP_TX_UNRECORDED;
        /// uint: packets from the VM while the uplink was gone.
        TX_NO_LANES = TUN_MQ_A_TAP_TX_NO_LANES;
        /// uint: packets to the VM without a lane.
        RX_UNRECORDED = TUN_MQ_A_TAP_RX_UNRECORDED;
        /// uint: packets to the VM that a steering program chose the queue of.
        RX_PROGRAM = TUN_MQ_A_TAP_RX_PROGRAM;
        /// uint: packets to the VM while the uplink was gone.
        RX_NO_LANES = TUN_MQ_A_TAP_RX_NO_LANES;
    }
}

/// Attributes of a queue.
pub mod queue {
    use crate::attr::types;
    use crate::bindings;

    types! {
        /// u32: index of the queue.
        INDEX = TUN_MQ_A_QUEUE_INDEX;
        /// u32: its lane.
        LANE = TUN_MQ_A_QUEUE_LANE;
        /// uint: packets from the VM that got the lane.
        TX_PACKETS = TUN_MQ_A_QUEUE_TX_PACKETS;
        /// uint: packets to the VM that the lane led here.
        RX_PACKETS = TUN_MQ_A_QUEUE_RX_PACKETS;
    }
}

/// Attributes of a rebalance.
pub mod rebalance {
    use crate::attr::types;
    use crate::bindings;

    types! {
        /// u32: index of the uplink.
        UPLINK = TUN_MQ_A_REBALANCE_UPLINK;
        /// u32: number of taps that have moved.
        MOVED = TUN_MQ_A_REBALANCE_MOVED;
    }
}

/// How packets to the VM get their queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In a request: what there is.
    Auto,
    /// The driver's choice is redirected.
    Ftrace,
    /// The driver has been patched.
    Patch,
    /// A steering program of user space.
    Ebpf,
    /// The driver chooses.
    Off,
}

impl Mode {
    /// From an attribute.
    pub fn from_wire(mode: u32) -> Option<Self> {
        Some(match mode {
            bindings::tun_mq_mode_TUN_MQ_MODE_AUTO => Mode::Auto,
            bindings::tun_mq_mode_TUN_MQ_MODE_FTRACE => Mode::Ftrace,
            bindings::tun_mq_mode_TUN_MQ_MODE_PATCH => Mode::Patch,
            bindings::tun_mq_mode_TUN_MQ_MODE_EBPF => Mode::Ebpf,
            bindings::tun_mq_mode_TUN_MQ_MODE_OFF => Mode::Off,
            _ => return None,
        })
    }

    /// For an attribute.
    pub fn to_wire(self) -> u32 {
        match self {
            Mode::Auto => bindings::tun_mq_mode_TUN_MQ_MODE_AUTO,
            Mode::Ftrace => bindings::tun_mq_mode_TUN_MQ_MODE_FTRACE,
            Mode::Patch => bindings::tun_mq_mode_TUN_MQ_MODE_PATCH,
            Mode::Ebpf => bindings::tun_mq_mode_TUN_MQ_MODE_EBPF,
            Mode::Off => bindings::tun_mq_mode_TUN_MQ_MODE_OFF,
        }
    }
}

/// What becomes of the lanes of packets to the VM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ToVm {
    /// They lead to their queue.
    Lanes,
    /// The tap's steering program has the choice.
    Program,
    /// They cannot be followed, and this is why.
    Unavailable(&'static CStr),
    /// They are not asked for.
    Off,
}

impl ToVm {
    /// For an attribute.
    pub fn to_wire(self) -> u32 {
        match self {
            ToVm::Lanes => bindings::tun_mq_to_vm_TUN_MQ_TO_VM_LANES,
            ToVm::Program => bindings::tun_mq_to_vm_TUN_MQ_TO_VM_PROGRAM,
            ToVm::Unavailable(_) => bindings::tun_mq_to_vm_TUN_MQ_TO_VM_UNAVAILABLE,
            ToVm::Off => bindings::tun_mq_to_vm_TUN_MQ_TO_VM_OFF,
        }
    }
}
