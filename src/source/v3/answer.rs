//! An answer of `GetFunctionLogs`, sorted out into a page.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::memory::Fate;
use super::row::{WireRow, mark_of};
use crate::ledger::{Mark, Scope, TargetId};
use crate::model::{FunctionId, Page, RejectReason};
use crate::source::Wanted;
use crate::source::scalar;
use crate::tencent::other_answer;

/// The namespace that is meant where none is named.
pub(super) const DEFAULT_NAMESPACE: &str = "default";
/// Functions of one page at the most; a page has at most 1,000 rows.
const FUNCTIONS_MAX: usize = u16::MAX as usize;

/// What stands in `Response`.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "WireAnswer")]
pub(super) struct Answer {
    /// Rows in the whole window.
    pub(super) total_count: Option<u64>,
    /// The rows, each to be read by itself; `null` where there are none.
    pub(super) data: Option<Vec<Box<RawValue>>>,
    /// Which of them could not be had: something else stands in their places.
    pub(super) unavailable: Vec<usize>,
}

/// The same before it is known to be an answer of this action.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAnswer {
    #[serde(default, deserialize_with = "scalar::count")]
    total_count: Option<u64>,
    #[serde(default)]
    data: Option<Vec<Box<RawValue>>>,
}

/// What an answer is read for.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) target: &'r TargetId,
    pub(super) wanted: &'r Wanted,
    /// Whether a row of this source had a retry number yet: where the API tells them, one that is
    /// missing is zero.
    pub(super) tells_retries: &'r AtomicBool,
}

/// The rows of an answer, sorted out.
pub(super) struct Sorted {
    pub(super) page: Page,
    /// Where each row stands in the list.
    pub(super) marks: Vec<Mark>,
    /// What each row is to the count.
    pub(super) fates: Vec<Fate>,
}

/// Sorts rows out, one after the other.
struct Builder<'r> {
    reading: Reading<'r>,
    page: Page,
    fates: Vec<Fate>,
    /// The index of each function met; `None` for one that is not wanted.
    index: HashMap<String, Option<u16>>,
}

// === impl Answer ===

/// Without rows and without a total it is the answer of another action: taken for an empty list,
/// it would settle what nobody has read.
impl TryFrom<WireAnswer> for Answer {
    type Error = String;

    fn try_from(wire: WireAnswer) -> Result<Self, Self::Error> {
        let WireAnswer { total_count, data } = wire;
        if total_count.is_none() && data.is_none() {
            return Err(other_answer("neither Data nor TotalCount"));
        }
        Ok(Self {
            total_count,
            data,
            unavailable: Vec::new(),
        })
    }
}

impl Answer {
    /// The rows as a page, and what each of them is to the list.
    pub(super) fn sort_out(&self, reading: Reading<'_>) -> Sorted {
        let mut builder = Builder {
            reading,
            page: Page::default(),
            fates: Vec::new(),
            index: HashMap::new(),
        };
        let raws = self.data.iter().flatten();
        let mut rows: Vec<_> = raws.map(|raw| (raw, WireRow::parse(raw))).collect();
        if rows
            .iter()
            .flat_map(|(_, row)| row)
            .any(WireRow::tells_retry)
        {
            reading.tells_retries.store(true, Ordering::Relaxed);
        }
        if reading.tells_retries.load(Ordering::Relaxed) {
            let told = rows.iter_mut().flat_map(|(_, row)| row);
            told.for_each(WireRow::complete_retry);
        }
        let rows = rows.iter().enumerate();
        let marks = rows.map(|(at, (raw, row))| {
            if self.unavailable.contains(&at) {
                return builder.pass_over(raw, RejectReason::Unavailable);
            }
            builder.take(raw, row.as_ref())
        });
        let marks = marks.collect();
        Sorted {
            page: builder.page,
            marks,
            fates: builder.fates,
        }
    }
}

// === impl Reading ===

impl Reading<'_> {
    /// The namespace that is asked for: one answer is of one namespace.
    pub(super) fn namespace(&self) -> &str {
        match &self.target.scope {
            Scope::Namespace(namespace) => namespace,
            Scope::Function(function) => &function.namespace,
            _ => DEFAULT_NAMESPACE,
        }
    }

    /// The function that is asked for, where it is only one.
    pub(super) fn function(&self) -> Option<&str> {
        match &self.target.scope {
            Scope::Function(function) => Some(&function.name),
            _ => None,
        }
    }
}

// === impl Builder ===

impl Builder<'_> {
    fn take(&mut self, raw: &RawValue, row: Option<&WireRow<'_>>) -> Mark {
        let Some(row) = row else {
            return self.pass_over(raw, RejectReason::NotAnObject);
        };
        let id = row.mark(raw);
        let fate = self.sort_in(row);
        self.fates.push(fate);
        Mark {
            second: row.position().map(|position| position.as_secs()),
            id,
        }
    }

    /// Takes in what is no row.
    fn pass_over(&mut self, raw: &RawValue, reason: RejectReason) -> Mark {
        self.page.rejects.push(reason);
        self.fates.push(Fate::PassedOver);
        let id = mark_of(raw);
        Mark { second: None, id }
    }

    fn sort_in(&mut self, row: &WireRow<'_>) -> Fate {
        let judged = match self.function(row) {
            Ok(None) => return Fate::PassedOver,
            Ok(Some(_)) if row.is_unfinished() => {
                self.page.unfinished += 1;
                return Fate::Runs;
            }
            Ok(Some(function)) => row.judge(function),
            Err(reason) => Err(reason),
        };
        match judged {
            Ok(row) => {
                self.page.rows.push(row);
                Fate::Counted
            }
            Err(reason) => {
                self.page.rejects.push(reason);
                Fate::PassedOver
            }
        }
    }

    /// The index of the row's function in the page; `None` where it is not wanted.
    fn function(&mut self, row: &WireRow<'_>) -> Result<Option<u16>, RejectReason> {
        let named = row.function_name()?;
        // The read was for one function: a row without a name can only be its.
        let name = named.or(self.reading.function());
        let name = name.ok_or(RejectReason::FunctionName)?;
        if let Some(known) = self.index.get(name) {
            return Ok(*known);
        }
        let Reading { target, wanted, .. } = self.reading;
        let namespace = self.reading.namespace();
        let mut index = None;
        if wanted.wants(namespace, name) {
            let next = self.page.functions.len();
            if next >= FUNCTIONS_MAX {
                return Err(RejectReason::FunctionName);
            }
            index = Some(next as u16);
            self.page.functions.push(FunctionId {
                account: target.account.clone(),
                region: target.region.clone(),
                namespace: namespace.into(),
                name: name.into(),
            });
        }
        self.index.insert(name.to_owned(), index);
        Ok(index)
    }
}
