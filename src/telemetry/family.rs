//! Turns entries of the catalog into registered metrics of the `prometheus` crate.

use prometheus::core::Collector;
use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    Opts, Registry,
};

use crate::metrics::catalog::Metric;

/// The label whose value is the same for all metrics of one source.
const SOURCE: &str = "source";

/// Builds families and registers them.
pub(super) struct Families<'r> {
    registry: &'r Registry,
    /// The value of the label `source`, for metrics that have it.
    source: Option<&'r str>,
}

impl<'r> Families<'r> {
    pub(super) fn of_process(registry: &'r Registry) -> Self {
        Self {
            registry,
            source: None,
        }
    }

    pub(super) fn of_source(registry: &'r Registry, source: &'r str) -> Self {
        Self {
            registry,
            source: Some(source),
        }
    }

    pub(super) fn counter(&self, metric: &Metric) -> Result<IntCounter, Error> {
        self.register(IntCounter::with_opts(self.opts(metric))?)
    }

    pub(super) fn counters(&self, metric: &Metric) -> Result<IntCounterVec, Error> {
        let labels = self.variable_labels(metric);
        self.register(IntCounterVec::new(self.opts(metric), &labels)?)
    }

    pub(super) fn gauge(&self, metric: &Metric) -> Result<Gauge, Error> {
        self.register(Gauge::with_opts(self.opts(metric))?)
    }

    pub(super) fn gauges(&self, metric: &Metric) -> Result<GaugeVec, Error> {
        let labels = self.variable_labels(metric);
        self.register(GaugeVec::new(self.opts(metric), &labels)?)
    }

    pub(super) fn histogram(&self, metric: &Metric, bounds: &[f64]) -> Result<Histogram, Error> {
        self.register(Histogram::with_opts(self.histogram_opts(metric, bounds))?)
    }

    pub(super) fn histograms(
        &self,
        metric: &Metric,
        bounds: &[f64],
    ) -> Result<HistogramVec, Error> {
        let opts = self.histogram_opts(metric, bounds);
        self.register(HistogramVec::new(opts, &self.variable_labels(metric))?)
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn opts(&self, metric: &Metric) -> Opts {
        let opts = Opts::new(metric.name, metric.help);
        match self.source {
            Some(source) => opts.const_label(SOURCE, source),
            None => opts,
        }
    }

    fn histogram_opts(&self, metric: &Metric, bounds: &[f64]) -> HistogramOpts {
        HistogramOpts::from(self.opts(metric)).buckets(bounds.to_vec())
    }

    /// The labels whose values are chosen for each series.
    fn variable_labels(&self, metric: &Metric) -> Vec<&'static str> {
        let labels = metric.labels.iter().copied();
        labels
            .filter(|label| self.source.is_none() || *label != SOURCE)
            .collect()
    }
}
