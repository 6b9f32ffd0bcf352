//! A row of `GetFunctionLogs`, which v2 and API 3.0 spell differently and mean alike.

use serde_json::value::RawValue;

use super::outcome::outcome_of;
use super::page::{Entry, ParseContext, RowFields};
use super::scalar::{Names, Scalar, read_fields};
use super::time::parse_start_time;
use super::values::{is_name, memory, millis};
use crate::model::{Bytes, RejectReason, Timestamp};

/// The values of a row that matter, in the order of [`Field`]. The log itself, by far the largest, is
/// skipped.
#[derive(Debug)]
pub(super) struct FunctionLog<'a>([Scalar<'a>; FIELDS]);

/// The names of these values, in the same order.
pub(super) type RowNames = Names<FIELDS>;

const FIELDS: usize = 10;

#[derive(Debug, Clone, Copy)]
enum Field {
    FunctionName,
    RequestId,
    StartTime,
    RetCode,
    RetMsg,
    Duration,
    BillDuration,
    MemUsage,
    InvokeFinished,
    RetryNum,
}

impl<'a> FunctionLog<'a> {
    /// Parses a row; `None` if it is not an object. A value that cannot be read affects only its own
    /// field.
    pub(super) fn read(raw: &'a RawValue, names: &RowNames) -> Option<Self> {
        read_fields(raw.get(), names).map(Self)
    }

    /// A row whose values were read, in the order of its names.
    pub(super) const fn of(values: [Scalar<'a>; FIELDS]) -> Self {
        Self(values)
    }

    fn field(&self, field: Field) -> &Scalar<'a> {
        &self.0[field as usize]
    }

    /// Returns namespace and name of the function. If only one function is read, rows without a name
    /// belong to it.
    pub(super) fn function<'s>(&'s self, context: ParseContext<'s>) -> Option<(&'s str, &'s str)> {
        let name = self.name()?.or(context.function())?;
        Some((context.namespace(), name))
    }

    /// Returns the name of the function: inner `None` if the row has none, outer if it cannot be used.
    #[expect(
        clippy::option_option,
        reason = "a row without a name may have an owner"
    )]
    pub(super) fn name(&self) -> Option<Option<&str>> {
        match self.field(Field::FunctionName) {
            Scalar::Missing => Some(None),
            named => named.text().filter(|name| is_name(name)).map(Some),
        }
    }

    pub(super) fn request_id(&self) -> Option<&str> {
        self.field(Field::RequestId).text().filter(|id| is_name(id))
    }

    pub(super) fn position(&self) -> Option<Timestamp> {
        parse_start_time(self.field(Field::StartTime).text()?)
    }

    pub(super) fn ret_code(&self) -> Option<i64> {
        self.field(Field::RetCode).whole()
    }

    /// Returns whether the invocation has not ended. Older responses lack the field.
    pub(super) fn says_unfinished(&self) -> bool {
        self.field(Field::InvokeFinished).whole() == Some(0)
    }

    pub(super) fn retry(&self) -> Option<u32> {
        u32::try_from(self.field(Field::RetryNum).whole()?).ok()
    }

    /// Returns whether the row has no retry number at all; one that cannot be read is there.
    pub(super) fn lacks_retry(&self) -> bool {
        *self.field(Field::RetryNum) == Scalar::Missing
    }

    /// Returns what distinguishes the invocations of one request: the retry number. v2 and rows of 2020
    /// have none, but a retry starts at least a minute later; the low bits of the second are enough.
    pub(super) fn attempt(&self) -> u32 {
        let started = || self.position().map_or(0, |at| at.as_secs() as u32);
        self.retry().unwrap_or_else(started)
    }

    /// Returns the entry for the page.
    pub(super) fn entry(&self, is_unfinished: bool) -> Result<Entry, RejectReason> {
        if is_unfinished {
            return Ok(Entry::Unfinished);
        }
        let (position, code) = (self.position(), self.ret_code());
        let row = RowFields {
            request_id: self.field(Field::RequestId).text(),
            attempt: Some(self.attempt()),
            position,
            code,
            outcome: outcome_of(code.unwrap_or_default(), self.field(Field::RetMsg).text()),
            duration: self.field(Field::Duration).number().and_then(millis),
            billed: self.field(Field::BillDuration).number().and_then(millis),
            memory: self.field(Field::MemUsage).number().and_then(memory),
            memory_limit: Bytes::default(),
            started: position,
            retried: self.retry().is_some_and(|retry| retry > 0),
        };
        row.judge().map(Entry::Invocation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Nanos, Outcome, RetCode, Row};

    const NAMES: RowNames = [
        &["name", "function"],
        &["id"],
        &["start"],
        &["code"],
        &["message"],
        &["duration"],
        &["billed"],
        &["memory"],
        &["finished"],
        &["retry"],
    ];
    /// The documents' example.
    const GOOD: &str = r#"{"name":"helljin89","message":"'module' object has no attribute",
        "id":"b684ef85-250a-11e7-839d-5254007d2563","start":"2017-04-19 22:16:00","log":"a\nb",
        "code":1,"duration":0.241,"billed":100,"memory":131072,"level":""}"#;

    fn with<T>(json: &str, ask: impl FnOnce(FunctionLog<'_>) -> T) -> T {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        ask(FunctionLog::read(&raw, &NAMES).unwrap())
    }

    fn judge(json: &str) -> Result<Row, RejectReason> {
        with(json, |row| row.entry(false)).map(|entry| match entry {
            Entry::Invocation(row) => row,
            _ => panic!("no attempt"),
        })
    }

    fn changed(from: &str, to: &str) -> String {
        let json = GOOD.replacen(from, to, 1);
        assert_ne!(json, GOOD, "{from}");
        json
    }

    #[test]
    fn the_example_of_the_documents_is_read() {
        let row = judge(GOOD).unwrap();
        assert_eq!(row.key.id, 0xb684_ef85_250a_11e7_839d_5254_007d_2563);
        // date -u -d '2017-04-19 14:16:00' +%s
        let start = Timestamp::from_secs(1_492_611_360);
        assert_eq!((row.position, row.started), (start, start));
        assert_eq!(
            (row.ret_code, row.outcome),
            (RetCode::new(1), Outcome::FunctionError)
        );
        assert_eq!(
            (row.duration, row.billed, row.memory),
            (Nanos(241_000), Nanos(100_000_000), Bytes(131_072))
        );
    }

    #[test]
    fn another_spelling_means_the_same_and_an_odd_value_spoils_no_other() {
        let row = judge(GOOD);
        for (from, to) in [
            ("131072", "\"131072\""),
            ("\"code\":1", "\"code\":\"1\""),
            ("0.241", "\"0.241\""),
            ("100", "100.0"),
            ("\"'module'", "\"\\ud800"),
            ("\"level\":\"\"", "\"level\":1e999"),
            ("\"level\":\"\"", "\"log\":{\"a\":[1]}"),
            ("\"code\":1", "\"code\":7,\"code\":1"),
            ("{", " { "),
        ] {
            assert_eq!(judge(&changed(from, to)), row, "{to} in place of {from}");
        }
        for odd in ["7", "null", "[]", "\"x\"", r#"{"\ud800":1}"#] {
            let raw: Box<RawValue> = serde_json::from_str(odd).unwrap();
            assert!(FunctionLog::read(&raw, &NAMES).is_none(), "{odd}");
        }
    }

    #[test]
    fn each_needed_field_is_judged_by_itself() {
        use RejectReason as R;
        const ID: &str = r#""b684ef85-250a-11e7-839d-5254007d2563""#;
        const START: &str = r#""2017-04-19 22:16:00""#;
        for (from, to, reason) in [
            (ID, "7", R::RequestId),
            (ID, "null", R::RequestId),
            (ID, r#""""#, R::RequestId),
            (START, "null", R::StartTime),
            (START, r#""yesterday""#, R::StartTime),
            ("\"code\":1,", "", R::RetCode),
            ("\"code\":1", "\"code\":\"x\"", R::RetCode),
            ("\"code\":1", "\"code\":1.5", R::RetCode),
            ("0.241", "-1", R::Duration),
            ("0.241", "1e300", R::Duration),
            ("0.241", "1e999", R::Duration),
            ("100", "[]", R::BilledDuration),
            ("131072", "-1", R::Memory),
            ("131072", "1e15", R::Memory),
        ] {
            assert_eq!(judge(&changed(from, to)), Err(reason), "{to} for {from}");
        }
    }

    #[test]
    fn attempts_are_told_apart_by_retry_number_or_else_by_start() {
        let attempt = |json: &str| judge(json).map(|row| (row.key.attempt, row.retried));
        let retry = |number: &str| changed("{", &format!("{{\"retry\":{number},"));
        assert_eq!(attempt(&retry("0")), Ok((0, false)));
        assert_eq!(attempt(&retry("\"2\"")), Ok((2, true)));
        assert_eq!(attempt(&retry("-1")), Ok((1_492_611_360, false)));
        assert_eq!(attempt(GOOD), Ok((1_492_611_360, false)));
        for (json, lacks) in [(GOOD, true), (&*retry("2"), false), (&*retry("-1"), false)] {
            assert_eq!(with(json, |row| row.lacks_retry()), lacks, "{json}");
        }
    }

    #[test]
    fn a_row_without_a_name_is_of_the_only_function_that_is_read() {
        use crate::ledger::TargetId;
        use crate::model::FunctionId;
        let wanted = crate::config::FunctionSelector::default();
        let one = TargetId::function(FunctionId::new("ap-x", "n", "f"));
        let all = TargetId::namespace("ap-x", "n");
        let of = |json: &str, target| {
            let context = ParseContext {
                target,
                wanted: &wanted,
            };
            with(json, |row| {
                row.function(context).map(|(_, name)| name.to_owned())
            })
        };
        for (name, in_one, in_all) in [
            ("\"function\":\"g\",", Some("g"), Some("g")),
            ("", Some("f"), None),
            ("\"name\":null,", Some("f"), None),
            ("\"name\":\"\",", None, None),
            ("\"name\":7,", None, None),
        ] {
            let json = changed("\"name\":\"helljin89\",", name);
            assert_eq!(of(&json, &one).as_deref(), in_one, "{name}");
            assert_eq!(of(&json, &all).as_deref(), in_all, "{name}");
        }
    }
}
