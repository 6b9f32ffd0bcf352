//! The two usual crates, with the families, labels and buckets of ours.

use std::sync::atomic::AtomicU64;

use prometheus::{Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use scf_exporter::catalog::{self, FUNCTION_LABELS, Metric};
use scf_exporter::series::{Bounds, DURATION_BOUNDS, MEMORY_BOUNDS};

use super::Failure;
use super::serve::Peer;
use super::workload::{Functions, LAST_MILLIS, NAMESPACE, REGION, Sample, ending};

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
    invocations: Family<Way, Counter>,
    histograms: [Family<Labels, Histogram, Buckets>; 3],
    last: Family<Labels, Gauge<f64, AtomicU64>>,
    info: Family<Labels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    region: &'static str,
    function_namespace: &'static str,
    function_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    region: &'static str,
    function_namespace: &'static str,
    function_name: String,
    ret_code: i64,
    outcome: &'static str,
}

/// Makes histograms with these bounds.
#[derive(Clone)]
struct Buckets(Vec<f64>);

fn bounds(bounds: &Bounds) -> Result<Vec<f64>, Failure> {
    Ok(bounds
        .le
        .iter()
        .map(|le| le.parse::<f64>())
        .collect::<Result<_, _>>()?)
}

// === impl Prometheus ===

impl Prometheus {
    pub fn fill(functions: Functions) -> Result<Self, Failure> {
        let peer = Self::new()?;
        for function in functions {
            let function = function?;
            for (place, sample) in function.samples.iter().enumerate() {
                peer.count(&function.name, ending(place), sample);
            }
            let labels = [REGION, NAMESPACE, function.name.as_str()];
            peer.info.with_label_values(&labels).set(1.0);
            let last = LAST_MILLIS as f64 / 1e3;
            peer.last.with_label_values(&labels).set(last);
        }
        Ok(peer)
    }

    fn new() -> Result<Self, Failure> {
        let opts = |metric: &Metric| Opts::new(metric.name, metric.help);
        let histogram = |metric: &Metric, buckets| -> Result<_, Failure> {
            let opts = HistogramOpts::new(metric.name, metric.help).buckets(bounds(buckets)?);
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

    fn count(&self, name: &str, (code, outcome): (i64, &str), sample: &Sample) {
        let labels = [REGION, NAMESPACE, name];
        let mut digits = itoa::Buffer::new();
        let way = [REGION, NAMESPACE, name, digits.format(code), outcome];
        self.invocations.with_label_values(&way).inc();
        for (histogram, value) in self.histograms.iter().zip(sample.values()) {
            histogram.with_label_values(&labels).observe(value);
        }
    }
}

impl Peer for Prometheus {
    fn body(&self) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        prometheus::TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

// === impl Client ===

impl Client {
    pub fn fill(functions: Functions) -> Result<Self, Failure> {
        let peer = Self::new()?;
        for function in functions {
            let function = function?;
            for (place, sample) in function.samples.iter().enumerate() {
                peer.count(&function.name, ending(place), sample);
            }
            let labels = Labels::of(&function.name);
            peer.info.get_or_create(&labels).set(1);
            let last = LAST_MILLIS as f64 / 1e3;
            peer.last.get_or_create(&labels).set(last);
        }
        Ok(peer)
    }

    fn new() -> Result<Self, Failure> {
        let histogram = |of: &Bounds| -> Result<_, Failure> {
            Ok(Family::new_with_constructor(Buckets(bounds(of)?)))
        };
        let mut peer = Self {
            registry: prometheus_client::registry::Registry::default(),
            invocations: Family::default(),
            histograms: [
                histogram(&DURATION_BOUNDS)?,
                histogram(&DURATION_BOUNDS)?,
                histogram(&MEMORY_BOUNDS)?,
            ],
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
        Ok(peer)
    }

    fn count(&self, name: &str, (ret_code, outcome): (i64, &'static str), sample: &Sample) {
        let labels = Labels::of(name);
        let way = Way {
            region: labels.region,
            function_namespace: labels.function_namespace,
            function_name: labels.function_name.clone(),
            ret_code,
            outcome,
        };
        self.invocations.get_or_create(&way).inc();
        for (histogram, value) in self.histograms.iter().zip(sample.values()) {
            histogram.get_or_create(&labels).observe(value);
        }
    }
}

impl Peer for Client {
    fn body(&self) -> Result<Vec<u8>, Failure> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text.into_bytes())
    }
}

impl Labels {
    fn of(name: &str) -> Self {
        Self {
            region: REGION,
            function_namespace: NAMESPACE,
            function_name: name.to_owned(),
        }
    }
}

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}
