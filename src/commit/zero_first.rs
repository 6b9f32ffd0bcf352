//! A new series is shown at zero for a while before it shows its value.
//!
//! Prometheus learns of an increase from two samples. A series that begins with its first value has
//! no sample before it, so `increase()` never sees what it began with: the first error of a kind,
//! which is the one to be told about. The books and the store are not concerned: what was counted
//! is durable at once, and only its showing waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::series::{FunctionSeries, Snapshot};

/// Which functions show zeros, and until when.
#[derive(Debug)]
pub(super) struct ZeroFirst {
    span: Duration,
    held: BTreeMap<usize, Held>,
}

#[derive(Debug)]
struct Held {
    /// What is shown meanwhile: all series as they were before, the new ones at zero.
    shown: Arc<FunctionSeries>,
    until: Instant,
}

impl ZeroFirst {
    /// Holds each new series at zero for `span`; not at all, if that is none.
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            held: BTreeMap::new(),
        }
    }

    /// Puts zeros into `next` where it has series that `before`, what was shown last, has not. A
    /// function with a new series shows nothing else new until that is over, so that its counters
    /// and histograms agree; there are few kinds of series, so that ends.
    pub(super) fn veil(&mut self, before: &Snapshot, next: &mut Snapshot, now: Instant) {
        self.held.retain(|_, held| held.until > now);
        if self.span.is_zero() {
            return;
        }
        for (slot, series) in next.series.iter_mut().enumerate() {
            let shown = before.series.get(slot);
            if shown.is_some_and(|shown| Arc::ptr_eq(shown, series)) {
                continue;
            }
            if let Some(held) = self.held.get_mut(&slot) {
                if let Some(wider) = series.new_at_zero(Some(&held.shown)) {
                    held.shown = Arc::new(wider);
                    held.until = now + self.span;
                }
                if held.shown.about != series.about {
                    Arc::make_mut(&mut held.shown)
                        .about
                        .clone_from(&series.about);
                }
                *series = held.shown.clone();
            } else if let Some(zeros) = series.new_at_zero(shown.map(|shown| &**shown)) {
                let until = now + self.span;
                let shown = Arc::new(zeros);
                *series = shown.clone();
                self.held.insert(slot, Held { shown, until });
            }
        }
    }

    /// When there is something to be shown although nothing new was counted.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.held.values().map(|held| held.until).min()
    }
}
