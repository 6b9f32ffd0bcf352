//! A scrape reduced to what it says, whatever the format: families, and numbers by name and labels.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Family};
use super::protobuf::{Bucket, Metric, MetricType};
use super::{open_metrics, protobuf};

/// Labels with their values.
pub type Labels = BTreeMap<String, String>;

/// What a scrape says. Counters are named with `_total`, histograms are taken apart into
/// `_bucket`, `_sum` and `_count` with bounds written in one way; floats are compared by their
/// bits. Families without samples are left out, since protobuf has no place for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flat {
    /// Type, help and unit by name; no format but text lacks the unit.
    pub families: BTreeMap<String, (String, String, Option<String>)>,
    /// Bits of the value by name and labels.
    pub samples: BTreeMap<(String, Labels), u64>,
    /// Exemplars of samples: labels, bits of the value, milliseconds since 1970.
    pub exemplars: BTreeMap<(String, Labels), (Labels, u64, i64)>,
}

impl Flat {
    /// Of text 0.0.4.
    pub fn text(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut flat = Self::default();
        for family in Exposition::parse(text)?.families {
            flat.family(family, None)?;
        }
        Ok(flat)
    }

    /// Of OpenMetrics.
    pub fn open_metrics(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut flat = Self::default();
        for (mut family, unit) in open_metrics::parse(text)? {
            if family.kind == "counter" {
                family.name += "_total";
            }
            flat.family(family, unit)?;
        }
        Ok(flat)
    }

    /// Of protobuf.
    pub fn protobuf(bytes: &[u8]) -> Result<Self, String> {
        let mut flat = Self::default();
        for family in protobuf::parse(bytes)? {
            let name = family.name().to_owned();
            if family.metric.is_empty() {
                return Err(format!("{name} is empty"));
            }
            let kind = match family.kind() {
                MetricType::Counter => "counter",
                MetricType::Gauge => "gauge",
                MetricType::Histogram => "histogram",
                other => return Err(format!("{name}: {other:?}")),
            };
            let about = (kind.to_owned(), family.help().to_owned(), family.unit);
            if flat.families.insert(name.clone(), about).is_some() {
                return Err(format!("{name} is there twice"));
            }
            for metric in &family.metric {
                flat.metric(&name, kind, metric)?;
            }
        }
        Ok(flat)
    }

    /// The same without units, as text 0.0.4 tells it.
    pub fn without_units(mut self) -> Self {
        self.families.values_mut().for_each(|about| about.2 = None);
        self
    }

    /// The same without exemplars, as text 0.0.4 tells it.
    pub fn without_exemplars(mut self) -> Self {
        self.exemplars.clear();
        self
    }

    /// The same without the samples that tell when others began, as usual in OpenMetrics.
    pub fn without_created(mut self) -> Self {
        self.samples
            .retain(|(name, _), _| !name.ends_with("_created"));
        self
    }

    fn family(&mut self, family: Family, unit: Option<String>) -> Result<(), String> {
        if family.samples.is_empty() {
            return Ok(());
        }
        for mut sample in family.samples {
            if let Some(le) = sample.labels.get_mut("le") {
                *le = bound(le.parse().map_err(|error| format!("{le}: {error}"))?);
            }
            if let Some(found) = sample.exemplar {
                let key = (sample.name.clone(), sample.labels.clone());
                let exemplar = (found.labels, found.value.to_bits(), found.millis);
                self.exemplars.insert(key, exemplar);
            }
            self.sample(&sample.name, sample.labels, sample.value)?;
        }
        let about = (family.kind, family.help, unit);
        self.families.insert(family.name, about);
        Ok(())
    }

    fn metric(&mut self, name: &str, kind: &str, metric: &Metric) -> Result<(), String> {
        let mut labels = Labels::new();
        for pair in &metric.label {
            let (Some(label), Some(value)) = (pair.name.clone(), pair.value.clone()) else {
                return Err(format!("{name}: half a label"));
            };
            if labels.insert(label, value).is_some() {
                return Err(format!("{name}: a label is there twice"));
            }
        }
        let found = (
            metric.gauge,
            metric.counter.as_ref(),
            metric.histogram.as_ref(),
        );
        let histogram = match (kind, found) {
            ("gauge", (Some(value), None, None)) => {
                return self.sample(name, labels, value.value.ok_or("no value")?);
            }
            ("counter", (None, Some(counter), None)) => {
                let family = name
                    .strip_suffix("_total")
                    .ok_or("a counter without _total")?;
                self.created(family, &labels, counter.created_timestamp)?;
                self.exemplar(name, &labels, counter.exemplar.as_ref())?;
                return self.sample(name, labels, counter.value.ok_or("no value")?);
            }
            ("histogram", (None, None, Some(histogram))) => histogram,
            _ => return Err(format!("{name}: not a {kind}")),
        };
        self.created(name, &labels, histogram.created_timestamp)?;
        let count = histogram.sample_count.ok_or("no count")?;
        let sum = histogram.sample_sum.ok_or("no sum")?;
        let mut buckets = histogram.bucket.clone();
        // The last one may be left out: it is the count.
        if buckets.last().and_then(|last| last.upper_bound) != Some(f64::INFINITY) {
            buckets.push(Bucket {
                cumulative_count: Some(count),
                upper_bound: Some(f64::INFINITY),
                exemplar: None,
            });
        }
        for bucket in buckets {
            let (of, upper) = bucket
                .cumulative_count
                .zip(bucket.upper_bound)
                .ok_or("half a bucket")?;
            let mut labels = labels.clone();
            labels.insert("le".to_owned(), bound(upper));
            let name = format!("{name}_bucket");
            self.exemplar(&name, &labels, bucket.exemplar.as_ref())?;
            self.sample(&name, labels, of as f64)?;
        }
        self.sample(&format!("{name}_sum"), labels.clone(), sum)?;
        self.sample(&format!("{name}_count"), labels, count as f64)
    }

    fn exemplar(
        &mut self,
        name: &str,
        labels: &Labels,
        found: Option<&protobuf::Exemplar>,
    ) -> Result<(), String> {
        let Some(found) = found else {
            return Ok(());
        };
        let pairs = found.label.iter();
        let own = pairs.map(|pair| Some((pair.name.clone()?, pair.value.clone()?)));
        let own: Option<Labels> = own.collect();
        let millis = found
            .timestamp
            .ok_or("an exemplar without a time")?
            .millis()?;
        let value = found.value.ok_or("an exemplar without a value")?;
        let exemplar = (own.ok_or("half a label")?, value.to_bits(), millis);
        let key = (name.to_owned(), labels.clone());
        self.exemplars.insert(key, exemplar);
        Ok(())
    }

    /// As OpenMetrics tells it where that is switched on.
    fn created(
        &mut self,
        family: &str,
        labels: &Labels,
        at: Option<protobuf::Timestamp>,
    ) -> Result<(), String> {
        let Some(at) = at else {
            return Ok(());
        };
        let seconds = at.millis()? as f64 / 1e3;
        self.sample(&format!("{family}_created"), labels.clone(), seconds)
    }

    fn sample(&mut self, name: &str, labels: Labels, value: f64) -> Result<(), String> {
        let key = (name.to_owned(), labels);
        match self.samples.insert(key, value.to_bits()) {
            None => Ok(()),
            Some(_) => Err(format!("{name}: two samples of the same labels")),
        }
    }
}

fn bound(le: f64) -> String {
    format!("{le:?}")
}
