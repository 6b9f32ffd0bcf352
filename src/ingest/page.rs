//! The builder of pages: which rows are counted, which are rejected and why, for every adapter. An
//! adapter maps the fields of its API; what holds for all of them is decided here.

use std::hash::Hash;

use hashbrown::{Equivalent, HashMap};

use super::values::is_name;
use crate::config::FunctionSelector;
use crate::ledger::{Scope, TargetId};
use crate::model::{
    Bytes, ColdStart, FunctionId, InvocationKey, Nanos, Outcome, Page, RejectReason, RetCode, Row,
    Timestamp, attempt_id, is_uuid,
};

/// The namespace of functions whose rows name none.
pub(super) const DEFAULT_NAMESPACE: &str = "default";
/// Functions of one page at most; a page has at most 1,000 rows.
const FUNCTIONS_MAX: usize = u16::MAX as usize;

/// What rows are parsed for.
#[derive(Clone, Copy)]
pub(super) struct ParseContext<'c> {
    pub(super) target: &'c TargetId,
    pub(super) wanted: &'c FunctionSelector,
}

/// Whether a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowStatus {
    /// It counts as an invocation.
    Counted,
    /// The invocation still runs.
    Running,
    /// It never counts: its function is not selected, or it cannot be read.
    PassedOver,
}

/// The content of a row of a selected function. The builder fills in the index of the function.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// The invocation still runs; the row comes again.
    Unfinished,
    Invocation(Row),
    ColdStart(ColdStart),
}

/// What an adapter has parsed of an invocation; `None` is a value that cannot be used.
pub(super) struct RowFields<'a> {
    pub(super) request_id: Option<&'a str>,
    /// Distinguishes the invocations of one request.
    pub(super) attempt: Option<u32>,
    pub(super) position: Option<Timestamp>,
    pub(super) code: Option<i64>,
    pub(super) outcome: Outcome,
    pub(super) duration: Option<Nanos>,
    pub(super) billed: Option<Nanos>,
    pub(super) memory: Option<Bytes>,
    /// Memory configured; zero if the API does not report it.
    pub(super) memory_limit: Bytes,
    pub(super) started: Option<Timestamp>,
    pub(super) retried: bool,
}

/// Builds the page of one answer, row by row.
pub(super) struct PageBuilder<'c> {
    context: ParseContext<'c>,
    page: Page,
    /// The index of each function; `None` for one that is not selected.
    index: HashMap<(Box<str>, Box<str>), Option<u16>>,
}

/// Namespace and name of a function.
#[derive(Hash)]
struct Named<'a>(&'a str, &'a str);

// === impl ParseContext ===

impl<'c> ParseContext<'c> {
    /// Returns the namespace of rows that name none.
    pub(super) fn namespace(&self) -> &'c str {
        match &self.target.scope {
            Scope::Namespace(namespace) => namespace,
            Scope::Function(function) => &function.namespace,
            _ => DEFAULT_NAMESPACE,
        }
    }

    /// Returns the function that is read, if it is only one.
    pub(super) fn function(&self) -> Option<&'c str> {
        match &self.target.scope {
            Scope::Function(function) => Some(&function.name),
            _ => None,
        }
    }
}

// === impl RowFields ===

impl RowFields<'_> {
    /// Makes a row of the values; the first that cannot be used rejects it.
    pub(super) fn judge(self) -> Result<Row, RejectReason> {
        let key = invocation_key(self.request_id, self.attempt)?;
        let position = self.position.ok_or(RejectReason::StartTime)?;
        let code = self.code.ok_or(RejectReason::RetCode)?;
        Ok(Row {
            function: 0,
            ret_code: RetCode::new(code),
            outcome: self.outcome,
            key,
            id_is_uuid: self.request_id.is_some_and(is_uuid),
            position,
            duration: self.duration.ok_or(RejectReason::Duration)?,
            billed: self.billed.ok_or(RejectReason::BilledDuration)?,
            memory: self.memory.ok_or(RejectReason::Memory)?,
            memory_limit: self.memory_limit,
            started: self.started.unwrap_or(Timestamp::MIN),
            retried: self.retried,
        })
    }
}

/// Returns the key of the invocation with this request id.
pub(super) fn invocation_key(
    request_id: Option<&str>,
    attempt: Option<u32>,
) -> Result<InvocationKey, RejectReason> {
    let id = request_id.filter(|id| is_name(id)).map(attempt_id);
    let key = id
        .zip(attempt)
        .map(|(id, attempt)| InvocationKey { id, attempt });
    key.ok_or(RejectReason::RequestId)
}

// === impl PageBuilder ===

impl<'c> PageBuilder<'c> {
    /// Starts a page with room for this number of rows.
    pub(super) fn new(context: ParseContext<'c>, rows: usize) -> Self {
        let page = Page {
            rows: Vec::with_capacity(rows),
            ..Page::default()
        };
        Self {
            context,
            page,
            index: HashMap::new(),
        }
    }

    /// Adds a row of the function with this namespace and name. `read` parses the row, and is called
    /// only if the function is selected.
    pub(super) fn add(
        &mut self,
        function: Option<(&str, &str)>,
        read: impl FnOnce() -> Result<Entry, RejectReason>,
    ) -> RowStatus {
        let added = self.try_add(function, read);
        added.unwrap_or_else(|reason| self.reject(reason))
    }

    /// Adds a row that cannot be counted.
    pub(super) fn reject(&mut self, reason: RejectReason) -> RowStatus {
        self.page.rejects.push(reason);
        RowStatus::PassedOver
    }

    pub(super) fn finish(self) -> Page {
        self.page
    }

    fn try_add(
        &mut self,
        function: Option<(&str, &str)>,
        read: impl FnOnce() -> Result<Entry, RejectReason>,
    ) -> Result<RowStatus, RejectReason> {
        let Some(function) = self.index_of(function)? else {
            return Ok(RowStatus::PassedOver);
        };
        Ok(match read()? {
            Entry::Unfinished => {
                self.page.unfinished += 1;
                RowStatus::Running
            }
            Entry::Invocation(row) => {
                self.page.rows.push(Row { function, ..row });
                RowStatus::Counted
            }
            Entry::ColdStart(cold) => {
                self.page.cold_starts.push(ColdStart { function, ..cold });
                RowStatus::PassedOver
            }
        })
    }

    /// Returns the index of the function in the page; `None` if it is not selected.
    fn index_of(&mut self, function: Option<(&str, &str)>) -> Result<Option<u16>, RejectReason> {
        let usable = |(namespace, name): &(&str, &str)| is_name(namespace) && is_name(name);
        let function = function.filter(usable).ok_or(RejectReason::FunctionName)?;
        let (namespace, name) = function;
        if let Some(known) = self.index.get(&Named(namespace, name)) {
            return Ok(*known);
        }
        let ParseContext { target, wanted } = self.context;
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
        self.index.insert((namespace.into(), name.into()), index);
        Ok(index)
    }
}

impl Equivalent<(Box<str>, Box<str>)> for Named<'_> {
    fn equivalent(&self, key: &(Box<str>, Box<str>)) -> bool {
        *self.0 == *key.0 && *self.1 == *key.1
    }
}

#[cfg(test)]
mod tests;
