// SPDX-License-Identifier: GPL-2.0

//! The report, as JSON.

use anyhow::Context;
use anyhow::Result;
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Everything counted, and by whom.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) tap: String,
    pub(crate) id: u16,
    pub(crate) mac: String,
    pub(crate) queues: Vec<QueueReport>,
    pub(crate) series: Vec<SeriesReport>,
    pub(crate) stamped: u64,
    pub(crate) lost: u64,
    pub(crate) reordered: u64,
    pub(crate) duplicate: u64,
    pub(crate) corrupt: u64,
    pub(crate) tagged: u64,
    pub(crate) foreign: u64,
    pub(crate) foreign_frame: Option<String>,
}

/// What one queue of one sender sent, as it arrived here.
#[derive(Serialize, Default)]
pub(crate) struct SeriesReport {
    pub(crate) from: u16,
    pub(crate) from_queue: u16,
    pub(crate) frames: u64,
    pub(crate) expected: u64,
    pub(crate) lost: u64,
    pub(crate) reordered: u64,
    pub(crate) overtaken: u64,
    pub(crate) duplicate: u64,
    pub(crate) by_queue: Vec<u64>,
}

/// Declares the counters of a queue and their report, which has the same names.
macro_rules! counters {
    ($($name:ident)*) => {
        /// Counters of a queue, in frames or bytes.
        #[derive(Default)]
        pub(crate) struct QueueCounters { $(pub(crate) $name: AtomicU64),* }

        /// The counters of a queue at one moment.
        #[derive(Serialize)]
        pub(crate) struct QueueReport { pub(crate) queue: u16, $(pub(crate) $name: u64),* }

        impl QueueCounters {
            pub(crate) fn report(&self, queue: u16) -> QueueReport {
                QueueReport { queue, $($name: self.$name.load(Ordering::Relaxed)),* }
            }

            pub(crate) fn reset(&self) {
                $(self.$name.store(0, Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    rx_frames rx_bytes rx_stamped rx_arp rx_nd rx_echo rx_other rx_foreign rx_corrupt
    tx_frames tx_bytes tx_errors
}

/// Writes the report to `path`, "-" for standard output.
pub(crate) fn write(path: &Path, report: &Report) -> Result<()> {
    let mut text = serde_json::to_string(report)?;
    text.push('\n');
    if path == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
