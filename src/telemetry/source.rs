//! The metrics of one source: how well its polling goes.

use std::sync::{Arc, OnceLock};

use prometheus::{Error, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::family::Families;
use super::whole;
use crate::metrics::catalog;
use crate::model::Timestamp;

/// The families that carry the label `source`.
#[derive(Debug)]
pub(super) struct SourceFamilies {
    lag: GaugeVec,
    watermark: GaugeVec,
    last_success: GaugeVec,
    polls: IntCounterVec,
    incomplete: IntCounterVec,
    truncated: IntCounterVec,
    targets: IntGaugeVec,
    unmatched: IntGaugeVec,
    clock_offset: GaugeVec,
}

/// The metrics of one source. Cheap to clone; all methods are plain atomics.
#[derive(Debug, Clone)]
pub struct SourceTelemetry {
    succeeded: IntCounter,
    failed: IntCounter,
    last_success: Gauge,
    incomplete: IntCounter,
    truncated: IntCounter,
    targets: IntGauge,
    unmatched: IntGauge,
    clock_offset: Gauge,
    lag: Arc<Late>,
    watermark: Arc<Late>,
}

/// A gauge that is not shown before it is known: 0 would be a wrong answer.
#[derive(Debug)]
struct Late {
    family: GaugeVec,
    source: String,
    gauge: OnceLock<Gauge>,
}

// === impl SourceFamilies ===

impl SourceFamilies {
    pub(super) fn new(of: &Families<'_>) -> Result<Self, Error> {
        Ok(Self {
            lag: of.gauges(&catalog::INGESTION_LAG)?,
            watermark: of.gauges(&catalog::WATERMARK)?,
            last_success: of.gauges(&catalog::LAST_SUCCESSFUL_POLL)?,
            polls: of.counters(&catalog::POLLS)?,
            incomplete: of.counters(&catalog::INCOMPLETE_READS)?,
            truncated: of.counters(&catalog::TRUNCATED_READS)?,
            targets: of.int_gauges(&catalog::TARGETS)?,
            unmatched: of.int_gauges(&catalog::UNMATCHED_SELECTORS)?,
            clock_offset: of.gauges(&catalog::CLOCK_OFFSET)?,
        })
    }

    pub(super) fn of(&self, source: &str) -> SourceTelemetry {
        SourceTelemetry {
            succeeded: self.polls.with_label_values(&[source, "success"]),
            failed: self.polls.with_label_values(&[source, "failure"]),
            last_success: self.last_success.with_label_values(&[source]),
            incomplete: self.incomplete.with_label_values(&[source]),
            truncated: self.truncated.with_label_values(&[source]),
            targets: self.targets.with_label_values(&[source]),
            unmatched: self.unmatched.with_label_values(&[source]),
            clock_offset: self.clock_offset.with_label_values(&[source]),
            lag: Late::new(&self.lag, source),
            watermark: Late::new(&self.watermark, source),
        }
    }

    /// Hides how far a source is until it is known again, and how far its clock is off.
    pub(super) fn clear_watermark(&self, source: &str) {
        self.clock_offset.with_label_values(&[source]).set(0.0);
        for gauge in [&self.lag, &self.watermark] {
            // Not shown yet.
            let _unknown = gauge.remove_label_values(&[source]);
        }
    }

    /// Ends the metrics of a source.
    pub(super) fn remove(&self, source: &str) {
        self.clear_watermark(source);
        for result in ["success", "failure"] {
            let _unknown = self.polls.remove_label_values(&[source, result]);
        }
        for gauge in [&self.last_success, &self.clock_offset] {
            let _unknown = gauge.remove_label_values(&[source]);
        }
        for counter in [&self.incomplete, &self.truncated] {
            let _unknown = counter.remove_label_values(&[source]);
        }
        for gauge in [&self.targets, &self.unmatched] {
            let _unknown = gauge.remove_label_values(&[source]);
        }
    }
}

// === impl SourceTelemetry ===

impl SourceTelemetry {
    /// A poll of one target ended without error at `now`.
    pub fn poll_succeeded(&self, now: Timestamp) {
        self.succeeded.inc();
        self.last_success.set(now.as_secs_f64());
    }

    /// A poll of one target failed.
    pub fn poll_failed(&self) {
        self.failed.inc();
    }

    /// A read did not meet all rows that were announced.
    pub fn incomplete_read(&self) {
        self.incomplete.inc();
    }

    /// A read ended at a limit of the API with rows left over.
    pub fn truncated_read(&self) {
        self.truncated.inc();
    }

    /// How many targets are polled.
    pub fn set_targets(&self, targets: usize) {
        self.targets.set(whole(targets));
    }

    /// How many names, patterns and topics of the configuration fit nothing.
    pub fn set_unmatched(&self, selectors: usize) {
        self.unmatched.set(whole(selectors));
    }

    /// How far the cloud's clock is ahead of ours, in milliseconds.
    pub fn set_clock_offset(&self, millis: i64) {
        self.clock_offset.set(millis as f64 / 1_000.0);
    }

    /// A commit at `now` counted invocations, the newest of them at `newest`.
    pub fn counted(&self, newest: Timestamp, now: Timestamp) {
        self.lag.set(now.since(newest).as_secs_f64());
    }

    /// The oldest settled position over all targets. Not to be called before each has one.
    pub fn set_watermark(&self, watermark: Timestamp) {
        self.watermark.set(watermark.as_secs_f64());
    }
}

// === impl Late ===

impl Late {
    fn new(family: &GaugeVec, source: &str) -> Arc<Self> {
        Arc::new(Self {
            family: family.clone(),
            source: source.to_owned(),
            gauge: OnceLock::new(),
        })
    }

    fn set(&self, value: f64) {
        self.gauge
            .get_or_init(|| self.family.with_label_values(&[&self.source]))
            .set(value);
    }
}
