//! The text of the platform's report lines.
//!
//! The wording has changed over the years: some lines have blanks after colons, memory is called
//! `MemUsage` or `MaxMemoryUsed`, a cold start `Coldstart` or `InitDuration`. So a line is recognized
//! by its beginning, and each of its fields is parsed by itself; unknown fields are skipped.

use crate::ingest::values;
use crate::model::{Bytes, ColdStart, Nanos, RejectReason};

/// The platform's MB.
const BYTES_PER_MB: f64 = (1u64 << 20) as f64;

/// The kind of a platform line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// `Report RequestId`, the end of an invocation; with the text after these words.
    Report(&'a str),
    /// `Init Report RequestId`, a cold start; with the text after these words.
    Init(&'a str),
    /// Any other.
    Other,
}

/// The fields of a report; `None` if absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Report<'a> {
    /// The request, if the line names it.
    pub(super) request_id: Option<&'a str>,
    /// Run time.
    pub(super) duration: Option<Nanos>,
    /// Memory used.
    pub(super) memory: Option<PrintedMemory>,
    /// Memory configured.
    pub(super) memory_limit: Option<Bytes>,
}

/// An amount of memory as it was printed: megabytes of 2^20 bytes, cut after some decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PrintedMemory {
    megabytes: f64,
    /// One unit of the last decimal.
    step: f64,
}

/// The fields of an `Init Report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Init<'a> {
    /// The request that had to wait, if the line names it.
    pub(super) request_id: Option<&'a str>,
    /// The whole duration.
    pub(super) total: Nanos,
    /// In the order of [`ColdStart::PARTS`]; zero if absent.
    pub(super) parts: [Nanos; ColdStart::PARTS.len()],
}

/// `Key: 12.5 ms`, with or without the blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field<'a> {
    key: &'a str,
    number: &'a str,
    unit: &'a str,
}

/// Recognizes a platform line by its beginning.
pub(super) fn kind(message: &str) -> Kind<'_> {
    if let Some(rest) = message.strip_prefix("Report RequestId") {
        Kind::Report(rest)
    } else if let Some(rest) = message.strip_prefix("Init Report RequestId") {
        Kind::Init(rest)
    } else {
        Kind::Other
    }
}

/// Parses the text after `Report RequestId`. A number in another unit than ms or MB rejects it.
pub(super) fn parse_report(rest: &str) -> Result<Report<'_>, RejectReason> {
    let (request_id, rest) = split_id(rest);
    let mut report = Report {
        request_id,
        ..Report::default()
    };
    for field in Fields(rest) {
        match field.key {
            "Duration" => {
                report.duration = Some(field.millis().ok_or(RejectReason::Duration)?);
            }
            "Memory" => {
                let memory = field.megabytes().ok_or(RejectReason::Memory)?;
                report.memory_limit = Some(memory.bytes());
            }
            "MemUsage" | "MaxMemoryUsed" => {
                report.memory = Some(field.megabytes().ok_or(RejectReason::Memory)?);
            }
            _ => {}
        }
    }
    Ok(report)
}

/// Parses the text after `Init Report RequestId`.
pub(super) fn parse_init(rest: &str) -> Result<Init<'_>, RejectReason> {
    let (request_id, rest) = split_id(rest);
    let mut total = None;
    let mut parts = [Nanos::default(); ColdStart::PARTS.len()];
    for field in Fields(rest) {
        let place = match field.key {
            "Coldstart" | "InitDuration" => {
                total = Some(field.millis().ok_or(RejectReason::Duration)?);
                continue;
            }
            "PullCode" => 0,
            "InitRuntime" => 1,
            "InitFunction" => 2,
            _ => continue,
        };
        parts[place] = field.millis().ok_or(RejectReason::Duration)?;
    }
    Ok(Init {
        request_id,
        total: total.ok_or(RejectReason::Duration)?,
        parts,
    })
}

// === impl PrintedMemory ===

impl PrintedMemory {
    /// Returns the nearest whole number of bytes.
    pub(super) fn bytes(self) -> Bytes {
        Bytes((self.megabytes * BYTES_PER_MB).round() as u64)
    }

    /// Returns whether this number of bytes would be printed like this, rounded or cut off.
    pub(super) fn agrees(self, bytes: f64) -> bool {
        // With a tolerance, because `step` and the quotient are inexact.
        (bytes / BYTES_PER_MB - self.megabytes).abs() <= self.step * 1.000_001
    }
}

// === impl Field ===

impl Field<'_> {
    fn millis(&self) -> Option<Nanos> {
        let number = Some(self.number).filter(|_| self.unit == "ms");
        values::millis(number?.parse().ok()?)
    }

    fn megabytes(&self) -> Option<PrintedMemory> {
        let megabytes: f64 = self.number.parse().ok()?;
        let is_known = self.unit == "MB" && values::memory(megabytes * BYTES_PER_MB).is_some();
        let decimals = match self.number.split_once('.') {
            Some((_, decimals)) => i32::try_from(decimals.len()).ok()?,
            None => 0,
        };
        is_known.then(|| PrintedMemory {
            megabytes,
            step: 0.1f64.powi(decimals),
        })
    }
}

/// The fields `key:number` of a text, one after the other.
struct Fields<'a>(&'a str);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let (before, behind) = self.0.split_once(':')?;
            let key = last_word(before);
            let (number, after_number) = split_while(behind.trim_start(), |c| {
                c.is_ascii_digit() || c == '.' || c == '-'
            });
            if number.is_empty() {
                self.0 = behind;
                continue;
            }
            let (unit, rest) = split_while(after_number.trim_start(), |c| c.is_ascii_alphabetic());
            // Without a unit the next word is the next key.
            let (unit, rest) = if rest.starts_with(':') {
                ("", after_number)
            } else {
                (unit, rest)
            };
            self.0 = rest;
            return Some(Field { key, number, unit });
        }
    }
}

/// Returns the request id after `RequestId`, and the text after it.
fn split_id(rest: &str) -> (Option<&str>, &str) {
    let rest = rest.trim_start_matches([':', ' ']);
    let (id, rest) = split_while(rest, |c| !c.is_whitespace());
    ((!id.is_empty()).then_some(id), rest)
}

fn split_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn last_word(text: &str) -> &str {
    let start = text.rfind(|c: char| !c.is_ascii_alphabetic());
    let start = start.map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
