//! Writes delimited protobuf: messages `io.prometheus.client.MetricFamily`, each after its length.

mod messages;

use std::io;

use prometheus::proto::{self, MetricFamily};
use prost::{Message, encode_length_delimiter};

use super::options::ExpositionOptions;
use super::writer::{
    CHUNK, Drain, Number, Observed, REQUEST_ID, Writer, exemplar_of, kind_of, uuid,
};
use crate::metrics::catalog::{self, ACCOUNT_LABEL, FUNCTION_LABELS, Kind, Metric, Unit};
use crate::metrics::{Exemplar, FunctionSeries, NativeHistogram};
use crate::model::{FunctionId, RetCode, Timestamp};
use messages::{Bucket, BucketSpan, Counter, FamilyHead, Gauge, Histogram, LabelPair, MetricType};

/// Key of the field `metric` of a family: number 4, length-delimited.
const FAMILY_METRIC: u8 = 4 << 3 | 2;

/// Protobuf, written to the end of a buffer.
#[derive(Debug)]
pub(super) struct Protobuf {
    out: Vec<u8>,
    /// The open family and its encoded metrics, in chunks. They wait because their length comes first.
    head: FamilyHead,
    metrics: Vec<Vec<u8>>,
    /// The last metric of the open family. The next one reuses its allocations.
    metric: messages::Metric,
    options: ExpositionOptions,
    /// Whether functions have the label of their account.
    accounts: bool,
}

impl Protobuf {
    pub(super) fn new(accounts: bool, options: ExpositionOptions) -> Self {
        Self {
            out: Vec::new(),
            head: FamilyHead::default(),
            metrics: Vec::new(),
            metric: messages::Metric::default(),
            options,
            accounts,
        }
    }
}

// === impl Writer ===

impl Writer for Protobuf {
    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn begin_family(&mut self, metric: &Metric) {
        self.begin(metric.name, metric.help, metric.kind, metric.unit);
    }

    fn end_family(&mut self, drain: Drain<'_>) -> io::Result<()> {
        // A family without metrics is left out.
        if !self.metrics.is_empty() {
            let metrics: usize = self.metrics.iter().map(Vec::len).sum();
            let length = self.head.encoded_len() + metrics;
            encode_length_delimiter(length, &mut self.out)?;
            self.head.encode(&mut self.out)?;
        }
        for mut piece in self.metrics.drain(..) {
            self.out.append(&mut piece);
            drain(&mut self.out)?;
        }
        Ok(())
    }

    fn codes(&mut self, metric: &Metric, of: &FunctionSeries) {
        let mut digits = itoa::Buffer::new();
        for code in &of.codes {
            let ret_code = match code.ret_code {
                RetCode::OTHER => "other",
                known => digits.format(known.to_raw()),
            };
            let further = [("ret_code", ret_code), ("outcome", code.outcome.as_str())];
            self.labels(labels_of(self.accounts, &of.function).chain(further));
            let exemplar = exemplar_of(code, &of.exemplars);
            let exemplar = exemplar.map(|one| exemplar_message(one, 1.0));
            self.simple(metric.kind, code.count as f64, exemplar, code.since);
        }
    }

    fn histogram(&mut self, metric: &Metric, function: &FunctionId, observed: &Observed<'_>) {
        let classic = observed.classic;
        let units = match metric.unit {
            Some(Unit::Seconds) => 1e9,
            _ => 1.0,
        };
        let shown =
            |one: &Exemplar| exemplar_message(one, Number::of(metric, one.value.into()).float());
        let mut message = self.reused_histogram();
        message.sample_count = classic.count();
        message.sample_sum = Number::of(metric, classic.sum()).float();
        message.created_timestamp = observed.since.map(timestamp);
        if self.options.native_histograms_only && observed.native.is_some() {
            message.exemplars = observed.exemplars.iter().map(shown).collect();
        } else {
            let mut exemplars = observed.exemplars.iter().peekable();
            let mut cumulative_count = 0;
            for (at, count) in classic.counts().iter().enumerate() {
                cumulative_count += count;
                let exemplar = exemplars.next_if(|one| one.place.bucket() == at).map(shown);
                let upper = classic.bounds().upper.get(at);
                // The bucket +Inf only repeats the count, unless it has an exemplar.
                if upper.is_some() || exemplar.is_some() {
                    message.bucket.push(Bucket {
                        cumulative_count,
                        upper_bound: upper.map_or(f64::INFINITY, |&upper| upper as f64 / units),
                        exemplar,
                    });
                }
            }
        }
        if let Some(native) = observed.native {
            message.schema = Some(native.schema());
            message.zero_threshold = Some(NativeHistogram::ZERO_THRESHOLD);
            message.zero_count = Some(native.zero_count());
            let spans = native.spans().map(|span| BucketSpan {
                offset: span.offset,
                length: span.length,
            });
            message.positive_span.extend(spans);
            message.positive_delta.extend(native.deltas());
        }
        self.labels(labels_of(self.accounts, function));
        self.metric.histogram = Some(message);
        self.push();
    }

    fn value(
        &mut self,
        metric: &Metric,
        function: &FunctionId,
        further: Option<(&str, &str)>,
        value: Number,
        since: Option<Timestamp>,
    ) {
        self.labels(labels_of(self.accounts, function).chain(further));
        self.simple(metric.kind, value.float(), None, since);
    }

    fn gathered(&mut self, family: &MetricFamily) {
        let kind = kind_of(family);
        let unit = catalog::unit_of(family.name());
        self.begin(family.name(), family.help(), kind, unit);
        let began = self.options.began;
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            self.labels(labels.map(|pair| (pair.name(), pair.value())));
            match kind {
                Kind::Counter => self.simple(kind, metric.get_counter().get_value(), None, began),
                Kind::Gauge => self.simple(kind, metric.get_gauge().get_value(), None, None),
                Kind::Histogram => self.gathered_histogram(metric.get_histogram()),
            }
        }
        // This drain cannot fail.
        let _ = self.end_family(&mut |_| Ok(()));
    }

    /// Nothing follows the last family.
    fn end(&mut self) {}
}

// === impl Protobuf ===

impl Protobuf {
    fn begin(&mut self, name: &str, help: &str, kind: Kind, unit: Option<Unit>) {
        let kind = match kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        self.head = FamilyHead {
            name: name.to_owned(),
            help: help.to_owned(),
            kind: kind.into(),
            unit: unit.map(|unit| unit.as_str().to_owned()),
        };
        // The last metric may have had another type.
        self.metric = messages::Metric::default();
    }

    /// Sets the labels of the metric.
    fn labels<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>) {
        let mut count = 0;
        for (name, value) in labels {
            if count == self.metric.label.len() {
                self.metric.label.push(LabelPair::default());
            }
            let pair = &mut self.metric.label[count];
            name.clone_into(&mut pair.name);
            value.clone_into(&mut pair.value);
            count += 1;
        }
        self.metric.label.truncate(count);
    }

    /// Adds a counter or a gauge.
    fn simple(
        &mut self,
        kind: Kind,
        value: f64,
        exemplar: Option<messages::Exemplar>,
        since: Option<Timestamp>,
    ) {
        match kind {
            Kind::Counter => {
                self.metric.counter = Some(Counter {
                    value,
                    exemplar,
                    created_timestamp: since.map(timestamp),
                });
            }
            _ => self.metric.gauge = Some(Gauge { value }),
        }
        self.push();
    }

    /// Returns the last message with its lists emptied.
    fn reused_histogram(&mut self) -> Histogram {
        let mut message = self.metric.histogram.take().unwrap_or_default();
        message.bucket.clear();
        message.positive_span.clear();
        message.positive_delta.clear();
        message.exemplars.clear();
        message
    }

    fn gathered_histogram(&mut self, gathered: &proto::Histogram) {
        let buckets = gathered.get_bucket().iter();
        let buckets = buckets.map(|bucket| Bucket {
            cumulative_count: bucket.cumulative_count(),
            upper_bound: bucket.upper_bound(),
            exemplar: None,
        });
        self.metric.histogram = Some(Histogram {
            sample_count: gathered.get_sample_count(),
            sample_sum: gathered.get_sample_sum(),
            bucket: buckets.filter(|one| one.upper_bound.is_finite()).collect(),
            created_timestamp: self.options.began.map(timestamp),
            ..Histogram::default()
        });
        self.push();
    }

    /// Adds the metric to the open family.
    fn push(&mut self) {
        let mut piece = match self.metrics.pop() {
            Some(piece) if piece.len() < CHUNK => piece,
            full => {
                self.metrics.extend(full);
                // Most metrics have less than 4 KiB.
                Vec::with_capacity(CHUNK + 4096)
            }
        };
        piece.push(FAMILY_METRIC);
        // Writing to a Vec cannot fail.
        let _ = self.metric.encode_length_delimited(&mut piece);
        self.metrics.push(piece);
    }
}

/// Returns the labels of a function in the order of the catalog.
fn labels_of(accounts: bool, function: &FunctionId) -> impl Iterator<Item = (&str, &str)> {
    let account: Option<(&str, &str)> = accounts.then_some((ACCOUNT_LABEL, &function.account));
    let values: [&str; 3] = [&function.region, &function.namespace, &function.name];
    let own = FUNCTION_LABELS.iter().copied().zip(values);
    account.into_iter().chain(own)
}

/// Returns an exemplar whose value is in the unit of the metric.
fn exemplar_message(exemplar: &Exemplar, value: f64) -> messages::Exemplar {
    let id = uuid(exemplar.request_id);
    messages::Exemplar {
        label: vec![LabelPair {
            name: REQUEST_ID.to_owned(),
            value: String::from_utf8_lossy(&id).into_owned(),
        }],
        value,
        timestamp: timestamp(exemplar.counted),
    }
}

fn timestamp(at: Timestamp) -> messages::Timestamp {
    let millis = at.as_millis();
    messages::Timestamp {
        seconds: millis.div_euclid(1_000),
        nanos: millis.rem_euclid(1_000) as i32 * 1_000_000,
    }
}
