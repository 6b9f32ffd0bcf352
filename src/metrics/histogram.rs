//! A classic histogram of integers, so that sums are exact in any order of observation.

use super::Bounds;

const BUCKETS_MAX: usize = 18;

/// Counts by bucket (not cumulative) and the exact sum, in base integer units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    bounds: &'static Bounds,
    /// As many as the bounds have buckets are used. Inline, so that a function is one allocation.
    counts: [u64; BUCKETS_MAX],
    sum: u128,
}

impl Histogram {
    /// An empty histogram over `bounds`.
    pub fn new(bounds: &'static Bounds) -> Self {
        Self {
            bounds,
            counts: [0; BUCKETS_MAX],
            sum: 0,
        }
    }

    /// The histogram with these stored parts; `None` where the number of buckets does not fit.
    pub fn from_parts(bounds: &'static Bounds, counts: &[u64], sum: u128) -> Option<Self> {
        let mut histogram = Self::new(bounds);
        let buckets = histogram.counts.get_mut(..bounds.buckets())?;
        if buckets.len() != counts.len() {
            return None;
        }
        buckets.copy_from_slice(counts);
        Some(Self { sum, ..histogram })
    }

    /// Counts one value and returns the index of its bucket.
    pub fn observe(&mut self, value: u64) -> usize {
        let bucket = self.bounds.bucket(value);
        self.counts[bucket] += 1;
        self.sum += u128::from(value);
        bucket
    }

    /// Returns the bounds of its buckets.
    pub fn bounds(&self) -> &'static Bounds {
        self.bounds
    }

    /// Returns the observations in each bucket, `+Inf` last; not cumulative.
    pub fn counts(&self) -> &[u64] {
        &self.counts[..self.bounds.buckets()]
    }

    /// Returns the sum of all values, in base integer units.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Returns the number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the number of observations of stored parts; `None` above `u64::MAX`.
    pub fn checked_count(&self) -> Option<u64> {
        let mut counts = self.counts.iter();
        counts.try_fold(0u64, |sum, &count| sum.checked_add(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{DURATION_BOUNDS, MEMORY_BOUNDS};

    #[test]
    fn stored_parts_come_back_and_a_wrong_number_of_buckets_is_refused() {
        for bounds in [&DURATION_BOUNDS, &MEMORY_BOUNDS] {
            let mut histogram = Histogram::new(bounds);
            for value in [0, 1, 1_000_000, u64::MAX] {
                histogram.observe(value);
            }
            let (counts, sum) = (histogram.counts(), histogram.sum());
            assert_eq!((histogram.count(), counts.len()), (4, bounds.buckets()));
            assert_eq!(sum, u128::from(u64::MAX) + 1_000_001);
            let fits = Histogram::from_parts(bounds, counts, sum);
            assert_eq!(fits.as_ref(), Some(&histogram));
            assert_eq!(Histogram::from_parts(bounds, &counts[1..], sum), None);
        }
    }
}
