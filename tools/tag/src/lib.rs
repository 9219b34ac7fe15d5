// SPDX-License-Identifier: GPL-2.0

//! The tag that the frames of one tenant carry, so that they are known wherever they turn up: inside
//! tunnels, quoted by errors, cut into fragments.
//!
//! ```text
//! "~tenant~"  number of the tenant  what the number hashes to
//!  8 bytes    4 bytes               4 bytes, both in network order
//! ```
//!
//! Frames are damaged on purpose. The hash keeps a damaged tag from looking like that of another
//! tenant.

use memchr::memmem;

/// Length in bytes of a tag.
pub const LEN: usize = 16;

const MAGIC: [u8; 8] = *b"~tenant~";

/// The tag of a tenant.
pub fn of(tenant: u32) -> [u8; LEN] {
    let [a, b, c, d] = tenant.to_be_bytes();
    let [e, f, g, h] = hash(tenant).to_be_bytes();
    let [i, j, k, l, m, n, o, p] = MAGIC;
    [i, j, k, l, m, n, o, p, a, b, c, d, e, f, g, h]
}

/// The tenants whose tags are in `bytes`, one for each tag.
pub fn find(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    memmem::find_iter(bytes, &MAGIC).filter_map(|at| read(bytes.get(at..)?))
}

/// Whether `bytes` start with a tag.
pub fn leads(bytes: &[u8]) -> bool {
    read(bytes).is_some()
}

fn read(bytes: &[u8]) -> Option<u32> {
    let bytes = bytes.strip_prefix(&MAGIC)?;
    let (tenant, rest) = bytes.split_first_chunk()?;
    let (check, _) = rest.split_first_chunk()?;
    let tenant = u32::from_be_bytes(*tenant);
    (u32::from_be_bytes(*check) == hash(tenant)).then_some(tenant)
}

/// Any bit of the number changes about half the bits.
fn hash(tenant: u32) -> u32 {
    let mixed = (tenant ^ 0x7a5c_19e3).wrapping_mul(0x9e37_79b1);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_wherever_it_is() {
        let mut bytes = b"~tenant~".to_vec();
        bytes.extend(of(7));
        bytes.extend(of(0xff_ffff));
        bytes.extend(&of(9)[..LEN - 1]);
        assert_eq!(find(&bytes).collect::<Vec<_>>(), [7, 0xff_ffff]);
        assert!(leads(&of(9)) && !leads(&bytes));
    }

    #[test]
    fn damage_makes_no_other_tenant() {
        let whole = of(7);
        for first in 0..8 * LEN {
            for second in first..8 * LEN {
                let mut tag = whole;
                tag[first / 8] ^= 1 << (first % 8);
                if second != first {
                    tag[second / 8] ^= 1 << (second % 8);
                }
                assert_eq!(find(&tag).next(), None);
            }
        }
    }
}
