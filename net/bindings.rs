// SPDX-License-Identifier: GPL-2.0

//! Bindings of the kernel's networking headers, made by bindgen.
//!
//! `kernel::bindings` does not have `net_device`, `rtnl_link_ops` or netfilter, so this crate runs
//! bindgen itself: what is taken stands in `bindgen_parameters`, from the headers that
//! `bindings_helper.h` includes. [`crate::layout`] compares the result with what the C compiler saw.

#![allow(
    clippy::all,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]
#![cfg_attr(CONFIG_RUSTC_HAS_UNNECESSARY_TRANSMUTES, allow(unnecessary_transmutes))]

use kernel::ffi;
use pin_init::{MaybeZeroable, Zeroable};

type __kernel_size_t = usize;
type __kernel_ssize_t = isize;
type __kernel_ptrdiff_t = isize;

// SAFETY: The unit is a newtype around its storage, so zeroes are a valid value of it wherever they
// are one of the storage.
unsafe impl<Storage> Zeroable for __BindgenBitfieldUnit<Storage> where Storage: Zeroable {}

include!(concat!(env!("VPCNET_OBJ"), "/bindings_generated.rs"));
