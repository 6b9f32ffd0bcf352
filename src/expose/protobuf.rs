//! The writer of delimited protobuf: `io.prometheus.client.MetricFamily`, each behind its length.
//!
//! Field numbers are those of `metrics.proto` in `prometheus/client_model`. A message carries its
//! length in front, so that of a family is written once those of its functions are.

use prometheus::proto::{self, MetricFamily, MetricType};

use super::writer::{Number, Writer};
use crate::catalog::{self, ACCOUNT_LABEL, FUNCTION_LABELS, Kind, Metric, Unit};
use crate::model::{FunctionId, RetCode};
use crate::series::{CodeCount, Histogram};

/// How a field's value is packed, in the low bits of its tag.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// Tags of the fields. All are below 16, so each is one byte.
mod tag {
    use super::{BYTES, FIXED64, VARINT};

    const fn of(field: u8, packed: u8) -> u8 {
        field << 3 | packed
    }

    pub(super) const FAMILY_NAME: u8 = of(1, BYTES);
    pub(super) const FAMILY_HELP: u8 = of(2, BYTES);
    pub(super) const FAMILY_TYPE: u8 = of(3, VARINT);
    pub(super) const FAMILY_METRIC: u8 = of(4, BYTES);
    pub(super) const FAMILY_UNIT: u8 = of(5, BYTES);
    pub(super) const METRIC_LABEL: u8 = of(1, BYTES);
    pub(super) const METRIC_GAUGE: u8 = of(2, BYTES);
    pub(super) const METRIC_COUNTER: u8 = of(3, BYTES);
    pub(super) const METRIC_HISTOGRAM: u8 = of(7, BYTES);
    pub(super) const LABEL_NAME: u8 = of(1, BYTES);
    pub(super) const LABEL_VALUE: u8 = of(2, BYTES);
    /// Of a gauge and of a counter.
    pub(super) const VALUE: u8 = of(1, FIXED64);
    pub(super) const HISTOGRAM_COUNT: u8 = of(1, VARINT);
    pub(super) const HISTOGRAM_SUM: u8 = of(2, FIXED64);
    pub(super) const HISTOGRAM_BUCKET: u8 = of(3, BYTES);
    pub(super) const BUCKET_COUNT: u8 = of(1, VARINT);
    pub(super) const BUCKET_BOUND: u8 = of(2, FIXED64);
}

/// The length of a double with its tag.
const DOUBLE: usize = 9;

/// Protobuf, written to the end of a buffer.
#[derive(Debug)]
pub(super) struct Protobuf {
    out: Vec<u8>,
    /// Whether functions carry the label of their account.
    accounts: bool,
}

/// What a family says of itself.
struct Head<'f> {
    name: &'f str,
    help: &'f str,
    kind: Kind,
    unit: Option<Unit>,
}

/// A histogram as the format has it: buckets are cumulative, and `+Inf` is the count alone.
struct Buckets<I> {
    count: u64,
    sum: f64,
    /// Cumulative count and upper bound.
    finite: I,
}

impl Protobuf {
    pub(super) fn new(accounts: bool) -> Self {
        Self {
            out: Vec::new(),
            accounts,
        }
    }
}

// === impl the families ===

impl Writer for Protobuf {
    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn family(&mut self, metric: &Metric, len: usize) {
        let head = Head {
            name: metric.name,
            help: metric.help,
            kind: metric.kind,
            unit: metric.unit,
        };
        self.head(&head, len);
    }

    fn codes(&mut self, metric: &Metric, function: &FunctionId, codes: &[CodeCount]) {
        let mut digits = itoa::Buffer::new();
        for code in codes {
            let ret_code = match code.ret_code {
                RetCode::OTHER => "other",
                known => digits.format(known.to_raw()),
            };
            let further = [("ret_code", ret_code), ("outcome", code.outcome.as_str())];
            let labels = labels_of(self.accounts, function).chain(further);
            self.simple(metric.kind, labels, code.count as f64);
        }
    }

    fn histogram(&mut self, metric: &Metric, function: &FunctionId, histogram: &Histogram) {
        let units = match metric.unit {
            Some(Unit::Seconds) => 1e9,
            _ => 1.0,
        };
        let bounds = histogram.bounds().upper.iter();
        let finite = bounds
            .zip(histogram.counts())
            .scan(0, |total, (&upper, &count)| {
                *total += count;
                Some((*total, upper as f64 / units))
            });
        let buckets = Buckets {
            count: histogram.count(),
            sum: Number::sum(metric, histogram).float(),
            finite,
        };
        self.buckets(labels_of(self.accounts, function), &buckets);
    }

    fn value(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        further: Option<(&str, &str)>,
        value: Number,
    ) {
        let labels = labels_of(self.accounts, function).chain(further);
        self.simple(metric.kind, labels, value.float());
    }

    fn gathered(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            _ => Kind::Gauge,
        };
        let head = Head {
            name: family.name(),
            help: family.help(),
            kind,
            unit: catalog::unit_of(family.name()),
        };
        let before = std::mem::take(&mut self.out);
        self.gathered_metrics(kind, family.get_metric());
        let metrics = std::mem::replace(&mut self.out, before);
        self.head(&head, metrics.len());
        self.out.extend_from_slice(&metrics);
    }

    /// The last family is the end.
    fn end(&mut self) {}
}

impl Protobuf {
    fn gathered_metrics(&mut self, kind: Kind, metrics: &[proto::Metric]) {
        for metric in metrics {
            let labels = metric.get_label().iter();
            let labels = labels.map(|pair| (pair.name(), pair.value()));
            match kind {
                Kind::Counter => self.simple(kind, labels, metric.get_counter().get_value()),
                Kind::Gauge => self.simple(kind, labels, metric.get_gauge().get_value()),
                Kind::Histogram => {
                    let histogram = metric.get_histogram();
                    let finite = histogram.get_bucket().iter();
                    let finite = finite
                        .map(|bucket| (bucket.cumulative_count(), bucket.upper_bound()))
                        .filter(|(_, bound)| bound.is_finite());
                    let buckets = Buckets {
                        count: histogram.get_sample_count(),
                        sum: histogram.get_sample_sum(),
                        finite,
                    };
                    self.buckets(labels, &buckets);
                }
            }
        }
    }
}

/// The labels of a function, in the order of the catalog.
fn labels_of(accounts: bool, function: &FunctionId) -> impl Iterator<Item = (&str, &str)> + Clone {
    let account: Option<(&str, &str)> = accounts.then_some((ACCOUNT_LABEL, &function.account));
    let values: [&str; 3] = [&function.region, &function.namespace, &function.name];
    let own = FUNCTION_LABELS.iter().copied().zip(values);
    account.into_iter().chain(own)
}

// === impl messages ===

impl Protobuf {
    /// What stands before the metrics of a family, which come to `metrics` bytes; nothing where
    /// there are none.
    fn head(&mut self, head: &Head<'_>, metrics: usize) {
        if metrics == 0 {
            return;
        }
        let kind = match head.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 4,
        };
        let unit = head.unit.map(Unit::as_str);
        let len = 2
            + field_len(head.name.len())
            + field_len(head.help.len())
            + unit.map_or(0, |unit| field_len(unit.len()))
            + metrics;
        self.varint(len as u64);
        self.text(tag::FAMILY_NAME, head.name);
        self.text(tag::FAMILY_HELP, head.help);
        self.out.extend_from_slice(&[tag::FAMILY_TYPE, kind]);
        if let Some(unit) = unit {
            self.text(tag::FAMILY_UNIT, unit);
        }
    }

    /// A counter or a gauge.
    fn simple<'l>(
        &mut self,
        kind: Kind,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        value: f64,
    ) {
        self.metric(labels, field_len(DOUBLE));
        let tag = match kind {
            Kind::Counter => tag::METRIC_COUNTER,
            _ => tag::METRIC_GAUGE,
        };
        self.out.extend_from_slice(&[tag, DOUBLE as u8]);
        self.double(tag::VALUE, value);
    }

    /// A histogram.
    fn buckets<'l, I>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        buckets: &Buckets<I>,
    ) where
        I: Iterator<Item = (u64, f64)> + Clone,
    {
        let bucket_len = |count| 1 + varint_len(count) + DOUBLE;
        let all = buckets.finite.clone();
        let finite: usize = all.map(|(count, _)| field_len(bucket_len(count))).sum();
        let len = 1 + varint_len(buckets.count) + DOUBLE + finite;
        self.metric(labels, field_len(len));
        self.out.push(tag::METRIC_HISTOGRAM);
        self.varint(len as u64);
        self.out.push(tag::HISTOGRAM_COUNT);
        self.varint(buckets.count);
        self.double(tag::HISTOGRAM_SUM, buckets.sum);
        for (count, bound) in buckets.finite.clone() {
            let len = bucket_len(count) as u8;
            self.out
                .extend_from_slice(&[tag::HISTOGRAM_BUCKET, len, tag::BUCKET_COUNT]);
            self.varint(count);
            self.double(tag::BUCKET_BOUND, bound);
        }
    }

    /// Begins a metric whose value is a field of `value_len` bytes: labels and all lengths.
    fn metric<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        value_len: usize,
    ) {
        let label_len =
            |(name, value): (&str, &str)| field_len(name.len()) + field_len(value.len());
        let labels_len: usize = labels.clone().map(|one| field_len(label_len(one))).sum();
        let len = labels_len + value_len;
        self.out.reserve(field_len(len));
        self.out.push(tag::FAMILY_METRIC);
        self.varint(len as u64);
        for (name, value) in labels {
            self.out.push(tag::METRIC_LABEL);
            self.varint(label_len((name, value)) as u64);
            self.text(tag::LABEL_NAME, name);
            self.text(tag::LABEL_VALUE, value);
        }
    }

    #[inline]
    fn text(&mut self, tag: u8, text: &str) {
        self.out.push(tag);
        self.varint(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn double(&mut self, tag: u8, value: f64) {
        let mut field = [tag; DOUBLE];
        field[1..].copy_from_slice(&value.to_le_bytes());
        self.out.extend_from_slice(&field);
    }

    /// Seven bits a byte, the lowest first; all but the last have the eighth set.
    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}

/// The length of a field that carries `len` bytes, with its tag and its own length.
#[inline]
const fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// One byte for every seven bits, and one for zero.
#[inline]
const fn varint_len(value: u64) -> usize {
    (value | 1).ilog2() as usize / 7 + 1
}
