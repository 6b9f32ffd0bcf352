//! A row of `GetFunctionLogs` of API 3.0.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::ingest::function_log::{FunctionLog, RowNames};
use crate::ledger::Mark;

/// `RetCode` of a running invocation.
const RUNNING: i64 = 2;
/// `RetCode` of an interrupted invocation.
const INTERRUPTED: i64 = 3;

const NAMES: RowNames = [
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

/// Parses a row; `None` if it is not an object.
pub(super) fn read(raw: &RawValue) -> Option<FunctionLog<'_>> {
    FunctionLog::read(raw, &NAMES)
}

/// Returns whether the invocation still runs; its row comes again, with the same start time.
///
/// `RetCode` 2 means running, and so does `InvokeFinished` 0, as in v2. The documents call every value of
/// the latter but 1 "abnormal", which is an end: other values are ignored, and so is 0 in an interrupted
/// row, whose code says that it ended.
pub(super) fn is_unfinished(row: &FunctionLog<'_>) -> bool {
    let code = row.ret_code();
    code == Some(RUNNING) || (row.says_unfinished() && code != Some(INTERRUPTED))
}

/// Returns the identity of the row, which is the same while it runs and after its end.
pub(super) fn mark(raw: &RawValue, row: Option<&FunctionLog<'_>>) -> Mark {
    let id = row.and_then(|row| Some(hash(&(row.request_id()?, row.attempt(), row.name()?))));
    Mark {
        second: row.and_then(|row| Some(row.position()?.as_secs())),
        id: id.unwrap_or_else(|| hash(&raw.get())),
    }
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
            let row = read(&raw).unwrap();
            assert_eq!(is_unfinished(&row), unfinished, "{code} {finished}");
        }
    }

    #[test]
    fn a_row_keeps_its_mark_when_it_ends_and_unreadable_rows_have_marks_too() {
        let mark = |json: &str| {
            let raw = raw(json);
            mark(&raw, read(&raw).as_ref()).id
        };
        let running = GOOD.replace("\"RetCode\":0", "\"RetCode\":2");
        assert_eq!(mark(&running), mark(GOOD));
        let nameless = GOOD.replace("bc309eaa-6d64-11e8-a7fe-5254000b4175", "");
        let other = nameless.replace("0.532", "0.533");
        assert_ne!(mark(&nameless), mark(&other));
        assert_ne!(mark("[1]"), mark("[2]"));
    }
}
