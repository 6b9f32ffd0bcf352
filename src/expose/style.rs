//! What can be chosen about a scrape beside its format.

use crate::model::Timestamp;

/// How a scrape is written, beside its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Protobuf leaves out the classic buckets of a histogram that has native ones.
    pub native_histograms_only: bool,
    /// OpenMetrics tells when counters and histograms began, each as a sample `..._created`.
    pub created_series: bool,
    /// When the exporter's own counters and histograms began; not told where it is not known.
    pub began: Option<Timestamp>,
}
