//! A log row in the format of v2.

use super::Api;
use crate::attempt::Attempt;
use crate::clock::beijing_text;
use crate::function::Function;
use crate::json::{Object, ms_text, quoted};
use crate::page::RUNNING_CODE;
use crate::rng::Rng;
use crate::settings::Wire;
use crate::text;

/// Deviations from the documented row that preserve information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oddity {
    None,
    NumbersAsText,
    NullTexts,
    UnknownField,
}

/// The values of a row, each as JSON.
struct Row {
    function_name: String,
    ret_msg: String,
    request_id: String,
    start_time: String,
    ret_code: String,
    duration: String,
    bill_duration: String,
    mem_usage: String,
    log: String,
    invoke_finished: String,
}

/// Writes the row of `attempt` as it is at the time of the request.
pub(super) fn write(api: &Api<'_>, attempt: &Attempt, function: &Function, out: &mut String) {
    let oddity = Oddity::draw(api, attempt);
    let mut row = if attempt.is_finished(api.now_ms) {
        Row::finished(api, attempt, function)
    } else {
        Row::running(api, attempt, function)
    };
    match oddity {
        Oddity::NumbersAsText => row.quote_numbers(),
        Oddity::NullTexts => row.drop_texts(),
        Oddity::None | Oddity::UnknownField => {}
    }
    row.write(api.settings.wire, oddity == Oddity::UnknownField, out);
}

fn with_odd_bytes(api: &Api<'_>, attempt: &Attempt) -> String {
    text::log(attempt, api.settings.log_bytes) + &text::odd(attempt, &api.settings.faults)
}

// === impl Oddity ===

impl Oddity {
    fn draw(api: &Api<'_>, attempt: &Attempt) -> Self {
        let mut rng = Rng::keyed(api.salt, attempt.key);
        let odd = rng.chance(api.settings.faults.odd_fields);
        let kind = rng.pick(&[Self::NumbersAsText, Self::NullTexts, Self::UnknownField]);
        if odd { kind } else { Self::None }
    }
}

// === impl Row ===

impl Row {
    fn finished(api: &Api<'_>, attempt: &Attempt, function: &Function) -> Self {
        Self {
            ret_msg: quoted(&text::ret_msg(attempt, function)),
            ret_code: attempt.ret_code.to_string(),
            duration: ms_text(attempt.duration_us),
            bill_duration: attempt.billed_ms.to_string(),
            mem_usage: attempt.mem_bytes.to_string(),
            log: quoted(&with_odd_bytes(api, attempt)),
            invoke_finished: "1".to_owned(),
            ..Self::running(api, attempt, function)
        }
    }

    fn running(api: &Api<'_>, attempt: &Attempt, function: &Function) -> Self {
        let shown_ms = api.settings.faults.by_skewed_clock(attempt.start_ms);
        let zero = || "0".to_owned();
        Self {
            function_name: quoted(&function.name),
            ret_msg: quoted(""),
            request_id: quoted(&attempt.request_id_text()),
            start_time: quoted(&beijing_text(shown_ms)),
            ret_code: RUNNING_CODE.to_string(),
            duration: zero(),
            bill_duration: zero(),
            mem_usage: zero(),
            log: quoted(""),
            invoke_finished: zero(),
        }
    }

    fn quote_numbers(&mut self) {
        for number in [
            &mut self.ret_code,
            &mut self.duration,
            &mut self.bill_duration,
            &mut self.mem_usage,
            &mut self.invoke_finished,
        ] {
            *number = quoted(number);
        }
    }

    /// Removes texts that no number depends on. A return message with the kind of failure is kept.
    fn drop_texts(&mut self) {
        self.log = "null".to_owned();
        if self.ret_code == "0" {
            self.ret_msg = "null".to_owned();
        }
    }

    fn write(&self, wire: Wire, unknown_field: bool, out: &mut String) {
        let mut row = Object::open(out);
        for (camel, snake, value) in [
            ("functionName", "function_name", &self.function_name),
            ("retMsg", "ret_msg", &self.ret_msg),
            ("requestId", "request_id", &self.request_id),
            ("startTime", "start_time", &self.start_time),
            ("retCode", "ret_code", &self.ret_code),
            ("duration", "duration", &self.duration),
            ("billDuration", "bill_duration", &self.bill_duration),
            ("memUsage", "mem_usage", &self.mem_usage),
            ("log", "log", &self.log),
        ] {
            row.raw(if wire.snake_case { snake } else { camel }, value);
        }
        if wire.invoke_finished {
            let name = if wire.snake_case {
                "invoke_finished"
            } else {
                "invokeFinished"
            };
            row.raw(name, &self.invoke_finished);
        }
        if unknown_field {
            row.raw("traceInfo", r#"{"spans":[],"sampled":false}"#);
        }
        row.close();
    }
}
