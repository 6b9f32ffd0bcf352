//! The exposition: from a snapshot and the exporter's own metrics to the bytes of a scrape.
//!
//! One table says what each family shows of a function; a writer puts it into a format (text 0.0.4,
//! OpenMetrics, protobuf). All functions of a snapshot make one body, which every scraper of its
//! format and encoding shares; the exporter's own metrics follow it, new in each scrape.

mod body;
mod families;
mod format;
mod gzip;
mod negotiate;
mod number;
mod options;
mod protobuf;
mod renderer;
mod text;
mod writer;

pub use body::{RenderedBody, ScrapeFormat};
pub use format::{Format, Negotiated};
pub use negotiate::Encoding;
pub use options::ExpositionOptions;
pub use renderer::render;
