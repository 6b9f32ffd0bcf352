//! One line of a response: the envelope of CLS, and the record of SCF inside it.
//!
//! The record is a JSON object in a string, and all of its values are strings again. Numbers in their
//! place are accepted as well.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::report::{self, Init, Kind, PrintedMemory, Report};
use crate::ingest::outcome::outcome_of_status;
use crate::ingest::page::{DEFAULT_NAMESPACE, Entry, RowFields, invocation_key};
use crate::ingest::scalar::{Names, Scalar, read_fields};
use crate::ingest::values::{self, instant};
use crate::model::{Bytes, ColdStart, Nanos, RejectReason, Timestamp};

/// The status of an invocation that has not ended.
const RUNNING: i64 = 202;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// A line of CLS.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    time: Scalar<'a>,
    pkg_id: Scalar<'a>,
    pkg_log_id: Scalar<'a>,
    log_json: Scalar<'a>,
}

/// The fields of the record of SCF that matter.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    kind: Scalar<'a>,
    message: Scalar<'a>,
    function_name: Scalar<'a>,
    namespace: Scalar<'a>,
    request_id: Scalar<'a>,
    retry: Scalar<'a>,
    status: Scalar<'a>,
    start_time: Scalar<'a>,
    duration: Scalar<'a>,
    memory: Scalar<'a>,
}

// === impl Line ===

impl<'a> Line<'a> {
    pub(super) const NAMES: Names<4> = [&["Time"], &["PkgId"], &["PkgLogId"], &["LogJson"]];
    /// Which of these is the record.
    pub(super) const NESTED: usize = 3;

    /// Parses a line; `None` if it is not an object, or one of its values cannot be read.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        Self::of(read_fields(json, &Self::NAMES)?)
    }

    /// Returns the line with these values, which are in the order of its names; `None` if one of
    /// them cannot be read.
    pub(super) fn of(values: [Scalar<'a>; 4]) -> Option<Self> {
        let [time, pkg_id, pkg_log_id, log_json] = readable(values)?;
        Some(Self {
            time,
            pkg_id,
            pkg_log_id,
            log_json,
        })
    }

    /// Returns the record as the fast reader leaves it, with its escapes. Where package and number
    /// do not identify the line, the text of the record does, and has to be without them.
    pub(super) fn escaped_record(&self) -> Option<&'a str> {
        match (&self.log_json, self.pkg_id.printed()) {
            (Scalar::Text(Cow::Borrowed(text)), Some(_)) => Some(text),
            _ => None,
        }
    }

    /// Returns the log time, `Time` in milliseconds.
    pub(super) fn position(&self) -> Option<Timestamp> {
        self.time.whole().and_then(instant)
    }

    /// Returns the JSON of the record; empty if indexing the line failed and its text is in `RawLog`.
    pub(super) fn record(&self) -> &str {
        self.log_json.text().unwrap_or_default()
    }

    /// Returns a value that identifies the line: package and number are unique in a topic.
    pub(super) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match (self.pkg_id.printed(), self.pkg_log_id.printed()) {
            (Some(package), number) => (package, number).hash(&mut hasher),
            _ => self.log_json.text().hash(&mut hasher),
        }
        hasher.finish()
    }
}

// === impl Record ===

impl<'a> Record<'a> {
    pub(super) const NAMES: Names<10> = [
        &["SCF_Type"],
        &["SCF_Message"],
        &["SCF_FunctionName"],
        &["SCF_Namespace"],
        &["SCF_RequestId"],
        &["SCF_RetryNum"],
        &["SCF_StatusCode"],
        &["SCF_StartTime"],
        &["SCF_Duration"],
        &["SCF_MemUsage"],
    ];

    /// Parses a record; `None` if it is not an object, or one of its values cannot be read.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        Self::of(read_fields(json, &Self::NAMES)?)
    }

    /// Returns the record with these values, which are in the order of its names; `None` if one of
    /// them cannot be read.
    pub(super) fn of(values: [Scalar<'a>; 10]) -> Option<Self> {
        let [
            kind,
            message,
            function_name,
            namespace,
            request_id,
            retry,
            status,
            start_time,
            duration,
            memory,
        ] = readable(values)?;
        Some(Self {
            kind,
            message,
            function_name,
            namespace,
            request_id,
            retry,
            status,
            start_time,
            duration,
            memory,
        })
    }

    /// Returns the kind of its text. User code can print a line that looks like a report; only the type
    /// distinguishes it.
    pub(super) fn kind(&self) -> Kind<'_> {
        match (self.kind.text(), self.message.text()) {
            (Some("Platform"), Some(message)) => report::kind(message),
            _ => Kind::Other,
        }
    }

    /// Returns namespace and name of the function.
    pub(super) fn function(&self) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
        let namespace = self.namespace.printed();
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE.into());
        (namespace, self.function_name.printed())
    }

    /// Returns the entry for the page, given the kind of the text.
    pub(super) fn entry(
        &self,
        kind: Kind<'_>,
        position: Option<Timestamp>,
    ) -> Result<Entry, RejectReason> {
        match kind {
            Kind::Init(rest) => self.cold_start(rest, position),
            Kind::Report(rest) if self.status.whole() != Some(RUNNING) => {
                self.invocation(rest, position)
            }
            Kind::Report(_) | Kind::Other => Ok(Entry::Unfinished),
        }
    }

    fn invocation(&self, rest: &str, position: Option<Timestamp>) -> Result<Entry, RejectReason> {
        let text = report::parse_report(rest)?;
        let request_id = self.request_id.printed();
        // Records from before 2021 have no status, and no other field shows the outcome.
        let (status, attempt) = (self.status.whole(), self.retry());
        let duration = self.duration(&text);
        let row = RowFields {
            request_id: request_id.as_deref().or(text.request_id),
            attempt,
            position,
            code: status,
            outcome: outcome_of_status(status.unwrap_or_default()),
            duration,
            // Since 2020 the run time is billed, in whole milliseconds.
            billed: duration.map(|time| Nanos(time.0.next_multiple_of(NANOS_PER_MILLI))),
            memory: self.memory(text.memory),
            memory_limit: text.memory_limit.unwrap_or_default(),
            started: self.start_time.whole().and_then(instant),
            retried: attempt.is_some_and(|attempt| attempt > 0),
        };
        row.judge().map(Entry::Invocation)
    }

    fn cold_start(&self, rest: &str, position: Option<Timestamp>) -> Result<Entry, RejectReason> {
        let Init {
            request_id,
            total,
            parts,
        } = report::parse_init(rest)?;
        let own_id = self.request_id.printed();
        let key = invocation_key(own_id.as_deref().or(request_id), self.retry())?;
        Ok(Entry::ColdStart(ColdStart {
            function: 0,
            key: key.of_cold_start(),
            position: position.ok_or(RejectReason::StartTime)?,
            total,
            parts,
        }))
    }

    /// Returns the retry number: zero without one, `None` if it is not a number.
    fn retry(&self) -> Option<u32> {
        match self.retry.printed() {
            None => Some(0),
            Some(_) => u32::try_from(i32::try_from(self.retry.whole()?).ok()?).ok(),
        }
    }

    /// Prefers the text, which names its unit; that of the key, milliseconds, is documented.
    fn duration(&self, text: &Report<'_>) -> Option<Nanos> {
        text.duration
            .or_else(|| values::millis(self.duration.number()?))
    }

    /// The key has no documented unit; the values seen are bytes. If it agrees with the text it is the
    /// exact value of the rounded text; otherwise it is something else, and the text is used.
    fn memory(&self, printed: Option<PrintedMemory>) -> Option<Bytes> {
        let bytes = self.memory.number();
        match printed {
            Some(printed) => bytes
                .filter(|bytes| printed.agrees(*bytes))
                .and_then(values::memory)
                .or(Some(printed.bytes())),
            None => bytes.and_then(values::memory),
        }
    }
}

fn readable<const N: usize>(values: [Scalar<'_>; N]) -> Option<[Scalar<'_>; N]> {
    let is_readable = |value: &Scalar<'_>| *value != Scalar::Unreadable;
    values.iter().all(is_readable).then_some(values)
}

#[cfg(test)]
mod tests;
