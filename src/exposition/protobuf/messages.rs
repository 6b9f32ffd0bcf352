//! The messages of `metrics.proto` (`prometheus/client_model`) with the fields that are written.
//!
//! Fields that are `required` are written even where they are zero, as in proto2.

use prost::{Enumeration, Message};

/// `MetricFamily` without its metrics, each of which follows as a field of its own.
#[derive(Message)]
pub(super) struct FamilyHead {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(string, required, tag = "2")]
    pub help: String,
    #[prost(enumeration = "MetricType", required, tag = "3")]
    pub kind: i32,
    #[prost(string, optional, tag = "5")]
    pub unit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(super) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

#[derive(Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Message)]
pub(super) struct LabelPair {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

#[derive(Message)]
pub(super) struct Gauge {
    #[prost(double, required, tag = "1")]
    pub value: f64,
}

#[derive(Message)]
pub(super) struct Counter {
    #[prost(double, required, tag = "1")]
    pub value: f64,
    #[prost(message, optional, tag = "2")]
    pub exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    pub created_timestamp: Option<Timestamp>,
}

#[derive(Message)]
pub(super) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(double, required, tag = "2")]
    pub value: f64,
    #[prost(message, required, tag = "3")]
    pub timestamp: Timestamp,
}

/// `google.protobuf.Timestamp`.
#[derive(Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Positive before 1970 too.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Message)]
pub(super) struct Histogram {
    #[prost(uint64, required, tag = "1")]
    pub sample_count: u64,
    #[prost(double, required, tag = "2")]
    pub sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    /// Marks native histograms where it is above zero, by which Prometheus recognises an empty one.
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<BucketSpan>,
    /// Written packed, which saves a byte a bucket.
    #[prost(sint64, repeated, tag = "13")]
    pub positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub created_timestamp: Option<Timestamp>,
    /// Exemplars that no classic bucket has. Prometheus takes these for the native histogram if there
    /// are any, and otherwise those of the classic buckets, so that each is written once.
    #[prost(message, repeated, tag = "16")]
    pub exemplars: Vec<Exemplar>,
}

#[derive(Message)]
pub(super) struct Bucket {
    #[prost(uint64, required, tag = "1")]
    pub cumulative_count: u64,
    #[prost(double, required, tag = "2")]
    pub upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    pub exemplar: Option<Exemplar>,
}

#[derive(Message)]
pub(super) struct BucketSpan {
    #[prost(sint32, required, tag = "1")]
    pub offset: i32,
    #[prost(uint32, required, tag = "2")]
    pub length: u32,
}
