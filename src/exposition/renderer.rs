//! Renders the families of all functions and those of the exporter.

use std::io;

use flate2::Crc;
use prometheus::proto::MetricFamily;

use super::families::FAMILIES;
use super::format::Format;
use super::gzip::Gzip;
use super::options::ExpositionOptions;
use super::protobuf::Protobuf;
use super::text::{Dialect, Text};
use super::writer::{CHUNK, Drain, Writer};
use crate::metrics::Snapshot;

/// Renders into one buffer in one format.
#[derive(Debug)]
pub(super) struct Renderer {
    writer: Box<dyn Writer>,
}

impl Renderer {
    /// Returns a renderer. With `accounts`, functions have the label of their account.
    pub(super) fn new(format: Format, accounts: bool, options: ExpositionOptions) -> Self {
        let writer: Box<dyn Writer> = match format {
            Format::Text => Box::new(Text::new(Dialect::Prometheus, accounts, options)),
            Format::OpenMetrics => Box::new(Text::new(Dialect::OpenMetrics, accounts, options)),
            Format::Protobuf => Box::new(Protobuf::new(accounts, options)),
        };
        Self { writer }
    }

    /// Renders all functions into the memory of `out`.
    pub(super) fn plain(mut self, snapshot: &Snapshot, mut out: Vec<u8>) -> Vec<u8> {
        out.clear();
        *self.writer.out() = out;
        // This drain cannot fail.
        let _ = self.functions(snapshot, &mut |_| Ok(()));
        std::mem::take(self.writer.out())
    }

    /// Renders all functions and compresses them into the memory of `out`; see [`Gzip::into_part`].
    pub(super) fn packed(
        mut self,
        snapshot: &Snapshot,
        out: Vec<u8>,
    ) -> io::Result<(Vec<u8>, Crc)> {
        let mut gzip = Gzip::new(out);
        self.functions(snapshot, &mut |out| {
            if out.len() >= CHUNK {
                gzip.write(out)?;
                out.clear();
            }
            Ok(())
        })?;
        gzip.write(self.writer.out())?;
        gzip.into_part()
    }

    /// Renders the exporter's `own` families and the end of a scrape.
    pub(super) fn own(mut self, own: &[MetricFamily]) -> Vec<u8> {
        own.iter().for_each(|family| self.writer.gathered(family));
        self.writer.end();
        std::mem::take(self.writer.out())
    }

    /// Renders family by family. `drain` is called after each function.
    fn functions(&mut self, snapshot: &Snapshot, drain: Drain<'_>) -> io::Result<()> {
        if snapshot.series.is_empty() {
            return Ok(());
        }
        for family in &FAMILIES {
            self.writer.begin_family(family.metric);
            for series in &snapshot.series {
                (family.write)(&mut *self.writer, family.metric, series);
                drain(self.writer.out())?;
            }
            self.writer.end_family(drain)?;
        }
        Ok(())
    }
}

/// Returns a whole scrape with the exporter's `own` families.
pub fn render(
    format: Format,
    options: ExpositionOptions,
    snapshot: &Snapshot,
    own: &[MetricFamily],
) -> Vec<u8> {
    let functions = Renderer::new(format, snapshot.accounts, options);
    let mut out = functions.plain(snapshot, Vec::new());
    out.extend_from_slice(&Renderer::new(format, false, options).own(own));
    out
}
