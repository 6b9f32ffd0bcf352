//! A gzip file of two parts: the functions, which are compressed once and kept, and the rest of one
//! scrape. Both are one member, because not every client reads past the first one.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// The header: deflate, no name, no time, quick compression, unknown system (RFC 1952, section 2.3).
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// The first part of a file while it is written.
#[derive(Debug)]
pub(super) struct Gzip {
    encoder: DeflateEncoder<Vec<u8>>,
    sum: Crc,
}

impl Gzip {
    /// Returns an empty file in the memory of `out`.
    ///
    /// Its level is the fastest: higher ones take five to ten times as long for a third fewer bytes.
    pub(super) fn new(mut out: Vec<u8>) -> Self {
        out.clear();
        out.extend_from_slice(&HEAD);
        Self {
            encoder: DeflateEncoder::new(out, Compression::fast()),
            sum: Crc::new(),
        }
    }

    /// Appends `plain`.
    pub(super) fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.sum.update(plain);
        self.encoder.write_all(plain)
    }

    /// Returns the first part, which ends with a whole byte, and the checksum of its content.
    pub(super) fn into_part(mut self) -> io::Result<(Vec<u8>, Crc)> {
        self.encoder.flush()?;
        Ok((std::mem::take(self.encoder.get_mut()), self.sum))
    }
}

/// Returns the rest of a file whose first part has the checksum `before`.
pub(super) fn rest(before: &Crc, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    let mut packed = encoder.finish()?;
    let mut own = Crc::new();
    own.update(plain);
    let mut whole = Crc::new();
    whole.combine(before);
    whole.combine(&own);
    packed.extend_from_slice(&whole.sum().to_le_bytes());
    // The trailer has the length modulo 2^32, which `amount` returns.
    packed.extend_from_slice(&whole.amount().to_le_bytes());
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Text that repeats itself, or noise.
    fn plain() -> impl Strategy<Value = Vec<u8>> {
        let noise = vec(any::<u8>(), 0..3_000);
        let text = (vec(97u8..100, 1..40), 0usize..4_000);
        prop_oneof![noise, text.prop_map(|(word, times)| word.repeat(times))]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn both_parts_are_one_member(first in vec(plain(), 0..4), last in vec(plain(), 2)) {
            let mut gzip = Gzip::new(b"old".to_vec());
            first.iter().for_each(|plain| gzip.write(plain).unwrap());
            let (part, sum) = gzip.into_part().unwrap();
            // The same first part, with a different rest each time.
            for last in &last {
                let packed = [part.clone(), rest(&sum, last).unwrap()].concat();
                let mut unpacked = Vec::new();
                // It checks the trailer, and leaves what follows the first member alone.
                let mut decoder = GzDecoder::new(packed.as_slice());
                decoder.read_to_end(&mut unpacked).unwrap();
                prop_assert_eq!(unpacked, [first.concat(), last.clone()].concat());
                prop_assert!(decoder.into_inner().is_empty());
            }
        }
    }
}
