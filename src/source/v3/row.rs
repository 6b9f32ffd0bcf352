//! One row of `GetFunctionLogs` and what it amounts to.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{AttemptKey, Bytes, RejectReason, RetCode, Row, Timestamp, attempt_id, is_uuid};
use crate::source::outcome::outcome_of;
use crate::source::scalar::Scalar;
use crate::source::time::parse_start_time;
use crate::source::values::{memory, millis, short_text};

/// `RetCode` of a call that runs.
const RUNNING: i64 = 2;
/// `RetCode` of a call that was cut off.
const INTERRUPTED: i64 = 3;

/// The fields of a row that matter. `Log`, the largest by far, is skipped unread.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct WireRow<'a> {
    #[serde(borrow)]
    function_name: Scalar<'a>,
    #[serde(borrow)]
    request_id: Scalar<'a>,
    #[serde(borrow)]
    start_time: Scalar<'a>,
    #[serde(borrow)]
    ret_code: Scalar<'a>,
    #[serde(borrow)]
    ret_msg: Scalar<'a>,
    #[serde(borrow)]
    duration: Scalar<'a>,
    #[serde(borrow)]
    bill_duration: Scalar<'a>,
    #[serde(borrow)]
    mem_usage: Scalar<'a>,
    #[serde(borrow)]
    invoke_finished: Scalar<'a>,
    #[serde(borrow)]
    retry_num: Scalar<'a>,
}

impl<'a> WireRow<'a> {
    /// Reads a row; `None` where it is not an object. A value that the parser cannot hold (a
    /// number beyond all range, half of a surrogate pair in a text that was cut) spoils only its
    /// own field.
    pub(super) fn parse(raw: &'a RawValue) -> Option<Self> {
        // As a list, its fields would be read in the order in which they stand above.
        if !raw.get().starts_with('{') {
            return None;
        }
        serde_json::from_str(raw.get())
            .ok()
            .or_else(|| Self::parse_carefully(raw))
    }

    fn parse_carefully(raw: &'a RawValue) -> Option<Self> {
        let fields: BTreeMap<Box<str>, &'a RawValue> = serde_json::from_str(raw.get()).ok()?;
        let field = |name: &str| match fields.get(name) {
            Some(value) => Scalar::deserialize(*value).unwrap_or(Scalar::Other),
            None => Scalar::Missing,
        };
        Some(Self {
            function_name: field("FunctionName"),
            request_id: field("RequestId"),
            start_time: field("StartTime"),
            ret_code: field("RetCode"),
            ret_msg: field("RetMsg"),
            duration: field("Duration"),
            bill_duration: field("BillDuration"),
            mem_usage: field("MemUsage"),
            invoke_finished: field("InvokeFinished"),
            retry_num: field("RetryNum"),
        })
    }

    /// Whether it has a retry number.
    pub(super) fn tells_retry(&self) -> bool {
        self.retry().is_some()
    }

    /// Where the API tells retry numbers, a missing one is zero.
    pub(super) fn complete_retry(&mut self) {
        if self.retry_num == Scalar::Missing {
            self.retry_num = Scalar::Int(0);
        }
    }

    /// Still running: it comes again, under the same start time.
    ///
    /// `RetCode` 2 says so, and so does `InvokeFinished` 0, as in v2. The documents call every
    /// value of the latter but 1 "abnormal", which is an end: the others are not held against a
    /// row, nor is 0 against an interrupted one, whose code already says that it ended. Older
    /// answers do not have the field.
    pub(super) fn is_unfinished(&self) -> bool {
        let code = self.ret_code.whole();
        code == Some(RUNNING)
            || (self.invoke_finished.whole() == Some(0) && code != Some(INTERRUPTED))
    }

    /// The name of the function: `Ok(None)` where the row has none, `Err` where it is unusable.
    pub(super) fn function_name(&self) -> Result<Option<&str>, RejectReason> {
        if self.function_name == Scalar::Missing {
            return Ok(None);
        }
        let name = short_text(&self.function_name).ok_or(RejectReason::FunctionName)?;
        Ok(Some(name))
    }

    /// The start time, where it is usable.
    pub(super) fn position(&self) -> Option<Timestamp> {
        parse_start_time(self.start_time.text()?)
    }

    /// Judges the values of a finished row one by one; the first that is unusable rejects it.
    pub(super) fn judge(&self, function: u16) -> Result<Row, RejectReason> {
        let key = self.key().ok_or(RejectReason::RequestId)?;
        let position = self.position().ok_or(RejectReason::StartTime)?;
        let code = self.ret_code.whole().ok_or(RejectReason::RetCode)?;
        Ok(Row {
            function,
            ret_code: RetCode::new(code),
            outcome: outcome_of(code, self.ret_msg.text()),
            key,
            id_is_uuid: self.request_id.text().is_some_and(is_uuid),
            position,
            duration: millis(&self.duration).ok_or(RejectReason::Duration)?,
            billed: millis(&self.bill_duration).ok_or(RejectReason::BilledDuration)?,
            memory: memory(&self.mem_usage).ok_or(RejectReason::Memory)?,
            memory_limit: Bytes::default(),
            started: position,
            retried: self.retry().is_some_and(|retry| retry > 0),
        })
    }

    /// A value that tells this row from others, running or finished, readable or not.
    pub(super) fn mark(&self, raw: &RawValue) -> u64 {
        match (self.key(), self.function_name()) {
            (Some(key), Ok(name)) => hash(&(key, name)),
            _ => mark_of(raw),
        }
    }

    /// Rows of 2020 have no retry number. A retry has the same id and, a minute later at the
    /// earliest, another start, which then tells the attempts apart, as in v2.
    fn key(&self) -> Option<AttemptKey> {
        let id = short_text(&self.request_id).map(attempt_id)?;
        let started = || self.position().map_or(0, |at| at.as_secs() as u32);
        let attempt = self.retry().unwrap_or_else(started);
        Some(AttemptKey { id, attempt })
    }

    fn retry(&self) -> Option<u32> {
        u32::try_from(self.retry_num.whole()?).ok()
    }
}

/// The mark of something that is no row.
pub(super) fn mark_of(raw: &RawValue) -> u64 {
    hash(&raw.get())
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

    fn judge(json: &str) -> Result<Row, RejectReason> {
        WireRow::parse(&raw(json)).unwrap().judge(0)
    }

    #[test]
    fn numbers_in_strings_mean_the_same_and_so_do_values_that_the_parser_cannot_hold_elsewhere() {
        let row = judge(GOOD).unwrap();
        for (from, to) in [
            ("3174400", "\"3174400\""),
            ("\"RetCode\":0", "\"RetCode\":\"0\""),
            ("0.532", "\"0.532\""),
            ("\"BillDuration\":1", "\"BillDuration\":1.0"),
            ("\"ok\"", "null"),
            ("\"ok\"", r#""\ud800""#),
            ("\"Level\":\"\"", "\"Level\":1e999"),
        ] {
            let odd = GOOD.replacen(from, to, 1);
            assert_ne!(odd, GOOD, "{from}");
            assert_eq!(judge(&odd), Ok(row), "{to}");
        }
    }

    #[test]
    fn each_needed_field_is_judged_by_itself() {
        use RejectReason as R;
        for (from, to, reason) in [
            (
                r#""bc309eaa-6d64-11e8-a7fe-5254000b4175""#,
                "null",
                R::RequestId,
            ),
            (r#""2018-06-11 18:46:45""#, "\"\"", R::StartTime),
            ("\"RetCode\":0", "\"RetCode\":null", R::RetCode),
            ("0.532", "1e999", R::Duration),
            ("0.532", "-1", R::Duration),
            ("\"BillDuration\":1,", "", R::BilledDuration),
            ("3174400", "[]", R::Memory),
        ] {
            let odd = GOOD.replacen(from, to, 1);
            assert_ne!(odd, GOOD, "{from}");
            assert_eq!(judge(&odd), Err(reason), "{to} in place of {from}");
        }
    }

    #[test]
    fn attempts_are_told_apart_by_retry_number_or_else_by_start() {
        let attempt = |json: &str| judge(json).map(|row| (row.key.attempt, row.retried));
        let retry = GOOD.replace("\"RetryNum\":0", "\"RetryNum\":2");
        let old = GOOD.replace(",\n        \"RetryNum\":0", "");
        assert_ne!(old, GOOD);
        assert_eq!(attempt(GOOD), Ok((0, false)));
        assert_eq!(attempt(&retry), Ok((2, true)));
        // date -u -d '2018-06-11 10:46:45' +%s
        assert_eq!(attempt(&old), Ok((1_528_714_005, false)));
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
            let row = WireRow::parse(&raw).unwrap();
            assert_eq!(row.is_unfinished(), unfinished, "{code} {finished}");
        }
    }

    #[test]
    fn a_row_keeps_its_mark_when_it_ends_and_unreadable_rows_have_marks_too() {
        let mark = |json: &str| {
            let raw = raw(json);
            WireRow::parse(&raw).unwrap().mark(&raw)
        };
        let running = GOOD.replace("\"RetCode\":0", "\"RetCode\":2");
        assert_eq!(mark(&running), mark(GOOD));
        let nameless = GOOD.replace("bc309eaa-6d64-11e8-a7fe-5254000b4175", "");
        let other = nameless.replace("0.532", "0.533");
        assert_ne!(mark(&nameless), mark(&other));
        assert!(WireRow::parse(&raw("[1]")).is_none());
    }
}
