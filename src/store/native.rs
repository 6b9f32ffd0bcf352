//! The stored form of a native histogram.
//!
//! `schema, observations of zero, width of a count, number of counts, bucket of the first, counts
//! (little-endian, each of that width)`: it lies in memory in the same form.

use super::codec::{Reader, put_int, put_uint};
use crate::series::{NativeHistogram, NativeParts, Unit};

pub(super) fn put_native(buffer: &mut Vec<u8>, native: &NativeHistogram) {
    let parts = native.parts();
    put_int(buffer, parts.schema.into());
    put_uint(buffer, parts.zero.into());
    put_uint(buffer, parts.width.into());
    put_uint(
        buffer,
        (parts.slots.len() / usize::from(parts.width)) as u128,
    );
    put_int(buffer, parts.first.into());
    buffer.extend_from_slice(parts.slots);
}

pub(super) fn decode_native(reader: &mut Reader<'_>, unit: Unit) -> Option<NativeHistogram> {
    let schema = reader.int()?.try_into().ok()?;
    let zero = reader.uint()?;
    let width = reader.small::<u8>()?;
    let length = reader.small::<u16>()?;
    let first = reader.int()?.try_into().ok()?;
    let slots = reader.bytes(usize::from(length) * usize::from(width))?;
    let parts = NativeParts {
        zero,
        schema,
        first,
        width,
        slots,
    };
    NativeHistogram::from_parts(unit, parts)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_histogram_comes_back_as_it_was_and_one_cut_short_does_not(
            values in vec((any::<u64>(), 0u32..64).prop_map(|(bits, shift)| bits >> shift), 0..300),
        ) {
            for unit in [Unit::Nanos, Unit::Bytes] {
                let mut native = NativeHistogram::new(unit);
                values.iter().for_each(|&value| native.observe(value));
                let mut buffer = Vec::new();
                put_native(&mut buffer, &native);
                let mut reader = Reader::new(&buffer);
                prop_assert_eq!(decode_native(&mut reader, unit), Some(native));
                prop_assert_eq!(reader.end(), Some(()));
                for cut in 0..buffer.len() {
                    prop_assert_eq!(decode_native(&mut Reader::new(&buffer[..cut]), unit), None);
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_histogram_is_refused() {
        // Schema 3 (zigzag: 6), no zeros, width 1, one count, bucket 0, five.
        let good = [6, 0, 1, 1, 0, 5];
        let decoded = |bytes: [u8; 6]| decode_native(&mut Reader::new(&bytes), Unit::Bytes);
        let native = decoded(good).unwrap();
        assert_eq!(native.buckets().collect::<Vec<_>>(), [(0, 5)]);
        // Another schema, no width, a width too large, more counts than there are, an empty end.
        for (at, byte) in [(0, 8), (2, 0), (2, 2), (3, 2), (5, 0)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(decoded(bad), None, "{byte} at {at}");
        }
    }
}
