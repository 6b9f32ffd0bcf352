//! The messages inside a metric, written whole: their lengths are filled in once they are known.
//!
//! Field numbers are those of `metrics.proto`, and those of `google.protobuf.Timestamp`.

use super::varint_len;
use crate::expose::writer::{REQUEST_ID, uuid};
use crate::model::Timestamp;
use crate::series::{Exemplar, NativeHistogram};

/// How a field's value is packed, in the low bits of its tag.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

const HISTOGRAM_COUNT: u8 = tag(1, VARINT);
const HISTOGRAM_SUM: u8 = tag(2, FIXED64);
const HISTOGRAM_BUCKET: u8 = tag(3, BYTES);
const HISTOGRAM_SCHEMA: u8 = tag(5, VARINT);
const HISTOGRAM_ZERO_THRESHOLD: u8 = tag(6, FIXED64);
const HISTOGRAM_ZERO_COUNT: u8 = tag(7, VARINT);
const HISTOGRAM_POSITIVE_SPAN: u8 = tag(12, BYTES);
const HISTOGRAM_POSITIVE_DELTA: u8 = tag(13, BYTES);
const BUCKET_COUNT: u8 = tag(1, VARINT);
const BUCKET_BOUND: u8 = tag(2, FIXED64);
const BUCKET_EXEMPLAR: u8 = tag(3, BYTES);
const EXEMPLAR_LABEL: u8 = tag(1, BYTES);
const EXEMPLAR_VALUE: u8 = tag(2, FIXED64);
const EXEMPLAR_TIMESTAMP: u8 = tag(3, BYTES);
const LABEL_NAME: u8 = tag(1, BYTES);
const LABEL_VALUE: u8 = tag(2, BYTES);
const SPAN_OFFSET: u8 = tag(1, VARINT);
const SPAN_LENGTH: u8 = tag(2, VARINT);

/// Of a gauge and of a counter.
const VALUE: u8 = tag(1, FIXED64);
const COUNTER_EXEMPLAR: u8 = tag(2, BYTES);
const COUNTER_CREATED: u8 = tag(3, BYTES);
const HISTOGRAM_CREATED: u8 = tag(15, BYTES);
/// Field 16: two bytes, seven bits each, the lowest first.
const HISTOGRAM_EXEMPLARS: [u8; 2] = [0x80 | BYTES, 1];
const TIMESTAMP_SECONDS: u8 = tag(1, VARINT);
const TIMESTAMP_NANOS: u8 = tag(2, VARINT);

/// The length of a double with its tag.
const DOUBLE: usize = 9;

/// A field number below 16 makes a tag of one byte.
const fn tag(field: u8, packed: u8) -> u8 {
    field << 3 | packed
}

/// A histogram as the format has it.
pub(super) struct Buckets<'n, B, E> {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// The classic buckets.
    pub(super) buckets: B,
    pub(super) native: Option<&'n NativeHistogram>,
    /// Those that no classic bucket has. Where there are any, Prometheus looks at no others for the
    /// native histogram, and otherwise at those of the classic buckets: so each is written once.
    pub(super) exemplars: E,
    pub(super) since: Option<Timestamp>,
}

/// A classic bucket.
pub(super) struct Bucket {
    /// Cumulative.
    pub(super) count: u64,
    pub(super) bound: f64,
    pub(super) exemplar: Option<Shown>,
}

/// An exemplar with its value in the unit of the metric.
pub(super) struct Shown {
    pub(super) of: Exemplar,
    pub(super) value: f64,
}

/// A gauge, or a counter, which alone has an exemplar and a beginning.
pub(super) struct Simple {
    pub(super) value: f64,
    pub(super) exemplar: Option<Shown>,
    pub(super) since: Option<Timestamp>,
}

impl Simple {
    /// Writes the fields of the message `Gauge` or `Counter`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        double(out, VALUE, self.value);
        if let Some(exemplar) = self.exemplar {
            exemplar.write(out, &[COUNTER_EXEMPLAR]);
        }
        if let Some(since) = self.since {
            instant(out, COUNTER_CREATED, since);
        }
    }
}

impl Shown {
    fn write(self, out: &mut Vec<u8>, tag: &[u8]) {
        message(out, tag, |out| {
            message(out, &[EXEMPLAR_LABEL], |out| {
                message(out, &[LABEL_NAME], |out| {
                    out.extend_from_slice(REQUEST_ID.as_bytes())
                });
                let id = uuid(self.of.request_id);
                message(out, &[LABEL_VALUE], |out| out.extend_from_slice(&id));
            });
            double(out, EXEMPLAR_VALUE, self.value);
            instant(out, EXEMPLAR_TIMESTAMP, self.of.counted);
        });
    }
}

impl<B: Iterator<Item = Bucket>, E: Iterator<Item = Shown>> Buckets<'_, B, E> {
    /// Writes the fields of the message `Histogram`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        unsigned(out, HISTOGRAM_COUNT, self.count);
        double(out, HISTOGRAM_SUM, self.sum);
        for bucket in self.buckets {
            message(out, &[HISTOGRAM_BUCKET], |out| {
                unsigned(out, BUCKET_COUNT, bucket.count);
                double(out, BUCKET_BOUND, bucket.bound);
                if let Some(exemplar) = bucket.exemplar {
                    exemplar.write(out, &[BUCKET_EXEMPLAR]);
                }
            });
        }
        if let Some(native) = self.native {
            write_native(out, native);
        }
        if let Some(since) = self.since {
            instant(out, HISTOGRAM_CREATED, since);
        }
        for exemplar in self.exemplars {
            exemplar.write(out, &HISTOGRAM_EXEMPLARS);
        }
    }
}

/// The native fields. The threshold alone, which is above zero, tells a reader that they are
/// there: so does Prometheus know an empty native histogram.
fn write_native(out: &mut Vec<u8>, native: &NativeHistogram) {
    unsigned(out, HISTOGRAM_SCHEMA, zigzag(native.schema().into()));
    double(
        out,
        HISTOGRAM_ZERO_THRESHOLD,
        NativeHistogram::ZERO_THRESHOLD,
    );
    unsigned(out, HISTOGRAM_ZERO_COUNT, native.zero_count());
    let mut empty = true;
    for span in native.spans() {
        empty = false;
        message(out, &[HISTOGRAM_POSITIVE_SPAN], |out| {
            unsigned(out, SPAN_OFFSET, zigzag(span.offset.into()));
            unsigned(out, SPAN_LENGTH, span.length.into());
        });
    }
    // Packed, which every reader has to take for a repeated number, is a byte a bucket shorter.
    if !empty {
        message(out, &[HISTOGRAM_POSITIVE_DELTA], |out| {
            native.deltas().for_each(|delta| varint(out, zigzag(delta)));
        });
    }
}

/// A message inside another. Most are shorter than 128 bytes, so there is room for a length of one
/// byte; what is longer moves on by as many bytes as its length has more.
fn message(out: &mut Vec<u8>, tag: &[u8], fields: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(tag);
    let at = out.len();
    out.push(0);
    fields(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
        return;
    }
    let length_len = varint_len(len as u64);
    varint(out, len as u64);
    out[at + 1..].rotate_right(length_len);
    out.remove(at);
}

fn unsigned(out: &mut Vec<u8>, tag: u8, value: u64) {
    out.push(tag);
    varint(out, value);
}

/// A message `google.protobuf.Timestamp`: zeros are left out, and its nanoseconds count forwards
/// before 1970 as well.
fn instant(out: &mut Vec<u8>, tag: u8, at: Timestamp) {
    let millis = at.as_millis();
    let seconds = millis.div_euclid(1_000) as u64;
    let nanos = millis.rem_euclid(1_000) as u64 * 1_000_000;
    message(out, &[tag], |out| {
        for (tag, part) in [(TIMESTAMP_SECONDS, seconds), (TIMESTAMP_NANOS, nanos)] {
            if part != 0 {
                unsigned(out, tag, part);
            }
        }
    });
}

/// A double with its tag.
#[inline]
fn double(out: &mut Vec<u8>, tag: u8, value: f64) {
    let mut field = [tag; DOUBLE];
    field[1..].copy_from_slice(&value.to_le_bytes());
    out.extend_from_slice(&field);
}

/// Seven bits a byte, the lowest first; all but the last have the eighth set.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Signed numbers near zero become unsigned ones near zero: 0, -1, 1, -2 are 0, 1, 2, 3.
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}
