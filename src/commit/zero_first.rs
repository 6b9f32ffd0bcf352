//! New series are shown at zero for a while before they show their value.
//!
//! Prometheus computes an increase from two samples. A series that begins with its first value has
//! no sample before it, so `increase()` never sees that value: often the first error of a kind,
//! which is the one to alert on. Counts are durable at once; only the snapshot shows zero.
//!
//! Held series are part of the stored state, because the process may be killed meanwhile. The hold
//! is written with the change that adds the series, so that no later process shows their value at
//! once; and the end of a hold is durable before the value is shown, so that no later process shows
//! zero again. A later process holds them for the whole span again, since it does not know whether
//! the zeros were scraped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::{FunctionSeries, Snapshot};
use crate::store::StoredFunction;

/// What a slot shows after a change: the series with new ones at zero, or `None` for the real ones.
pub(super) type Hold = (u32, Option<Arc<FunctionSeries>>);

/// The functions that are shown with some series at zero.
#[derive(Debug)]
pub struct ZeroFirst {
    span: Duration,
    held: BTreeMap<u32, Held>,
}

#[derive(Debug)]
struct Held {
    /// The series as they were before the change, with the new ones at zero.
    shown: Arc<FunctionSeries>,
    since: Instant,
}

impl ZeroFirst {
    /// Holds each new series at zero for `span` (not at all if that is zero), and those that an
    /// earlier process `held`.
    pub fn new(span: Duration, held: Vec<(u32, Arc<FunctionSeries>)>) -> Self {
        let mut zero_first = Self {
            span,
            held: BTreeMap::new(),
        };
        zero_first.restore(held, Instant::now());
        zero_first
    }

    /// Replaces all held series by the stored ones, for the whole span.
    pub(super) fn restore(&mut self, held: Vec<(u32, Arc<FunctionSeries>)>, since: Instant) {
        let held = held.into_iter();
        self.held = held
            .map(|(slot, shown)| (slot, Held { shown, since }))
            .collect();
    }

    pub(super) fn begin(&mut self, now: Instant) {
        for held in self.held.values_mut() {
            held.since = now;
        }
    }

    /// Sets another span, also for the series that are held already.
    pub(super) fn hold_for(&mut self, span: Duration) {
        self.span = span;
    }

    /// Prepares the holds of a change at `now` in which `changed` replaces series of `ledger`;
    /// holds whose span is over end.
    ///
    /// A function with a held series shows no other change until the hold ends, so that its
    /// counters and histograms agree. A function has few kinds of series, so holds do not go on
    /// forever.
    pub(super) fn prepare<'b>(
        &self,
        ledger: impl Fn(u32) -> Option<&'b Arc<FunctionSeries>>,
        changed: &[(u32, StoredFunction)],
        now: Instant,
    ) -> Vec<Hold> {
        let over = self.held.iter().filter(|(_, held)| self.end(held) <= now);
        let mut holds: BTreeMap<u32, _> = over.map(|(slot, _)| (*slot, None)).collect();
        // Without a span nothing new is held, but holds of an earlier process must end.
        let changed = if self.span.is_zero() { &[] } else { changed };
        for (slot, changed) in changed {
            let counted = ledger(*slot);
            if counted.is_some_and(|counted| Arc::ptr_eq(counted, &changed.series)) {
                continue;
            }
            let held = self.held.get(slot).filter(|held| self.end(held) > now);
            let shown = held.map_or(counted, |held| Some(&held.shown));
            if let Some(zeros) = changed.series.new_at_zero(shown.map(|shown| &**shown)) {
                holds.insert(*slot, Some(Arc::new(zeros)));
            }
        }
        holds.into_iter().collect()
    }

    /// Applies prepared holds once they are durable; their span begins at `since`.
    pub(super) fn apply(&mut self, holds: Vec<Hold>, since: Instant) {
        for (slot, shown) in holds {
            match shown {
                Some(shown) => self.held.insert(slot, Held { shown, since }),
                None => self.held.remove(&slot),
            };
        }
    }

    /// Replaces series in `next`, a snapshot of the ledger, by the held ones.
    pub(super) fn cover(&mut self, next: &mut Snapshot) {
        for (slot, held) in &mut self.held {
            let place = next.place(*slot);
            let Some(series) = place.and_then(|place| next.series.get_mut(place)) else {
                continue;
            };
            // The configuration of a function is no count: it is shown as it is now.
            if held.shown.about != series.about || held.shown.is_gone != series.is_gone {
                let shown = Arc::make_mut(&mut held.shown);
                shown.about.clone_from(&series.about);
                shown.is_gone = series.is_gone;
            }
            *series = held.shown.clone();
        }
    }

    pub(super) fn holds(&self, slot: u32) -> bool {
        self.held.contains_key(&slot)
    }

    pub(super) fn next_end(&self) -> Option<Instant> {
        self.held.values().map(|held| self.end(held)).min()
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.held.values().any(|held| self.end(held) <= now)
    }

    fn end(&self, held: &Held) -> Instant {
        held.since + self.span
    }
}

#[cfg(test)]
mod tests;
