//! A native histogram: buckets whose bounds grow by a constant factor, only those that are in use.
//!
//! Bucket `i` of schema `s` holds values above `2^((i-1) / 2^s)` and up to `2^(i / 2^s)`, in
//! seconds or bytes. The finest schema is 3: each bound is 1.09 times the one before. Counts are
//! stored from the lowest used bucket to the highest, each with as many bytes as the largest count
//! needs. Where that range exceeds [`SLOTS_MAX`] buckets, pairs of buckets are merged, and the
//! schema decreases by one.
//!
//! The result depends only on the observed values, not on their order.

mod unit;

pub use unit::Unit;

use serde::{Deserialize, Serialize};

/// The first schema of a histogram: with a factor of 2^(1/8) = 1.0905 it is the coarsest with a
/// factor of at most 1.1.
const FINEST: i8 = 3;
/// The schema that holds every `u64` in [`SLOTS_MAX`] buckets.
const COARSEST: i8 = 1;
/// Maximum number of buckets from the lowest to the highest: 32 doublings at the finest schema.
/// Adapters accept run times up to a month and memory up to 1 TiB, so whole milliseconds and whole
/// KiB never need more.
const SLOTS_MAX: i32 = 256;
/// Up to this many empty buckets between two others are written as zeros, which is shorter than a
/// new span.
const GAP_MAX: usize = 2;
/// Bytes that a `u64` exceeds the narrowest count by.
const PADDING: usize = 7;

/// Counts in exponential buckets. It has no sum, because the classic histogram has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeHistogram {
    zero: u64,
    /// Little-endian counts of consecutive buckets; neither the first nor the last is zero. They
    /// are followed by [`PADDING`] bytes, so that each can be read as a `u64`.
    slots: Box<[u8]>,
    length: u16,
    first: i16,
    schema: i8,
    /// Bytes of a slot, 1 to 8: as many as the largest count needs.
    width: u8,
    unit: Unit,
}

/// Consecutive buckets, as the protobuf format describes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Number of buckets between the end of the span before and this one; for the first span, the
    /// index of its first bucket.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// The parts of a histogram, for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeParts<'a> {
    /// Observations of zero.
    pub zero: u64,
    /// The schema.
    pub schema: i8,
    /// The bucket of the first count; 0 without counts.
    pub first: i16,
    /// Bytes of a count; 1 without counts.
    pub width: u8,
    /// Little-endian counts of consecutive buckets.
    pub slots: &'a [u8],
}

impl NativeHistogram {
    /// Values not above this are in the zero bucket: the threshold that Prometheus' own clients
    /// use, 2^-128. Of integers only 0 is.
    pub const ZERO_THRESHOLD: f64 = 2.938735877055719e-39;

    /// An empty histogram.
    pub fn new(unit: Unit) -> Self {
        Self {
            zero: 0,
            slots: room_for(0, 1),
            length: 0,
            first: 0,
            schema: FINEST,
            width: 1,
            unit,
        }
    }

    /// Returns the histogram with these stored parts; `None` for parts that no observations
    /// produce.
    pub fn from_parts(unit: Unit, parts: NativeParts<'_>) -> Option<Self> {
        let width = usize::from(parts.width);
        let fits = (COARSEST..=FINEST).contains(&parts.schema)
            && (1..=8).contains(&width)
            && parts.slots.len().is_multiple_of(width)
            && parts.slots.len() / width <= SLOTS_MAX as usize;
        if !fits {
            return None;
        }
        let mut native = Self {
            zero: parts.zero,
            slots: room_for(parts.slots.len() / width, parts.width),
            length: (parts.slots.len() / width) as u16,
            first: parts.first,
            schema: parts.schema,
            width: parts.width,
            unit,
        };
        native.slots[..parts.slots.len()].copy_from_slice(parts.slots);
        native.is_sound().then_some(native)
    }

    /// Returns its parts.
    pub fn parts(&self) -> NativeParts<'_> {
        NativeParts {
            zero: self.zero,
            schema: self.schema,
            first: self.first,
            width: self.width,
            slots: &self.slots[..self.len() * usize::from(self.width)],
        }
    }

    /// Counts one value.
    pub fn observe(&mut self, value: u64) {
        self.count_many(value, 1);
    }

    /// Returns the schema: bounds are powers of `2^(1 / 2^schema)`.
    pub fn schema(&self) -> i32 {
        self.schema.into()
    }

    /// Returns the number of observations of zero.
    pub fn zero_count(&self) -> u64 {
        self.zero
    }

    /// Returns the number of observations; `None` above `u64::MAX`, which is damage.
    pub fn count(&self) -> Option<u64> {
        self.buckets()
            .try_fold(self.zero, |sum, (_, count)| sum.checked_add(count))
    }

    /// Returns the buckets that are not empty, ascending: index and count.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u64)> {
        let first = i32::from(self.first);
        let all = (0..self.len()).map(move |slot| (first + slot as i32, self.get(slot)));
        all.filter(|(_, count)| *count > 0)
    }

    /// Returns the spans of buckets to which the counts of [`NativeHistogram::deltas`] belong.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let mut end = -i32::from(self.first);
        self.runs().map(move |(from, to)| {
            let offset = from as i32 - end;
            end = to as i32;
            Span {
                offset,
                length: (to - from) as u32,
            }
        })
    }

    /// Returns the count of each bucket of the spans, as the difference to the one before; the
    /// first one as it is.
    pub fn deltas(&self) -> impl Iterator<Item = i64> {
        let mut before = 0;
        self.runs()
            .flat_map(|(from, to)| from..to)
            .map(move |slot| {
                let count = self.get(slot);
                count.wrapping_sub(std::mem::replace(&mut before, count)) as i64
            })
    }

    /// Returns runs of slots, start and end, without gaps longer than [`GAP_MAX`].
    fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let from = next;
            let mut to = from;
            while next < self.len() && next - to <= GAP_MAX {
                next += 1;
                if self.get(next - 1) > 0 {
                    to = next;
                }
            }
            while next < self.len() && self.get(next) == 0 {
                next += 1;
            }
            (to > from).then_some((from, to))
        })
    }

    fn count_many(&mut self, value: u64, count: u64) {
        match self.unit.bucket(value) {
            _ if count == 0 => {}
            None => self.zero = self.zero.saturating_add(count),
            Some(bucket) => self.add(bucket, FINEST, count),
        }
    }

    /// Adds to a bucket of `schema`, which is not coarser than the own schema.
    fn add(&mut self, bucket: i32, schema: i8, count: u64) {
        let at = coarser(bucket, schema - self.schema);
        let (first, end) = match self.len() as i32 {
            0 => (at, at + 1),
            len => {
                let first = i32::from(self.first);
                (first.min(at), (first + len).max(at + 1))
            }
        };
        if end - first > SLOTS_MAX {
            self.coarsen(self.schema - 1);
            return self.add(bucket, schema, count);
        }
        let present = (i32::from(self.first)..i32::from(self.first) + self.len() as i32)
            .contains(&at)
            .then(|| self.get(self.slot_of(at)));
        let sum = present.unwrap_or(0).saturating_add(count);
        if present.is_none() || width_of(sum) > self.width {
            self.reshape(first, end, width_of(sum).max(self.width));
        }
        self.set(self.slot_of(at), sum);
    }

    fn coarsen(&mut self, schema: i8) {
        let coarse = Self {
            zero: self.zero,
            schema,
            ..Self::new(self.unit)
        };
        let fine = std::mem::replace(self, coarse);
        for (bucket, count) in fine.buckets() {
            self.add(bucket, fine.schema, count);
        }
    }

    /// Reallocates the slots for more buckets or larger counts.
    fn reshape(&mut self, first: i32, end: i32, width: u8) {
        let length = (end - first) as u16;
        let roomy = Self {
            slots: room_for(length.into(), width),
            length,
            first: first as i16,
            width,
            ..*self
        };
        let tight = std::mem::replace(self, roomy);
        for (bucket, count) in tight.buckets() {
            self.set(self.slot_of(bucket), count);
        }
    }

    /// Returns whether observations can have produced it.
    fn is_sound(&self) -> bool {
        let Some(last) = self.len().checked_sub(1) else {
            return (self.first, self.schema, self.width) == (0, FINEST, 1);
        };
        let bound = |bucket| coarser(bucket, FINEST - self.schema);
        let first = i32::from(self.first);
        let widest = self.buckets().map(|(_, count)| width_of(count)).max();
        first >= bound(self.unit.lowest())
            && first + last as i32 <= bound(self.unit.highest())
            && self.get(0) > 0
            && self.get(last) > 0
            && widest == Some(self.width)
    }

    fn len(&self) -> usize {
        self.length.into()
    }

    fn slot_of(&self, bucket: i32) -> usize {
        (bucket - i32::from(self.first)) as usize
    }

    fn get(&self, slot: usize) -> u64 {
        let from = slot * usize::from(self.width);
        match self.slots[from..].first_chunk() {
            Some(&bytes) => u64::from_le_bytes(bytes) & (u64::MAX >> (64 - 8 * self.width)),
            None => 0,
        }
    }

    fn set(&mut self, slot: usize, count: u64) {
        let width = usize::from(self.width);
        self.slots[slot * width..][..width].copy_from_slice(&count.to_le_bytes()[..width]);
    }
}

/// Returns empty slots, without an allocation for none.
fn room_for(length: usize, width: u8) -> Box<[u8]> {
    match length * usize::from(width) {
        0 => Box::default(),
        bytes => vec![0; bytes + PADDING].into_boxed_slice(),
    }
}

/// Returns the bucket that contains a given one after `steps` merges of pairs of buckets.
const fn coarser(bucket: i32, steps: i8) -> i32 {
    -(-bucket >> steps)
}

const fn width_of(count: u64) -> u8 {
    let bits = 64 - (count | 1).leading_zeros();
    bits.div_ceil(8) as u8
}

#[cfg(test)]
mod tests;
