//! Answers that cannot be had as they are asked for.

use std::time::Duration;

use scf_exporter::config::Api;

use super::Dice;
use crate::plan::{Event, Step, Story, said};

impl Dice<'_> {
    /// Answers that cannot be had as they are asked for: too large, too slow, cut on their way or no
    /// UTF-8. One row can be had, except where it is drawn that it cannot.
    pub fn answers(&self, story: &mut Story) {
        let by_topic = story.setups().all(|setup| setup.api == Api::Cls);
        // A second of v2 has to fit into a page.
        let (rows_min, bytes_min) = match story.setups().any(|setup| setup.api == Api::V2) {
            true if story.world.burst_ms.is_some() => (120, 100_000),
            true => (80, 60_000),
            false => (20, 20_000),
        };
        let (rows, bytes, ms) = match by_topic {
            true => (
                // With fewer a request, some of the slower stories never catch up.
                self.between(5, 150),
                self.between(6_000, 60_000),
                self.between(5, 150),
            ),
            false => (
                self.between(rows_min, 400),
                self.between(bytes_min, 300_000),
                self.between(1, 60),
            ),
        };
        // Of several such rows at one time, what lies between them cannot be had either.
        // By offset, it cannot be told from others of a second that change places.
        let moves = story.world.faults.unstable_ties && !by_topic;
        let loses = story.world.burst_ms.is_none() && !moves;
        let lost = self.sometimes(0.4, || 0.001 + self.0.unit() * 0.005);
        let faults = &mut story.world.faults;
        faults.odd_bytes = self.sometimes(0.4, || self.0.unit() * 0.1).unwrap_or(0.0);
        faults.most_rows = self.sometimes(0.3, || rows as usize);
        faults.most_bytes = self.sometimes(0.2, || bytes as usize);
        faults.cut_at = self.sometimes(0.2, || bytes as usize);
        faults.row_delay = Duration::from_millis(self.sometimes(0.3, || ms).unwrap_or(0));
        faults.oversized_rows = lost.filter(|_| loses).unwrap_or(0.0);
        story.request_timeout = self.pick(&[30, 30, 15]);
        faults.broken_rows = self.sometimes(0.3, || ()).is_some();
    }
}

impl Story {
    /// Which answers cannot be had as they are asked for.
    pub fn answers(&self) -> Vec<String> {
        let (faults, timeout) = (&self.world.faults, self.request_timeout);
        let row_ms = faults.row_delay.as_millis();
        let most = |most: Option<usize>, what: &str| {
            let most = most.unwrap_or(0);
            (most > 0, format!("Answers of more than {most} {what}."))
        };
        said([
            (
                faults.odd_bytes > 0.0,
                format!(
                    "{:.1} % of the rows hold bytes that are no UTF-8.",
                    faults.odd_bytes * 100.0
                ),
            ),
            most(faults.most_rows, "rows are refused"),
            most(faults.most_bytes, "bytes are refused"),
            most(faults.cut_at, "bytes are cut there"),
            (
                row_ms > 0,
                format!("An answer takes {row_ms} ms for each row; {timeout} s are waited for it."),
            ),
            (
                faults.oversized_rows > 0.0,
                format!(
                    "{:.2} % of the rows can never be had{}.",
                    faults.oversized_rows * 100.0,
                    if faults.broken_rows {
                        ": they break the answer"
                    } else {
                        ""
                    }
                ),
            ),
        ])
    }

    /// Sources of topics that one life of the exporter has one after the other, at the most. Other
    /// APIs tell of a row that cannot be had as often as they meet it.
    pub fn most_sources(&self) -> u64 {
        if self.setups().any(|setup| setup.api != Api::Cls) {
            return u64::MAX;
        }
        let reload = |step: &&Step| matches!(step.what, Event::Reload { .. });
        1 + self.steps.iter().filter(reload).count() as u64
    }
}
