//! Native histograms against a plain reference that shares nothing with them: a bucket holds what
//! integers of 768 bits say, and a histogram is a map from bucket to count.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// An integer of 768 bits, the highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Big([u64; 12]);

impl Big {
    const ONE: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    fn times(mut self, factor: u64) -> Self {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            (*limb, carry) = (product as u64, product >> 64);
        }
        assert_eq!(carry, 0, "too small a test");
        self
    }

    fn times_power(self, factor: u64, power: i32) -> Self {
        (0..power).fold(self, |big, _| big.times(factor))
    }
}

/// Below this the floats of the table and the real bounds have the same integers between them.
const EXACT: u64 = 1 << 51;

fn per_base(unit: Unit) -> u64 {
    match unit {
        Unit::Nanos => 1_000_000_000,
        Unit::Bytes => 1,
    }
}

/// Whether `value` is not above `2^(bucket / 2^schema)` base units, both to the power of
/// `2^schema`.
fn is_up_to(value: u64, unit: Unit, schema: i8, bucket: i32) -> bool {
    let power = 1 << schema;
    let value = Big::ONE.times_power(value, power).times_power(2, -bucket);
    let bound = Big::ONE.times_power(per_base(unit), power);
    value <= bound.times_power(2, bucket)
}

/// The bucket of a value that is not zero: the lowest whose bound is not below it.
fn bucket_of(value: u64, unit: Unit, schema: i8) -> i32 {
    let (mut below, mut bucket) = (-240, 512);
    while bucket - below > 1 {
        let middle = (below + bucket) / 2;
        if is_up_to(value, unit, schema, middle) {
            bucket = middle;
        } else {
            below = middle;
        }
    }
    bucket
}

/// Schema, zeros and buckets, the schema being the finest whose buckets are few enough.
fn plain(unit: Unit, observed: &[(u64, u64)]) -> (i32, u64, Vec<(i32, u64)>) {
    let zeros = observed.iter().filter(|(value, _)| *value == 0);
    let zeros = zeros.map(|(_, count)| count).sum();
    for schema in (0..=3).rev() {
        let mut buckets = BTreeMap::new();
        for &(value, count) in observed.iter().filter(|(value, _)| *value > 0) {
            *buckets.entry(bucket_of(value, unit, schema)).or_default() += count;
        }
        let ends = (buckets.first_key_value(), buckets.last_key_value());
        let range = match ends {
            (Some((first, _)), Some((last, _))) => last - first + 1,
            _ => 0,
        };
        if range <= 256 {
            return (schema.into(), zeros, buckets.into_iter().collect());
        }
    }
    unreachable!("schema 0 has 65 buckets for all integers")
}

fn built(unit: Unit, observed: &[(u64, u64)]) -> NativeHistogram {
    let mut native = NativeHistogram::new(unit);
    for &(value, count) in observed {
        native.count_many(value, count);
    }
    native
}

fn facts(native: &NativeHistogram) -> (i32, u64, Vec<(i32, u64)>) {
    (
        native.schema(),
        native.zero_count(),
        native.buckets().collect(),
    )
}

/// What the protobuf fields say, as their reader expands them.
fn expanded(native: &NativeHistogram) -> Vec<(i32, u64)> {
    let mut deltas = native.deltas();
    let (mut index, mut count, mut buckets) = (0, 0, Vec::new());
    for span in native.spans() {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().expect("a delta for each bucket");
            buckets.push((index, u64::try_from(count).expect("no count below zero")));
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None, "no delta without a bucket");
    buckets
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Nanos), Just(Unit::Bytes)]
}

/// Values of one size, of all sizes, and nothing; counts of all widths.
fn observed() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let value = prop_oneof![
        6 => 1_000_000..900_000_000u64,
        3 => (any::<u64>(), 13u32..64).prop_map(|(bits, shift)| bits >> shift),
        1 => Just(0u64),
    ];
    let count = prop_oneof![
        3 => Just(1u64),
        1 => (any::<u64>(), 9u32..64).prop_map(|(bits, shift)| bits >> shift),
    ];
    vec((value, count), 0..60).prop_map(|mut all| {
        all.retain(|(_, count)| *count > 0);
        all
    })
}

#[test]
fn every_bound_is_the_highest_value_of_its_bucket() {
    for unit in [Unit::Nanos, Unit::Bytes] {
        let mut bounds = 0;
        for bucket in unit.lowest()..unit.highest() {
            let (mut bound, mut above) = (0, EXACT);
            while above - bound > 1 {
                let middle = bound + (above - bound) / 2;
                if is_up_to(middle, unit, 3, bucket) {
                    bound = middle;
                } else {
                    above = middle;
                }
            }
            if above == EXACT {
                break;
            }
            bounds += 1;
            for value in [bound, above] {
                let expected = bucket_of(value, unit, 3);
                assert_eq!(unit.bucket(value), Some(expected), "{value} {unit:?}");
            }
        }
        assert!(bounds >= 400, "{bounds} bounds of {unit:?} looked at");
    }
}

#[test]
fn the_smallest_and_the_largest_have_their_buckets() {
    for (unit, lowest) in [(Unit::Nanos, -239), (Unit::Bytes, 0)] {
        assert_eq!(unit.bucket(0), None);
        assert_eq!((unit.bucket(1), unit.lowest()), (Some(lowest), lowest));
        assert_eq!(bucket_of(1, unit, 3), lowest);
        let highest = (64.0 - (per_base(unit) as f64).log2()) * 8.0;
        assert_eq!(unit.bucket(u64::MAX), Some(highest.ceil() as i32));
        assert_eq!(unit.highest(), highest.ceil() as i32);
    }
    let mut native = built(Unit::Nanos, &[(1, 1), (u64::MAX, 1)]);
    assert_eq!(native.schema(), 1);
    native.count_many(u64::MAX, u64::MAX);
    native.count_many(0, u64::MAX);
    assert_eq!(native.count(), None);
    assert_eq!(native.buckets().last().unwrap().1, u64::MAX, "at its end");
}

#[test]
fn a_second_is_at_the_bound_of_its_bucket() {
    let second = 1_000_000_000;
    let native = built(
        Unit::Nanos,
        &[(second - 1, 1), (second, 1), (second + 1, 1)],
    );
    assert_eq!(facts(&native), (3, 0, vec![(0, 2), (1, 1)]));
    assert_eq!(NativeHistogram::ZERO_THRESHOLD, 2f64.powi(-128));
    let empty = NativeHistogram::new(Unit::Nanos);
    assert_eq!((empty.spans().next(), empty.deltas().next()), (None, None));
}

#[test]
fn whole_milliseconds_of_a_month_keep_the_finest_schema() {
    let month = 31 * 86_400_000_000_000;
    assert_eq!(
        built(Unit::Nanos, &[(1_000_000, 1), (month, 1)]).schema(),
        3
    );
    assert_eq!(
        built(Unit::Bytes, &[(1 << 10, 1), (1 << 40, 1)]).schema(),
        3
    );
}

#[test]
fn one_bucket_too_many_halves_the_resolution() {
    // 2 is in bucket 8; then 2^32.75 < 7.5e9 <= 2^(263/8), and 2^33 is in bucket 264.
    let widest = [(2, 1), (7_500_000_000, 1)];
    let mut native = built(Unit::Bytes, &widest);
    assert_eq!(facts(&native), (3, 0, vec![(8, 1), (263, 1)]));
    native.observe(1 << 33);
    assert_eq!(facts(&native), (2, 0, vec![(4, 1), (132, 2)]));
}

#[test]
fn short_gaps_are_filled_and_long_ones_are_not() {
    // Bounds of bytes at 2^(i/8): these are the buckets 64, 67 and 71.
    let native = built(Unit::Bytes, &[(256, 5), (331, 1), (469, 2)]);
    assert_eq!(
        native.buckets().collect::<Vec<_>>(),
        [(64, 5), (67, 1), (71, 2)]
    );
    let spans: Vec<_> = native.spans().map(|s| (s.offset, s.length)).collect();
    assert_eq!(spans, [(64, 4), (3, 1)]);
    assert_eq!(native.deltas().collect::<Vec<_>>(), [5, -5, 0, 1, 1]);
}

#[test]
fn parts_that_no_observation_makes_are_refused() {
    let native = built(Unit::Bytes, &[(256, 300), (512, 1)]);
    let good = native.parts();
    let refused = |parts| NativeHistogram::from_parts(Unit::Bytes, parts).is_none();
    assert!(!refused(good));
    let slots = good.slots;
    for bad in [
        NativeParts { schema: 4, ..good },
        NativeParts { schema: 0, ..good },
        NativeParts { schema: -1, ..good },
        NativeParts { first: -1, ..good },
        NativeParts { first: 505, ..good },
        NativeParts { width: 0, ..good },
        NativeParts { width: 1, ..good },
        NativeParts { width: 3, ..good },
        NativeParts { width: 9, ..good },
        NativeParts {
            slots: &slots[2..],
            ..good
        },
        NativeParts {
            slots: &slots[1..],
            ..good
        },
        NativeParts {
            slots: &slots[..slots.len() - 2],
            ..good
        },
        NativeParts { slots: &[], ..good },
        NativeParts {
            slots: &[1; 514],
            first: 0,
            ..good
        },
    ] {
        assert!(refused(bad), "{bad:?}");
    }
    assert!(
        !refused(NativeParts { first: 504, ..good }),
        "its top is 2^64"
    );
}

proptest! {
    #[test]
    fn every_value_is_in_the_bucket_whose_bounds_hold_it(
        unit in unit(), bits in 1u64.., shift in 0u32..64,
    ) {
        let value = (bits >> shift).max(1);
        let bucket = unit.bucket(value).unwrap();
        if value < EXACT {
            prop_assert!(is_up_to(value, unit, 3, bucket));
            prop_assert!(!is_up_to(value, unit, 3, bucket - 1));
        }
        let base = value as f64 / per_base(unit) as f64;
        let bound = |bucket: i32| 2f64.powf(f64::from(bucket) / 8.0);
        prop_assert!(base <= bound(bucket) * (1.0 + 1e-15));
        prop_assert!(base >= bound(bucket - 1) * (1.0 - 1e-15));
    }

    #[test]
    fn a_histogram_is_what_the_plain_one_is(unit in unit(), observed in observed()) {
        let native = built(unit, &observed);
        prop_assert_eq!(facts(&native), plain(unit, &observed));
        prop_assert_eq!(native.count(), Some(observed.iter().map(|(_, count)| count).sum()));
        let backwards: Vec<_> = observed.iter().rev().copied().collect();
        prop_assert_eq!(built(unit, &backwards), native);
    }

    #[test]
    fn halving_is_building_at_the_lower_schema(unit in unit(), observed in observed()) {
        for schema in [2, 1] {
            let mut native = built(unit, &observed);
            if native.schema < schema {
                continue;
            }
            native.coarsen(schema);
            let mut buckets = BTreeMap::new();
            for &(value, count) in observed.iter().filter(|(value, _)| *value > 0) {
                *buckets.entry(bucket_of(value, unit, schema)).or_default() += count;
            }
            prop_assert_eq!(native.buckets().collect::<BTreeMap<_, _>>(), buckets);
        }
    }

    #[test]
    fn parts_come_back(unit in unit(), observed in observed()) {
        let native = built(unit, &observed);
        prop_assert_eq!(NativeHistogram::from_parts(unit, native.parts()), Some(native.clone()));
    }

    #[test]
    fn spans_and_deltas_expand_to_the_buckets(unit in unit(), observed in observed()) {
        let native = built(unit, &observed);
        let all = expanded(&native);
        let filled: Vec<_> = all.iter().copied().filter(|(_, count)| *count > 0).collect();
        prop_assert_eq!(&filled, &native.buckets().collect::<Vec<_>>());
        prop_assert!(native.spans().skip(1).all(|span| span.offset > 2), "a gap worth a span");
        let longest = all.chunk_by(|one, next| one.1 == next.1).filter(|run| run[0].1 == 0);
        prop_assert!(longest.map(<[_]>::len).max() <= Some(2), "no longer gap is filled");
    }
}
