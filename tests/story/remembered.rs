//! From when on attempts have to be remembered at any moment.

use scf_exporter::config::Api;
use scf_exporter::web::{Readiness, Status, View};

use super::checks;
use super::support::exposition::Exposition;
use super::support::world::Exporter;

/// Follows one life under one configuration.
#[derive(Default)]
pub struct Remembered {
    /// The furthest settled position at the first sight of a whole list.
    listed_ms: Option<i64>,
}

impl Remembered {
    /// The position below which every target is settled, by the clock of the cloud; none while that
    /// need not have made the ledger forget: some targets may be unknown, or not begun. A topic that
    /// settles has the attempts of those functions forgotten of which lists have told by then that
    /// they log to it, so each topic has to settle once more after the first whole list.
    pub fn settled_ms(
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
