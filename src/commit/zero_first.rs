//! A new series is shown at zero for a while before it shows its value.
//!
//! Prometheus learns of an increase from two samples. A series that begins with its first value has
//! no sample before it, so `increase()` never sees what it began with: the first error of a kind,
//! which is the one to be told about. What was counted is durable at once; only its showing waits.
//!
//! What is held is part of the state, for the program may be killed meanwhile. It is written with
//! the change that brings the new series, so that no later life shows more than zero of them at
//! once; and that it is held no longer is durable before its value is shown, so that no later life
//! shows less. A later life holds it for the whole span again: nobody knows whether it was scraped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::{FunctionSeries, Snapshot};
use crate::store::StoredFunction;

/// What is shown of a slot from a change on: some new series at zero, or all that was counted.
pub(super) type Hold = (u32, Option<Arc<FunctionSeries>>);

/// Which functions show zeros, and until when.
#[derive(Debug)]
pub struct ZeroFirst {
    span: Duration,
    held: BTreeMap<u32, Held>,
}

#[derive(Debug)]
struct Held {
    /// What is shown meanwhile: all series as they were before, the new ones at zero.
    shown: Arc<FunctionSeries>,
    since: Instant,
}

impl ZeroFirst {
    /// Holds each new series at zero for `span`, not at all if that is none; and what was `held`
    /// by an earlier life.
    pub fn new(span: Duration, held: Vec<(u32, Arc<FunctionSeries>)>) -> Self {
        let mut zero_first = Self {
            span,
            held: BTreeMap::new(),
        };
        zero_first.restore(held, Instant::now());
        zero_first
    }

    /// Takes over what the state holds, for the whole span.
    pub(super) fn restore(&mut self, held: Vec<(u32, Arc<FunctionSeries>)>, since: Instant) {
        let held = held.into_iter();
        self.held = held
            .map(|(slot, shown)| (slot, Held { shown, since }))
            .collect();
    }

    /// Begins the span of all that is held anew.
    pub(super) fn begin(&mut self, now: Instant) {
        for held in self.held.values_mut() {
            held.since = now;
        }
    }

    /// Holds for another span from now on, also what is held already.
    pub(super) fn hold_for(&mut self, span: Duration) {
        self.span = span;
    }

    /// What a change that is made at `now` does to what is held: `changed` replaces what is in
    /// `ledger`, and what was held long enough is held no more. Nothing is changed yet.
    ///
    /// A function with a new series shows nothing else new until that is over, so that its counters
    /// and histograms agree; there are few kinds of series, so that ends.
    pub(super) fn prepare<'b>(
        &self,
        ledger: impl Fn(u32) -> Option<&'b Arc<FunctionSeries>>,
        changed: &[(u32, StoredFunction)],
        now: Instant,
    ) -> Vec<Hold> {
        let over = self.held.iter().filter(|(_, held)| self.end(held) <= now);
        let mut holds: BTreeMap<u32, _> = over.map(|(slot, _)| (*slot, None)).collect();
        // Without a span nothing new is held, but what an earlier life held has to end.
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

    /// Makes what was prepared, once it is durable. What is held anew is shown since then.
    pub(super) fn apply(&mut self, holds: Vec<Hold>, since: Instant) {
        for (slot, shown) in holds {
            match shown {
                Some(shown) => self.held.insert(slot, Held { shown, since }),
                None => self.held.remove(&slot),
            };
        }
    }

    /// Puts into `next`, a snapshot of the ledger, what is shown instead.
    pub(super) fn cover(&mut self, next: &mut Snapshot) {
        for (slot, held) in &mut self.held {
            let place = next.place(*slot);
            let Some(series) = place.and_then(|place| next.series.get_mut(place)) else {
                continue;
            };
            // How a function is configured is no count: it shows as it is now.
            if held.shown.about != series.about || held.shown.is_gone != series.is_gone {
                let shown = Arc::make_mut(&mut held.shown);
                shown.about.clone_from(&series.about);
                shown.is_gone = series.is_gone;
            }
            *series = held.shown.clone();
        }
    }

    /// Whether new series of a slot are at zero.
    pub(super) fn holds(&self, slot: u32) -> bool {
        self.held.contains_key(&slot)
    }

    /// When there is something to be shown although nothing new was counted.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.held.values().map(|held| self.end(held)).min()
    }

    /// Whether something was held long enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.held.values().any(|held| self.end(held) <= now)
    }

    fn end(&self, held: &Held) -> Instant {
        held.since + self.span
    }
}

#[cfg(test)]
mod tests;
