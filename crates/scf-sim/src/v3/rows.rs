//! A log row in the format of API 3.0.

use super::Api;
use crate::attempt::Attempt;
use crate::function::Function;
use crate::json::Object;
use crate::row::{Row, oddity};

/// Deviations from the documented row that preserve information.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Oddity {
    /// Optional texts are null.
    NullTexts,
    /// Only the fields of the first version are present; the others were added over time.
    OldFields,
    /// All optional fields are missing.
    Scarce,
    UnknownField,
}

const ODDITIES: [Oddity; 4] = [
    Oddity::NullTexts,
    Oddity::OldFields,
    Oddity::Scarce,
    Oddity::UnknownField,
];

/// Writes the row of `attempt` as it is at the time of the request.
pub(super) fn write(api: &Api<'_>, attempt: &Attempt, function: &Function, out: &mut String) {
    let oddity = oddity(api.settings, api.salt, attempt, &ODDITIES);
    let mut row = Row::new(api.settings, api.now_ms, attempt, function);
    if oddity == Some(Oddity::NullTexts) {
        row.drop_texts();
        if !row.finished {
            row.ret_msg = "null".to_owned();
        }
    }
    let scarce = oddity == Some(Oddity::Scarce);
    let mut object = Object::open(out);
    object
        .raw("FunctionName", &row.function_name)
        .raw("RetMsg", &row.ret_msg)
        .raw("RequestId", &row.request_id)
        .raw("StartTime", &row.start_time)
        .raw("RetCode", &row.ret_code);
    // The code of a running row says the same as this field.
    if api.settings.wire.invoke_finished && !scarce {
        object.raw("InvokeFinished", u8::from(row.finished));
    }
    object
        .raw("Duration", &row.duration)
        .raw("BillDuration", &row.bill_duration)
        .raw("MemUsage", &row.mem_usage);
    if !scarce {
        object.raw("Log", &row.log);
    }
    match oddity {
        Some(Oddity::NullTexts) => {
            object.raw("Level", "null").raw("Source", "null");
        }
        Some(Oddity::OldFields | Oddity::Scarce) => {}
        Some(Oddity::UnknownField) | None => {
            object.text("Level", "").text("Source", "");
        }
    }
    if !scarce && oddity != Some(Oddity::OldFields) || attempt.retry > 0 {
        object.raw("RetryNum", attempt.retry);
    }
    if oddity == Some(Oddity::UnknownField) {
        object.raw("TraceInfo", r#"{"Spans":[],"Sampled":false}"#);
    }
    object.close();
}
