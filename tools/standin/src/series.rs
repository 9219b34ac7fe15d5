// SPDX-License-Identifier: GPL-2.0

//! Counts stamped frames: per sender and sending queue, on which queue they arrived, how many are
//! missing, out of order or doubled.

use crate::report::SeriesReport;
use crate::stamp::Stamp;
use std::collections::BTreeMap;

/// All stamped frames received.
#[derive(Default)]
pub(crate) struct Series {
    runs: BTreeMap<(u16, u16, u32), Run>,
    /// Frames counted in all.
    pub(crate) frames: u64,
}

/// What one `send` sent on one queue.
#[derive(Default)]
struct Run {
    total: u32,
    frames: u64,
    reordered: u64,
    overtaken: u64,
    duplicate: u64,
    by_queue: Vec<u64>,
    highest: Option<u32>,
    /// The same for each of our queues.
    highest_by_queue: Vec<Option<u32>>,
    /// One bit for each sequence number, set once it has come.
    seen: Vec<u64>,
}

impl Series {
    /// Counts a frame that arrived on `queue` of `queues`.
    pub(crate) fn count(&mut self, stamp: Stamp, queue: u16, queues: u16) {
        self.frames += 1;
        let run = self
            .runs
            .entry((stamp.id, stamp.queue, stamp.run))
            .or_insert_with(|| Run {
                total: stamp.total,
                by_queue: vec![0; usize::from(queues)],
                highest_by_queue: vec![None; usize::from(queues)],
                ..Run::default()
            });
        run.frames += 1;
        if let Some(count) = run.by_queue.get_mut(usize::from(queue)) {
            *count += 1;
        }
        let behind = |highest: Option<u32>| highest.is_some_and(|highest| stamp.seq < highest);
        let here = run.highest_by_queue.get_mut(usize::from(queue));
        let is_overtaken = here.as_deref().is_some_and(|highest| behind(*highest));
        if let Some(highest) = here {
            *highest = (*highest).max(Some(stamp.seq));
        }
        if run.mark(stamp.seq) {
            run.duplicate += 1;
        } else {
            run.reordered += u64::from(behind(run.highest));
            run.overtaken += u64::from(is_overtaken);
        }
        run.highest = run.highest.max(Some(stamp.seq));
    }

    /// The series in order of sender and queue, the runs of each added up.
    pub(crate) fn report(&self) -> Vec<SeriesReport> {
        let mut all: Vec<SeriesReport> = Vec::new();
        for ((from, from_queue, _), run) in &self.runs {
            let same = |s: &&mut SeriesReport| s.from == *from && s.from_queue == *from_queue;
            if let Some(series) = all.last_mut().filter(same) {
                run.add_to(series);
            } else {
                let mut series = SeriesReport {
                    from: *from,
                    from_queue: *from_queue,
                    by_queue: vec![0; run.by_queue.len()],
                    ..SeriesReport::default()
                };
                run.add_to(&mut series);
                all.push(series);
            }
        }
        all
    }
}

impl Run {
    /// Marks `seq` as come; says whether it had come before.
    fn mark(&mut self, seq: u32) -> bool {
        let at = (seq / 64) as usize;
        if self.seen.len() <= at {
            self.seen.resize(at + 1, 0);
        }
        let bit = 1 << (seq % 64);
        match self.seen.get_mut(at) {
            Some(word) => {
                let before = *word & bit != 0;
                *word |= bit;
                before
            }
            None => false,
        }
    }

    fn add_to(&self, series: &mut SeriesReport) {
        series.frames += self.frames;
        series.expected += u64::from(self.total);
        series.lost += u64::from(self.total).saturating_sub(self.frames - self.duplicate);
        series.reordered += self.reordered;
        series.overtaken += self.overtaken;
        series.duplicate += self.duplicate;
        for (sum, count) in series.by_queue.iter_mut().zip(&self.by_queue) {
            *sum += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(queue: u16, run: u32, seq: u32) -> Stamp {
        Stamp {
            id: 1,
            queue,
            run,
            seq,
            total: 4,
        }
    }

    #[test]
    fn all_in_order() {
        let mut series = Series::default();
        for queue in 0..2 {
            for seq in 0..4 {
                series.count(stamp(queue, 7, seq), queue, 2);
            }
        }
        let report = series.report();
        assert_eq!(report.len(), 2);
        for (queue, series) in report.iter().enumerate() {
            assert_eq!((series.frames, series.expected, series.lost), (4, 4, 0));
            assert_eq!((series.reordered, series.duplicate), (0, 0));
            assert_eq!(series.by_queue[queue], 4);
        }
    }

    #[test]
    fn loss_order_and_doubles() {
        let mut series = Series::default();
        for seq in [2, 0, 0] {
            series.count(stamp(0, 7, seq), 1, 2);
        }
        let report = &series.report()[0];
        assert_eq!((report.frames, report.expected, report.lost), (3, 4, 2));
        assert_eq!((report.reordered, report.duplicate), (1, 1));
        assert_eq!(report.overtaken, 1);
        assert_eq!(report.by_queue, [0, 3]);
    }

    #[test]
    fn queues_do_not_overtake_each_other() {
        let mut series = Series::default();
        for (seq, queue) in [(1, 0), (0, 1), (3, 1), (2, 0)] {
            series.count(stamp(0, 7, seq), queue, 2);
        }
        let report = &series.report()[0];
        assert_eq!((report.lost, report.duplicate), (0, 0));
        assert_eq!((report.reordered, report.overtaken), (2, 0));
    }

    #[test]
    fn runs_add_up() {
        let mut series = Series::default();
        for run in 0..3 {
            for seq in 0..3 {
                series.count(stamp(0, run, seq), 0, 1);
            }
        }
        let report = &series.report()[0];
        assert_eq!((report.frames, report.expected, report.lost), (9, 12, 3));
    }
}
