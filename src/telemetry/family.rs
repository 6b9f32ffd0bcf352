//! From an entry of the catalog to a registered metric of the `prometheus` crate.

use prometheus::core::Collector;
use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::metrics::catalog::Metric;

/// Builds and registers families on one registry.
///
/// Mind of the `*Vec` types: that crate tells children by a hash of their label values put
/// together without a mark between them, so `("ab", "c")` and `("a", "bc")` are one. Use them
/// only where all labels but one have closed sets in which no value begins or ends another.
pub(super) struct Families<'r>(&'r Registry);

impl<'r> Families<'r> {
    pub(super) fn new(registry: &'r Registry) -> Self {
        Self(registry)
    }

    pub(super) fn counter(&self, metric: &Metric) -> Result<IntCounter, Error> {
        self.register(IntCounter::with_opts(opts(metric))?)
    }

    pub(super) fn counters(&self, metric: &Metric) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(opts(metric), metric.labels)?)
    }

    pub(super) fn gauge(&self, metric: &Metric) -> Result<Gauge, Error> {
        self.register(Gauge::with_opts(opts(metric))?)
    }

    pub(super) fn gauges(&self, metric: &Metric) -> Result<GaugeVec, Error> {
        self.register(GaugeVec::new(opts(metric), metric.labels)?)
    }

    pub(super) fn int_gauge(&self, metric: &Metric) -> Result<IntGauge, Error> {
        self.register(IntGauge::with_opts(opts(metric))?)
    }

    pub(super) fn int_gauges(&self, metric: &Metric) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(opts(metric), metric.labels)?)
    }

    pub(super) fn histogram(&self, metric: &Metric, bounds: &[f64]) -> Result<Histogram, Error> {
        self.register(Histogram::with_opts(histogram_opts(metric, bounds))?)
    }

    pub(super) fn histograms(
        &self,
        metric: &Metric,
        bounds: &[f64],
    ) -> Result<HistogramVec, Error> {
        self.register(HistogramVec::new(
            histogram_opts(metric, bounds),
            metric.labels,
        )?)
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn histogram_opts(metric: &Metric, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::new(metric.name, metric.help).buckets(bounds.to_vec())
}
