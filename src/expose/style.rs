//! What can be chosen about a scrape beside its format.

/// What the operator chose about how a scrape is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Protobuf leaves out the classic buckets of a histogram that has native ones.
    pub native_histograms_only: bool,
}
