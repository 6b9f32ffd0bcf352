//! A log row in the format of v2.

use super::Api;
use crate::attempt::Attempt;
use crate::function::Function;
use crate::json::{Object, quoted};
use crate::row::{Row, oddity};

/// Deviations from the documented row that preserve information.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Oddity {
    NumbersAsText,
    NullTexts,
    UnknownField,
}

const ODDITIES: [Oddity; 3] = [
    Oddity::NumbersAsText,
    Oddity::NullTexts,
    Oddity::UnknownField,
];

/// Writes the row of `attempt` as it is at the time of the request.
pub(super) fn write(api: &Api<'_>, attempt: &Attempt, function: &Function, out: &mut String) {
    let (settings, wire) = (api.settings, api.settings.wire);
    let oddity = oddity(settings, api.salt, attempt, &ODDITIES);
    let mut row = Row::new(settings, api.now_ms, attempt, function);
    if oddity == Some(Oddity::NullTexts) {
        row.drop_texts();
    }
    let number = |value: &str| match oddity {
        Some(Oddity::NumbersAsText) => quoted(value),
        _ => value.to_owned(),
    };
    let finished = u8::from(row.finished).to_string();
    let mut object = Object::open(out);
    for (camel, snake, value) in [
        ("functionName", "function_name", row.function_name),
        ("retMsg", "ret_msg", row.ret_msg),
        ("requestId", "request_id", row.request_id),
        ("startTime", "start_time", row.start_time),
        ("retCode", "ret_code", number(&row.ret_code)),
        ("duration", "duration", number(&row.duration)),
        ("billDuration", "bill_duration", number(&row.bill_duration)),
        ("memUsage", "mem_usage", number(&row.mem_usage)),
        ("log", "log", row.log),
        ("invokeFinished", "invoke_finished", number(&finished)),
    ] {
        if wire.invoke_finished || camel != "invokeFinished" {
            object.raw(if wire.snake_case { snake } else { camel }, value);
        }
    }
    if oddity == Some(Oddity::UnknownField) {
        object.raw("traceInfo", r#"{"spans":[],"sampled":false}"#);
    }
    object.close();
}
