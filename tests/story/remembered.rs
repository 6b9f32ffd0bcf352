//! From which position on invocation keys may still be kept.

use scf_exporter::config::Api;
use scf_exporter::web::{Readiness, Status, View};

use super::checks;
use super::support::exposition::Exposition;
use super::support::world::Exporter;

/// Follows one life under one configuration.
#[derive(Default)]
pub struct Remembered {
    /// The highest watermark when the whole list was first seen.
    listed_ms: Option<i64>,
}

impl Remembered {
    /// The lowest watermark, by the clock of the cloud; none while keys below it need not have been
    /// evicted: some targets may be unknown, or not begun. When the watermark of a topic moves, keys
    /// are evicted of the functions that lists have shown to log to it by then, so each watermark has
    /// to move once more after the first whole list.
    pub fn watermark_ms(
        &mut self,
        exporter: &Exporter,
        scrape: &Exposition,
        api: Api,
    ) -> Option<i64> {
        let status = exporter.view.status();
        if exporter.view.readiness() != Readiness::Ready || !is_found(&status) {
            return None;
        }
        let targets = status.targets.iter();
        let watermark: Option<Vec<i64>> = targets
            .map(|target| target.watermark.map(|at| at.as_millis()))
            .collect();
        let watermark = watermark?;
        let slowest = watermark.iter().copied().min()?;
        if api != Api::Cls {
            return Some(slowest);
        }
        if !checks::is_listed(scrape) {
            return None;
        }
        let furthest = watermark.into_iter().max()?;
        let listed_ms = *self.listed_ms.get_or_insert(furthest);
        (slowest > listed_ms).then_some(slowest)
    }
}

/// Whether each source has read its list of functions.
fn is_found(status: &Status) -> bool {
    let mut troubles = status.sources.iter().filter_map(|one| one.trouble.as_ref());
    troubles.all(|trouble| !trouble.is_going_on())
}
