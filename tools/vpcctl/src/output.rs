// SPDX-License-Identifier: GPL-2.0

//! Standard output. If nobody reads it any more, that is no error to tell.

use anyhow::Context;
use anyhow::Result;
use serde::Serialize;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::process;

/// Prints text that ends with a line feed.
pub(crate) fn text(text: &str) -> Result<()> {
    bytes(text.as_bytes())
}

/// Prints what has been made elsewhere.
pub(crate) fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        result => result.context("cannot write to standard output"),
    }
}

/// Prints a line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(value).context("cannot make JSON")?;
    line.push('\n');
    text(&line)
}
