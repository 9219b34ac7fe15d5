// SPDX-License-Identifier: GPL-2.0

//! Error codes that `kernel::error::code` does not have in all kernels that are built for.
//!
//! C header: [`include/uapi/asm-generic/errno.h`](srctree/include/uapi/asm-generic/errno.h)

use kernel::error::Error;

use crate::bindings;

/// "Cannot assign requested address."
pub fn eaddrnotavail() -> Error {
    Error::from_errno(-(bindings::EADDRNOTAVAIL as i32))
}

/// "Address already in use."
pub fn eaddrinuse() -> Error {
    Error::from_errno(-(bindings::EADDRINUSE as i32))
}

/// "Address family not supported by protocol."
pub fn eafnosupport() -> Error {
    Error::from_errno(-(bindings::EAFNOSUPPORT as i32))
}

/// "Too many symbolic links encountered", for devices that lead to themselves.
pub fn eloop() -> Error {
    Error::from_errno(-(bindings::ELOOP as i32))
}

/// "Operation not supported."
pub fn eopnotsupp() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as i32))
}
