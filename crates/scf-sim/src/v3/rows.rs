//! A log row in the format of API 3.0.

use super::Api;
use crate::attempt::Attempt;
use crate::clock::beijing_text;
use crate::function::Function;
use crate::json::{Object, ms_text, quoted};
use crate::page::RUNNING_CODE;
use crate::rng::Rng;
use crate::text;

/// Deviations from the documented row that preserve information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oddity {
    None,
    /// Optional texts are null.
    NullTexts,
    /// Only the fields of the first version are present; the others were added over time.
    OldFields,
    /// All optional fields are missing.
    Scarce,
    UnknownField,
}

/// The values of a row, each as JSON.
struct Row<'a> {
    attempt: &'a Attempt,
    finished: bool,
    function_name: String,
    request_id: String,
    start_time: String,
    duration: String,
    ret_msg: String,
    log: String,
}

/// Writes the row of `attempt` as it is at the time of the request.
pub(super) fn write(api: &Api<'_>, attempt: &Attempt, function: &Function, out: &mut String) {
    let oddity = Oddity::draw(api, attempt);
    let mut row = Row::new(api, attempt, function);
    if oddity == Oddity::NullTexts {
        row.drop_texts();
    }
    row.write(api.settings.wire.invoke_finished, oddity, out);
}

// === impl Oddity ===

impl Oddity {
    fn draw(api: &Api<'_>, attempt: &Attempt) -> Self {
        let mut rng = Rng::keyed(api.salt, attempt.key);
        let odd = rng.chance(api.settings.faults.odd_fields);
        let kind = rng.pick(&[
            Self::NullTexts,
            Self::OldFields,
            Self::Scarce,
            Self::UnknownField,
        ]);
        if odd { kind } else { Self::None }
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    fn new(api: &Api<'_>, attempt: &'a Attempt, function: &Function) -> Self {
        let shown_ms = api.settings.faults.by_skewed_clock(attempt.start_ms);
        let finished = attempt.is_finished(api.now_ms);
        let (ret_msg, log) = if finished {
            let odd = text::odd(attempt, &api.settings.faults);
            let log = text::log(attempt, api.settings.log_bytes) + &odd;
            (text::ret_msg(attempt, function), log)
        } else {
            Default::default()
        };
        Self {
            attempt,
            finished,
            function_name: quoted(&function.name),
            request_id: quoted(&attempt.request_id_text()),
            start_time: quoted(&beijing_text(shown_ms)),
            duration: ms_text(if finished { attempt.duration_us } else { 0 }),
            ret_msg: quoted(&ret_msg),
            log: quoted(&log),
        }
    }

    /// Removes texts that no number depends on. A return message with the kind of failure is kept.
    fn drop_texts(&mut self) {
        self.log = "null".to_owned();
        if !self.finished || self.attempt.ret_code == 0 {
            self.ret_msg = "null".to_owned();
        }
    }

    fn write(&self, invoke_finished: bool, oddity: Oddity, out: &mut String) {
        let scarce = oddity == Oddity::Scarce;
        let number = |value: u64| if self.finished { value } else { 0 };
        let code = if self.finished {
            self.attempt.ret_code
        } else {
            RUNNING_CODE
        };
        let mut row = Object::open(out);
        row.raw("FunctionName", &self.function_name)
            .raw("RetMsg", &self.ret_msg)
            .raw("RequestId", &self.request_id)
            .raw("StartTime", &self.start_time)
            .raw("RetCode", code);
        // The code of a running row says the same as this field.
        if invoke_finished && !scarce {
            row.raw("InvokeFinished", u8::from(self.finished));
        }
        row.raw("Duration", &self.duration)
            .raw("BillDuration", number(self.attempt.billed_ms))
            .raw("MemUsage", number(self.attempt.mem_bytes));
        if !scarce {
            row.raw("Log", &self.log);
        }
        match oddity {
            Oddity::NullTexts => {
                row.raw("Level", "null").raw("Source", "null");
            }
            Oddity::OldFields | Oddity::Scarce => {}
            Oddity::None | Oddity::UnknownField => {
                row.text("Level", "").text("Source", "");
            }
        }
        let old = matches!(oddity, Oddity::OldFields | Oddity::Scarce);
        if !old || self.attempt.retry > 0 {
            row.raw("RetryNum", self.attempt.retry);
        }
        if oddity == Oddity::UnknownField {
            row.raw("TraceInfo", r#"{"Spans":[],"Sampled":false}"#);
        }
        row.close();
    }
}
