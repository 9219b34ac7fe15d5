// SPDX-License-Identifier: GPL-2.0

//! Congestion marks against the tables of RFC 6040, as the kernel fills them in.

use vpc_core::ecn::*;

/// RFC 6040, figure 4: the outgoing ECN field for each inner and outer one. Rows: inner Not-ECT,
/// ECT(0), ECT(1), CE; columns: outer the same. `None` is a drop.
const RFC_6040: [[Option<u8>; 4]; 4] = [
    [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None],
    [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)],
    [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)],
    [Some(CE), Some(CE), Some(CE), Some(CE)],
];
const ORDER: [u8; 4] = [NOT_ECT, ECT_0, ECT_1, CE];

/// What the inner ECN field is afterwards.
fn outcome(outer: u8, inner: u8) -> Option<u8> {
    match ecn_decapsulate(outer, inner) {
        Decap::Keep | Decap::Odd => Some(inner & MASK),
        Decap::Set(ecn) => Some(ecn),
        Decap::Drop => None,
    }
}

#[test]
fn decapsulation_as_in_the_table() {
    for (inner, row) in ORDER.into_iter().zip(RFC_6040) {
        for (outer, expected) in ORDER.into_iter().zip(row) {
            assert_eq!(
                outcome(outer, inner),
                expected,
                "inner {inner}, outer {outer}"
            );
        }
    }
}

#[test]
fn dscp_has_no_say() {
    for outer in 0..=u8::MAX {
        for inner in 0..=u8::MAX {
            let plain = ecn_decapsulate(outer & MASK, inner & MASK);
            assert_eq!(ecn_decapsulate(outer, inner), plain);
        }
    }
}

#[test]
fn only_what_does_not_go_together_is_odd() {
    for outer in ORDER {
        for inner in ORDER {
            let odd = inner == NOT_ECT && (outer == ECT_0 || outer == ECT_1);
            assert_eq!(ecn_decapsulate(outer, inner) == Decap::Odd, odd);
        }
    }
}

#[test]
fn encapsulation_copies_but_for_ce() {
    for outer in 0..=u8::MAX {
        for inner in 0..=u8::MAX {
            let tos = ecn_encapsulate(outer, inner);
            assert_eq!(tos & !MASK, outer & !MASK);
            let expected = match inner & MASK {
                CE => ECT_0,
                ecn => ecn,
            };
            assert_eq!(tos & MASK, expected);
        }
    }
}

#[test]
fn an_unmarked_way_changes_nothing() {
    // What encapsulation writes, taken off again without a mark on the way.
    for inner in ORDER {
        assert_eq!(outcome(ecn_encapsulate(0, inner), inner), Some(inner));
    }
}
