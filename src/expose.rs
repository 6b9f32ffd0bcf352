//! The exposition: from a snapshot and the exporter's own metrics to the bytes of a scrape.
//!
//! One walk goes over all families; a writer puts them into a format (text 0.0.4 so far). The
//! walk can stop after any function and go on later, so a scrape is made piece by piece, as fast
//! as the scraper reads, and holds one piece in memory however many functions there are.

mod negotiate;
mod number;
mod scrape;
mod text;
mod walk;

pub use negotiate::Encoding;
pub use scrape::{Scrape, render};

/// The content type of what is written. Exactly so: Prometheus 3 refuses a type it does not know.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
