//! The two usual crates, with the families, labels and buckets of ours.

use std::sync::atomic::AtomicU64;

use prometheus::{Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use scf_exporter::metrics::catalog::{self, FUNCTION_LABELS, Metric};
use scf_exporter::metrics::{Bounds, DURATION_BOUNDS, MEMORY_BOUNDS};

use super::Failure;
use super::serve::Peer;
use super::workload::{LAST_MILLIS, NAMESPACE, REGION, Sample};

/// The crate `prometheus`.
pub struct Prometheus {
    registry: prometheus::Registry,
    invocations: IntCounterVec,
    histograms: [HistogramVec; 3],
    last: GaugeVec,
    info: GaugeVec,
}

/// The crate `prometheus-client`.
pub struct Client {
    registry: prometheus_client::registry::Registry,
    invocations: Family<Labels, Counter>,
    histograms: [Histograms; 3],
    last: Family<Labels, Gauge<f64, AtomicU64>>,
    info: Family<Labels, Gauge>,
}

/// Names with values.
type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

fn bounds(bounds: &Bounds) -> Vec<f64> {
    let bounds = bounds.le.iter().map(|le| le.parse());
    bounds.collect::<Result<_, _>>().unwrap_or_default()
}

fn durations() -> Histogram {
    Histogram::new(bounds(&DURATION_BOUNDS))
}

fn sizes() -> Histogram {
    Histogram::new(bounds(&MEMORY_BOUNDS))
}

fn labels_of(name: &str) -> Labels {
    let values = [REGION, NAMESPACE, name].map(str::to_owned);
    FUNCTION_LABELS.iter().copied().zip(values).collect()
}

// === impl Prometheus ===

impl Prometheus {
    pub fn new() -> Result<Self, Failure> {
        let opts = |metric: &Metric| Opts::new(metric.name, metric.help);
        let histogram = |metric: &Metric, buckets| -> Result<_, Failure> {
            let opts = HistogramOpts::new(metric.name, metric.help).buckets(bounds(buckets));
            Ok(HistogramVec::new(opts, metric.labels)?)
        };
        let invocations = &catalog::INVOCATIONS;
        let peer = Self {
            registry: prometheus::Registry::new(),
            invocations: IntCounterVec::new(opts(invocations), invocations.labels)?,
            histograms: [
                histogram(&catalog::DURATION, &DURATION_BOUNDS)?,
                histogram(&catalog::BILLED_DURATION, &DURATION_BOUNDS)?,
                histogram(&catalog::MEMORY_USAGE, &MEMORY_BOUNDS)?,
            ],
            last: GaugeVec::new(opts(&catalog::LAST_INVOCATION), FUNCTION_LABELS)?,
            info: GaugeVec::new(opts(&catalog::FUNCTION_INFO), FUNCTION_LABELS)?,
        };
        peer.registry.register(Box::new(peer.invocations.clone()))?;
        for histogram in &peer.histograms {
            peer.registry.register(Box::new(histogram.clone()))?;
        }
        peer.registry.register(Box::new(peer.last.clone()))?;
        peer.registry.register(Box::new(peer.info.clone()))?;
        Ok(peer)
    }
}

impl Peer for Prometheus {
    fn begin(&mut self, name: &str) {
        let labels = [REGION, NAMESPACE, name];
        self.info.with_label_values(&labels).set(1.0);
        let last = LAST_MILLIS as f64 / 1e3;
        self.last.with_label_values(&labels).set(last);
    }

    fn count(&mut self, name: &str, (code, outcome): (i64, &str), sample: &Sample) {
        let labels = [REGION, NAMESPACE, name];
        let mut digits = itoa::Buffer::new();
        let way = [REGION, NAMESPACE, name, digits.format(code), outcome];
        self.invocations.with_label_values(&way).inc();
        for (histogram, value) in self.histograms.iter().zip(sample.values()) {
            histogram.with_label_values(&labels).observe(value);
        }
    }

    fn body(&self) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        prometheus::TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

// === impl Client ===

impl Client {
    pub fn new() -> Self {
        let histogram = |of: fn() -> Histogram| Family::new_with_constructor(of);
        let mut peer = Self {
            registry: prometheus_client::registry::Registry::default(),
            invocations: Family::default(),
            histograms: [durations, durations, sizes].map(histogram),
            last: Family::default(),
            info: Family::default(),
        };
        let registry = &mut peer.registry;
        // The crate writes the end of a counter's name itself.
        let name = catalog::INVOCATIONS.name.trim_end_matches("_total");
        let help = catalog::INVOCATIONS.help;
        registry.register(name, help, peer.invocations.clone());
        let metrics = [
            &catalog::DURATION,
            &catalog::BILLED_DURATION,
            &catalog::MEMORY_USAGE,
        ];
        for (metric, histogram) in metrics.into_iter().zip(&peer.histograms) {
            registry.register(metric.name, metric.help, histogram.clone());
        }
        let (last, info) = (&catalog::LAST_INVOCATION, &catalog::FUNCTION_INFO);
        registry.register(last.name, last.help, peer.last.clone());
        registry.register(info.name, info.help, peer.info.clone());
        peer
    }
}

impl Peer for Client {
    fn begin(&mut self, name: &str) {
        let labels = labels_of(name);
        self.info.get_or_create(&labels).set(1);
        let last = LAST_MILLIS as f64 / 1e3;
        self.last.get_or_create(&labels).set(last);
    }

    fn count(&mut self, name: &str, (ret_code, outcome): (i64, &str), sample: &Sample) {
        let labels = labels_of(name);
        let mut way = labels.clone();
        way.push(("ret_code", ret_code.to_string()));
        way.push(("outcome", outcome.to_owned()));
        self.invocations.get_or_create(&way).inc();
        for (histogram, value) in self.histograms.iter().zip(sample.values()) {
            histogram.get_or_create(&labels).observe(value);
        }
    }

    fn body(&self) -> Result<Vec<u8>, Failure> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text.into_bytes())
    }
}
