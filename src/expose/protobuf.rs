//! The writer of delimited protobuf: `io.prometheus.client.MetricFamily`, each behind its length.
//!
//! Field numbers are those of `metrics.proto` in `prometheus/client_model`. A message carries its
//! length in front, so that of a family is written once those of its functions are.

mod message;

use std::iter;

use prometheus::proto::{self, MetricFamily, MetricType};

use super::style::Style;
use super::writer::{Number, Observed, Writer, exemplar_of};
use crate::catalog::{self, ACCOUNT_LABEL, FUNCTION_LABELS, Kind, Metric, Unit};
use crate::model::{FunctionId, RetCode, Timestamp};
use crate::series::{Exemplar, FunctionSeries};
use message::{Bucket, Buckets, Shown, Simple, varint};

/// How a field's value is packed, in the low bits of its tag.
const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// Tags of the fields. All are below 16, so each is one byte.
mod tag {
    use super::{BYTES, VARINT};

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
}

/// Protobuf, written to the end of a buffer.
#[derive(Debug)]
pub(super) struct Protobuf {
    out: Vec<u8>,
    /// The fields of one metric's value, while their length is not known.
    value: Vec<u8>,
    style: Style,
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

impl Protobuf {
    pub(super) fn new(accounts: bool, style: Style) -> Self {
        Self {
            out: Vec::new(),
            value: Vec::new(),
            style,
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

    fn codes(&mut self, metric: &Metric, of: &FunctionSeries) {
        let mut digits = itoa::Buffer::new();
        for code in &of.codes {
            let ret_code = match code.ret_code {
                RetCode::OTHER => "other",
                known => digits.format(known.to_raw()),
            };
            let further = [("ret_code", ret_code), ("outcome", code.outcome.as_str())];
            let labels = labels_of(self.accounts, &of.function).chain(further);
            let exemplar = exemplar_of(code, &of.exemplars);
            let value = Simple {
                value: code.count as f64,
                exemplar: exemplar.map(|one| Shown {
                    of: *one,
                    value: 1.0,
                }),
                since: code.since,
            };
            self.simple(metric.kind, labels, value);
        }
    }

    fn histogram(&mut self, metric: &Metric, function: &FunctionId, observed: &Observed<'_>) {
        let histogram = observed.classic;
        let units = match metric.unit {
            Some(Unit::Seconds) => 1e9,
            _ => 1.0,
        };
        let shown = |one: &Exemplar| Shown {
            of: *one,
            value: Number::of(metric, one.value.into()).float(),
        };
        let left_out = self.style.native_histograms_only && observed.native.is_some();
        let counts = if left_out { &[] } else { histogram.counts() };
        let mut exemplars = observed.exemplars.iter().peekable();
        let mut total = 0;
        let finite = counts.iter().enumerate().filter_map(|(at, count)| {
            total += count;
            let exemplar = exemplars.next_if(|one| one.place.bucket() == at).map(shown);
            let upper = histogram.bounds().upper.get(at);
            let bound = upper.map_or(f64::INFINITY, |&upper| upper as f64 / units);
            // The last one is the count alone, unless there is more to say of it.
            (upper.is_some() || exemplar.is_some()).then_some(Bucket {
                count: total,
                bound,
                exemplar,
            })
        });
        let of_native = if left_out { observed.exemplars } else { &[] };
        let buckets = Buckets {
            count: histogram.count(),
            sum: Number::sum(metric, histogram).float(),
            buckets: finite,
            native: observed.native,
            exemplars: of_native.iter().map(shown),
            since: observed.since,
        };
        self.buckets(labels_of(self.accounts, function), buckets);
    }

    fn value(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        further: Option<(&str, &str)>,
        value: Number,
        since: Option<Timestamp>,
    ) {
        let labels = labels_of(self.accounts, function).chain(further);
        let value = Simple {
            value: value.float(),
            exemplar: None,
            since,
        };
        self.simple(metric.kind, labels, value);
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
                Kind::Counter => {
                    let value = Simple {
                        value: metric.get_counter().get_value(),
                        exemplar: None,
                        since: self.style.began,
                    };
                    self.simple(kind, labels, value);
                }
                Kind::Gauge => {
                    let value = Simple {
                        value: metric.get_gauge().get_value(),
                        exemplar: None,
                        since: None,
                    };
                    self.simple(kind, labels, value);
                }
                Kind::Histogram => {
                    let histogram = metric.get_histogram();
                    let finite = histogram.get_bucket().iter();
                    let finite = finite
                        .map(|bucket| Bucket {
                            count: bucket.cumulative_count(),
                            bound: bucket.upper_bound(),
                            exemplar: None,
                        })
                        .filter(|bucket| bucket.bound.is_finite());
                    let buckets = Buckets {
                        count: histogram.get_sample_count(),
                        sum: histogram.get_sample_sum(),
                        buckets: finite,
                        native: None,
                        exemplars: iter::empty(),
                        since: self.style.began,
                    };
                    self.buckets(labels, buckets);
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
        value: Simple,
    ) {
        let tag = match kind {
            Kind::Counter => tag::METRIC_COUNTER,
            _ => tag::METRIC_GAUGE,
        };
        self.value.clear();
        value.write(&mut self.value);
        self.valued(labels, tag);
    }

    /// A histogram.
    fn buckets<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        buckets: Buckets<'_, impl Iterator<Item = Bucket>, impl Iterator<Item = Shown>>,
    ) {
        self.value.clear();
        buckets.write(&mut self.value);
        self.valued(labels, tag::METRIC_HISTOGRAM);
    }

    /// A metric with the value that was written: a field with the tag `tag`.
    fn valued<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)> + Clone, tag: u8) {
        let label_len =
            |(name, value): (&str, &str)| field_len(name.len()) + field_len(value.len());
        let labels_len: usize = labels.clone().map(|one| field_len(label_len(one))).sum();
        let len = labels_len + field_len(self.value.len());
        self.out.reserve(field_len(len));
        self.out.push(tag::FAMILY_METRIC);
        self.varint(len as u64);
        for (name, value) in labels {
            self.out.push(tag::METRIC_LABEL);
            self.varint(label_len((name, value)) as u64);
            self.text(tag::LABEL_NAME, name);
            self.text(tag::LABEL_VALUE, value);
        }
        self.out.push(tag);
        self.varint(self.value.len() as u64);
        self.out.extend_from_slice(&self.value);
    }

    #[inline]
    fn text(&mut self, tag: u8, text: &str) {
        self.out.push(tag);
        self.varint(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        varint(&mut self.out, value);
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
