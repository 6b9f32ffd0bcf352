//! One line of an answer: the envelope of CLS, and the record of SCF inside it.
//!
//! The record is a JSON object in a text, and all of its values are texts again. Numbers in their
//! place are read as well.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use super::report::{self, Init, Kind, PrintedMemory, Report};
use crate::ingest::outcome::outcome_of_status;
use crate::ingest::page::{DEFAULT_NAMESPACE, Entry, RowFields, invocation_key};
use crate::ingest::scalar::Scalar;
use crate::ingest::values::{self, instant};
use crate::model::{Bytes, ColdStart, Nanos, RejectReason, Timestamp};

/// The status of an attempt that has not ended.
const RUNNING: i64 = 202;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// A line as CLS gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    time: Scalar<'a>,
    #[serde(borrow)]
    pkg_id: Scalar<'a>,
    #[serde(borrow)]
    pkg_log_id: Scalar<'a>,
    #[serde(borrow)]
    log_json: Scalar<'a>,
}

/// The record of SCF in a line, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow, rename = "SCF_Type")]
    kind: Scalar<'a>,
    #[serde(borrow, rename = "SCF_Message")]
    message: Scalar<'a>,
    #[serde(borrow, rename = "SCF_FunctionName")]
    function_name: Scalar<'a>,
    #[serde(borrow, rename = "SCF_Namespace")]
    namespace: Scalar<'a>,
    #[serde(borrow, rename = "SCF_RequestId")]
    request_id: Scalar<'a>,
    #[serde(borrow, rename = "SCF_RetryNum")]
    retry: Scalar<'a>,
    #[serde(borrow, rename = "SCF_StatusCode")]
    status: Scalar<'a>,
    #[serde(borrow, rename = "SCF_StartTime")]
    start_time: Scalar<'a>,
    #[serde(borrow, rename = "SCF_Duration")]
    duration: Scalar<'a>,
    #[serde(borrow, rename = "SCF_MemUsage")]
    memory: Scalar<'a>,
}

// === impl Line ===

impl<'a> Line<'a> {
    /// Reads a line; `None` where it is not an object, or one of its values cannot be read.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        object(json)
    }

    /// The log time: milliseconds in `Time`.
    pub(super) fn position(&self) -> Option<Timestamp> {
        self.time.whole().and_then(instant)
    }

    /// The JSON of the record; nothing where indexing the line failed and its text stands in
    /// `RawLog`.
    pub(super) fn record(&self) -> &str {
        self.log_json.text().unwrap_or_default()
    }

    /// A value that tells lines apart: package and number name one line of a topic.
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
    /// Reads a record; `None` where it is not an object, or one of its values cannot be read.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        object(json)
    }

    /// What its text is. User code can print a line that looks like a report; its type tells.
    pub(super) fn kind(&self) -> Kind<'_> {
        match (self.kind.text(), self.message.text()) {
            (Some("Platform"), Some(message)) => report::kind(message),
            _ => Kind::Other,
        }
    }

    /// Namespace and name of the function.
    pub(super) fn function(&self) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
        let namespace = self.namespace.printed();
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE.into());
        (namespace, self.function_name.printed())
    }

    /// What the record says of its call, given what its text is.
    pub(super) fn entry(
        &self,
        kind: Kind<'_>,
        position: Option<Timestamp>,
    ) -> Result<Entry, RejectReason> {
        match kind {
            Kind::Init(rest) => self.cold_start(rest, position),
            Kind::Report(rest) if self.status.whole() != Some(RUNNING) => {
                self.attempt(rest, position)
            }
            Kind::Report(_) | Kind::Other => Ok(Entry::Unfinished),
        }
    }

    fn attempt(&self, rest: &str, position: Option<Timestamp>) -> Result<Entry, RejectReason> {
        let text = report::parse_report(rest)?;
        let request_id = self.request_id.printed();
        // Records from before 2021 have no status, and nothing else tells how such a call ended.
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

    /// Without a number it is the first attempt; a number that is none leaves open which it is.
    fn retry(&self) -> Option<u32> {
        match self.retry.printed() {
            None => Some(0),
            Some(_) => u32::try_from(i32::try_from(self.retry.whole()?).ok()?).ok(),
        }
    }

    /// The text says its unit; the key's, milliseconds, stands in the documents.
    fn duration(&self, text: &Report<'_>) -> Option<Nanos> {
        text.duration
            .or_else(|| values::millis(self.duration.number()?))
    }

    /// The documents give no unit for the key; what was seen of it is bytes. Where it agrees with
    /// the text it is the exact value of what the text has rounded; where it does not, it is
    /// something else, and the text is right.
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

/// Reads a JSON object; a list of the same values would be taken for one otherwise.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    let is_object = json.trim_start().starts_with('{');
    serde_json::from_str(json).ok().filter(|_| is_object)
}

#[cfg(test)]
mod tests;
