//! The fields of a log line, and the line in the format of SearchLog.

use std::borrow::Cow;

use super::line::{Kind, Line, Odd};
use super::message::{self, HALF};
use super::query::Fields;
use crate::attempt::Attempt;
use crate::function::Function;
use crate::json::{Object, quoted};
use crate::rng::{Rng, mix};
use crate::settings::Settings;
use crate::text;

/// A line with its attempt and function.
pub(super) struct Record<'a> {
    pub(super) line: Line,
    pub(super) attempt: &'a Attempt,
    pub(super) function: &'a Function,
    pub(super) settings: &'a Settings,
}

/// The keys of a line in the vendor's default format, in the order of its samples.
pub(super) const KEYS: [&str; 14] = [
    "SCF_Alias",
    "SCF_Duration",
    "SCF_FunctionName",
    "SCF_Level",
    "SCF_LogTime",
    "SCF_MemUsage",
    "SCF_Message",
    "SCF_Namespace",
    "SCF_Qualifier",
    "SCF_RequestId",
    "SCF_RetryNum",
    "SCF_StartTime",
    "SCF_StatusCode",
    "SCF_Type",
];

/// The status of lines that were written while the call ran.
const RUNNING: u16 = 202;
/// The first half of a surrogate pair.
const HALF_ESCAPED: &str = "\\ud83d";
const NS_PER_MS: i64 = 1_000_000;
const PACKAGE_KEY: u64 = 0x9AC4_0000;
const SIMPLE_KEY: u64 = 0x51_3913;
const FIRST_LOG_ID: u64 = 65_536;
const COPY_LOG_ID: u64 = 1_024;

// === impl Record ===

impl Record<'_> {
    /// Writes the line as an element of `Results`.
    pub(super) fn write(&self, topic_id: &str, topic_name: &str, salt: u64, out: &mut String) {
        let mut rng = Rng::keyed(salt, self.package() ^ self.line.kind.ordinal());
        let odd = rng.chance(self.settings.faults.odd_fields);
        let oddity = if odd { rng.below(3) } else { 3 };
        let time_ms = self.shown(self.line.time_ms);
        let package = self.package();
        let mut object = Object::open(out);
        object
            .raw("Time", time_ms)
            .text("TopicId", topic_id)
            .text("TopicName", topic_name)
            .text("Source", "")
            .text("FileName", "")
            .text("HostName", "")
            .text("PkgId", &format!("{package:016X}-{:X}", package % 4_096))
            .text("PkgLogId", &self.log_id().to_string())
            .raw("HighLights", if oddity == 0 { "null" } else { "[]" })
            .raw("LogJson", self.written(&self.log_json(oddity == 1)))
            .text("RawLog", &text::odd(self.attempt, &self.settings.faults))
            .text("IndexStatus", "");
        if oddity == 2 {
            // Newer releases of the API have this field, older ones do not.
            object.text("TimeNanos", &self.log_time_ns().to_string());
        }
        object.close();
    }

    fn log_json(&self, unknown_field: bool) -> String {
        let mut json = String::with_capacity(512);
        let mut object = Object::open(&mut json);
        for key in KEYS {
            if let Some(value) = self.field(key) {
                object.text(key, &value);
            }
        }
        if unknown_field {
            object.text("SCF_Trace", "");
        }
        let odd = self.odd();
        if odd.is_some() && self.line.kind == Kind::Report {
            object.text("SCF_TraceId", &HALF.to_string());
        }
        object.close();
        if odd == Some(Odd::Cut) && self.line.kind == Kind::Response {
            json.truncate(json.find(HALF).unwrap_or(json.len()));
        }
        if odd == Some(Odd::HalfInRecord) {
            json = json.replace(HALF, HALF_ESCAPED);
        }
        json
    }

    /// Returns the record as a string inside the line.
    fn written(&self, json: &str) -> String {
        let text = quoted(json);
        match self.odd() {
            Some(Odd::HalfInLine) => text.replace(HALF, HALF_ESCAPED),
            _ => text,
        }
    }

    fn odd(&self) -> Option<Odd> {
        Odd::of(self.attempt, self.settings)
    }

    /// Returns the line's id within its package.
    fn log_id(&self) -> u64 {
        let copy = if self.line.copy { COPY_LOG_ID } else { 0 };
        FIRST_LOG_ID + self.line.kind.ordinal() + copy
    }

    fn package(&self) -> u64 {
        mix(self.attempt.key, PACKAGE_KEY)
    }

    /// Returns a time by the platform's clock.
    fn shown(&self, time_ms: i64) -> i64 {
        self.settings.faults.by_skewed_clock(time_ms)
    }

    fn log_time_ns(&self) -> i64 {
        let within = (self.attempt.key % 9_000) as i64 + self.line.kind.ordinal() as i64 * 1_000;
        self.shown(self.line.time_ms)
            .saturating_mul(NS_PER_MS)
            .saturating_add(within)
    }

    /// Returns whether the vendor's simplified format omits a field. Reports are always complete.
    fn leaves_out(&self, key: &str) -> bool {
        let simple = self.settings.cls.simplified
            && mix(SIMPLE_KEY, u64::from(self.attempt.function)).is_multiple_of(3);
        simple
            && self.line.kind != Kind::Report
            && match key {
                "SCF_Duration" | "SCF_MemUsage" | "SCF_Level" | "SCF_StatusCode" => true,
                "SCF_StartTime" => !self.line.kind.is_platform(),
                _ => false,
            }
    }
}

// === impl Fields for Record ===

impl Fields for Record<'_> {
    fn field(&self, key: &str) -> Option<Cow<'_, str>> {
        if self.leaves_out(key) {
            return None;
        }
        let (kind, attempt, function) = (self.line.kind, self.attempt, self.function);
        let (duration_ms, status, mem_bytes) = if kind.is_final() {
            let duration_ms = message::duration_ms(attempt);
            (duration_ms, attempt.failure.status(), attempt.mem_bytes)
        } else {
            (0, RUNNING, 0)
        };
        Some(match key {
            "SCF_Alias" => "".into(),
            "SCF_Duration" => duration_ms.to_string().into(),
            "SCF_FunctionName" => function.name.as_str().into(),
            "SCF_Level" if kind == Kind::Error => "ERROR".into(),
            "SCF_Level" => "INFO".into(),
            "SCF_LogTime" => self.log_time_ns().to_string().into(),
            "SCF_MemUsage" => format!("{mem_bytes}.00").into(),
            "SCF_Message" => message::of(kind, attempt, function, self.settings).into(),
            "SCF_Namespace" => function.namespace.as_str().into(),
            "SCF_Qualifier" => "$LATEST".into(),
            "SCF_RequestId" => attempt.request_id_text().into(),
            "SCF_RetryNum" => attempt.retry.to_string().into(),
            "SCF_StartTime" => self.shown(attempt.start_ms).to_string().into(),
            "SCF_StatusCode" => status.to_string().into(),
            "SCF_Type" if kind.is_platform() => "Platform".into(),
            "SCF_Type" => "Custom".into(),
            _ => return None,
        })
    }

    fn any_field(&self, fits: &mut dyn FnMut(&str) -> bool) -> bool {
        KEYS.iter()
            .any(|key| self.field(key).is_some_and(|text| fits(&text)))
    }
}
