// SPDX-License-Identifier: GPL-2.0

//! A tap and its lanes, as the family `tun_mq` tells them.
//!
//! Numbers and names are those of Documentation/netlink/specs/tun_mq.yaml. JSON has the same names,
//! with `_` for `-`.

use super::mode::Mode;
use crate::netlink::Attribute;
use anyhow::Context;
use anyhow::Result;
use serde::Serialize;

/// The attribute set `tap`.
pub(crate) mod attr {
    pub(crate) const IFINDEX: u16 = 1;
    pub(crate) const IFNAME: u16 = 2;
    pub(crate) const UPLINK: u16 = 3;
    pub(crate) const UPLINK_NAME: u16 = 4;
    pub(crate) const LANES: u16 = 5;
    pub(crate) const BASE: u16 = 6;
    pub(crate) const PINNED: u16 = 7;
    pub(crate) const WEIGHT: u16 = 8;
    pub(crate) const MODE: u16 = 9;
    pub(crate) const OVERRIDE: u16 = 10;
    pub(crate) const AUTO: u16 = 11;
    pub(crate) const TO_VM: u16 = 12;
    pub(crate) const REASON: u16 = 13;
    pub(crate) const NUM_QUEUES: u16 = 14;
    pub(crate) const QUEUE: u16 = 15;
    pub(crate) const TX_UNRECORDED: u16 = 16;
    pub(crate) const TX_NO_LANES: u16 = 17;
    pub(crate) const RX_UNRECORDED: u16 = 18;
    pub(crate) const RX_PROGRAM: u16 = 19;
    pub(crate) const RX_NO_LANES: u16 = 20;
}

/// The attribute set `queue`.
pub(crate) mod queue {
    pub(crate) const INDEX: u16 = 1;
    pub(crate) const LANE: u16 = 2;
    pub(crate) const TX_PACKETS: u16 = 3;
    pub(crate) const RX_PACKETS: u16 = 4;
}

/// What becomes of the lanes of packets to the VM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToVm {
    Lanes,
    Program,
    Unavailable,
    #[default]
    Off,
    /// Something that a newer module says.
    Unknown,
}

impl ToVm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lanes => "lanes",
            Self::Program => "program",
            Self::Unavailable => "unavailable",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }
}

impl From<u32> for ToVm {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Lanes,
            1 => Self::Program,
            2 => Self::Unavailable,
            3 => Self::Off,
            _ => Self::Unknown,
        }
    }
}

/// A queue of the VM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Queue {
    pub(crate) index: u32,
    pub(crate) lane: Option<u32>,
    /// Transmit queue of the uplink that its packets leave on; none without an uplink.
    pub(crate) uplink_queue: Option<u32>,
    pub(crate) tx_packets: u64,
    pub(crate) rx_packets: u64,
}

/// A tap that has lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tap {
    pub(crate) ifindex: u32,
    pub(crate) ifname: String,
    pub(crate) uplink: Option<u32>,
    pub(crate) uplink_name: Option<String>,
    pub(crate) lanes: u32,
    pub(crate) base: u32,
    pub(crate) pinned: bool,
    pub(crate) weight: u32,
    pub(crate) mode: Mode,
    #[serde(rename = "override")]
    pub(crate) over: bool,
    pub(crate) auto: bool,
    pub(crate) to_vm: ToVm,
    pub(crate) reason: Option<String>,
    pub(crate) num_queues: u32,
    pub(crate) queues: Vec<Queue>,
    pub(crate) tx_unrecorded: u64,
    pub(crate) tx_no_lanes: u64,
    pub(crate) rx_unrecorded: u64,
    pub(crate) rx_program: u64,
    pub(crate) rx_no_lanes: u64,
}

impl Tap {
    /// Reads what the kernel says about a tap. Attributes that are not known here are left out.
    pub(crate) fn decode(attributes: &[Attribute]) -> Result<Self> {
        let mut tap = Self {
            weight: 1,
            ..Self::default()
        };
        for attribute in attributes {
            tap.take(attribute)
                .with_context(|| format!("attribute {} of a tap", attribute.kind()))
                .context("the kernel's answer cannot be understood")?;
        }
        let has_uplink = tap.uplink.is_some() && tap.lanes != 0;
        for queue in &mut tap.queues {
            // Lanes are the uplink's transmit queues: mq_gre keeps to that.
            queue.uplink_queue = queue.lane.filter(|_| has_uplink);
        }
        Ok(tap)
    }

    fn take(&mut self, attribute: &Attribute) -> Result<()> {
        match attribute.kind() {
            attr::IFINDEX => self.ifindex = attribute.to_u32()?,
            attr::IFNAME => self.ifname = attribute.to_text()?,
            attr::UPLINK => self.uplink = Some(attribute.to_u32()?),
            attr::UPLINK_NAME => self.uplink_name = Some(attribute.to_text()?),
            attr::LANES => self.lanes = attribute.to_u32()?,
            attr::BASE => self.base = attribute.to_u32()?,
            attr::PINNED => self.pinned = true,
            attr::WEIGHT => self.weight = attribute.to_u32()?,
            attr::MODE => self.mode = attribute.to_u32()?.into(),
            attr::OVERRIDE => self.over = true,
            attr::AUTO => self.auto = true,
            attr::TO_VM => self.to_vm = attribute.to_u32()?.into(),
            attr::REASON => self.reason = Some(attribute.to_text()?),
            attr::NUM_QUEUES => self.num_queues = attribute.to_u32()?,
            attr::QUEUE => self.queues.push(Queue::decode(&attribute.to_nest()?)?),
            attr::TX_UNRECORDED => self.tx_unrecorded = attribute.to_uint()?,
            attr::TX_NO_LANES => self.tx_no_lanes = attribute.to_uint()?,
            attr::RX_UNRECORDED => self.rx_unrecorded = attribute.to_uint()?,
            attr::RX_PROGRAM => self.rx_program = attribute.to_uint()?,
            attr::RX_NO_LANES => self.rx_no_lanes = attribute.to_uint()?,
            _ => (),
        }
        Ok(())
    }
}

impl Queue {
    fn decode(attributes: &[Attribute]) -> Result<Self> {
        let mut queue = Self::default();
        for attribute in attributes {
            match attribute.kind() {
                queue::INDEX => queue.index = attribute.to_u32()?,
                queue::LANE => queue.lane = Some(attribute.to_u32()?),
                queue::TX_PACKETS => queue.tx_packets = attribute.to_uint()?,
                queue::RX_PACKETS => queue.rx_packets = attribute.to_uint()?,
                _ => (),
            }
        }
        Ok(queue)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a kernel would say of a tap with two queues.
    pub(crate) fn example() -> Vec<Attribute> {
        let queue = |index, lane, tx, rx| {
            let inner = [
                Attribute::u32(queue::INDEX, index),
                Attribute::u32(queue::LANE, lane),
                Attribute::u64(queue::TX_PACKETS, tx),
                Attribute::u32(queue::RX_PACKETS, rx),
            ];
            Attribute::nest(attr::QUEUE, &inner)
        };
        vec![
            Attribute::u32(attr::IFINDEX, 7),
            Attribute::string(attr::IFNAME, "tap0"),
            Attribute::u32(attr::UPLINK, 2),
            Attribute::string(attr::UPLINK_NAME, "eth1"),
            Attribute::u32(attr::LANES, 8),
            Attribute::u32(attr::BASE, 7),
            Attribute::flag(attr::PINNED),
            Attribute::u32(attr::WEIGHT, 2),
            Attribute::u32(attr::MODE, 1),
            Attribute::u32(attr::TO_VM, 0),
            Attribute::u32(attr::NUM_QUEUES, 2),
            queue(0, 7, 5_000_000_000, 3),
            queue(1, 0, 6, 4),
            Attribute::u32(attr::TX_UNRECORDED, 1),
            Attribute::u64(attr::RX_UNRECORDED, 70),
        ]
    }

    #[test]
    fn a_tap_is_read() {
        let tap = Tap::decode(&example()).unwrap();
        assert_eq!((tap.ifindex, tap.ifname.as_str()), (7, "tap0"));
        assert_eq!((tap.lanes, tap.base, tap.pinned), (8, 7, true));
        assert_eq!((tap.mode, tap.to_vm), (Mode::Ftrace, ToVm::Lanes));
        assert!(!tap.over && !tap.auto);
        assert_eq!(tap.queues.len(), 2);
        assert_eq!(tap.queues[0].tx_packets, 5_000_000_000);
        assert_eq!(tap.queues[1].uplink_queue, Some(0));
        assert_eq!((tap.tx_unrecorded, tap.rx_unrecorded), (1, 70));
    }

    #[test]
    fn without_uplink_there_is_no_queue_of_it() {
        let mut said = example();
        said.retain(|attribute| attribute.kind() != attr::UPLINK);
        let tap = Tap::decode(&said).unwrap();
        assert_eq!(tap.queues[0].lane, Some(7));
        assert_eq!(tap.queues[0].uplink_queue, None);
    }

    #[test]
    fn what_is_new_is_left_out_and_what_is_wrong_is_refused() {
        let said = [Attribute::u32(99, 1), Attribute::u32(attr::TO_VM, 77)];
        assert_eq!(Tap::decode(&said).unwrap().to_vm, ToVm::Unknown);
        let said = [Attribute::flag(attr::BASE)];
        let error = Tap::decode(&said).unwrap_err();
        assert!(format!("{error:#}").contains("attribute 6 of a tap"));
    }
}
