// SPDX-License-Identifier: GPL-2.0

//! The steering program that follows lanes, as instructions.

use std::num::NonZeroU32;

/// One instruction (struct bpf_insn).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// Where struct __sk_buff has what the program reads.
mod skb {
    pub(super) const QUEUE_MAPPING: i16 = 12;
    pub(super) const HASH: i16 = 68;
}

/// `r0 = *(u32 *)(r1 + offset)`; r1 is the packet.
const LOAD: u8 = 0x61;
/// `if (r0 != immediate) goto next + offset`.
const JUMP_NOT_EQUAL: u8 = 0x55;
/// `w0 += immediate`, and so on: in 32 bits, without sign.
const ADD: u8 = 0x04;
const SUB: u8 = 0x14;
const MOD: u8 = 0x94;
/// Returns r0.
const EXIT: u8 = 0x95;

/// How many there are.
pub(crate) const LENGTH: usize = 9;

/// What the program is to do: lane `base` leads to queue 0, the next one to queue 1, and so on,
/// of `lanes` lanes in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Lanes of the uplink.
    pub lanes: NonZeroU32,
    /// Lane of queue 0.
    pub base: u32,
}

impl Policy {
    /// A packet without a recorded lane goes where its hash leads, if it has one already.
    pub(crate) fn instructions(self) -> [Instruction; LENGTH] {
        // The kernel counts queues in 16 bits: neither is near the sign.
        let lanes = self.lanes.get() as i32;
        // Never less than 0, and before the second modulo never more than it can take.
        let ahead = (self.lanes.get() - self.base % self.lanes) as i32;
        [
            load(skb::QUEUE_MAPPING),
            // Recorded lanes are stored with 1 added, 0 is none.
            jump_not_equal(0, 2),
            load(skb::HASH),
            exit(),
            alu(SUB, 1),
            alu(MOD, lanes),
            alu(ADD, ahead),
            alu(MOD, lanes),
            exit(),
        ]
    }
}

fn load(offset: i16) -> Instruction {
    Instruction {
        code: LOAD,
        // Destination r0, source r1: half a byte each, in the machine's order.
        registers: if cfg!(target_endian = "little") {
            0x10
        } else {
            0x01
        },
        offset,
        immediate: 0,
    }
}

fn jump_not_equal(immediate: i32, offset: i16) -> Instruction {
    Instruction {
        code: JUMP_NOT_EQUAL,
        registers: 0,
        offset,
        immediate,
    }
}

fn alu(code: u8, immediate: i32) -> Instruction {
    Instruction {
        code,
        registers: 0,
        offset: 0,
        immediate,
    }
}

fn exit() -> Instruction {
    alu(EXIT, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would.
    fn run(policy: Policy, queue_mapping: u32, hash: u32) -> u32 {
        let program = policy.instructions();
        let mut r0: u32 = 0xdead_beef;
        let mut next = 0;
        loop {
            let it = program[next];
            next += 1;
            let immediate = it.immediate as u32;
            match it.code {
                LOAD if it.offset == skb::QUEUE_MAPPING => r0 = queue_mapping,
                LOAD if it.offset == skb::HASH => r0 = hash,
                JUMP_NOT_EQUAL if r0 != immediate => next += it.offset as usize,
                JUMP_NOT_EQUAL => (),
                ADD => r0 = r0.wrapping_add(immediate),
                SUB => r0 = r0.wrapping_sub(immediate),
                MOD => r0 %= immediate,
                EXIT => return r0,
                code => panic!("unknown instruction {code:#x}"),
            }
        }
    }

    #[test]
    fn lanes_lead_back_to_their_queues() {
        for lanes in 1..40 {
            for base in [0, 1, lanes / 2, lanes - 1, lanes, 4095] {
                let policy = Policy {
                    lanes: NonZeroU32::new(lanes).unwrap(),
                    base,
                };
                for queue in 0..lanes {
                    let lane = (base + queue) % lanes;
                    assert_eq!(run(policy, lane + 1, 77), queue, "{policy:?}");
                    // A lane of another, wider device.
                    assert_eq!(run(policy, lane + lanes + 1, 77), queue, "{policy:?}");
                }
            }
        }
    }

    #[test]
    fn without_a_lane_the_hash_leads() {
        let policy = Policy {
            lanes: NonZeroU32::new(8).unwrap(),
            base: 3,
        };
        assert_eq!(run(policy, 0, 0xffff_ffff), 0xffff_ffff);
        assert_eq!(run(policy, 0, 0), 0);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let policy = Policy {
            lanes: NonZeroU32::new(65535).unwrap(),
            base: 4095,
        };
        assert_eq!(run(policy, 65535, 0), 65534 - 4095);
        assert_eq!(run(policy, 1, 0), 65535 - 4095);
    }
}
