//! One row of `GetFunctionLogs`: its fields under either spelling, and what they amount to.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::model::{
    AttemptKey, Bytes, Nanos, Outcome, RejectReason, RetCode, Timestamp, attempt_id, is_uuid,
};
use crate::source::outcome::outcome_of;
use crate::source::scalar::Scalar;
use crate::source::time::parse_start_time;
use crate::source::values::{memory, millis, short_text};

/// The fields of a row that matter. `log`, the largest by far, is skipped unread.
#[derive(Debug, Default)]
pub(super) struct WireRow<'a> {
    pub(super) function_name: Scalar<'a>,
    pub(super) request_id: Scalar<'a>,
    pub(super) start_time: Scalar<'a>,
    pub(super) ret_code: Scalar<'a>,
    pub(super) ret_msg: Scalar<'a>,
    pub(super) duration: Scalar<'a>,
    pub(super) bill_duration: Scalar<'a>,
    pub(super) mem_usage: Scalar<'a>,
    pub(super) invoke_finished: Scalar<'a>,
}

/// What the values of a finished row amount to; the function is judged apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged {
    pub(super) key: AttemptKey,
    pub(super) position: Timestamp,
    pub(super) ret_code: RetCode,
    pub(super) outcome: Outcome,
    pub(super) duration: Nanos,
    pub(super) billed: Nanos,
    pub(super) memory: Bytes,
}

impl<'a> WireRow<'a> {
    /// The field of that name, in camelCase (all examples) or snake_case (the field table of the
    /// same page).
    pub(super) fn field(&mut self, name: &[u8]) -> Option<&mut Scalar<'a>> {
        match name {
            b"functionName" | b"function_name" => Some(&mut self.function_name),
            b"requestId" | b"request_id" => Some(&mut self.request_id),
            b"startTime" | b"start_time" => Some(&mut self.start_time),
            b"retCode" | b"ret_code" => Some(&mut self.ret_code),
            b"retMsg" | b"ret_msg" => Some(&mut self.ret_msg),
            b"duration" => Some(&mut self.duration),
            b"billDuration" | b"bill_duration" => Some(&mut self.bill_duration),
            b"memUsage" | b"mem_usage" => Some(&mut self.mem_usage),
            b"invokeFinished" | b"invoke_finished" => Some(&mut self.invoke_finished),
            _ => None,
        }
    }

    /// Still running: it comes again, under the same start time. Rows without the field are
    /// finished ones (older answers do not have it).
    pub(super) fn is_unfinished(&self) -> bool {
        self.invoke_finished.whole() == Some(0)
    }

    /// The name of the function, where it is usable.
    pub(super) fn function_name(&self) -> Option<&str> {
        short_text(&self.function_name)
    }

    /// The start time, where it is usable.
    pub(super) fn position(&self) -> Option<Timestamp> {
        parse_start_time(self.start_time.text()?)
    }

    /// The request id as bits, where it is usable.
    pub(super) fn id(&self) -> Option<u128> {
        short_text(&self.request_id).map(attempt_id)
    }

    /// Whether those bits are the request id itself.
    pub(super) fn id_is_uuid(&self) -> bool {
        self.request_id.text().is_some_and(is_uuid)
    }

    /// Judges the values one by one; the first that is unusable rejects the row. `id` and
    /// `position` are what [`Self::id`] and [`Self::position`] said.
    pub(super) fn judge(
        &self,
        id: Option<u128>,
        position: Option<Timestamp>,
    ) -> Result<Judged, RejectReason> {
        let id = id.ok_or(RejectReason::RequestId)?;
        let position = position.ok_or(RejectReason::StartTime)?;
        let code = self.ret_code.whole().ok_or(RejectReason::RetCode)?;
        Ok(Judged {
            // v2 has no retry number: a retry has the same id and, a minute later at the
            // earliest, another start. The low bits of the second are enough to tell them apart.
            key: AttemptKey {
                id,
                attempt: position.as_secs() as u32,
            },
            position,
            ret_code: RetCode::new(code),
            outcome: outcome_of(code, self.ret_msg.text()),
            duration: millis(&self.duration).ok_or(RejectReason::Duration)?,
            billed: millis(&self.bill_duration).ok_or(RejectReason::BilledDuration)?,
            memory: memory(&self.mem_usage).ok_or(RejectReason::Memory)?,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for WireRow<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = WireRow<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut row = WireRow::default();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match row.field(name.0.as_bytes()) {
                Some(field) => *field = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(row)
    }
}

/// The name of a field, borrowed where it has no escapes.
pub(super) struct Name<'a>(pub(super) std::borrow::Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name.into()))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(name.to_owned().into()))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"functionName":"helljin89","retMsg":"'module' object has no attribute",
        "requestId":"b684ef85-250a-11e7-839d-5254007d2563","startTime":"2017-04-19 22:16:00",
        "retCode":1,"duration":0.241,"billDuration":100,"memUsage":131072,"log":"a\nb"}"#;

    fn judge(json: &str) -> Result<Judged, RejectReason> {
        let row: WireRow<'_> = serde_json::from_str(json).unwrap();
        row.judge(row.id(), row.position())
    }

    #[test]
    fn the_example_of_the_documents_is_read() {
        let judged = judge(GOOD).unwrap();
        assert_eq!(judged.key.id, 0xb684_ef85_250a_11e7_839d_5254_007d_2563);
        assert_eq!(judged.key.attempt, 1_492_611_360);
        assert_eq!(judged.ret_code.to_string(), "1");
        assert_eq!(judged.duration, Nanos(241_000));
        assert_eq!(judged.billed, Nanos(100_000_000));
        assert_eq!(judged.memory, Bytes(131_072));
    }

    #[test]
    fn both_spellings_and_numbers_in_strings_mean_the_same() {
        let snake = r#"{"function_name":"helljin89","ret_msg":"","ret_code":"1",
            "request_id":"b684ef85-250a-11e7-839d-5254007d2563","duration":"0.241",
            "start_time":"2017-04-19 22:16:00","bill_duration":"100","mem_usage":"131072"}"#;
        assert_eq!(judge(snake), judge(GOOD));
    }

    #[test]
    fn each_needed_field_is_judged_by_itself() {
        use RejectReason as R;
        for (from, to, reason) in [
            (
                r#""requestId":"b684ef85-250a-11e7-839d-5254007d2563","#,
                "",
                R::RequestId,
            ),
            (
                r#""b684ef85-250a-11e7-839d-5254007d2563""#,
                "7",
                R::RequestId,
            ),
            (
                r#""b684ef85-250a-11e7-839d-5254007d2563""#,
                r#""""#,
                R::RequestId,
            ),
            (r#""2017-04-19 22:16:00""#, "null", R::StartTime),
            (r#""2017-04-19 22:16:00""#, r#""yesterday""#, R::StartTime),
            (r#""retCode":1"#, r#""retCode":"x""#, R::RetCode),
            (r#""retCode":1"#, r#""retCode":1.5"#, R::RetCode),
            ("0.241", "-1", R::Duration),
            ("0.241", "1e300", R::Duration),
            ("0.241", "null", R::Duration),
            (
                r#""billDuration":100"#,
                r#""billDuration":[]"#,
                R::BilledDuration,
            ),
            ("131072", "-1", R::Memory),
            ("131072", "1e15", R::Memory),
        ] {
            let odd = GOOD.replace(from, to);
            assert_ne!(odd, GOOD, "{from}");
            assert_eq!(judge(&odd), Err(reason), "{to} in place of {from}");
        }
    }

    #[test]
    fn a_running_row_is_unfinished_and_a_row_without_the_mark_is_finished() {
        for (mark, unfinished) in [
            ("", false),
            (r#""invokeFinished":1,"#, false),
            (r#""invokeFinished":0,"#, true),
            (r#""invokeFinished":"0","#, true),
            (r#""invoke_finished":0,"#, true),
            (r#""invokeFinished":null,"#, false),
        ] {
            let json = GOOD.replacen('{', &format!("{{{mark}"), 1);
            let row: WireRow<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(row.is_unfinished(), unfinished, "{mark}");
        }
    }
}
