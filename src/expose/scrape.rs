//! The body of one scrape, made in pieces.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::format::Format;
use super::negotiate::Encoding;
use super::style::Style;
use super::walk::Walk;
use super::writer::Writer;
use crate::series::Snapshot;
use crate::telemetry::Telemetry;

/// A piece: some 20 microseconds of work, so that no scrape keeps a thread from others.
const PIECE: usize = 64 * 1024;
/// Room for what the last function of a piece writes past its end.
const PIECE_SLACK: usize = 8 * 1024;
/// How much is compressed before what came out of it is sent.
const GZIP_PIECES: usize = 4;
/// Compressed bytes that are worth sending.
const GZIP_ENOUGH: usize = 16 * 1024;

/// The body of one scrape: the functions of one snapshot, then the exporter's own metrics as they
/// were at the start.
pub struct Scrape {
    snapshot: Arc<Snapshot>,
    walk: Walk,
    writer: Box<dyn Writer>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    ended: bool,
}

/// The whole of a scrape as text 0.0.4, written to the end of `out`.
pub fn render(snapshot: &Snapshot, telemetry: &Telemetry, out: &mut Vec<u8>) {
    Format::Text.render(snapshot, telemetry, out);
}

impl Scrape {
    /// Begins a scrape.
    pub fn new(
        snapshot: Arc<Snapshot>,
        telemetry: &Telemetry,
        format: Format,
        encoding: Encoding,
        style: Style,
    ) -> Self {
        // Level 1: higher ones cost five to ten times the time for a third fewer bytes.
        let gzip =
            (encoding == Encoding::Gzip).then(|| GzEncoder::new(Vec::new(), Compression::new(1)));
        Self {
            writer: format.writer(snapshot.accounts, style),
            snapshot,
            walk: Walk::new(telemetry.gather()),
            gzip,
            ended: false,
        }
    }

    /// The next piece, never empty; `None` after the last.
    pub fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let piece = match self.gzip.take() {
            Some(gzip) => self.next_gzip(gzip)?,
            None => self.next_plain(),
        };
        Ok((!piece.is_empty()).then(|| Bytes::from(piece)))
    }

    /// About [`PIECE`] bytes, empty at the end.
    fn next_plain(&mut self) -> Vec<u8> {
        if !self.ended {
            self.writer.out().reserve(PIECE + PIECE_SLACK);
            self.ended = !self.walk.fill(&self.snapshot, &mut *self.writer, PIECE);
        }
        mem::take(self.writer.out())
    }

    /// What the next pieces came to, empty at the end.
    fn next_gzip(&mut self, mut gzip: GzEncoder<Vec<u8>>) -> io::Result<Vec<u8>> {
        let mut pieces = 0;
        while !self.ended {
            self.writer.out().clear();
            self.ended = !self.walk.fill(&self.snapshot, &mut *self.writer, PIECE);
            gzip.write_all(self.writer.out())?;
            pieces += 1;
            let ready = gzip.get_ref().len();
            if ready >= GZIP_ENOUGH || (ready > 0 && pieces >= GZIP_PIECES) {
                break;
            }
        }
        if self.ended {
            *self.writer.out() = Vec::new();
            return gzip.finish();
        }
        let ready = mem::take(gzip.get_mut());
        self.gzip = Some(gzip);
        Ok(ready)
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape")
            .field("generation", &self.snapshot.generation)
            .field("gzip", &self.gzip.is_some())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
