//! Renders a snapshot and the exporter's own metrics into the bytes of a scrape.
//!
//! `families` says what each family shows of a function, and a writer for each format (text 0.0.4,
//! OpenMetrics, protobuf) writes it. All functions of a snapshot are one body, which all scrapes of
//! its format and encoding share. The exporter's own metrics follow it, new in each scrape.

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
