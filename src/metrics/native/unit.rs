//! The bounds of the buckets, as integers of the counted unit.

use super::FINEST;

/// The table of Prometheus for schema 3: the bounds in [0.5, 1); all others are these times a power
/// of two. The server and other clients use the same numbers, so a value at a bound is counted in
/// the same bucket.
const FRACTIONS: [f64; 1 << FINEST] = [
    0.5,
    0.5452538663326288,
    0.5946035575013605,
    0.6484197773255048,
    0.7071067811865475,
    0.7711054127039704,
    0.8408964152537144,
    0.9170040432046711,
];
/// Fractional bits of a fraction.
const FRACTION_BITS: i32 = 53;
/// Buckets of the finest schema from that of 1 to that of `u64::MAX`.
const BUCKETS: usize = 513;

/// The largest integer of each bucket, from the bucket of 1 on.
type Table = [u64; BUCKETS];

static NANOS: Table = table(Unit::Nanos);
static BYTES: Table = table(Unit::Bytes);
/// The index in a table at which the search for a value begins, by its highest bit.
static NANOS_FROM: [u16; 64] = starts(&NANOS);
static BYTES_FROM: [u16; 64] = starts(&BYTES);

/// The counted unit, and the base unit of the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, with bounds in seconds.
    Nanos,
    /// Bytes, with bounds in bytes.
    Bytes,
}

impl Unit {
    /// Returns the bucket of a value in the finest schema; `None` for zero.
    pub(super) fn bucket(self, value: u64) -> Option<i32> {
        let (table, starts) = match self {
            Self::Nanos => (&NANOS, &NANOS_FROM),
            Self::Bytes => (&BYTES, &BYTES_FROM),
        };
        let from = usize::from(starts[value.checked_ilog2()? as usize]);
        let beyond = table[from..].iter().take_while(|&&upper| upper < value);
        Some(self.lowest() + (from + beyond.count()) as i32)
    }

    /// The lowest bucket of the finest schema: that of 1.
    pub(super) const fn lowest(self) -> i32 {
        match self {
            Self::Nanos => -239,
            Self::Bytes => 0,
        }
    }

    /// The highest bucket of the finest schema: that of `u64::MAX`.
    pub(super) const fn highest(self) -> i32 {
        self.lowest() + BUCKETS as i32 - 1
    }

    /// The number of counted units in one base unit.
    const fn in_base(self) -> u128 {
        match self {
            Self::Nanos => 1_000_000_000,
            Self::Bytes => 1,
        }
    }
}

const fn table(unit: Unit) -> Table {
    let mut table = [0; BUCKETS];
    let mut at = 0;
    while at < BUCKETS {
        table[at] = largest_in(unit, unit.lowest() + at as i32);
        at += 1;
    }
    table
}

/// The first bucket for each power of two. A value below the next power is at most one doubling of
/// buckets further.
const fn starts(table: &Table) -> [u16; 64] {
    let mut starts = [0; 64];
    let (mut bit, mut at) = (0, 0);
    while bit < 64 {
        while table[at] < 1 << bit {
            at += 1;
        }
        starts[bit] = at as u16;
        bit += 1;
    }
    starts
}

/// The largest integer that is not above the upper bound of a bucket. The bound is a fraction of 53
/// bits times a power of two, so the product is computed as an integer, without rounding.
const fn largest_in(unit: Unit, bucket: i32) -> u64 {
    let fraction = FRACTIONS[bucket.rem_euclid(1 << FINEST) as usize].to_bits();
    let mantissa = fraction & ((1 << (FRACTION_BITS - 1)) - 1) | 1 << (FRACTION_BITS - 1);
    let product = mantissa as u128 * unit.in_base();
    let power = bucket.div_euclid(1 << FINEST) + 1 - FRACTION_BITS;
    let largest = if power < 0 {
        product >> -power
    } else {
        product << power
    };
    if largest > u64::MAX as u128 {
        u64::MAX
    } else {
        largest as u64
    }
}
