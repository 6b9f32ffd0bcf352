//! One attempt of one call, independent of any wire format.

use std::sync::Arc;

use super::function::Function;
use super::rng::{Rng, mix, uuid_text, uuid_v4};
use super::settings::Settings;

/// One execution of a function. Retries of an asynchronous call share its request id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attempt {
    /// Index in the world's list of functions.
    pub(crate) function: u32,
    pub(crate) request_id: u128,
    pub(crate) retry: u32,
    pub(crate) start_ms: i64,
    pub(crate) duration_us: u64,
    pub(crate) billed_ms: u64,
    pub(crate) mem_bytes: u64,
    pub(crate) ret_code: i32,
    pub(crate) failure: Failure,
    pub(crate) cold: bool,
    /// Set if no response can hold the finished row, so that no reader can count it.
    pub(crate) oversized: bool,
    /// The row becomes visible at this time, as running or as finished.
    pub(crate) shown_ms: i64,
    /// The row is visible as finished from this time on.
    pub(crate) visible_ms: i64,
    /// Seed of the texts.
    pub(crate) key: u64,
    /// Texts from a replay file.
    pub(crate) replay_texts: Option<Arc<ReplayTexts>>,
}

/// Texts of an attempt that a replay file contains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReplayTexts {
    pub(crate) request_id: String,
    pub(crate) log: String,
}

/// How an attempt ended, by the vendor's status codes (from its page on status codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    None,
    /// 430: the user's code threw.
    UserCode,
    /// 430, in an older text without a status code.
    UserCodeOld,
    /// 430, as plain text rather than JSON.
    PlainText,
    /// 433: the call exceeded its timeout.
    Timeout,
    /// 433, in an older plain text.
    TimeoutText,
    /// 434: the call used more memory than configured.
    OutOfMemory,
    /// 439: the user's process exited.
    ProcessExit,
    /// 432: the concurrency quota was exceeded; the call was neither executed nor billed.
    Throttled,
}

/// The cold start of an attempt, as its Init Report shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Init {
    /// `None` if the code was cached.
    pub(crate) pull_code_ms: Option<u64>,
    pub(crate) init_runtime_ms: u64,
    pub(crate) init_function_ms: u64,
    /// Set if the line precedes START, as in a capture of 2026. On the vendor's pages it follows.
    pub(crate) before_start: bool,
    pub(crate) logged_ms: i64,
    /// The line can be found from this time on.
    pub(crate) visible_ms: i64,
}

/// Identifies the execution to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) start_ms: i64,
    /// Number of the call in the world.
    pub(crate) number: u64,
    pub(crate) retry: u32,
    pub(crate) function: u32,
}

/// The vendor retries a failed asynchronous execution twice, at intervals of a minute.
const MAX_RETRIES: u32 = 2;
const RETRY_GAP_MS: i64 = 60_000;
const PAGE_BYTES: u64 = 4_096;
/// Random stream of the parts of a cold start, separate from the one of the attempt.
const INIT_KEY: u64 = 2;
/// Random stream that decides whether a row is too large for any response.
const OVERSIZED_KEY: u64 = 0x0B16;

// === impl Attempt ===

impl Attempt {
    /// Generates the attempt of `call`. The result depends only on the settings and the call.
    pub(crate) fn draw(call: Call, function: &Function, settings: &Settings) -> Self {
        let call_key = mix(settings.seed, call.number);
        let key = mix(call_key, u64::from(call.retry) + 1);
        let mut rng = Rng::keyed(key, 0);
        let cold = rng.chance(function.habits.cold_rate);
        let (mut duration_us, failure) = draw_course(function, cold, settings, &mut rng);
        if settings.whole_ms {
            duration_us = duration_us.next_multiple_of(1_000);
        }
        let mem_bytes = draw_memory(function, failure, &mut rng);
        // This number decides nothing. It is drawn so that a seed keeps its world.
        let _ = rng.next_u64();
        let mut attempt = Self {
            function: call.function,
            request_id: uuid_v4(call_key),
            retry: call.retry,
            start_ms: call.start_ms,
            duration_us,
            billed_ms: settings.billing.billed_ms(duration_us),
            mem_bytes,
            ret_code: failure.ret_code(),
            failure,
            cold,
            // A separate stream, so that this fault changes nothing else.
            oversized: Rng::keyed(key, OVERSIZED_KEY).chance(settings.faults.oversized_rows),
            shown_ms: 0,
            visible_ms: 0,
            key,
            replay_texts: None,
        };
        let delivery_ms = settings.faults.delivery_ms(&mut rng);
        attempt.place(delivery_ms, settings, &mut rng);
        attempt
    }

    /// Decides when the row becomes visible. `delivery_ms` is its delay after the end of the call.
    pub(crate) fn place(&mut self, delivery_ms: u64, settings: &Settings, rng: &mut Rng) {
        let delivery_ms = i64::try_from(delivery_ms).unwrap_or(i64::MAX);
        let earliest_ms = self.end_ms().saturating_add(delivery_ms);
        self.visible_ms = earliest_ms.max(self.logged_ms(settings));
        let after_ms = rng.below(500) as i64;
        let running = rng.chance(settings.faults.running_rows) && settings.wire.invoke_finished;
        self.shown_ms = if running {
            self.visible_ms.min(self.start_ms.saturating_add(after_ms))
        } else {
            self.visible_ms
        };
    }

    /// Returns whether no response at `now_ms` can hold the row.
    pub(crate) fn is_too_large(&self, now_ms: i64) -> bool {
        self.oversized && self.is_finished(now_ms)
    }

    /// Returns the time of the end, rounded up to a millisecond.
    pub(crate) fn end_ms(&self) -> i64 {
        let length_ms = i64::try_from(self.duration_us.div_ceil(1_000)).unwrap_or(i64::MAX);
        self.start_ms.saturating_add(length_ms)
    }

    /// Returns the time of the last log lines.
    pub(crate) fn logged_ms(&self, settings: &Settings) -> i64 {
        settings.batched(self.end_ms())
    }

    /// Returns the cold start of this attempt. `None` for a warm start, an attempt that was not
    /// executed, and one whose row is lost, which the truth does not count either.
    pub(crate) fn init(&self, settings: &Settings) -> Option<Init> {
        if !self.cold || self.oversized || self.failure == Failure::Throttled {
            return None;
        }
        let mut rng = Rng::keyed(self.key, INIT_KEY);
        let at_hand = rng.chance(0.3);
        let pull_ms = rng.between(20, 500);
        let mut init = Init {
            pull_code_ms: (!at_hand).then_some(pull_ms),
            init_runtime_ms: rng.between(5, 300),
            init_function_ms: rng.between(1, 1_500),
            before_start: rng.chance(0.5),
            logged_ms: self.start_ms,
            visible_ms: 0,
        };
        if !init.before_start {
            let done_ms = self.start_ms.saturating_add(init.total_ms() as i64);
            init.logged_ms = done_ms.min(self.end_ms());
        }
        let delay_ms = self.visible_ms.abs_diff(self.logged_ms(settings));
        let delay_ms = rng.between(0, delay_ms) as i64;
        init.visible_ms = init.logged_ms.saturating_add(delay_ms);
        Some(init)
    }

    /// Returns whether the API shows this attempt as finished.
    pub(crate) fn is_finished(&self, now_ms: i64) -> bool {
        self.visible_ms <= now_ms
    }

    /// Returns the retry that follows a failed asynchronous execution.
    pub(crate) fn retry_call(&self, number: u64, function: &Function) -> Option<Call> {
        let again = function.habits.asynchronous
            && self.failure.is_execution_error()
            && self.retry < MAX_RETRIES;
        let jitter_ms = (self.key % 2_000) as i64;
        again.then(|| Call {
            start_ms: self.end_ms().saturating_add(RETRY_GAP_MS + jitter_ms),
            number,
            retry: self.retry + 1,
            function: self.function,
        })
    }

    /// Returns the request id as text.
    pub(crate) fn request_id_text(&self) -> String {
        match &self.replay_texts {
            Some(replay_texts) => replay_texts.request_id.clone(),
            None => uuid_text(self.request_id),
        }
    }
}

fn draw_course(
    function: &Function,
    cold: bool,
    settings: &Settings,
    rng: &mut Rng,
) -> (u64, Failure) {
    let cap_us = settings.max_duration_ms.saturating_mul(1_000);
    let long = rng.chance(settings.faults.long_calls);
    let mut duration_us = if long {
        // One long call in five exceeds the timeout.
        rng.between(cap_us / 10, cap_us + cap_us / 4)
    } else {
        let ms = rng.log_normal(function.habits.median_ms, function.habits.sigma);
        (ms * 1_000.0) as u64
    };
    if cold {
        duration_us += rng.between(200_000, 2_500_000);
    }
    let failure = draw_failure(function, rng);
    if failure == Failure::Throttled {
        return (0, failure);
    }
    if duration_us < cap_us && !failure.is_timeout() {
        return (duration_us, failure);
    }
    match rng.chance(0.2) {
        true => (cap_us, Failure::TimeoutText),
        false => (cap_us, Failure::Timeout),
    }
}

fn draw_failure(function: &Function, rng: &mut Rng) -> Failure {
    const KINDS: [Failure; 10] = [
        Failure::UserCode,
        Failure::UserCode,
        Failure::UserCode,
        Failure::UserCodeOld,
        Failure::PlainText,
        Failure::Timeout,
        Failure::OutOfMemory,
        Failure::OutOfMemory,
        Failure::ProcessExit,
        Failure::Throttled,
    ];
    let failed = rng.chance(function.habits.failure_rate);
    let kind = rng.pick(&KINDS);
    if failed { kind } else { Failure::None }
}

fn draw_memory(function: &Function, failure: Failure, rng: &mut Rng) -> u64 {
    let limit = u64::from(function.memory_mb) << 20;
    let used = rng.log_normal(limit as f64 * function.habits.memory_share, 0.2) as u64;
    let pages = rng.between(1, 512);
    match failure {
        Failure::Throttled => 0,
        // The memory used may be above the limit that ended the call.
        Failure::OutOfMemory => limit + pages * PAGE_BYTES,
        _ => used.min(limit) / PAGE_BYTES * PAGE_BYTES,
    }
}

// === impl Init ===

impl Init {
    pub(crate) fn total_ms(&self) -> u64 {
        self.pull_code_ms.unwrap_or(0) + self.init_runtime_ms + self.init_function_ms
    }
}

// === impl Failure ===

impl Failure {
    /// Returns the vendor's status code, as in CLS lines.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::None => 200,
            Self::UserCode | Self::UserCodeOld | Self::PlainText => 430,
            Self::Throttled => 432,
            Self::Timeout | Self::TimeoutText => 433,
            Self::OutOfMemory => 434,
            Self::ProcessExit => 439,
        }
    }

    fn ret_code(self) -> i32 {
        match self {
            Self::None => 0,
            Self::UserCode | Self::PlainText | Self::Throttled => 1,
            _ => -1,
        }
    }

    fn is_timeout(self) -> bool {
        matches!(self, Self::Timeout | Self::TimeoutText)
    }

    fn is_execution_error(self) -> bool {
        !matches!(self, Self::None | Self::Throttled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::function;

    fn settings() -> Settings {
        Settings {
            faults: Faults::harsh(),
            max_duration_ms: 20_000,
            ..Settings::new(11)
        }
    }

    fn call(number: u64, function: u32) -> Call {
        Call {
            start_ms: 1_000,
            number,
            retry: 0,
            function,
        }
    }

    fn attempts(settings: &Settings) -> Vec<Attempt> {
        let functions = function::generate(settings);
        let count = functions.len() as u64;
        (0..20_000)
            .map(|number| {
                let function = (number % count) as u32;
                let call = call(number, function);
                Attempt::draw(call, &functions[function as usize], settings)
            })
            .collect()
    }

    #[test]
    fn attempts_stay_within_their_limits() {
        let settings = settings();
        for attempt in attempts(&settings) {
            assert!(attempt.duration_us <= 20_000_000);
            assert!(attempt.visible_ms >= attempt.end_ms());
            assert!(attempt.visible_ms - attempt.end_ms() <= 30_000);
            assert!((attempt.start_ms..=attempt.visible_ms).contains(&attempt.shown_ms));
            assert_eq!(attempt.ret_code == 0, attempt.failure == Failure::None);
        }
    }

    #[test]
    fn every_kind_of_end_occurs() {
        let drawn = attempts(&settings());
        for failure in [
            Failure::None,
            Failure::UserCode,
            Failure::UserCodeOld,
            Failure::PlainText,
            Failure::Timeout,
            Failure::TimeoutText,
            Failure::OutOfMemory,
            Failure::ProcessExit,
            Failure::Throttled,
        ] {
            assert!(drawn.iter().any(|a| a.failure == failure), "{failure:?}");
        }
        assert!(drawn.iter().any(|a| a.cold) && drawn.iter().any(|a| a.shown_ms < a.visible_ms));
    }

    #[test]
    fn request_ids_are_version_4_uuids() {
        for attempt in attempts(&settings()).iter().take(100) {
            let text = attempt.request_id_text();
            assert_eq!(text.len(), 36);
            assert_eq!(text.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&text.as_bytes()[19]));
        }
    }

    #[test]
    fn retries_keep_the_id_and_come_a_minute_later() {
        let settings = settings();
        let mut function = function::generate(&settings).remove(0);
        function.habits.asynchronous = true;
        function.habits.failure_rate = 1.0;
        let mut attempt = Attempt::draw(call(8, 0), &function, &settings);
        let id = attempt.request_id;
        let mut count = 1;
        while let Some(next) = attempt.retry_call(8, &function) {
            assert!(next.start_ms >= attempt.end_ms() + 60_000);
            attempt = Attempt::draw(next, &function, &settings);
            assert_eq!(attempt.request_id, id);
            count += 1;
        }
        assert!(count <= 3);
    }
}
