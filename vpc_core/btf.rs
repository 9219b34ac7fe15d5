// SPDX-License-Identifier: GPL-2.0

//! Where a member of a structure lies, read from the kernel's own description of its types (BTF).
//!
//! Blobs come from `/sys/kernel/btf/`: `vmlinux`, and one per module. A module's is *split*: its
//! names and types go on where those of `vmlinux` end, and what `vmlinux` has already is not
//! repeated. So a name in it may be an offset into the strings of `vmlinux`, the *base*.
//!
//! ```text
//! header: magic 16, version 8, flags 8, length of the header 32,
//!         then offset and length of the types, offset and length of the strings, 32 each
//! types:  name 32, kind flag 1 + kind 7 + count 24, size or type 32, then what the kind brings
//! ```
//!
//! Offsets count from the end of the header (`include/uapi/linux/btf.h`). Kernels whose count has 16
//! bits and whose kind has 5 leave the bits between them zero.
//!
//! An answer is used to read memory, so whatever is doubtful has none: another byte order, a kind
//! that is not known, a bit field, two structures of one name that differ.

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
/// Length in bytes of the header without what later kernels append.
const HEADER_LEN: usize = 24;
/// Length in bytes of a member: name, type, offset.
const MEMBER_LEN: usize = 12;

const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_FWD: u32 = 7;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_FLOAT: u32 = 16;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;

/// The length in bytes of the strings of a blob that starts with `header` (24 bytes are enough).
pub fn strings_len(header: &[u8]) -> Option<u32> {
    Some(Header::decode(header)?.str_len)
}

/// The offset in bytes of `member` in `struct strukt`, from the blob `btf`.
///
/// `base_strings` is [`strings_len`] of the base, and 0 for a blob that is not split. Names that
/// stand in the base are not known then: a structure or member with such a name is not found. Where
/// that may be, take [`member_offset_over`].
pub fn member_offset(btf: &[u8], base_strings: u32, strukt: &str, member: &str) -> Option<u32> {
    find(btf, &[], base_strings, strukt, member)
}

/// As [`member_offset`], with the whole blob `base` that `btf` is split from, so that all names are
/// known.
pub fn member_offset_over(btf: &[u8], base: &[u8], strukt: &str, member: &str) -> Option<u32> {
    let header = Header::decode(base)?;
    let strings = header.section(base, header.str_off, header.str_len)?;
    find(btf, strings, header.str_len, strukt, member)
}

fn find(btf: &[u8], base: &[u8], base_len: u32, strukt: &str, member: &str) -> Option<u32> {
    // The unnamed all have the name "", and a zero would look beyond the end of a string.
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte != 0);
    if !is_name(strukt) || !is_name(member) {
        return None;
    }
    let header = Header::decode(btf)?;
    let names = Names {
        base,
        base_len,
        own: header.section(btf, header.str_off, header.str_len)?,
    };
    let mut types = header.section(btf, header.type_off, header.type_len)?;
    let mut found = None;
    // Each turn takes at least the twelve bytes that every type has.
    while !types.is_empty() {
        let (ty, rest) = Type::decode(types)?;
        types = rest;
        if ty.kind != KIND_STRUCT || !names.is(ty.name, strukt) {
            continue;
        }
        let offset = ty.offset_of(&names, member)?;
        if found.is_some_and(|other| other != offset) {
            return None;
        }
        found = Some(offset);
    }
    found
}

struct Header {
    len: u32,
    type_off: u32,
    type_len: u32,
    str_off: u32,
    str_len: u32,
}

impl Header {
    fn decode(bytes: &[u8]) -> Option<Header> {
        let ([m0, m1, version, flags], rest) = bytes.split_first_chunk()?;
        // In the other byte order the magic is another number.
        if u16::from_ne_bytes([*m0, *m1]) != MAGIC || *version != VERSION || *flags != 0 {
            return None;
        }
        let (len, rest) = take32(rest)?;
        let (type_off, rest) = take32(rest)?;
        let (type_len, rest) = take32(rest)?;
        let (str_off, rest) = take32(rest)?;
        let (str_len, _) = take32(rest)?;
        if (len as usize) < HEADER_LEN {
            return None;
        }
        Some(Header {
            len,
            type_off,
            type_len,
            str_off,
            str_len,
        })
    }

    /// The `len` bytes at `off` behind the header of `blob`, if it has them all.
    fn section<'a>(&self, blob: &'a [u8], off: u32, len: u32) -> Option<&'a [u8]> {
        blob.get(self.len as usize..)?
            .get(off as usize..)?
            .get(..len as usize)
    }
}

/// The strings, each ended by a zero: those of the base as far as they are known, then our own.
struct Names<'a> {
    base: &'a [u8],
    base_len: u32,
    own: &'a [u8],
}

impl Names<'_> {
    /// Does `wanted` stand at `offset`?
    fn is(&self, offset: u32, wanted: &str) -> bool {
        let tail = match offset.checked_sub(self.base_len) {
            Some(offset) => self.own.get(offset as usize..),
            None => self.base.get(offset as usize..),
        };
        tail.and_then(|tail| tail.strip_prefix(wanted.as_bytes()))
            .is_some_and(|end| end.first() == Some(&0))
    }
}

struct Type<'a> {
    name: u32,
    kind: u32,
    /// The offsets of the members carry the widths of bit fields.
    kind_flag: bool,
    size: u32,
    /// What the kind brings along behind the three words that all have.
    more: &'a [u8],
}

impl<'a> Type<'a> {
    /// Reads the type at the start of `bytes`; returns it and what follows.
    fn decode(bytes: &'a [u8]) -> Option<(Type<'a>, &'a [u8])> {
        let (name, rest) = take32(bytes)?;
        let (info, rest) = take32(rest)?;
        let (size, rest) = take32(rest)?;
        let kind = (info >> 24) & 0x7f;
        let count = (info & 0xff_ffff) as usize;
        let len = match kind {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION => count.checked_mul(MEMBER_LEN)?,
            KIND_ENUM | KIND_FUNC_PROTO => count.checked_mul(8)?,
            KIND_DATASEC | KIND_ENUM64 => count.checked_mul(12)?,
            // Pointers, forward declarations, typedefs and qualifiers, functions.
            KIND_PTR | KIND_FWD..=KIND_FUNC | KIND_FLOAT | KIND_TYPE_TAG => 0,
            // Of a kind that is not known, nobody knows where the next type begins.
            _ => return None,
        };
        let (more, rest) = rest.split_at_checked(len)?;
        let ty = Type {
            name,
            kind,
            kind_flag: info >> 31 != 0,
            size,
            more,
        };
        Some((ty, rest))
    }

    /// The offset in bytes of the first member of that name, of a structure.
    fn offset_of(&self, names: &Names<'_>, wanted: &str) -> Option<u32> {
        let mut members = self.more;
        loop {
            let (name, rest) = take32(members)?;
            let (_, rest) = take32(rest)?;
            let (offset, rest) = take32(rest)?;
            members = rest;
            if !names.is(name, wanted) {
                continue;
            }
            let (width, bits) = if self.kind_flag {
                (offset >> 24, offset & 0xff_ffff)
            } else {
                (0, offset)
            };
            let bytes = bits >> 3;
            // An array of no fixed length may begin where the structure ends.
            let fits = width == 0 && bits & 7 == 0 && bytes <= self.size;
            return fits.then_some(bytes);
        }
    }
}

fn take32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_ne_bytes(*word), rest))
}
