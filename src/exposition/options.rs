//! What an operator can choose about a scrape beside its format.

use crate::model::Timestamp;

/// How metrics are written, in whatever format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpositionOptions {
    /// Protobuf leaves out the classic buckets of a histogram that has native ones.
    pub native_histograms_only: bool,
    /// OpenMetrics shows when counters and histograms began, each as a sample `..._created`.
    pub created_series: bool,
    /// When the exporter's own counters and histograms began; left out where it is not known.
    pub began: Option<Timestamp>,
}
