//! The metrics of one source.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::{Error, Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, Registry};

use super::Disposition;
use super::family::Families;
use crate::metrics::catalog;
use crate::model::{RejectReason, Timestamp};

/// Upper bounds of the time of a request to the cloud, in seconds: from one in the same region to
/// one that runs into its time limit.
const REQUEST_BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The metrics of one source, each with its name in the label `source`. They are plain atomics, so
/// that a scrape never makes the readers wait; only a request looks its series up behind a lock.
#[derive(Debug)]
pub struct SourceTelemetry {
    /// Holds these metrics alone, so that they end together with the source.
    pub(super) registry: Registry,
    totals: Arc<Totals>,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    records: [IntCounter; Disposition::ALL.len()],
    rejected: [IntCounter; RejectReason::ALL.len()],
    overflow: IntCounter,
    unknown_codes: IntCounter,
    succeeded: IntCounter,
    failed: IntCounter,
    last_success: Gauge,
    incomplete: IntCounter,
    truncated: IntCounter,
    targets: Gauge,
    unmatched: Gauge,
    clock_offset: Gauge,
    /// Families of one series, which is absent until its value is known.
    lag: GaugeVec,
    watermark: GaugeVec,
}

/// Sums over all sources since the start, those included that are no longer read.
#[derive(Debug, Default)]
pub(super) struct Totals {
    records: [AtomicU64; Disposition::ALL.len()],
    overflow: AtomicU64,
}

// === impl Totals ===

impl Totals {
    pub(super) fn records(&self, disposition: Disposition) -> u64 {
        self.records[disposition as usize].load(Ordering::Relaxed)
    }

    pub(super) fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }
}

// === impl SourceTelemetry ===

impl SourceTelemetry {
    pub(super) fn new(source: &str, totals: Arc<Totals>) -> Result<Self, Error> {
        let registry = Registry::new();
        let of = Families::of_source(&registry, source);
        let records = of.counters(&catalog::RECORDS)?;
        let rejected = of.counters(&catalog::REJECTED_ROWS)?;
        let polls = of.counters(&catalog::POLLS)?;
        Ok(Self {
            totals,
            requests: of.counters(&catalog::API_REQUESTS)?,
            request_duration: of.histograms(&catalog::API_REQUEST_DURATION, &REQUEST_BOUNDS)?,
            records: Disposition::ALL.map(|one| records.with_label_values(&[one.as_str()])),
            rejected: RejectReason::ALL.map(|one| rejected.with_label_values(&[one.as_str()])),
            overflow: of.counter(&catalog::OVERFLOW_INVOCATIONS)?,
            unknown_codes: of.counter(&catalog::UNKNOWN_CODES)?,
            succeeded: polls.with_label_values(&["success"]),
            failed: polls.with_label_values(&["failure"]),
            last_success: of.gauge(&catalog::LAST_SUCCESSFUL_POLL)?,
            incomplete: of.counter(&catalog::INCOMPLETE_READS)?,
            truncated: of.counter(&catalog::TRUNCATED_READS)?,
            targets: of.gauge(&catalog::TARGETS)?,
            unmatched: of.gauge(&catalog::UNMATCHED_SELECTORS)?,
            clock_offset: of.gauge(&catalog::CLOCK_OFFSET)?,
            lag: of.gauges(&catalog::INGESTION_LAG)?,
            watermark: of.gauges(&catalog::WATERMARK)?,
            registry,
        })
    }

    /// Counts one request to the cloud. `code` is the cloud's own or a word such as `ok` or
    /// `network`, from a closed set.
    pub fn request(&self, api: &str, action: &str, code: &'static str, took: Duration) {
        self.requests.with_label_values(&[api, action, code]).inc();
        self.request_duration
            .with_label_values(&[api, action])
            .observe(took.as_secs_f64());
    }

    /// Counts rows that were read.
    pub fn records(&self, disposition: Disposition, rows: u64) {
        self.records[disposition as usize].inc_by(rows);
        self.totals.records[disposition as usize].fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts unreadable rows by the field at fault.
    pub fn rejected(&self, reason: RejectReason, rows: u64) {
        self.rejected[reason as usize].inc_by(rows);
    }

    /// Counts invocations that went to the overflow series.
    pub fn overflowed(&self, invocations: u64) {
        self.overflow.inc_by(invocations);
        self.totals
            .overflow
            .fetch_add(invocations, Ordering::Relaxed);
    }

    /// Counts invocations whose return code has no known meaning.
    pub fn unknown_codes(&self, invocations: u64) {
        self.unknown_codes.inc_by(invocations);
    }

    /// Counts a poll of one target that ended without error at `now`.
    pub fn poll_succeeded(&self, now: Timestamp) {
        self.succeeded.inc();
        self.last_success.set(now.as_secs_f64());
    }

    /// Counts a poll of one target that failed.
    pub fn poll_failed(&self) {
        self.failed.inc();
    }

    /// Counts a read that did not return all rows that the API had announced.
    pub fn incomplete_read(&self) {
        self.incomplete.inc();
    }

    /// Counts a read that ended at a limit of the API with rows left over.
    pub fn truncated_read(&self) {
        self.truncated.inc();
    }

    /// Sets the number of targets that are polled.
    pub fn set_targets(&self, targets: usize) {
        self.targets.set(targets as f64);
    }

    /// Sets the number of configured names, patterns and topics that match nothing.
    pub fn set_unmatched(&self, selectors: usize) {
        self.unmatched.set(selectors as f64);
    }

    /// Sets how far the cloud's clock is ahead of ours, in milliseconds.
    pub fn set_clock_offset(&self, millis: i64) {
        self.clock_offset.set(millis as f64 / 1_000.0);
    }

    /// Sets the lag by a commit at `now` whose newest invocation was at `newest`.
    pub fn counted(&self, newest: Timestamp, now: Timestamp) {
        only(&self.lag).set(now.since(newest).as_secs_f64());
    }

    /// Sets the oldest watermark of all targets. It must not be called before each target has one.
    pub fn set_watermark(&self, watermark: Timestamp) {
        only(&self.watermark).set(watermark.as_secs_f64());
    }

    /// Hides how far the source was read, and how far its clock is off, because it is read in
    /// another way from now on.
    pub fn changed(&self) {
        self.clock_offset.set(0.0);
        self.lag.reset();
        self.watermark.reset();
    }
}

/// The one series of a family without variable labels.
fn only(family: &GaugeVec) -> Gauge {
    family.with_label_values::<&str>(&[])
}
