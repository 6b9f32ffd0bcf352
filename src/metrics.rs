//! Counters and histograms of functions, and the immutable snapshot that a scrape renders. Pure.

mod bounds;
pub mod catalog;
mod exemplar;
mod function;
mod histogram;
mod native;
mod set;
mod snapshot;

pub use bounds::{Bounds, DURATION_BOUNDS, MEMORY_BOUNDS};
pub use exemplar::{Exemplar, ExemplarSlot, Exemplars};
pub use function::{CodeCount, ColdStarts, FunctionSeries};
pub use histogram::Histogram;
pub use native::{NativeHistogram, NativeParts, Span, Unit};
pub use set::{OVERFLOW, SeriesSet};
pub use snapshot::Snapshot;
