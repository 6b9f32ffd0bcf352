//! The classic bucket bounds, each with the text of its `le` label.

/// Upper bounds of a classic histogram in base integer units (nanoseconds or bytes), ascending,
/// without `+Inf`.
#[derive(Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Inclusive upper bounds.
    pub upper: &'static [u64],
    /// The values of the label `le`, in seconds or bytes.
    pub le: &'static [&'static str],
}

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
const MIB: u64 = 1 << 20;

/// Durations from 1 ms to 900 s, the longest that an ordinary function may run.
pub static DURATION_BOUNDS: Bounds = Bounds {
    upper: &[
        MS,
        2_500_000,
        5 * MS,
        10 * MS,
        25 * MS,
        50 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        S,
        2_500 * MS,
        5 * S,
        10 * S,
        30 * S,
        60 * S,
        300 * S,
        900 * S,
    ],
    le: &[
        "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5",
        "10", "30", "60", "300", "900",
    ],
};

/// Memory from 4 MiB to 3 GiB: the sizes that can be configured, and some between them. Larger
/// sizes, which the platform grants on request, are in `+Inf`.
pub static MEMORY_BOUNDS: Bounds = Bounds {
    upper: &[
        4 * MIB,
        8 * MIB,
        16 * MIB,
        32 * MIB,
        64 * MIB,
        128 * MIB,
        256 * MIB,
        384 * MIB,
        512 * MIB,
        768 * MIB,
        1024 * MIB,
        1536 * MIB,
        2048 * MIB,
        3072 * MIB,
    ],
    le: &[
        "4194304",
        "8388608",
        "16777216",
        "33554432",
        "67108864",
        "134217728",
        "268435456",
        "402653184",
        "536870912",
        "805306368",
        "1073741824",
        "1610612736",
        "2147483648",
        "3221225472",
    ],
};

impl Bounds {
    /// Returns the index of the bucket of `value`; the last one is `+Inf`.
    pub fn bucket(&self, value: u64) -> usize {
        self.upper.partition_point(|&upper| upper < value)
    }

    /// Returns the number of buckets, including `+Inf`.
    pub const fn buckets(&self) -> usize {
        self.upper.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_say_what_the_bounds_are() {
        for (bounds, unit) in [(&DURATION_BOUNDS, 1e9), (&MEMORY_BOUNDS, 1.0)] {
            assert_eq!(bounds.upper.len(), bounds.le.len());
            for (&upper, le) in bounds.upper.iter().zip(bounds.le) {
                assert_eq!(upper as f64 / unit, le.parse::<f64>().unwrap(), "le={le}");
            }
            assert!(
                bounds.upper.windows(2).all(|pair| pair[0] < pair[1]),
                "ascending"
            );
        }
    }

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        assert_eq!(DURATION_BOUNDS.bucket(0), 0);
        assert_eq!(DURATION_BOUNDS.bucket(1_000_000), 0);
        assert_eq!(DURATION_BOUNDS.bucket(1_000_001), 1);
        assert_eq!(DURATION_BOUNDS.bucket(900_000_000_000), 16);
        assert_eq!(DURATION_BOUNDS.bucket(u64::MAX), 17);
    }
}
