// SPDX-License-Identifier: GPL-2.0

//! BTF: members are found in blobs made by hand, and no bytes at all make the reader panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;
use vpc_core::btf::*;

/// Makes a blob type by type.
struct Blob {
    base: Vec<u8>,
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Blob {
    fn new() -> Blob {
        Blob {
            base: Vec::new(),
            types: Vec::new(),
            strings: vec![0],
        }
    }

    /// A blob on top of another one, whose names it uses.
    fn split(base: &Blob) -> Blob {
        Blob {
            base: base.strings.clone(),
            types: Vec::new(),
            strings: Vec::new(),
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        let wanted = [b"\0", name.as_bytes(), b"\0"].concat();
        let place = |strings: &[u8]| {
            strings
                .windows(wanted.len())
                .position(|window| window == wanted)
        };
        if let Some(at) = place(&self.base) {
            return at as u32 + 1;
        }
        let at = self.base.len() + self.strings.len();
        self.strings.extend(&wanted[1..]);
        at as u32
    }

    fn words(&mut self, words: &[u32]) {
        self.types
            .extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    }

    /// A type of that kind with `count`, and with `more` behind it.
    fn ty(&mut self, name: &str, kind: u32, count: u32, size: u32, more: &[u32]) {
        let name = if name.is_empty() { 0 } else { self.name(name) };
        self.words(&[name, kind << 24 | count, size]);
        self.words(more);
    }

    /// A structure or union with members at these offsets in bits.
    fn strukt(&mut self, name: &str, kind: u32, size: u32, members: &[(&str, u32)]) {
        let more: Vec<u32> = members
            .iter()
            .flat_map(|(name, bits)| [self.name(name), 1, *bits])
            .collect();
        self.ty(name, kind, members.len() as u32, size, &more);
    }

    fn bytes(&self) -> Vec<u8> {
        self.with_header(24, &[])
    }

    /// With a header of `len` bytes, the gap before the types filled with `more`.
    fn with_header(&self, len: u32, more: &[u8]) -> Vec<u8> {
        let mut bytes = 0xeb9f_u16.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        for word in [len, 0, types, types, strings] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(more);
        bytes.extend(&self.types);
        bytes.extend(&self.strings);
        bytes
    }
}

const STRUCT: u32 = 4;
const UNION: u32 = 5;
const KIND_FLAG: u32 = 0x80;

/// All kinds there are, each with what it brings, and `struct last` behind them.
fn all_kinds() -> Blob {
    let mut blob = Blob::new();
    blob.ty("int", 1, 0, 4, &[0x0100_0020]);
    blob.ty("", 2, 0, 1, &[]);
    blob.ty("", 3, 0, 0, &[1, 1, 8]);
    blob.strukt("first", STRUCT, 16, &[("a", 0), ("b", 32), ("tail", 128)]);
    blob.strukt("both", UNION, 8, &[("a", 0), ("c", 0)]);
    blob.ty("colour", 6, 2, 4, &[1, 0, 1, 1]);
    blob.ty("later", 7, 0, 0, &[]);
    blob.ty("int_t", 8, 0, 1, &[]);
    for qualifier in 9..=11 {
        blob.ty("", qualifier, 0, 1, &[]);
    }
    blob.ty("call", 12, 1, 14, &[]);
    blob.ty("", 13, 2, 1, &[0, 1, 0, 0]);
    blob.ty("counter", 14, 0, 1, &[1]);
    blob.ty(".data", 15, 1, 4, &[14, 0, 4]);
    blob.ty("double", 16, 0, 8, &[]);
    blob.ty("tag", 17, 0, 4, &[0xffff_ffff]);
    blob.ty("user", 18, 0, 1, &[]);
    blob.ty("wide", 19, 1, 8, &[1, 2, 3]);
    blob.strukt("last", STRUCT, 64, &[("x", 8), ("y", 256)]);
    blob
}

#[test]
fn found_behind_all_other_kinds() {
    let bytes = all_kinds().bytes();
    let offset = |strukt, member| member_offset(&bytes, 0, strukt, member);
    assert_eq!(offset("first", "a"), Some(0));
    assert_eq!(offset("first", "b"), Some(4));
    assert_eq!(offset("first", "tail"), Some(16));
    assert_eq!(offset("last", "x"), Some(1));
    assert_eq!(offset("last", "y"), Some(32));
}

#[test]
fn what_is_not_there() {
    let bytes = all_kinds().bytes();
    let offset = |strukt, member| member_offset(&bytes, 0, strukt, member);
    assert_eq!(offset("first", "c"), None);
    assert_eq!(offset("none", "a"), None);
    // A union, a forward declaration, and things without a name.
    assert_eq!(offset("both", "a"), None);
    assert_eq!(offset("later", "a"), None);
    assert_eq!(offset("", "a"), None);
    assert_eq!(offset("first", ""), None);
    // Parts of names, and more than a name.
    assert_eq!(offset("firs", "a"), None);
    assert_eq!(offset("irst", "a"), None);
    assert_eq!(offset("first\0a", "a"), None);
    assert_eq!(offset("first", "ta"), None);
    assert_eq!(offset("first", "tails"), None);
}

#[test]
fn strings_of_a_header() {
    let blob = all_kinds();
    let bytes = blob.bytes();
    let len = Some(blob.strings.len() as u32);
    assert_eq!(strings_len(&bytes), len);
    assert_eq!(strings_len(&bytes[..24]), len);
    assert_eq!(strings_len(&bytes[..23]), None);
    assert_eq!(strings_len(&[]), None);
}

#[test]
fn a_longer_header() {
    let blob = all_kinds();
    let bytes = blob.with_header(32, &[0xff; 8]);
    assert_eq!(member_offset(&bytes, 0, "last", "y"), Some(32));
    assert_eq!(
        member_offset(&blob.with_header(20, &[]), 0, "last", "y"),
        None
    );
}

#[test]
fn a_header_of_another_kind() {
    let bytes = all_kinds().bytes();
    // Magic, version, flags.
    for at in 0..4 {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        assert_eq!(strings_len(&other), None);
        assert_eq!(member_offset(&other, 0, "last", "y"), None);
    }
    let mut foreign = bytes;
    foreign.swap(0, 1);
    assert_eq!(strings_len(&foreign), None);
}

#[test]
fn split_from_a_base() {
    let mut base = Blob::new();
    base.strukt("device", STRUCT, 8, &[("flags", 0)]);
    let mut blob = Blob::split(&base);
    blob.strukt("tap", STRUCT, 64, &[("queues", 64), ("flags", 96)]);
    blob.strukt("device", STRUCT, 8, &[("queues", 32)]);
    let (base, bytes) = (base.bytes(), blob.bytes());
    let base_len = strings_len(&base).unwrap();

    assert_eq!(member_offset(&bytes, base_len, "tap", "queues"), Some(8));
    // These names are the base's.
    assert_eq!(member_offset(&bytes, base_len, "tap", "flags"), None);
    assert_eq!(member_offset(&bytes, base_len, "device", "queues"), None);
    assert_eq!(member_offset_over(&bytes, &base, "tap", "queues"), Some(8));
    assert_eq!(member_offset_over(&bytes, &base, "tap", "flags"), Some(12));
    assert_eq!(
        member_offset_over(&bytes, &base, "device", "queues"),
        Some(4)
    );
    // With a base of another length, the names are not where they were.
    assert_eq!(member_offset(&bytes, base_len + 1, "tap", "queues"), None);
    assert_eq!(member_offset(&bytes, 0, "tap", "queues"), None);
    assert_eq!(member_offset_over(&bytes, &[], "tap", "queues"), None);
    assert_eq!(
        member_offset_over(&bytes, &base[..base.len() - 1], "tap", "queues"),
        None
    );
}

#[test]
fn bit_fields() {
    let mut blob = Blob::new();
    let kind = STRUCT | KIND_FLAG;
    blob.strukt(
        "bits",
        kind,
        12,
        &[
            ("one", 1 << 24),
            ("odd", 3),
            ("plain", 64),
            ("end", 8 << 24 | 72),
        ],
    );
    blob.strukt("odd", STRUCT, 8, &[("bit", 33), ("far", 1 << 24)]);
    let bytes = blob.bytes();
    let offset = |strukt, member| member_offset(&bytes, 0, strukt, member);
    assert_eq!(offset("bits", "one"), None);
    assert_eq!(offset("bits", "odd"), None);
    assert_eq!(offset("bits", "plain"), Some(8));
    assert_eq!(offset("bits", "end"), None);
    assert_eq!(offset("odd", "bit"), None);
    // Without the flag all bits are the offset, which is beyond the structure here.
    assert_eq!(offset("odd", "far"), None);
}

#[test]
fn structures_of_one_name() {
    let mut blob = Blob::new();
    blob.strukt("same", STRUCT, 8, &[("a", 32), ("b", 0)]);
    blob.strukt("same", STRUCT, 16, &[("a", 32), ("b", 64)]);
    blob.strukt("lacks", STRUCT, 8, &[("a", 0)]);
    blob.strukt("lacks", STRUCT, 8, &[("b", 0)]);
    let bytes = blob.bytes();
    assert_eq!(member_offset(&bytes, 0, "same", "a"), Some(4));
    assert_eq!(member_offset(&bytes, 0, "same", "b"), None);
    assert_eq!(member_offset(&bytes, 0, "lacks", "a"), None);
}

#[test]
fn a_kind_that_nobody_knows() {
    for kind in [0, 20, 0x7f] {
        let mut blob = Blob::new();
        blob.strukt("first", STRUCT, 4, &[("a", 0)]);
        blob.ty("new", kind, 0, 0, &[]);
        assert_eq!(member_offset(&blob.bytes(), 0, "first", "a"), None);
    }
}

#[test]
fn more_announced_than_there_is() {
    let mut blob = Blob::new();
    blob.strukt("first", STRUCT, 4, &[("a", 0)]);
    for kind in [STRUCT, UNION, 6, 13, 15, 19] {
        let mut lying = Blob::split(&blob);
        lying.types = blob.types.clone();
        lying.strings = blob.strings.clone();
        lying.base.clear();
        lying.ty("more", kind, 0xff_ffff, 4, &[0; 6]);
        assert_eq!(member_offset(&lying.bytes(), 0, "first", "a"), None);
    }
}

#[test]
fn truncated_anywhere() {
    let blob = all_kinds();
    let bytes = blob.bytes();
    for len in 0..bytes.len() {
        assert_eq!(member_offset(&bytes[..len], 0, "last", "y"), None);
    }
    // What is behind the sections is nobody's business.
    let longer = [bytes, vec![0xaa; 9]].concat();
    assert_eq!(member_offset(&longer, 0, "last", "y"), Some(32));
}

proptest! {
    #[test]
    fn any_bytes(bytes: Vec<u8>, base: Vec<u8>, base_len: u32) {
        strings_len(&bytes);
        member_offset(&bytes, base_len, "a", "b");
        member_offset_over(&bytes, &base, "a", "b");
    }

    #[test]
    fn any_types_behind_a_right_header(types: Vec<u32>, strings: Vec<u8>, base_len in 0..4u32) {
        let mut blob = Blob::new();
        blob.words(&types);
        blob.strings = strings;
        member_offset(&blob.bytes(), base_len, "a", "b");
    }

    #[test]
    fn a_few_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = all_kinds().bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        member_offset(&bytes, 0, "last", "y");
        let base = all_kinds().bytes();
        member_offset_over(&bytes, &base, "last", "y");
        member_offset_over(&base, &bytes, "last", "y");
    }

    #[test]
    fn what_was_put_in_comes_out(sizes in prop::collection::vec(0..9u32, 1..30), flag: bool) {
        let names: Vec<String> = (0..sizes.len()).map(|i| format!("member{i}")).collect();
        let mut offset = 0;
        let mut members = Vec::new();
        for (name, size) in names.iter().zip(&sizes) {
            members.push((name.as_str(), offset * 8));
            offset += size;
        }
        let mut blob = all_kinds();
        blob.strukt("made", STRUCT | if flag { KIND_FLAG } else { 0 }, offset, &members);
        let bytes = blob.bytes();
        for (name, bits) in members {
            prop_assert_eq!(member_offset(&bytes, 0, "made", name), Some(bits / 8));
        }
    }
}
