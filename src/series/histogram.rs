//! A classic histogram over integers: exact sums, in any order of observation.

use super::Bounds;

/// Counts for each bucket (not cumulative) and the exact sum, in base integer units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    bounds: &'static Bounds,
    counts: Box<[u64]>,
    sum: u128,
}

impl Histogram {
    /// An empty histogram over `bounds`.
    pub fn new(bounds: &'static Bounds) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.buckets()].into(),
            sum: 0,
        }
    }

    /// The histogram with these stored parts; `None` where the number of buckets does not fit.
    pub fn from_parts(bounds: &'static Bounds, counts: &[u64], sum: u128) -> Option<Self> {
        (counts.len() == bounds.buckets()).then(|| Self {
            bounds,
            counts: counts.into(),
            sum,
        })
    }

    /// Counts one value.
    pub fn observe(&mut self, value: u64) {
        let bucket = self.bounds.bucket(value);
        self.counts[bucket] += 1;
        self.sum += u128::from(value);
    }

    /// The bounds it counts over.
    pub fn bounds(&self) -> &'static Bounds {
        self.bounds
    }

    /// Observations in each bucket, `+Inf` last; not cumulative.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Sum of all values, in base integer units.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
