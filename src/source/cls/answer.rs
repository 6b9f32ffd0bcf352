//! One answer of `SearchLog`, sorted out into a page.

use hashbrown::HashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{Line, Meaning, Record};
use super::torn;
use crate::ledger::{ChainMark, ChainPage};
use crate::model::{FunctionId, Page, RejectReason, Timestamp};
use crate::source::scalar;
use crate::source::{Place, Wanted};
use crate::tencent::other_answer;

/// Functions of one page at the most; a page has at most 1,000 rows.
const FUNCTIONS_MAX: usize = u16::MAX as usize;

/// What stands in `Response`, as far as it matters. Any of it may be null, and every line is read
/// by itself, so that an odd one stops nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "WireAnswer")]
pub(super) struct Answer {
    /// What to send back for the next page.
    context: Option<String>,
    /// Whether everything that matches has been given.
    list_over: Option<bool>,
    results: Option<Vec<Box<RawValue>>>,
}

/// The same before it is known to be an answer of this action.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireAnswer {
    #[serde(deserialize_with = "scalar::text")]
    context: Option<String>,
    #[serde(deserialize_with = "scalar::truth")]
    list_over: Option<bool>,
    results: Option<Vec<Box<RawValue>>>,
}

/// An answer as a page, and how it looked.
#[derive(Debug)]
pub(super) struct Sorted {
    pub(super) page: Page,
    pub(super) shape: ChainPage,
}

/// Whose lines are rows.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) place: &'r Place,
    pub(super) wanted: &'r Wanted,
}

/// Sorts lines out, one after the other.
struct Sorter<'r> {
    reading: Reading<'r>,
    page: Page,
    /// By namespace and name; `None` for functions that are not wanted.
    index: HashMap<(String, String), Option<u16>>,
}

/// Without lines and without a word on whether there are more it is the answer of another action:
/// taken for an empty list, it would settle what nobody has read.
impl TryFrom<WireAnswer> for Answer {
    type Error = String;

    fn try_from(wire: WireAnswer) -> Result<Self, Self::Error> {
        let WireAnswer {
            context,
            list_over,
            results,
        } = wire;
        if list_over.is_none() && results.is_none() {
            return Err(other_answer("neither Results nor ListOver"));
        }
        Ok(Self {
            context,
            list_over,
            results,
        })
    }
}

impl Answer {
    /// Sorts the lines out. Lines without a readable time stand where the line before them does,
    /// the first ones at `start`.
    pub(super) fn sort(self, reading: Reading<'_>, start: Timestamp) -> Sorted {
        let lines = self.results.unwrap_or_default();
        let mut shape = ChainPage {
            marks: Vec::with_capacity(lines.len()),
            over: self.list_over,
            context: self.context,
        };
        let mut sorter = Sorter {
            reading,
            page: Page::default(),
            index: HashMap::new(),
        };
        sorter.page.rows.reserve(lines.len());
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
            shape.marks.push(ChainMark {
                at: before,
                mark: line.mark(),
            });
            let sorted = sorter.line(&line, position);
            // Of what cannot be read only a report is a row that is lost.
            let judged = sorted.unwrap_or_else(|| match torn::says_report(raw.get()) {
                true => Err(RejectReason::NotAnObject),
                false => Ok(()),
            });
            if let Err(reason) = judged {
                sorter.page.rejects.push(reason);
            }
        }
        Sorted {
            page: sorter.page,
            shape,
        }
    }
}

impl Sorter<'_> {
    /// `None` where the line holds no record that can be read.
    fn line(
        &mut self,
        line: &Line<'_>,
        position: Option<Timestamp>,
    ) -> Option<Result<(), RejectReason>> {
        let json = line.record();
        let mended;
        let record = match Record::read(json) {
            Some(record) => record,
            None => {
                mended = torn::mended(json);
                Record::read(&mended)?
            }
        };
        Some(self.record(&record, position))
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        position: Option<Timestamp>,
    ) -> Result<(), RejectReason> {
        let meaning = record.meaning();
        if meaning == Meaning::Nothing {
            return Ok(());
        }
        let Some(function) = self.function(record)? else {
            return Ok(());
        };
        match meaning {
            Meaning::Attempt(_) if record.is_unfinished() => self.page.unfinished += 1,
            Meaning::Attempt(rest) => {
                let row = record.attempt(rest, function, position)?;
                self.page.rows.push(row);
            }
            Meaning::ColdStart(rest) => {
                let cold = record.cold_start(rest, function, position)?;
                self.page.cold_starts.push(cold);
            }
            Meaning::Nothing => {}
        }
        Ok(())
    }

    /// The index of the record's function in the page; `None` where it is not wanted.
    fn function(&mut self, record: &Record<'_>) -> Result<Option<u16>, RejectReason> {
        let (namespace, name) = record.function().ok_or(RejectReason::FunctionName)?;
        // Mostly a line is of the same function as the one before it.
        if let Some(last) = self.page.rows.last() {
            let known = &self.page.functions[usize::from(last.function)];
            if *known.name == *name && *known.namespace == *namespace {
                return Ok(Some(last.function));
            }
        }
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(&known) = self.index.get(&key) {
            return Ok(known);
        }
        let wanted = self.reading.wanted.wants(namespace, name);
        let next = self.page.functions.len();
        if wanted && next >= FUNCTIONS_MAX {
            return Err(RejectReason::FunctionName);
        }
        let index = wanted.then_some(next as u16);
        if wanted {
            self.page.functions.push(FunctionId {
                account: self.reading.place.account.clone(),
                region: self.reading.place.region.clone(),
                namespace: namespace.into(),
                name: name.into(),
            });
        }
        self.index.insert(key, index);
        Ok(index)
    }
}

#[cfg(test)]
mod tests;
