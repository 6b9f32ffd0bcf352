//! The texts of a row: return message and log.

use std::fmt::Write;

use super::attempt::{Attempt, Failure};
use super::clock::utc_text;
use super::faults::Faults;
use super::function::Function;
use super::rng::Rng;

const MAX_LOG_BYTES: usize = 64 * 1_024;

const LINES: [&str; 6] = [
    "event = [object Object]",
    "connected to database in 3 ms, pool size 8",
    "{\"level\":\"info\",\"msg\":\"item stored\",\"tags\":[\"a\",\"b\"]}",
    "warning: value \"x\\y\" is deprecated\ttabs too",
    // Characters beyond ASCII and beyond the basic plane, which a reader must handle.
    "\u{5904}\u{7406}\u{5b8c}\u{6210} \u{1F680}",
    "processed 42 records",
];

/// Returns the return message of a row, in the forms seen in the field.
pub(crate) fn ret_msg(attempt: &Attempt, function: &Function) -> String {
    let id = attempt.request_id_text();
    let seconds = function.timeout_ms.div_ceil(1_000);
    let trace = r#"Traceback (most recent call last):\n  File \"/var/user/index.py\", line 7"#;
    match attempt.failure {
        Failure::None if attempt.key.is_multiple_of(3) => "\"Hello World\"".to_owned(),
        Failure::None => "Success".to_owned(),
        Failure::UserCode => format!(
            r#"{{"errorCode":1,"errorMessage":"user code exception caught","requestId":"{id}","stackTrace":"{trace}","statusCode":430}}"#
        ),
        Failure::UserCodeOld => format!(
            r#"{{"errorCode":-1,"errorMessage":"user code exception caught","stackTrace":"{trace}"}}"#
        ),
        Failure::PlainText => "'NoneType' object is not callable".to_owned(),
        Failure::Timeout => format!(
            r#"{{"errorCode":-1,"errorMessage":"Invoking task timed out after {seconds} seconds","requestId":"{id}","statusCode":433}}"#
        ),
        Failure::TimeoutText => format!("Invoking task timed out after {seconds} seconds"),
        Failure::OutOfMemory => format!(
            r#"{{"errorCode":-1,"errorMessage":"Task memory exceeded {} MB","statusCode":434}}"#,
            function.memory_mb
        ),
        Failure::ProcessExit => format!(
            r#"{{"errorCode":-1,"errorMessage":"User process exit when running","requestId":"{id}","statusCode":439}}"#
        ),
        Failure::Throttled => format!(
            r#"{{"errorCode":1,"errorMessage":"Resource limit exceed for function [{}]","requestId":"{id}","statusCode":432}}"#,
            function.name
        ),
    }
}

/// Placeholder for bytes of another encoding until the body is sent.
const ODD_MARK: char = '\u{e0b1}';
/// A word in GBK, which is not valid UTF-8.
const ODD_BYTES: [u8; 4] = [0xb1, 0xa8, 0xb8, 0xe6];
const ODD_KEY: u64 = 0x0DD_B17E;

/// Returns text of another encoding for an optional field; empty for most rows.
pub(crate) fn odd(attempt: &Attempt, faults: &Faults) -> String {
    let is_odd = Rng::keyed(attempt.key, ODD_KEY).chance(faults.odd_bytes);
    is_odd.then_some(ODD_MARK).into_iter().collect()
}

/// Returns the body as it is sent.
pub(crate) fn bytes(body: String) -> Vec<u8> {
    if !body.contains(ODD_MARK) {
        return body.into_bytes();
    }
    let parts: Vec<&[u8]> = body.split(ODD_MARK).map(str::as_bytes).collect();
    parts.join(&ODD_BYTES[..])
}

/// Returns what the user's code printed: between `bytes.0` and `bytes.1` bytes, plus or minus a
/// line.
pub(crate) fn log(attempt: &Attempt, bytes: (usize, usize)) -> String {
    if let Some(replay_texts) = &attempt.replay_texts {
        return replay_texts.log.clone();
    }
    let mut rng = Rng::keyed(attempt.key, 1);
    let [least, most] = [bytes.0, bytes.1].map(|n| n.min(MAX_LOG_BYTES) as u64);
    let wanted = rng.between(least, most.max(least)) as usize;
    let mut out = String::with_capacity(wanted + 128);
    if wanted == 0 || attempt.failure == Failure::Throttled {
        return out;
    }
    let id = attempt.request_id_text();
    let prefix = format!("{}\t{id}\t", utc_text(attempt.start_ms));
    if attempt.cold {
        out.push_str("cold start: loading models\n");
    }
    if rng.chance(0.01) {
        // User code may print what looks like a line of the platform.
        let _ = writeln!(
            out,
            "Report RequestId:{id} Duration:1ms Memory:128MB MemUsage:1.0MB"
        );
    }
    while out.len() < wanted {
        out.push_str(&prefix);
        out.push_str(rng.pick(&LINES));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Call;
    use crate::function;
    use crate::settings::Settings;

    fn attempt(number: u64) -> (Attempt, Function) {
        let settings = Settings::new(2);
        let function = function::generate(&settings).remove(0);
        let call = Call {
            start_ms: 0,
            number,
            retry: 0,
            function: 0,
        };
        (Attempt::draw(call, &function, &settings), function)
    }

    #[test]
    fn failures_carry_their_status_code() {
        let (mut attempt, function) = attempt(1);
        for (failure, status) in [
            (Failure::UserCode, 430),
            (Failure::Timeout, 433),
            (Failure::OutOfMemory, 434),
            (Failure::ProcessExit, 439),
            (Failure::Throttled, 432),
        ] {
            attempt.failure = failure;
            let message = ret_msg(&attempt, &function);
            let value: serde_json::Value = serde_json::from_str(&message).unwrap();
            assert_eq!(value["statusCode"], status);
            assert!(value["errorCode"].is_i64() && value["errorMessage"].is_string());
        }
    }

    #[test]
    fn logs_have_about_the_length_asked_for() {
        for number in 0..200 {
            let (attempt, _) = attempt(number);
            let length = log(&attempt, (300, 2_000)).len();
            let limits = if attempt.failure == Failure::Throttled {
                0..=0
            } else {
                300..=2_150
            };
            assert!(limits.contains(&length), "{length}");
            assert_eq!(log(&attempt, (0, 0)), "");
        }
    }
}
