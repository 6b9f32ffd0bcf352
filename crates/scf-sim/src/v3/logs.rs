//! `GetFunctionLogs` of API 3.0.

use super::fields::Fields;
use super::{Api, DEFAULT_LIMIT, order, rows};
use crate::clock::{beijing_text, parse_beijing};
use crate::faults::ResponseSize;
use crate::json::{self, Object};
use crate::page::Selection;
use crate::problem::Problem;
use crate::rng::Rng;
use crate::scene::Scene;
use crate::settings::Order;
use crate::spelling::Spelling;

/// A range of shown start times in Unix milliseconds, cut to whole seconds; both ends are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first_ms: i64,
    last_ms: i64,
}

/// The parameters that are simulated, without filters by request id and result.
const KNOWN: [&str; 9] = [
    "FunctionName",
    "Namespace",
    "Offset",
    "Limit",
    "Order",
    "OrderBy",
    "StartTime",
    "EndTime",
    // Deprecated, and without effect.
    "SearchContext",
];
/// No row beyond this one can be requested.
const MAX_REACH: u64 = 10_000;
const DAY_MS: i64 = 86_400_000;
const SPAN_CODE: &str = "InvalidParameterValue.StartTimeOrEndTime";

// === impl Api ===

impl Api<'_> {
    pub(super) fn get_function_logs(&self) -> Result<(String, ResponseSize), Problem> {
        let selection = self.selection()?;
        let (page, functions) = Scene::read(self.scene, self.now_ms, &selection);
        let mut out = String::with_capacity(256 + page.rows.len() * 640);
        let mut answer = Object::open(&mut out);
        let spelling = Spelling::of(&self.settings.faults, self.salt);
        answer.raw("TotalCount", spelling.number(page.total));
        if page.rows.is_empty() && self.is_odd() {
            answer.raw("Data", "null");
        } else {
            answer.nested("Data", |out| {
                json::array(&page.rows, out, |attempt, out| {
                    rows::write(self, attempt, &functions[attempt.function as usize], out);
                });
            });
        }
        answer.raw(
            "SearchContext",
            r#"{"Offset":"","Limit":0,"Keyword":"","Type":""}"#,
        );
        answer.close();
        Ok((out, page.size(self.now_ms)))
    }

    /// Returns whether this response as a whole deviates from the usual one.
    fn is_odd(&self) -> bool {
        Rng::keyed(self.salt, 0).chance(self.settings.faults.odd_fields)
    }

    fn selection(&self) -> Result<Selection, Problem> {
        let fields = self.fields();
        fields.only(&KNOWN)?;
        let namespace = self.namespace()?;
        // Spelled as on the vendor's pages of 2018 or as today. Other orders are not simulated.
        if !matches!(
            fields.text("OrderBy")?,
            None | Some("start_time" | "startTime")
        ) {
            return Err(Problem::wrong("OrderBy", "InvalidParameterValue.OrderBy"));
        }
        let position = fields
            .text("FunctionName")?
            .map(|name| self.position(namespace, name))
            .transpose()?;
        let (offset, limit) = self.reach()?;
        let faults = &self.settings.faults;
        let span = Span::asked(fields, faults.by_skewed_clock(self.now_ms))?;
        let kept_ms = self.now_ms.saturating_sub(self.settings.retention_ms);
        // Shown start times are those of the API's clock.
        let real = |shown_ms: i64| shown_ms.saturating_sub(faults.clock_skew_ms);
        Ok(Selection {
            functions: position.map(|position| vec![position]),
            namespace: self.filter(namespace, position),
            descending: order(fields, self.settings.wire.default_order)? == Order::Descending,
            offset,
            limit,
            oldest_ms: kept_ms.max(real(span.first_ms)),
            until_ms: real(span.last_ms.saturating_add(1_000)),
            skew_ms: faults.clock_skew_ms,
            shuffle: faults.unstable_ties.then_some(self.salt),
        })
    }

    /// Returns the namespace to filter by, if that makes a difference.
    fn filter(&self, namespace: &str, position: Option<u32>) -> Option<String> {
        let functions = self.functions();
        let mixed = functions.iter().any(|f| f.namespace != namespace);
        (position.is_none() && mixed).then(|| namespace.to_owned())
    }

    /// Returns offset and limit.
    fn reach(&self) -> Result<(usize, usize), Problem> {
        let fields = self.fields();
        let offset = fields.number("Offset", "InvalidParameterValue.Offset")?;
        let limit = fields.number("Limit", "InvalidParameterValue.Limit")?;
        let (offset, limit) = (offset.unwrap_or(0), limit.unwrap_or(DEFAULT_LIMIT as u64));
        if offset.saturating_add(limit) > MAX_REACH {
            let text = "Offset and Limit together may not exceed 10000";
            return Err(Problem::new("LimitExceeded.Offset", text));
        }
        let limit = self.settings.page_limit(limit as usize);
        let limit = limit.ok_or_else(|| Problem::wrong("Limit", "InvalidParameterValue.Limit"))?;
        Ok((offset as usize, limit))
    }
}

// === impl Span ===

impl Span {
    /// Returns the range that a request asks for at `clock_ms`: the last day if it names no ends,
    /// or the day before the end that it names. A start without an end is rejected.
    fn asked(fields: Fields<'_>, clock_ms: i64) -> Result<Self, Problem> {
        let end = |name, code| -> Result<Option<i64>, Problem> {
            let text = fields.text(name)?;
            text.map(|text| parse_beijing(text).ok_or_else(|| Problem::wrong(name, code)))
                .transpose()
        };
        let first = end("StartTime", "InvalidParameterValue.StartTime")?;
        let last = end("EndTime", "InvalidParameterValue.DateTime")?;
        let now_ms = clock_ms.div_euclid(1_000) * 1_000;
        let span = match (first, last) {
            (Some(first_ms), Some(last_ms)) => Self { first_ms, last_ms },
            (Some(_), None) => {
                let text = "StartTime needs an EndTime";
                return Err(Problem::new(SPAN_CODE, text));
            }
            (None, last) => {
                let last_ms = last.unwrap_or(now_ms);
                let first_ms = last_ms - DAY_MS;
                Self { first_ms, last_ms }
            }
        };
        if (0..=DAY_MS).contains(&(span.last_ms - span.first_ms)) {
            return Ok(span);
        }
        let [first, last] = [span.first_ms, span.last_ms].map(beijing_text);
        let text = format!("from {first} to {last} is not a span of at most a day");
        Err(Problem::new(SPAN_CODE, text))
    }
}
