//! Compares the parser of report lines with a second one.

use std::sync::LazyLock;

use regex::Regex;

use crate::ingest::cls::report::{self, Init, Kind, Report};
use crate::model::{Bytes, Nanos, RejectReason};

/// The beginning of a field: a word, a colon, a number.
static FIELD: LazyLock<Regex> = LazyLock::new(|| pattern(r"([A-Za-z]*):\s*([0-9.\-]+)"));
/// The text after it: a unit, unless it is the next key.
static UNIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*([A-Za-z]+)(:?)"));
/// The request of a line.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[: ]*(\S*)"));

const MONTH_MS: f64 = 31.0 * 86_400_000.0;
const TIB_MB: f64 = 1_048_576.0;

/// A report of the second parser: run time, memory used, memory configured.
type Seen = (Option<Nanos>, Option<Bytes>, Option<Bytes>);

/// Parses the bytes as a line.
pub(crate) fn line(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match report::kind(text) {
        Kind::Report(rest) => check_report(rest),
        Kind::Init(rest) => check_init(rest),
        Kind::Other => {
            check_report(text);
            check_init(text);
        }
    }
}

fn check_report(rest: &str) {
    let read = report::parse_report(rest);
    let (request, rest) = request(rest);
    let seen = see_report(rest);
    assert_eq!(read.map(|report| shown(&report)), seen);
    if let Ok(report) = read {
        assert_eq!(report.request_id, request);
    }
}

fn check_init(rest: &str) {
    let read = report::parse_init(rest);
    let (request_id, rest) = request(rest);
    let seen = see_init(rest).map(|(total, parts)| Init {
        request_id,
        total,
        parts,
    });
    assert_eq!(read, seen);
}

fn shown(report: &Report<'_>) -> Seen {
    let memory = report.memory.map(|printed| printed.bytes());
    (report.duration, memory, report.memory_limit)
}

// === the second parser ===

fn see_report(rest: &str) -> Result<Seen, RejectReason> {
    let mut seen = Seen::default();
    for (key, number, unit) in fields(rest) {
        match key {
            "Duration" => seen.0 = Some(millis(number, unit)?),
            "MemUsage" | "MaxMemoryUsed" => seen.1 = Some(megabytes(number, unit)?),
            "Memory" => seen.2 = Some(megabytes(number, unit)?),
            _ => {}
        }
    }
    Ok(seen)
}

fn see_init(rest: &str) -> Result<(Nanos, [Nanos; 3]), RejectReason> {
    let (mut total, mut parts) = (None, [Nanos(0); 3]);
    for (key, number, unit) in fields(rest) {
        match key {
            "Coldstart" | "InitDuration" => total = Some(millis(number, unit)?),
            "PullCode" => parts[0] = millis(number, unit)?,
            "InitRuntime" => parts[1] = millis(number, unit)?,
            "InitFunction" => parts[2] = millis(number, unit)?,
            _ => {}
        }
    }
    total
        .map(|total| (total, parts))
        .ok_or(RejectReason::Duration)
}

fn request(text: &str) -> (Option<&str>, &str) {
    let found = REQUEST.captures(text).and_then(|found| found.get(1));
    let found = found.expect("it may be empty");
    let id = found.as_str();
    ((!id.is_empty()).then_some(id), &text[found.end()..])
}

/// Returns key, number and unit of each field.
fn fields(mut text: &str) -> Vec<(&str, &str, &str)> {
    let mut fields = Vec::new();
    while let Some((whole, [key, number])) = FIELD
        .captures(text)
        .map(|found| (found.get(0).map_or(0, |all| all.end()), found.extract().1))
    {
        text = &text[whole..];
        let unit = UNIT.captures(text).filter(|found| found[2].is_empty());
        let unit = unit.and_then(|found| found.get(1));
        fields.push((key, number, unit.map_or("", |unit| unit.as_str())));
        text = &text[unit.map_or(0, |unit| unit.end())..];
    }
    fields
}

fn millis(number: &str, unit: &str) -> Result<Nanos, RejectReason> {
    let nanos = in_unit(number, unit, "ms", MONTH_MS).map(|millis| Nanos(nearest(millis * 1e6)));
    nanos.ok_or(RejectReason::Duration)
}

fn megabytes(number: &str, unit: &str) -> Result<Bytes, RejectReason> {
    let bytes = in_unit(number, unit, "MB", TIB_MB).map(|mb| Bytes(nearest(mb * TIB_MB)));
    bytes.ok_or(RejectReason::Memory)
}

fn in_unit(number: &str, unit: &str, wanted: &str, most: f64) -> Option<f64> {
    let number: f64 = number.parse().ok()?;
    (unit == wanted && number >= 0.0 && number <= most).then_some(number)
}

fn nearest(number: f64) -> u64 {
    number.round() as u64
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of our own")
}
