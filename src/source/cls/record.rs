//! One line of an answer: the envelope of CLS, and the record of SCF inside it.
//!
//! The record is a JSON object in a text, and all of its values are texts again. Numbers in their
//! place are read as well.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::report::{self, Init, PrintedMemory, Report};
use crate::model::{
    AttemptKey, Bytes, ColdStart, Nanos, RejectReason, RetCode, Row, Timestamp, attempt_id, is_uuid,
};
use crate::source::outcome::outcome_of_status;
use crate::source::values::is_name;

/// The status of an attempt that has not ended.
const RUNNING: i64 = 202;
/// The largest memory believed, in bytes: 1 TiB.
const MEMORY_MAX: f64 = (1u64 << 40) as f64;
/// The latest instant believed, in milliseconds: the year 2200.
const TIME_MAX: i64 = 7_258_118_400_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// A value that should be a text, whatever it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Value<'a>(Option<Cow<'a, str>>);

/// A line as CLS gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    time: Value<'a>,
    #[serde(borrow)]
    pkg_id: Value<'a>,
    #[serde(borrow)]
    pkg_log_id: Value<'a>,
    #[serde(borrow)]
    log_json: Value<'a>,
}

/// The record of SCF in a line, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow, rename = "SCF_Type")]
    kind: Value<'a>,
    #[serde(borrow, rename = "SCF_Message")]
    message: Value<'a>,
    #[serde(borrow, rename = "SCF_FunctionName")]
    function_name: Value<'a>,
    #[serde(borrow, rename = "SCF_Namespace")]
    namespace: Value<'a>,
    #[serde(borrow, rename = "SCF_RequestId")]
    request_id: Value<'a>,
    #[serde(borrow, rename = "SCF_RetryNum")]
    retry: Value<'a>,
    #[serde(borrow, rename = "SCF_StatusCode")]
    status: Value<'a>,
    #[serde(borrow, rename = "SCF_StartTime")]
    start_time: Value<'a>,
    #[serde(borrow, rename = "SCF_Duration")]
    duration: Value<'a>,
    #[serde(borrow, rename = "SCF_MemUsage")]
    memory: Value<'a>,
}

/// What a record is to the exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// The end of an attempt; with the text that follows its first words.
    Attempt(&'a str),
    /// A cold start; with the text that follows its first words.
    ColdStart(&'a str),
    /// Nothing to count, such as what user code printed.
    Nothing,
}

// === impl Line ===

impl<'a> Line<'a> {
    /// Reads a line; `None` where it is no object, or cannot be read as one.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        object(json)
    }

    /// The log time: milliseconds in `Time`.
    pub(super) fn position(&self) -> Option<Timestamp> {
        self.time.instant()
    }

    /// The JSON of the record; nothing where indexing the line failed and its text stands in
    /// `RawLog`.
    pub(super) fn record(&self) -> &str {
        self.log_json.text().unwrap_or_default()
    }

    /// A value that tells lines apart: package and number name one line of a topic.
    pub(super) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match (self.pkg_id.text(), self.pkg_log_id.text()) {
            (Some(package), number) => (package, number).hash(&mut hasher),
            _ => self.log_json.0.hash(&mut hasher),
        }
        hasher.finish()
    }
}

// === impl Record ===

impl<'a> Record<'a> {
    /// Reads a record; `None` where it is no object, or cannot be read as one.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        object(json)
    }

    /// User code can print a line that looks like a report; its type tells.
    pub(super) fn meaning(&self) -> Meaning<'_> {
        if self.kind.text() != Some("Platform") {
            return Meaning::Nothing;
        }
        match report::kind(self.message.text().unwrap_or_default()) {
            report::Kind::Report(rest) => Meaning::Attempt(rest),
            report::Kind::Init(rest) => Meaning::ColdStart(rest),
            report::Kind::Other => Meaning::Nothing,
        }
    }

    /// Namespace and name of the function.
    pub(super) fn function(&self) -> Option<(&str, &str)> {
        let usable = |text: &&str| is_name(text);
        let namespace = self.namespace.text().unwrap_or("default");
        let name = self.function_name.text().filter(usable)?;
        Some((Some(namespace).filter(usable)?, name))
    }

    /// Whether the attempt has not ended.
    pub(super) fn is_unfinished(&self) -> bool {
        self.status.whole() == Some(RUNNING)
    }

    /// Judges the values one by one; the first that is unusable rejects the row. `rest` is the
    /// text of [`Meaning::Attempt`].
    pub(super) fn attempt(
        &self,
        rest: &str,
        function: u16,
        position: Option<Timestamp>,
    ) -> Result<Row, RejectReason> {
        let text = report::parse_report(rest)?;
        let key = self.key(text.request_id)?;
        let position = position.ok_or(RejectReason::StartTime)?;
        // Records from before 2021 have none, and nothing else tells how such a call ended.
        let status = self.status.whole().ok_or(RejectReason::RetCode)?;
        let duration = self.duration(&text).ok_or(RejectReason::Duration)?;
        Ok(Row {
            function,
            ret_code: RetCode::new(status),
            outcome: outcome_of_status(status),
            key,
            id_is_uuid: self
                .request_id
                .text()
                .or(text.request_id)
                .is_some_and(is_uuid),
            position,
            duration,
            // Since 2020 the run time is billed, in whole milliseconds.
            billed: Nanos(duration.0.div_ceil(NANOS_PER_MILLI) * NANOS_PER_MILLI),
            memory: self.memory(text.memory).ok_or(RejectReason::Memory)?,
            memory_limit: text.memory_limit.unwrap_or_default(),
            started: self.start_time.instant().unwrap_or(Timestamp::MIN),
            retried: key.attempt > 0,
        })
    }

    /// Judges a cold start. `rest` is the text of [`Meaning::ColdStart`].
    pub(super) fn cold_start(
        &self,
        rest: &str,
        function: u16,
        position: Option<Timestamp>,
    ) -> Result<ColdStart, RejectReason> {
        let Init {
            request_id,
            total,
            parts,
        } = report::parse_init(rest)?;
        Ok(ColdStart {
            function,
            key: self.key(request_id)?.of_cold_start(),
            position: position.ok_or(RejectReason::StartTime)?,
            total,
            parts,
        })
    }

    /// Without a number it is the first attempt; a number that is none leaves open which it is.
    fn key(&self, of_text: Option<&str>) -> Result<AttemptKey, RejectReason> {
        let id = self.request_id.text().or(of_text);
        let id = id.filter(|id| is_name(id));
        let attempt = match self.retry.text() {
            None => Some(0),
            Some(_) => self.retry.whole().and_then(|n| i32::try_from(n).ok()),
        };
        let attempt = attempt.and_then(|n| u32::try_from(n).ok());
        match (id, attempt) {
            (Some(id), Some(attempt)) => Ok(AttemptKey {
                id: attempt_id(id),
                attempt,
            }),
            _ => Err(RejectReason::RequestId),
        }
    }

    /// The text says its unit; the key's, milliseconds, stands in the documents.
    fn duration(&self, text: &Report<'_>) -> Option<Nanos> {
        text.duration
            .or_else(|| report::millis(self.duration.number()?))
    }

    /// The documents give no unit for the key; what was seen of it is bytes. Where it agrees with
    /// the text it is the exact value of what the text has rounded; where it does not, it is
    /// something else, and the text is right.
    fn memory(&self, printed: Option<PrintedMemory>) -> Option<Bytes> {
        let known = |bytes: &f64| (0.0..=MEMORY_MAX).contains(bytes);
        let bytes = self.memory.number().filter(known);
        match (printed, bytes) {
            (Some(printed), Some(bytes)) if printed.agrees(bytes) => Some(bytes),
            (Some(printed), _) => return Some(printed.bytes()),
            (None, bytes) => bytes,
        }
        .map(|bytes| Bytes(bytes.round() as u64))
    }
}

// === impl Value ===

impl Value<'_> {
    /// The text, if it is one and not empty.
    fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    fn number(&self) -> Option<f64> {
        let number: f64 = self.text()?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// A whole number, also where it is written with a zero fraction.
    fn whole(&self) -> Option<i64> {
        let text = self.text()?.trim();
        text.parse().ok().or_else(|| {
            let number = self.number()?;
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
        })
    }

    /// Milliseconds since the epoch, of a time that can be meant.
    fn instant(&self) -> Option<Timestamp> {
        let millis = self.whole()?;
        (1..=TIME_MAX)
            .contains(&millis)
            .then(|| Timestamp::from_millis(millis))
    }
}

/// Reads a JSON object; a list of the same values would be taken for one otherwise.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    let is_object = json.trim_start().starts_with('{');
    serde_json::from_str(json).ok().filter(|_| is_object)
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::default())
    }
}

#[cfg(test)]
mod tests;
