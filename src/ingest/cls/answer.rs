//! Turns a response of `SearchLog` into a page.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::record::{Line, Record};
use super::report::Kind;
use super::torn;
use crate::ingest::page::{PageBuilder, ParseContext};
use crate::ingest::scalar;
use crate::ingest::scan::{self, NameOrder};
use crate::ledger::{ChainMark, ChainPage};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::other_answer;

/// Lines that a page has room for at first.
const LINES: usize = 1_000;

/// The fields of `Response` that matter. Any of them may be null, and every line is parsed by itself,
/// so that an odd one does not stop the others.
#[derive(Debug, Default, Deserialize)]
#[serde(remote = "Self", rename_all = "PascalCase", default)]
pub(super) struct SearchAnswer {
    /// Parameter of the request for the next page.
    #[serde(deserialize_with = "scalar::text")]
    context: Option<String>,
    /// All matches have been returned.
    #[serde(deserialize_with = "scalar::truth")]
    list_over: Option<bool>,
    results: Option<Vec<Box<RawValue>>>,
}

/// The lines of a response as a page, and their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SearchPage {
    pub(super) page: Page,
    pub(super) shape: ChainPage,
}

/// Builds the page, line by line.
struct Lines<'c> {
    page: PageBuilder<'c>,
    marks: Vec<ChainMark>,
    /// Position of the last line that had a readable one.
    before: Timestamp,
}

/// With neither lines nor `ListOver` it is the response of another action: taken for an empty list, it
/// would let the watermark pass lines that were never read.
impl<'de> Deserialize<'de> for SearchAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let answer = Self::deserialize(deserializer)?;
        if answer.list_over.is_none() && answer.results.is_none() {
            return Err(D::Error::custom(other_answer(
                "neither Results nor ListOver",
            )));
        }
        Ok(answer)
    }
}

/// Parses a body of plain lines; `None` if the general reader has to.
pub(super) fn read_fast(
    body: &[u8],
    context: ParseContext<'_>,
    start: Timestamp,
) -> Option<SearchPage> {
    let text = std::str::from_utf8(body).ok()?;
    let mut lines = Lines::new(context, start, LINES);
    let mut order = NameOrder::default();
    let path = ["Response", "Results"];
    let rest = scan::read_rows(
        text,
        &path,
        &Line::NAMES,
        Some(Line::NESTED),
        |_, values| {
            let line = Line::of(values)?;
            let values = scan::read_nested(line.escaped_record()?, &Record::NAMES, &mut order)?;
            lines.add(&line, &Record::of(values)?);
            Some(())
        },
    )?;
    let answer: SearchAnswer = tencentcloud::payload(rest.as_bytes())?;
    Some(lines.finish(answer))
}

impl SearchAnswer {
    /// Builds the page. A line without a readable time gets that of the line before it, the first one
    /// `start`.
    pub(super) fn sort(mut self, context: ParseContext<'_>, start: Timestamp) -> SearchPage {
        let raws = self.results.take().unwrap_or_default();
        let mut lines = Lines::new(context, start, raws.len());
        for raw in &raws {
            let mended;
            let line = match Line::read(raw.get()) {
                Some(line) => line,
                None => {
                    mended = torn::mended(raw.get());
                    Line::read(&mended).unwrap_or_default()
                }
            };
            let mended;
            let record = match Record::read(line.record()) {
                Some(record) => Some(record),
                None => {
                    mended = torn::mended(line.record());
                    Record::read(&mended)
                }
            };
            match record {
                Some(record) => lines.add(&line, &record),
                None => lines.add_unreadable(&line, torn::says_report(raw.get())),
            }
        }
        lines.finish(self)
    }
}

// === impl Lines ===

impl<'c> Lines<'c> {
    fn new(context: ParseContext<'c>, start: Timestamp, lines: usize) -> Self {
        Self {
            page: PageBuilder::new(context, lines),
            marks: Vec::with_capacity(lines),
            before: start,
        }
    }

    fn add(&mut self, line: &Line<'_>, record: &Record<'_>) {
        let position = self.mark(line);
        let kind = record.kind();
        if kind != Kind::Other {
            let (namespace, name) = record.function();
            let name = name.as_deref().map(|name| (&*namespace, name));
            self.page.add(name, || record.entry(kind, position));
        }
    }

    /// Among unreadable lines only a report is a lost row.
    fn add_unreadable(&mut self, line: &Line<'_>, is_report: bool) {
        self.mark(line);
        if is_report {
            self.page.reject(RejectReason::NotAnObject);
        }
    }

    /// Records the place of a line; returns its own position.
    fn mark(&mut self, line: &Line<'_>) -> Option<Timestamp> {
        let position = line.position();
        self.before = position.unwrap_or(self.before);
        self.marks.push(ChainMark {
            at: self.before,
            mark: line.mark(),
        });
        position
    }

    fn finish(self, answer: SearchAnswer) -> SearchPage {
        SearchPage {
            page: self.page.finish(),
            shape: ChainPage {
                marks: self.marks,
                list_over: answer.list_over,
                context: answer.context,
            },
        }
    }
}

#[cfg(test)]
mod tests;
