//! The writer of text format 0.0.4.

use std::ops::Range;

use prometheus::proto::{self, MetricFamily, MetricType};

use super::number::{push_float, push_integer, push_millis, push_nanos};
use crate::catalog::{ACCOUNT_LABEL, FUNCTION_LABELS, Kind, Metric, Unit};
use crate::model::{About, FunctionId, RetCode, Timestamp};
use crate::series::{CodeCount, Histogram};

/// Room for what follows the names and labels of a bucket: bound, count and what stands between.
const LINE_REST: usize = 40;

/// A gibibyte for a second, in bytes times nanoseconds.
const GB_SECOND: f64 = (1u64 << 30) as f64 * 1e9;

/// Text 0.0.4, written to the end of a buffer.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) out: Vec<u8>,
    /// Whether functions carry the label of their account.
    pub(super) accounts: bool,
}

// === impl the families of functions ===

impl Text {
    /// The lines that begin a family.
    pub(super) fn family(&mut self, metric: &Metric) {
        self.header(metric.name, metric.help, metric.kind.as_str());
    }

    /// The invocations of one function, a sample for each way in which they ended.
    pub(super) fn codes(&mut self, metric: &Metric, function: &FunctionId, codes: &[CodeCount]) {
        let start = self.out.len();
        self.sample(metric.name, "", function);
        let prefix = start..self.out.len();
        for (at, code) in codes.iter().enumerate() {
            if at > 0 {
                self.out.extend_from_within(prefix.clone());
            }
            self.put(",ret_code=\"");
            match code.ret_code {
                RetCode::OTHER => self.put("other"),
                known => push_integer(&mut self.out, known.to_raw()),
            }
            self.put("\",outcome=\"");
            self.put(code.outcome.as_str());
            self.put("\"} ");
            push_integer(&mut self.out, code.count);
            self.out.push(b'\n');
        }
        if codes.is_empty() {
            self.out.truncate(start);
        }
    }

    /// One histogram of one function: cumulative buckets, sum and count.
    pub(super) fn histogram(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        histogram: &Histogram,
    ) {
        let start = self.out.len();
        self.sample(metric.name, "_bucket", function);
        let labels = start + metric.name.len() + "_bucket".len()..self.out.len();
        self.put(",le=\"");
        let prefix = start..self.out.len();
        self.out
            .reserve((histogram.counts().len() + 2) * (prefix.len() + LINE_REST));
        let le = histogram.bounds().le.iter().copied();
        let mut total = 0;
        let mut digits = itoa::Buffer::new();
        let mut shown = digits.format(total);
        for (at, (le, &count)) in le.chain(["+Inf"]).zip(histogram.counts()).enumerate() {
            if at > 0 {
                self.out.extend_from_within(prefix.clone());
            }
            // Most buckets are empty: the number is that of the line before.
            if count > 0 {
                total += count;
                shown = digits.format(total);
            }
            self.put(le);
            self.put("\"} ");
            self.put(shown);
            self.out.push(b'\n');
        }
        self.again(metric.name, "_sum", labels.clone());
        match metric.unit {
            Some(Unit::Seconds) => push_nanos(&mut self.out, histogram.sum()),
            _ => push_integer(&mut self.out, histogram.sum()),
        }
        self.out.push(b'\n');
        self.again(metric.name, "_count", labels);
        self.put(shown);
        self.out.push(b'\n');
    }

    /// A gauge of one function that holds an instant.
    pub(super) fn instant(&mut self, metric: &Metric, function: &FunctionId, at: Timestamp) {
        self.sample(metric.name, "", function);
        self.put("} ");
        push_millis(&mut self.out, at.as_millis());
        self.out.push(b'\n');
    }

    /// A gauge of one function that is always 1, with what the list tells of it.
    pub(super) fn info(&mut self, metric: &Metric, function: &FunctionId, about: Option<&About>) {
        self.sample(metric.name, "", function);
        if let Some(about) = about {
            self.put(",");
            self.label("runtime", &about.runtime);
        }
        self.put("} 1\n");
    }

    /// A whole number of one function.
    pub(super) fn number(&mut self, metric: &Metric, function: &FunctionId, value: u64) {
        self.sample(metric.name, "", function);
        self.put("} ");
        push_integer(&mut self.out, value);
        self.out.push(b'\n');
    }

    /// A length of time of one function, or one for each value of a further label.
    pub(super) fn nanos(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        label: Option<(&str, &str)>,
        nanos: u128,
    ) {
        self.sample(metric.name, "", function);
        if let Some((name, value)) = label {
            self.put(",");
            self.label(name, value);
        }
        self.put("} ");
        push_nanos(&mut self.out, nanos);
        self.out.push(b'\n');
    }

    /// Bytes times nanoseconds as gibibytes times seconds.
    pub(super) fn gb_seconds(&mut self, metric: &Metric, function: &FunctionId, product: u128) {
        self.sample(metric.name, "", function);
        self.put("} ");
        push_float(&mut self.out, product as f64 / GB_SECOND);
        self.out.push(b'\n');
    }

    /// `name{...} ` with the labels that stand at `labels`, the brace before them included.
    fn again(&mut self, name: &str, suffix: &str, labels: Range<usize>) {
        self.put(name);
        self.put(suffix);
        self.out.extend_from_within(labels);
        self.put("} ");
    }

    /// `name{region="...",function_namespace="...",function_name="..."`, still open.
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

// === impl the families of the exporter itself ===

impl Text {
    /// A family gathered by the `prometheus` crate. Types that the catalog does not know
    /// (summary, untyped) do not occur.
    pub(super) fn gathered(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            _ => Kind::Gauge,
        };
        self.header(family.name(), family.help(), kind.as_str());
        for metric in family.get_metric() {
            match kind {
                Kind::Counter => {
                    self.gathered_value(family.name(), metric, metric.get_counter().get_value());
                }
                Kind::Gauge => {
                    self.gathered_value(family.name(), metric, metric.get_gauge().get_value());
                }
                Kind::Histogram => self.gathered_histogram(family.name(), metric),
            }
        }
    }

    fn gathered_value(&mut self, name: &str, metric: &proto::Metric, value: f64) {
        self.put(name);
        self.pairs(metric, None);
        push_float(&mut self.out, value);
        self.out.push(b'\n');
    }

    fn gathered_histogram(&mut self, name: &str, metric: &proto::Metric) {
        let histogram = metric.get_histogram();
        let finite = histogram
            .get_bucket()
            .iter()
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .filter(|(bound, _)| bound.is_finite());
        for (bound, count) in finite.chain([(f64::INFINITY, histogram.get_sample_count())]) {
            self.put(name);
            self.put("_bucket");
            self.pairs(metric, Some(bound));
            push_integer(&mut self.out, count);
            self.out.push(b'\n');
        }
        self.put(name);
        self.put("_sum");
        self.pairs(metric, None);
        push_float(&mut self.out, histogram.get_sample_sum());
        self.out.push(b'\n');
        self.put(name);
        self.put("_count");
        self.pairs(metric, None);
        push_integer(&mut self.out, histogram.get_sample_count());
        self.out.push(b'\n');
    }

    /// The labels in braces, if there are any, and the space behind them.
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
            push_float(&mut self.out, bound);
            self.out.push(b'"');
            open = b',';
        }
        self.put(if open == b',' { "} " } else { " " });
    }
}

// === impl what both are made of ===

impl Text {
    fn header(&mut self, name: &str, help: &str, kind: &str) {
        self.put("# HELP ");
        self.put(name);
        self.out.push(b' ');
        self.escaped(help, |byte| matches!(byte, b'\\' | b'\n'));
        self.put("\n# TYPE ");
        self.put(name);
        self.out.push(b' ');
        self.put(kind);
        self.out.push(b'\n');
    }

    fn label(&mut self, name: &str, value: &str) {
        self.put(name);
        self.put("=\"");
        self.escaped(value, |byte| matches!(byte, b'\\' | b'\n' | b'"'));
        self.out.push(b'"');
    }

    /// The text with a backslash before each byte of which `special` holds; a line feed as `\n`.
    /// All of these are ASCII, so the bytes of other characters are never taken for them.
    #[inline]
    fn escaped(&mut self, text: &str, special: impl Fn(u8) -> bool) {
        // Almost no name has any: one pass that looks, one that copies.
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
