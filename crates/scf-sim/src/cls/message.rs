//! The texts of log lines, in every variant of spacing and numbers seen in the field.

use super::line::{Kind, Odd, custom_lines};
use crate::attempt::{Attempt, Failure, Init};
use crate::function::Function;
use crate::rng::mix;
use crate::settings::Settings;
use crate::text;

/// The vendor cuts longer messages.
const MAX_BYTES: usize = 8_192;
/// Placeholder for half a character, which a Rust string cannot hold.
pub(super) const HALF: char = '\u{e000}';
const STYLE_KEY: u64 = 0x57_1E00;

/// Returns the message of a line.
pub(super) fn of(
    kind: Kind,
    attempt: &Attempt,
    function: &Function,
    settings: &Settings,
) -> String {
    let style = mix(attempt.key, STYLE_KEY | kind.ordinal());
    let id = attempt.request_id_text();
    let gap = if style.is_multiple_of(2) { " " } else { "" };
    match kind {
        Kind::Start => format!("START RequestId:{gap}{id}"),
        Kind::Event => format!("Event RequestId: {id}"),
        Kind::End => format!("END RequestId:{gap}{id}"),
        Kind::Error => {
            let result = text::ret_msg(attempt, function);
            cut(format!("ERROR RequestId:{gap}{id} Result:{gap}{result}"))
        }
        Kind::Response => {
            let result = match attempt.failure {
                Failure::None if Odd::of(attempt, settings).is_some() => {
                    format!("Report of {HALF}")
                }
                Failure::None => text::ret_msg(attempt, function),
                _ => "null".to_owned(),
            };
            cut(format!("Response RequestId:{gap}{id} RetMsg:{gap}{result}"))
        }
        Kind::Custom(place) => {
            let log = custom_lines(attempt, settings);
            let line = log.lines().nth(usize::from(place)).unwrap_or_default();
            cut(format!("{line}\n"))
        }
        Kind::Report => report(style, &id, attempt, function),
        Kind::Init => attempt
            .init(settings)
            .map(|init| init_report(style, &id, init, attempt, function))
            .unwrap_or_default(),
        Kind::Provisioned => provisioned(style, &id, attempt, function),
    }
}

/// Returns the run time as every part of a line shows it.
pub(super) fn duration_ms(attempt: &Attempt) -> u64 {
    attempt.duration_us.div_ceil(1_000)
}

fn report(style: u64, id: &str, attempt: &Attempt, function: &Function) -> String {
    let (memory, bytes) = (function.memory_mb, attempt.mem_bytes);
    let ms = duration_ms(attempt);
    match style % 5 {
        // As on the vendor's pages.
        0 => format!(
            "Report RequestId:{id} Duration:{ms}ms Memory:{memory}MB MemUsage:{}MB",
            mb(bytes, 6)
        ),
        // As in the console of 2021.
        1 => format!(
            "Report RequestId: {id} Duration:{ms}ms Memory:{memory}MB MemUsage:{}MB",
            trimmed(&mb(bytes, 4))
        ),
        // As in captures of 2026 and 2025.
        2 => format!(
            "Report RequestId: {id} Duration: {ms}ms Memory: {memory}MB MemUsage: {}MB",
            mb(bytes, 2)
        ),
        3 => format!(
            "Report RequestId: {id} Duration: {ms}ms Memory: {memory}MB MemUsage: {}MB",
            mb(bytes, 6)
        ),
        // As in lines of 2019.
        _ => format!(
            "Report RequestId: {id} Duration:{ms}ms Memory:{memory}MB MaxMemoryUsed:{}MB",
            mb(bytes, 6)
        ),
    }
}

fn init_report(style: u64, id: &str, init: Init, attempt: &Attempt, function: &Function) -> String {
    let tail = format!(
        "Memory: {}MB MemUsage: {}MB",
        function.memory_mb,
        mb(attempt.mem_bytes, 2)
    );
    let (total, own) = (init.total_ms(), init.init_function_ms);
    match style % 4 {
        0 => format!("Init Report RequestId:{id} InitDuration: {total}ms Duration: {own}ms {tail}"),
        1 => {
            format!("Init Report RequestId: {id} InitDuration: {total}ms Duration: {own}ms {tail}")
        }
        _ => {
            let pulled = init
                .pull_code_ms
                .map(|ms| format!("PullCode: {ms}ms "))
                .unwrap_or_default();
            let runtime = init.init_runtime_ms;
            format!(
                "Init Report RequestId: {id} Coldstart: {total}ms \
                 ({pulled}InitRuntime: {runtime}ms InitFunction: {own}ms) {tail}"
            )
        }
    }
}

/// Returns the line of a provisioned instance. One of the vendor's pages misspells the first word.
fn provisioned(style: u64, id: &str, attempt: &Attempt, function: &Function) -> String {
    let word = ["Provisioned", "Previsioned"][(style % 2) as usize];
    let ms = style % 3_000;
    format!(
        "{word} Report RequestId:{id} InitDuration: {}ms Duration: {ms}ms Memory: {}MB MemUsage: {}MB",
        ms + 1_000,
        function.memory_mb,
        mb(attempt.mem_bytes, 2)
    )
}

fn mb(bytes: u64, decimals: usize) -> String {
    format!("{:.decimals$}", bytes as f64 / f64::from(1 << 20))
}

fn trimmed(number: &str) -> &str {
    number.trim_end_matches('0').trim_end_matches('.')
}

fn cut(mut message: String) -> String {
    if message.len() > MAX_BYTES {
        message.truncate(message.floor_char_boundary(MAX_BYTES));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_memory_as_the_field_does() {
        // The vendor's sample of 31178752 bytes, and a number whose trailing zeros are removed.
        assert_eq!(mb(31_178_752, 6), "29.734375");
        assert_eq!(mb(65_536, 6), "0.062500");
        assert_eq!(mb(26_424_115, 2), "25.20");
        assert_eq!(trimmed(&mb(11_841_536, 4)), "11.293");
        assert_eq!(trimmed("0.0000"), "0");
    }

    #[test]
    fn cuts_long_messages_between_characters() {
        let long = "\u{5904}".repeat(4_000);
        let short = cut(long);
        assert!(short.len() <= MAX_BYTES && short.len() > MAX_BYTES - 3);
    }
}
