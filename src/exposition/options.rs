//! Options of scrapes.

use crate::model::Timestamp;

/// Options of scrapes in any format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpositionOptions {
    /// Whether protobuf leaves out the classic buckets of histograms that have native ones.
    pub native_histograms_only: bool,
    /// Whether OpenMetrics has `_created` samples of counters and histograms.
    pub created_series: bool,
    /// Start time of the exporter's own counters and histograms, where it is known.
    pub began: Option<Timestamp>,
}
