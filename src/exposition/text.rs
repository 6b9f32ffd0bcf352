//! Writes both text formats: Prometheus 0.0.4 and OpenMetrics 1.0.0.

use std::io;
use std::ops::Range;

use prometheus::proto::{self, MetricFamily};

use super::number::{push_float, push_integer};
use super::options::ExpositionOptions;
use super::writer::{Drain, Number, Observed, REQUEST_ID, Writer, exemplar_of, kind_of, uuid};
use crate::metrics::catalog::{self, ACCOUNT_LABEL, FUNCTION_LABELS, Kind, Metric, Unit};
use crate::metrics::{CodeCount, Exemplar, FunctionSeries};
use crate::model::{FunctionId, RetCode, Timestamp};

/// Bytes reserved for a bucket after name and labels.
const LINE_REST: usize = 40;

/// The two formats. They differ in names of counters, units, quotes in HELP, bounds, and the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Text 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

/// Text, written to the end of a buffer.
#[derive(Debug)]
pub(super) struct Text {
    out: Vec<u8>,
    dialect: Dialect,
    /// Whether functions have the label of their account.
    accounts: bool,
    /// Whether `_created` samples are written.
    created: bool,
    /// Start time of the exporter's own metrics.
    began: Option<Timestamp>,
}

impl Text {
    pub(super) fn new(dialect: Dialect, accounts: bool, options: ExpositionOptions) -> Self {
        Self {
            out: Vec::new(),
            dialect,
            accounts,
            created: dialect == Dialect::OpenMetrics && options.created_series,
            began: options.began,
        }
    }
}

// === impl the families of functions ===

impl Writer for Text {
    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn begin_family(&mut self, metric: &Metric) {
        self.header(metric.name, metric.help, metric.kind, metric.unit);
    }

    /// The header of the next family ends it.
    fn end_family(&mut self, _: Drain<'_>) -> io::Result<()> {
        Ok(())
    }

    fn codes(&mut self, metric: &Metric, of: &FunctionSeries) {
        let (function, codes) = (&of.function, &of.codes);
        let start = self.out.len();
        self.sample(metric.name, "", function);
        let prefix = start..self.out.len();
        let labels = start + metric.name.len()..self.out.len();
        for (at, code) in codes.iter().enumerate() {
            if at > 0 {
                self.out.extend_from_within(prefix.clone());
            }
            self.code(code);
            push_integer(&mut self.out, code.count);
            if let Some(exemplar) = exemplar_of(code, &of.exemplars) {
                self.exemplar(exemplar, Number::Whole(1));
            }
            self.out.push(b'\n');
            if let Some(since) = code.since.filter(|_| self.created) {
                self.put(family_of(metric.name));
                self.put("_created");
                self.out.extend_from_within(labels.clone());
                self.code(code);
                self.instant(since);
            }
        }
        if codes.is_empty() {
            self.out.truncate(start);
        }
    }

    /// Writes cumulative buckets, sum and count.
    fn histogram(&mut self, metric: &Metric, function: &FunctionId, observed: &Observed<'_>) {
        let histogram = observed.classic;
        let start = self.out.len();
        self.sample(metric.name, "_bucket", function);
        let labels = start + metric.name.len() + "_bucket".len()..self.out.len();
        self.put(",le=\"");
        let prefix = start..self.out.len();
        self.out
            .reserve((histogram.counts().len() + 2) * (prefix.len() + LINE_REST));
        let le = histogram.bounds().le.iter().copied();
        let mut exemplars = observed.exemplars.iter().peekable();
        let mut total = 0;
        let mut digits = itoa::Buffer::new();
        let mut shown = digits.format(total);
        for (at, (le, &count)) in le.chain(["+Inf"]).zip(histogram.counts()).enumerate() {
            if at > 0 {
                self.out.extend_from_within(prefix.clone());
            }
            // Most buckets are empty and repeat the count of the line before.
            if count > 0 {
                total += count;
                shown = digits.format(total);
            }
            self.put(le);
            self.put(self.point(le));
            self.put("\"} ");
            self.put(shown);
            if let Some(one) = exemplars.next_if(|one| one.place.bucket() == at) {
                self.exemplar(one, Number::of(metric, one.value.into()));
            }
            self.out.push(b'\n');
        }
        self.again(metric.name, "_sum", labels.clone());
        Number::of(metric, histogram.sum()).push(&mut self.out);
        self.out.push(b'\n');
        self.again(metric.name, "_count", labels.clone());
        self.put(shown);
        self.out.push(b'\n');
        if let Some(since) = observed.since.filter(|_| self.created) {
            self.again(metric.name, "_created", labels);
            self.instant(since);
        }
    }

    fn value(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        further: Option<(&str, &str)>,
        value: Number,
        since: Option<Timestamp>,
    ) {
        let start = self.out.len();
        self.sample(metric.name, "", function);
        if let Some((name, value)) = further {
            self.put(",");
            self.label(name, value);
        }
        let labels = start + metric.name.len()..self.out.len();
        self.put("} ");
        value.push(&mut self.out);
        self.out.push(b'\n');
        if let Some(since) = since.filter(|_| self.created) {
            self.again(family_of(metric.name), "_created", labels);
            self.instant(since);
        }
    }

    fn gathered(&mut self, family: &MetricFamily) {
        let kind = kind_of(family);
        let unit = catalog::unit_of(family.name());
        self.header(family.name(), family.help(), kind, unit);
        let name = family.name();
        for metric in family.get_metric() {
            let created_of = match kind {
                Kind::Gauge => {
                    self.own(name, "", metric, None, metric.get_gauge().get_value());
                    continue;
                }
                Kind::Counter => {
                    self.own(name, "", metric, None, metric.get_counter().get_value());
                    family_of(name)
                }
                Kind::Histogram => {
                    self.own_histogram(name, metric);
                    name
                }
            };
            if let Some(began) = self.began.filter(|_| self.created) {
                self.put(created_of);
                self.put("_created");
                self.pairs(metric, None);
                self.instant(began);
            }
        }
    }

    fn end(&mut self) {
        if self.dialect == Dialect::OpenMetrics {
            self.put("# EOF\n");
        }
    }
}

impl Text {
    /// Writes return code and outcome, and ends the labels.
    fn code(&mut self, code: &CodeCount) {
        self.put(",ret_code=\"");
        match code.ret_code {
            RetCode::OTHER => self.put("other"),
            known => push_integer(&mut self.out, known.to_raw()),
        }
        self.put("\",outcome=\"");
        self.put(code.outcome.as_str());
        self.put("\"} ");
    }

    /// Writes an exemplar after its sample. Text 0.0.4 has none.
    fn exemplar(&mut self, exemplar: &Exemplar, value: Number) {
        if self.dialect == Dialect::Prometheus {
            return;
        }
        self.put(" # {");
        self.put(REQUEST_ID);
        self.put("=\"");
        self.out.extend_from_slice(&uuid(exemplar.request_id));
        self.put("\"} ");
        value.push(&mut self.out);
        self.out.push(b' ');
        Number::Millis(exemplar.counted.as_millis()).push(&mut self.out);
    }

    /// Writes an instant in seconds and ends the line.
    fn instant(&mut self, at: Timestamp) {
        Number::Millis(at.as_millis()).push(&mut self.out);
        self.out.push(b'\n');
    }

    /// Writes `name{...} ` with the labels at the range `labels` of the buffer, which has their brace.
    fn again(&mut self, name: &str, suffix: &str, labels: Range<usize>) {
        self.put(name);
        self.put(suffix);
        self.out.extend_from_within(labels);
        self.put("} ");
    }

    /// Writes `name{region="...",function_namespace="...",function_name="..."` without the closing brace.
    fn sample(&mut self, name: &str, suffix: &str, function: &FunctionId) {
        self.put(name);
        self.put(suffix);
        self.out.push(b'{');
        if self.accounts {
            self.label(ACCOUNT_LABEL, &function.account);
            self.out.push(b',');
        }
        let values = [&function.region, &function.namespace, &function.name];
        for (at, (label, value)) in FUNCTION_LABELS.iter().zip(values).enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.label(label, value);
        }
    }
}

/// Returns the name of a counter's family in OpenMetrics.
fn family_of(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

// === impl the families of the exporter itself ===

impl Text {
    /// Writes one sample, of a bucket up to `le` where that is given.
    fn own(&mut self, name: &str, suffix: &str, of: &proto::Metric, le: Option<f64>, value: f64) {
        self.put(name);
        self.put(suffix);
        self.pairs(of, le);
        push_float(&mut self.out, value);
        self.out.push(b'\n');
    }

    fn own_histogram(&mut self, name: &str, metric: &proto::Metric) {
        let histogram = metric.get_histogram();
        let count = histogram.get_sample_count();
        let buckets = histogram.get_bucket().iter();
        let finite = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        let finite = finite.filter(|(bound, _)| bound.is_finite());
        for (bound, count) in finite.chain([(f64::INFINITY, count)]) {
            self.own(name, "_bucket", metric, Some(bound), count as f64);
        }
        self.own(name, "_sum", metric, None, histogram.get_sample_sum());
        self.own(name, "_count", metric, None, count as f64);
    }

    /// Writes the labels in braces, if there are any, and a space.
    fn pairs(&mut self, metric: &proto::Metric, le: Option<f64>) {
        let mut open = b'{';
        for pair in metric.get_label() {
            self.out.push(open);
            self.label(pair.name(), pair.value());
            open = b',';
        }
        if let Some(bound) = le {
            self.out.push(open);
            self.put("le=\"");
            let start = self.out.len();
            push_float(&mut self.out, bound);
            let whole = !self.out[start..].contains(&b'.') && bound.is_finite();
            if self.dialect == Dialect::OpenMetrics && whole {
                self.put(".0");
            }
            self.out.push(b'"');
            open = b',';
        }
        self.put(if open == b',' { "} " } else { " " });
    }
}

// === impl what both are made of ===

impl Text {
    fn header(&mut self, name: &str, help: &str, kind: Kind, unit: Option<Unit>) {
        let open = self.dialect == Dialect::OpenMetrics;
        let family = match (open, kind) {
            // OpenMetrics has `_total` in the names of samples only.
            (true, Kind::Counter) => family_of(name),
            _ => name,
        };
        self.put("# HELP ");
        self.put(family);
        self.out.push(b' ');
        self.escaped(help, |byte| {
            matches!(byte, b'\\' | b'\n') || (open && byte == b'"')
        });
        self.put("\n# TYPE ");
        self.put(family);
        self.out.push(b' ');
        self.put(kind.as_str());
        self.out.push(b'\n');
        if let (true, Some(unit)) = (open, unit) {
            self.put("# UNIT ");
            self.put(family);
            self.out.push(b' ');
            self.put(unit.as_str());
            self.out.push(b'\n');
        }
    }

    /// Returns what follows a bound: OpenMetrics writes whole numbers as `1.0`.
    #[inline]
    fn point(&self, le: &str) -> &'static str {
        match self.dialect {
            Dialect::OpenMetrics if le.bytes().all(|byte| byte.is_ascii_digit()) => ".0",
            _ => "",
        }
    }

    fn label(&mut self, name: &str, value: &str) {
        self.put(name);
        self.put("=\"");
        self.escaped(value, |byte| matches!(byte, b'\\' | b'\n' | b'"'));
        self.out.push(b'"');
    }

    /// Writes a text with a backslash before each `special` byte, and a line feed as `\n`. All of these
    /// are ASCII, so that no part of another character is taken for one.
    #[inline]
    fn escaped(&mut self, text: &str, special: impl Fn(u8) -> bool) {
        // Almost no name has such bytes.
        if !text.bytes().any(&special) {
            return self.put(text);
        }
        for byte in text.bytes() {
            if special(byte) {
                self.out.push(b'\\');
            }
            self.out.push(if byte == b'\n' { b'n' } else { byte });
        }
    }

    #[inline]
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
