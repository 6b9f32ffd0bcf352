//! The rendered functions of one snapshot.

use std::io;
use std::sync::Arc;

use flate2::Crc;
use prometheus::proto::MetricFamily;

use super::format::Format;
use super::gzip;
use super::negotiate::Encoding;
use super::options::ExpositionOptions;
use super::renderer::Renderer;
use crate::metrics::Snapshot;

/// Format and encoding of a scrape. Scrapes with the same ones share their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrapeFormat {
    /// The format of the metrics.
    pub format: Format,
    /// The encoding of these bytes.
    pub encoding: Encoding,
}

/// The rendered functions of one snapshot, which all scrapes of its generation share.
#[derive(Debug)]
pub struct RenderedBody {
    format: Format,
    options: ExpositionOptions,
    generation: u64,
    bytes: Vec<u8>,
    /// The checksum of the plain text where the body is packed.
    sum: Option<Crc>,
}

// === impl ScrapeFormat ===

impl ScrapeFormat {
    /// Returns every format in every encoding.
    pub fn all() -> impl Iterator<Item = Self> {
        let encoded =
            |format| [Encoding::Identity, Encoding::Gzip].map(|encoding| Self { format, encoding });
        Format::ALL.into_iter().flat_map(encoded)
    }
}

// === impl RenderedBody ===

impl RenderedBody {
    /// Renders every function of `snapshot` into the memory of `buffer`, which may be that of an older
    /// body.
    ///
    /// # Errors
    /// The bytes cannot be compressed, for lack of memory.
    pub fn render(
        of: ScrapeFormat,
        options: ExpositionOptions,
        snapshot: &Snapshot,
        buffer: Vec<u8>,
    ) -> io::Result<Self> {
        let renderer = Renderer::new(of.format, snapshot.accounts, options);
        let (mut bytes, sum) = match of.encoding {
            Encoding::Identity => (renderer.plain(snapshot, buffer), None),
            Encoding::Gzip => {
                let (bytes, sum) = renderer.packed(snapshot, buffer)?;
                (bytes, Some(sum))
            }
        };
        // The older body may have had many more functions.
        bytes.shrink_to(2 * bytes.len());
        Ok(Self {
            format: of.format,
            options,
            generation: snapshot.generation,
            bytes,
            sum,
        })
    }

    /// Returns the generation of the snapshot that it shows.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns its memory for the next body, or an empty buffer where a scrape still uses this one.
    pub fn into_buffer(self: Arc<Self>) -> Vec<u8> {
        Arc::into_inner(self).map_or_else(Vec::new, |body| body.bytes)
    }

    /// Returns what follows this body in one scrape: the exporter's `own` families.
    ///
    /// # Errors
    /// As [`RenderedBody::render`].
    pub fn rest(&self, own: &[MetricFamily]) -> io::Result<Vec<u8>> {
        let own = Renderer::new(self.format, false, self.options).own(own);
        match &self.sum {
            Some(sum) => gzip::rest(sum, &own),
            None => Ok(own),
        }
    }
}

impl AsRef<[u8]> for RenderedBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
