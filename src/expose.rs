//! The exposition: from a snapshot and the exporter's own metrics to the bytes of a scrape.
//!
//! One walk goes over all families; a writer puts them into a format (text 0.0.4, OpenMetrics,
//! protobuf), and the scraper says which. The walk can stop after any function and go on later, so
//! a scrape is made piece by piece, as fast as the scraper reads, and holds one piece in memory
//! however many functions there are.

mod format;
mod negotiate;
mod number;
mod protobuf;
mod scrape;
mod style;
mod text;
mod walk;
mod writer;

pub use format::{Answer, Format};
pub use negotiate::Encoding;
pub use scrape::{Scrape, render};
pub use style::Style;
