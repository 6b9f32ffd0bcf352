//! The messages of `metrics.proto` (`prometheus/client_model`) as far as they are used, for
//! `prost` to decode. A field that is not listed here is skipped by the decoder, so a test that
//! encodes what it decoded and compares lengths finds one.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    pub kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    pub unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Value>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Counter>,
    #[prost(int64, optional, tag = "6")]
    pub timestamp_ms: Option<i64>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

/// A gauge.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Value {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Counter {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    pub value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub timestamp: Option<Timestamp>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// In whole milliseconds; an error where it is none, or not written as it has to be.
    pub fn millis(self) -> Result<i64, String> {
        let nanos = i64::from(self.nanos);
        match (0..1_000_000_000).contains(&nanos) && nanos % 1_000_000 == 0 {
            true => Ok(self.seconds * 1_000 + nanos / 1_000_000),
            false => Err(format!("not in milliseconds: {self:?}")),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    pub positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub created_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "16")]
    pub exemplars: Vec<Exemplar>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    pub offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub length: Option<u32>,
}

impl Histogram {
    /// The counts of the native buckets by their index, empty ones included; an error where spans
    /// and deltas do not go together.
    pub fn native_buckets(&self) -> Result<BTreeMap<i32, u64>, String> {
        let mut buckets = BTreeMap::new();
        let mut deltas = self.positive_delta.iter();
        let (mut index, mut count) = (0, 0);
        for span in &self.positive_span {
            index += span.offset();
            for _ in 0..span.length() {
                count += deltas.next().ok_or("fewer deltas than buckets")?;
                let count = u64::try_from(count).map_err(|_| "a count below zero")?;
                if buckets.insert(index, count).is_some() {
                    return Err(format!("bucket {index} is there twice"));
                }
                index += 1;
            }
        }
        match deltas.next() {
            None => Ok(buckets),
            Some(_) => Err("more deltas than buckets".into()),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    pub cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub exemplar: Option<Exemplar>,
}

/// Reads a scrape to its last byte. Every length must be the shortest way to write it, and no
/// field may be there that the messages above do not know.
pub fn parse(mut bytes: &[u8]) -> Result<Vec<MetricFamily>, String> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        let before = bytes.len();
        let family = MetricFamily::decode_length_delimited(&mut bytes)
            .map_err(|error| format!("family {}: {error}", families.len() + 1))?;
        let canonical = family.encode_length_delimited_to_vec().len();
        let read = before - bytes.len();
        if read != canonical {
            let name = family.name();
            return Err(format!("{name}: {read} bytes, {canonical} expected"));
        }
        families.push(family);
    }
    Ok(families)
}
