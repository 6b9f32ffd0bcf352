//! Turns a response of `SearchLog` into a page.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::record::{Line, Record};
use super::report::Kind;
use super::torn;
use crate::ingest::page::{PageBuilder, ParseContext};
use crate::ingest::scalar;
use crate::ledger::{ChainMark, ChainPage};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::other_answer;

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
#[derive(Debug)]
pub(super) struct Sorted {
    pub(super) page: Page,
    pub(super) shape: ChainPage,
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

impl SearchAnswer {
    /// Builds the page. A line without a readable time gets that of the line before it, the first one
    /// `start`.
    pub(super) fn sort(self, context: ParseContext<'_>, start: Timestamp) -> Sorted {
        let lines = self.results.unwrap_or_default();
        let mut builder = PageBuilder::new(context, lines.len());
        let mut marks = Vec::with_capacity(lines.len());
        let mut before = start;
        for raw in &lines {
            let mended;
            let line = match Line::read(raw.get()) {
                Some(line) => line,
                None => {
                    mended = torn::mended(raw.get());
                    Line::read(&mended).unwrap_or_default()
                }
            };
            let position = line.position();
            before = position.unwrap_or(before);
            marks.push(ChainMark {
                at: before,
                mark: line.mark(),
            });
            let is_read = add(&mut builder, line.record(), position);
            // Among unreadable lines only a report is a lost row.
            if !is_read && torn::says_report(raw.get()) {
                builder.reject(RejectReason::NotAnObject);
            }
        }
        Sorted {
            page: builder.finish(),
            shape: ChainPage {
                marks,
                list_over: self.list_over,
                context: self.context,
            },
        }
    }
}

/// Adds the record of a line to the page; `false` if it cannot be read.
fn add(builder: &mut PageBuilder<'_>, json: &str, position: Option<Timestamp>) -> bool {
    let mended;
    let record = match Record::read(json) {
        Some(record) => record,
        None => {
            mended = torn::mended(json);
            match Record::read(&mended) {
                Some(record) => record,
                None => return false,
            }
        }
    };
    let kind = record.kind();
    if kind != Kind::Other {
        let (namespace, name) = record.function();
        let name = name.as_deref().map(|name| (&*namespace, name));
        builder.add(name, || record.entry(kind, position));
    }
    true
}

#[cfg(test)]
mod tests;
