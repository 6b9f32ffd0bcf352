//! The values of a log row, which v2 and API 3.0 write each in its own format.

use super::attempt::Attempt;
use super::clock::beijing_text;
use super::function::Function;
use super::json::{ms_text, quoted};
use super::page::RUNNING_CODE;
use super::rng::Rng;
use super::settings::Settings;
use super::text;

/// The values of a row, each as JSON.
pub(crate) struct Row {
    pub(crate) finished: bool,
    pub(crate) function_name: String,
    pub(crate) request_id: String,
    pub(crate) start_time: String,
    pub(crate) ret_code: String,
    pub(crate) duration: String,
    pub(crate) bill_duration: String,
    pub(crate) mem_usage: String,
    pub(crate) ret_msg: String,
    pub(crate) log: String,
}

/// Draws one of `oddities` for a row, `None` for most rows.
pub(crate) fn oddity<T: Copy>(
    settings: &Settings,
    salt: u64,
    attempt: &Attempt,
    oddities: &[T],
) -> Option<T> {
    let mut rng = Rng::keyed(salt, attempt.key);
    let is_odd = rng.chance(settings.faults.odd_fields);
    let oddity = rng.pick(oddities);
    is_odd.then_some(oddity)
}

// === impl Row ===

impl Row {
    /// Returns the row of `attempt` as it is at `now_ms`.
    pub(crate) fn new(
        settings: &Settings,
        now_ms: i64,
        attempt: &Attempt,
        function: &Function,
    ) -> Self {
        let faults = &settings.faults;
        let shown_ms = faults.by_skewed_clock(attempt.start_ms);
        let zero = || "0".to_owned();
        let running = Self {
            finished: false,
            function_name: quoted(&function.name),
            request_id: quoted(&attempt.request_id_text()),
            start_time: quoted(&beijing_text(shown_ms)),
            ret_code: RUNNING_CODE.to_string(),
            duration: zero(),
            bill_duration: zero(),
            mem_usage: zero(),
            ret_msg: quoted(""),
            log: quoted(""),
        };
        if !attempt.is_finished(now_ms) {
            return running;
        }
        let log = text::log(attempt, settings.log_bytes) + &text::odd(attempt, faults);
        Self {
            finished: true,
            ret_code: attempt.ret_code.to_string(),
            duration: ms_text(attempt.duration_us),
            bill_duration: attempt.billed_ms.to_string(),
            mem_usage: attempt.mem_bytes.to_string(),
            ret_msg: quoted(&text::ret_msg(attempt, function)),
            log: quoted(&log),
            ..running
        }
    }

    /// Removes texts that no number depends on. A return message with the kind of failure is kept.
    pub(crate) fn drop_texts(&mut self) {
        self.log = "null".to_owned();
        if self.ret_code == "0" {
            self.ret_msg = "null".to_owned();
        }
    }
}
