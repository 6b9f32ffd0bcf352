//! A row of `GetFunctionLogs` of API 3.0.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::ingest::function_log::{FunctionLog, RowNames};
use crate::ingest::page::{Entry, PageBuilder, ParseContext, RowStatus};
use crate::ledger::Mark;
use crate::model::{RejectReason, Timestamp, attempt_id};

/// `RetCode` of a running invocation.
const RUNNING: i64 = 2;
/// `RetCode` of an interrupted invocation.
const INTERRUPTED: i64 = 3;

pub(super) const NAMES: RowNames = [
    &["FunctionName"],
    &["RequestId"],
    &["StartTime"],
    &["RetCode"],
    &["RetMsg"],
    &["Duration"],
    &["BillDuration"],
    &["MemUsage"],
    &["InvokeFinished"],
    &["RetryNum"],
];

/// A row of a response.
#[derive(Debug, Clone)]
pub(super) enum LogRow {
    Parsed(ParsedRow),
    /// Not an object; with a hash of its text.
    NotAnObject(u64),
    /// A placeholder for a row that no response could bring; rows with one number are the same one.
    Unavailable(usize),
}

/// What is kept of a row that is an object.
#[derive(Debug, Clone)]
pub(super) struct ParsedRow {
    /// See [`FunctionLog::name`].
    name: Option<Option<Box<str>>>,
    /// The request id as [`attempt_id`] has it.
    id: Option<u128>,
    second: Option<i64>,
    retry: Option<u32>,
    /// See [`FunctionLog::lacks_retry`].
    lacks_retry: bool,
    entry: Result<Entry, RejectReason>,
    /// A hash of the text, if id or name cannot be used.
    text: u64,
}

// === impl LogRow ===

impl LogRow {
    pub(super) fn read(json: &RawValue) -> Self {
        match FunctionLog::read(json, &NAMES) {
            Some(row) => Self::of(&row, json.get()),
            None => Self::NotAnObject(hash(&json.get())),
        }
    }

    pub(super) fn of(row: &FunctionLog<'_>, json: &str) -> Self {
        let name = row.name().map(|name| name.map(Box::from));
        let id = row.request_id().map(attempt_id);
        let has_identity = name.is_some() && id.is_some();
        Self::Parsed(ParsedRow {
            name,
            id,
            second: row.position().map(Timestamp::as_secs),
            retry: row.retry(),
            lacks_retry: row.lacks_retry(),
            entry: row.entry(is_unfinished(row)),
            text: if has_identity { 0 } else { hash(&json) },
        })
    }

    pub(super) fn has_retry_number(&self) -> bool {
        matches!(self, Self::Parsed(row) if row.retry.is_some())
    }

    /// Returns the identity of the row, which is the same while it runs and after its end.
    pub(super) fn mark(&self, has_retry_numbers: bool) -> Mark {
        match self {
            Self::Parsed(row) => Mark {
                second: row.second,
                id: row.identity(has_retry_numbers).unwrap_or(row.text),
            },
            Self::NotAnObject(id) => Mark {
                second: None,
                id: *id,
            },
            Self::Unavailable(number) => Mark {
                second: None,
                id: hash(number),
            },
        }
    }

    /// Adds the row to a page.
    pub(super) fn add_to(
        &self,
        page: &mut PageBuilder<'_>,
        context: ParseContext<'_>,
        has_retry_numbers: bool,
    ) -> RowStatus {
        let row = match self {
            Self::Parsed(row) => row,
            Self::NotAnObject(_) => return page.reject(RejectReason::NotAnObject),
            Self::Unavailable(_) => return page.reject(RejectReason::Unavailable),
        };
        let name = row.name.as_ref().map(Option::as_deref);
        let name = name.and_then(|name| name.or(context.function()));
        let function = name.map(|name| (context.namespace(), name));
        page.add(function, || row.entry(has_retry_numbers))
    }
}

// === impl ParsedRow ===

impl ParsedRow {
    /// Returns what tells invocations of one request apart. If the source has retry numbers, a missing
    /// one is zero.
    fn attempt(&self, has_retry_numbers: bool) -> u32 {
        match self.retry {
            Some(retry) => retry,
            None if has_retry_numbers && self.lacks_retry => 0,
            None => self.second.unwrap_or_default() as u32,
        }
    }

    fn identity(&self, has_retry_numbers: bool) -> Option<u64> {
        let attempt = self.attempt(has_retry_numbers);
        Some(hash(&(self.id?, attempt, self.name.as_ref()?)))
    }

    fn entry(&self, has_retry_numbers: bool) -> Result<Entry, RejectReason> {
        let mut entry = self.entry.clone();
        if let Ok(Entry::Invocation(row)) = &mut entry {
            row.key.attempt = self.attempt(has_retry_numbers);
        }
        entry
    }
}

/// Returns whether the invocation still runs; its row comes again, with the same start time.
///
/// `RetCode` 2 means running, and so does `InvokeFinished` 0, as in v2. The documents call every value of
/// the latter but 1 "abnormal", which is an end: other values are ignored, and so is 0 in an interrupted
/// row, whose code says that it ended.
fn is_unfinished(row: &FunctionLog<'_>) -> bool {
    let code = row.ret_code();
    code == Some(RUNNING) || (row.says_unfinished() && code != Some(INTERRUPTED))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"MemUsage":3174400,"RetCode":0,"RetMsg":"ok","Log":"a\nb",
        "BillDuration":1,"InvokeFinished":1,"RequestId":"bc309eaa-6d64-11e8-a7fe-5254000b4175",
        "StartTime":"2018-06-11 18:46:45","Duration":0.532,"FunctionName":"APITest","Level":"",
        "RetryNum":0}"#;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_runs_is_unfinished() {
        for (code, finished, unfinished) in [
            ("0", "1", false),
            ("0", "null", false),
            ("2", "0", true),
            ("2", "1", true),
            ("2", "null", true),
            ("0", "0", true),
            ("1", "\"0\"", true),
            ("3", "0", false),
            ("1", "-1", false),
        ] {
            let json = GOOD
                .replace("\"RetCode\":0", &format!("\"RetCode\":{code}"))
                .replace(
                    "\"InvokeFinished\":1",
                    &format!("\"InvokeFinished\":{finished}"),
                );
            let raw = raw(&json);
            let row = FunctionLog::read(&raw, &NAMES).unwrap();
            assert_eq!(is_unfinished(&row), unfinished, "{code} {finished}");
        }
    }

    #[test]
    fn a_row_keeps_its_mark_when_it_ends_and_unreadable_rows_have_marks_too() {
        let mark = |json: &str| LogRow::read(&raw(json)).mark(false).id;
        let running = GOOD.replace("\"RetCode\":0", "\"RetCode\":2");
        assert_eq!(mark(&running), mark(GOOD));
        let nameless = GOOD.replace("bc309eaa-6d64-11e8-a7fe-5254000b4175", "");
        let other = nameless.replace("0.532", "0.533");
        assert_ne!(mark(&nameless), mark(&other));
        assert_ne!(mark("[1]"), mark("[2]"));
    }

    #[test]
    fn a_missing_retry_number_is_zero_where_the_source_has_them() {
        let attempt = |number: &str, has_numbers| {
            let json = GOOD.replace(",\n        \"RetryNum\":0", number);
            match LogRow::read(&raw(&json)) {
                LogRow::Parsed(row) => match row.entry(has_numbers) {
                    Ok(Entry::Invocation(row)) => row.key.attempt,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        };
        // date -u -d '2018-06-11 10:46:45' +%s
        let start = 1_528_714_005;
        for (number, without, with) in [
            ("", start, 0),
            (",\"RetryNum\":null", start, 0),
            (",\"RetryNum\":2", 2, 2),
            (",\"RetryNum\":-1", start, start),
        ] {
            assert_eq!(
                (attempt(number, false), attempt(number, true)),
                (without, with),
                "{number}"
            );
        }
    }
}
