//! gzip in pieces that can be kept.
//!
//! Every piece ends on a whole byte and looks back at nothing before it, so pieces may follow one
//! another in any order. Together they are one gzip member, for not every client reads a second
//! one; what its trailer has to tell comes from what each piece knows of itself.

use std::io;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use zlib_rs::crc32::{crc32, crc32_combine_gen, crc32_combine_op};

use super::negotiate::Encoding;

/// The head of a member: deflate, no name, no time, of no particular system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// Room for what a flush adds.
const FLUSH: usize = 64;

/// Bytes as they are sent, and what is known of them as they were before.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    sum: Sum,
}

/// The checksum of some bytes.
#[derive(Debug, Clone, Copy)]
struct Sum {
    crc: u32,
    /// Moves the checksum of what stands before over these bytes.
    shift: u32,
    length: u64,
}

/// Packs pieces, all of one body.
#[derive(Debug)]
pub(super) struct Packer {
    gzip: Option<(Compress, Vec<u8>)>,
}

/// What has to be known of all pieces before the end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    sum: Sum,
    /// Bytes as they are sent.
    pub(super) sent: usize,
}

// === impl Packer ===

impl Packer {
    /// Level 1 for gzip: higher ones cost five to ten times the time for a third fewer bytes.
    pub(super) fn new(encoding: Encoding) -> Self {
        let gzip = (encoding == Encoding::Gzip)
            .then(|| (Compress::new(Compression::new(1), false), Vec::new()));
        Self { gzip }
    }

    /// What a body begins with.
    pub(super) fn head(&self) -> Bytes {
        Bytes::from_static(if self.gzip.is_some() { &HEAD } else { &[] })
    }

    /// The total of a body that has its head alone.
    pub(super) fn start(&self) -> Total {
        Total {
            sum: Sum::default(),
            sent: self.head().len(),
        }
    }

    /// A piece of any body.
    pub(super) fn pack(&mut self, plain: &[u8]) -> io::Result<Piece> {
        let Some((compress, room)) = &mut self.gzip else {
            return Ok(Piece {
                bytes: Bytes::copy_from_slice(plain),
                // Nobody asks for its checksum.
                sum: Sum {
                    length: plain.len() as u64,
                    ..Sum::default()
                },
            });
        };
        if plain.is_empty() {
            return Ok(Piece::default());
        }
        deflate(compress, plain, FlushCompress::Full, room)?;
        Ok(Piece {
            bytes: Bytes::copy_from_slice(room),
            sum: Sum::of(plain),
        })
    }

    /// The last piece of a body, after those that came to `total`.
    pub(super) fn finish(mut self, plain: Vec<u8>, mut total: Total) -> io::Result<Bytes> {
        let Some((compress, packed)) = &mut self.gzip else {
            return Ok(plain.into());
        };
        deflate(compress, &plain, FlushCompress::Finish, packed)?;
        total.sum = total.sum.then(Sum::of(&plain));
        packed.extend_from_slice(&total.sum.crc.to_le_bytes());
        // As the format has it: the length modulo 2^32.
        packed.extend_from_slice(&(total.sum.length as u32).to_le_bytes());
        Ok(std::mem::take(packed).into())
    }
}

/// Compresses all of `plain` into `packed`, in place of what it held.
fn deflate(
    compress: &mut Compress,
    plain: &[u8],
    flush: FlushCompress,
    packed: &mut Vec<u8>,
) -> io::Result<()> {
    packed.clear();
    packed.reserve(plain.len() / 4 + FLUSH);
    let start = compress.total_in();
    loop {
        let done = (compress.total_in() - start) as usize;
        let status = compress
            .compress_vec(&plain[done..], packed, flush)
            .map_err(io::Error::other)?;
        let all = compress.total_in() - start == plain.len() as u64;
        let ended = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            // Room that is left over says that nothing waits to be written.
            _ => all && packed.len() < packed.capacity(),
        };
        if ended {
            return Ok(());
        }
        packed.reserve(packed.capacity().max(FLUSH));
    }
}

// === impl Piece ===

impl Piece {
    /// How many bytes they were.
    pub(super) fn plain(&self) -> usize {
        self.sum.length as usize
    }
}

// === impl Total ===

impl Total {
    /// Adds the piece that follows.
    pub(super) fn add(&mut self, piece: &Piece) {
        self.sum = self.sum.then(piece.sum);
        self.sent += piece.bytes.len();
    }
}

// === impl Sum ===

impl Sum {
    fn of(plain: &[u8]) -> Self {
        Self {
            crc: crc32(0, plain),
            shift: crc32_combine_gen(plain.len() as u64),
            length: plain.len() as u64,
        }
    }

    fn then(self, next: Self) -> Self {
        if next.length == 0 {
            return self;
        }
        Self {
            crc: crc32_combine_op(self.crc, next.crc, next.shift),
            // Only the sum of a single piece is ever moved over.
            shift: 0,
            length: self.length + next.length,
        }
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            crc: 0,
            shift: crc32_combine_gen(0),
            length: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder = GzDecoder::new(packed);
        decoder.read_to_end(&mut plain).unwrap();
        plain
    }

    /// Repeats itself as text does, or not at all.
    fn plain() -> impl Strategy<Value = Vec<u8>> {
        let noise = vec(any::<u8>(), 0..3_000);
        let text = (vec(97u8..100, 1..40), 0usize..400);
        prop_oneof![noise, text.prop_map(|(word, times)| word.repeat(times))]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn pieces_in_any_order_and_of_several_packers_are_one_member(
            parts in vec((plain(), any::<bool>()), 0..8),
            order in any::<prop::sample::Index>(),
            last in plain(),
        ) {
            let mut packer = Packer::new(Encoding::Gzip);
            let mut pieces = Vec::new();
            for (part, other) in &parts {
                let mut another = Packer::new(Encoding::Gzip);
                let packer = if *other { &mut another } else { &mut packer };
                pieces.push((part, packer.pack(part).unwrap()));
            }
            if !pieces.is_empty() {
                let by = order.index(pieces.len());
                pieces.rotate_left(by);
            }
            let mut total = packer.start();
            let mut packed = packer.head().to_vec();
            let mut expected = Vec::new();
            for (part, piece) in pieces {
                prop_assert_eq!(piece.plain(), part.len());
                total.add(&piece);
                packed.extend_from_slice(&piece.bytes);
                expected.extend_from_slice(part);
            }
            prop_assert_eq!(total.sent, packed.len());
            packed.extend_from_slice(&packer.finish(last.clone(), total).unwrap());
            expected.extend_from_slice(&last);
            // It checks the checksum and the length in the trailer.
            prop_assert_eq!(unpacked(&packed), expected);
        }
    }

    #[test]
    fn what_is_not_packed_stays_as_it_is() {
        let mut packer = Packer::new(Encoding::Identity);
        assert!(packer.head().is_empty());
        assert_eq!(packer.pack(b"abc").unwrap().bytes, "abc");
        let end = packer.finish(b"end".to_vec(), Total::default()).unwrap();
        assert_eq!(end, "end");
    }
}
