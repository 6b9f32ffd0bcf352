//! The body of one scrape.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use prometheus::proto::MetricFamily;

use super::pack::Packer;
use super::rendition::Rendition;

/// The body of one scrape: the functions as they were rendered, then the exporter's own metrics.
pub struct Scrape {
    rendition: Arc<Rendition>,
    /// The frame of the rendition that comes next.
    at: usize,
    tail: Bytes,
    /// Bytes not given out yet.
    left: usize,
}

impl Scrape {
    /// A scrape that ends with the exporter's `own` families.
    ///
    /// # Errors
    /// As [`Rendition::new`].
    pub fn new(rendition: Arc<Rendition>, own: &[MetricFamily]) -> io::Result<Self> {
        let form = rendition.form();
        let packer = Packer::new(form.encoding);
        let mut writer = form.format.writer(rendition.accounts(), form.style);
        for family in own {
            writer.gathered(family);
        }
        writer.end();
        let total = rendition.total();
        let tail = packer.finish(std::mem::take(writer.out()), total)?;
        Ok(Self {
            left: total.sent + tail.len(),
            rendition,
            at: 0,
            tail,
        })
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether both send the very same bytes of functions.
    pub fn shares_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rendition, &other.rendition)
    }

    /// The next bytes, never none; `None` after the last.
    pub fn next_frame(&mut self) -> Option<Bytes> {
        let frame = match self.rendition.frames().get(self.at) {
            Some(frame) => frame.clone(),
            None => std::mem::take(&mut self.tail),
        };
        self.at += 1;
        self.left -= frame.len();
        (!frame.is_empty()).then_some(frame)
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape")
            .field("generation", &self.rendition.generation())
            .field("form", &self.rendition.form())
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
