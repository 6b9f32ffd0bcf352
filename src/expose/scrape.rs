//! The body of one scrape.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prometheus::proto::MetricFamily;

use super::pack::{Packer, Piece};
use super::rendition::Rendition;

/// Pieces are put together to about this size: each one sent costs a call of the system.
const FRAME: usize = 64 * 1024;
/// From this size on a piece is sent as it is.
const LARGE: usize = 16 * 1024;

/// The body of one scrape: the functions as they were rendered, then the exporter's own metrics.
pub struct Scrape {
    rendition: Arc<Rendition>,
    /// Family and piece that come next.
    at: (usize, usize),
    head: Bytes,
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
        let head = packer.head();
        let total = rendition.total();
        let tail = packer.finish(std::mem::take(writer.out()), total)?;
        Ok(Self {
            left: total.sent + tail.len(),
            rendition,
            at: (0, 0),
            head,
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
        let frame = self.gather();
        self.left -= frame.len();
        (!frame.is_empty()).then_some(frame)
    }

    fn gather(&mut self) -> Bytes {
        let mut frame = BytesMut::new();
        frame.extend_from_slice(&std::mem::take(&mut self.head));
        let (first, mut skip) = self.at;
        for (family, pieces) in self.rendition.families().iter().enumerate().skip(first) {
            for (at, Piece { bytes, .. }) in pieces.iter().enumerate().skip(skip) {
                let large = bytes.len() >= LARGE;
                if large && frame.is_empty() {
                    self.at = (family, at + 1);
                    return bytes.clone();
                }
                if large || frame.len() + bytes.len() > FRAME {
                    self.at = (family, at);
                    return frame.freeze();
                }
                if frame.capacity() < FRAME {
                    frame.reserve(FRAME.min(self.left));
                }
                frame.extend_from_slice(bytes);
            }
            skip = 0;
        }
        self.at.0 = self.rendition.families().len();
        if frame.is_empty() {
            return std::mem::take(&mut self.tail);
        }
        frame.freeze()
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
