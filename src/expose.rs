//! The exposition: from a snapshot and the exporter's own metrics to the bytes of a scrape.
//!
//! One table says what each family shows of a function; a writer puts it into a format (text 0.0.4,
//! OpenMetrics, protobuf). The bytes are kept in blocks of a few functions, plain or packed, so that
//! the next scrape renders only what changed since, and several scrapers share them.

mod families;
mod format;
mod negotiate;
mod number;
mod pack;
mod protobuf;
mod rendition;
mod scrape;
mod style;
mod text;
mod writer;

pub use format::{Answer, Format};
pub use negotiate::Encoding;
pub use rendition::{Form, Rendition};
pub use scrape::Scrape;
pub use style::Style;

use crate::series::Snapshot;
use crate::telemetry::Telemetry;

/// The whole of a scrape as text 0.0.4, written to the end of `out`.
pub fn render(snapshot: &Snapshot, telemetry: &Telemetry, out: &mut Vec<u8>) {
    Format::Text.render(snapshot, telemetry, out);
}
