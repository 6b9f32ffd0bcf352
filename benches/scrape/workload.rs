//! What all sides show: functions with names of a usual length and 200 invocations each, written
//! to a file once, so that programs in other languages read the very same numbers.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::Failure;

/// Invocations of each function.
pub const CALLS: usize = 200;
pub const REGION: &str = "ap-guangzhou";
pub const NAMESPACE: &str = "default";
/// When each function was last called, in milliseconds.
pub const LAST_MILLIS: i64 = 1_700_000_000_059;
/// Bytes of an invocation in the file: three numbers, the lowest byte first.
const SAMPLE_BYTES: usize = 12;

const SEED: u64 = 1;
const TEAMS: [&str; 8] = [
    "orders", "billing", "catalog", "search", "media", "growth", "risk", "platform",
];
const PARTS: [&str; 8] = [
    "api",
    "callback",
    "webhook",
    "thumbnail",
    "settlement",
    "notify",
    "import",
    "cleanup",
];

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub micros: u32,
    pub billed_millis: u32,
    pub memory_kib: u32,
}

/// A function with its invocations.
pub struct Function {
    pub name: String,
    pub samples: Vec<Sample>,
}

/// Reads functions from the file, one after the other.
pub struct Functions {
    file: BufReader<File>,
    left: usize,
}

/// What the histograms of all functions must add up to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Truth {
    pub invocations: u64,
    pub memory_bytes: u64,
}

/// A seeded stream (SplitMix64).
pub struct Stream(pub u64);

/// How the invocation at this place ended: two of each function's failed.
pub fn ending(place: usize) -> (i64, &'static str) {
    match CALLS - place {
        1 => (1, "function_error"),
        2 => (433, "timeout"),
        _ => (0, "success"),
    }
}

/// Writes the invocations of `count` functions; what they add up to.
pub fn write(path: &Path, count: usize) -> Result<Truth, Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut stream = Stream(SEED);
    let mut truth = Truth::default();
    for number in 0..count {
        let name = name_of(number);
        file.write_all(&[name.len() as u8])?;
        file.write_all(name.as_bytes())?;
        // A median between 5 ms and 2 s of its own, and a part of the memory that it may use.
        let median = 5_000.0 * 400f64.powf(stream.share());
        let used = f64::from((128 << 10) << (stream.next() % 4)) * (0.2 + 0.6 * stream.share());
        for _ in 0..CALLS {
            let sample = Sample::draw(&mut stream, median, used);
            truth.invocations += 1;
            truth.memory_bytes += u64::from(sample.memory_kib) << 10;
            for number in [sample.micros, sample.billed_millis, sample.memory_kib] {
                file.write_all(&number.to_le_bytes())?;
            }
        }
    }
    file.flush()?;
    Ok(truth)
}

/// The name of a function, so that nobody has to keep it for this bench alone.
pub fn name_of(number: usize) -> String {
    let (team, part) = (TEAMS[number % 8], PARTS[number / 8 % 8]);
    format!("{team}-{part}-handler-{number:05}")
}

// === impl Functions ===

impl Functions {
    /// The first `count` functions of a file.
    pub fn open(path: &Path, count: usize) -> Result<Self, Failure> {
        Ok(Self {
            file: BufReader::new(File::open(path)?),
            left: count,
        })
    }

    fn read(&mut self) -> Result<Function, Failure> {
        let mut length = [0];
        self.file.read_exact(&mut length)?;
        let mut name = vec![0; usize::from(length[0])];
        self.file.read_exact(&mut name)?;
        let mut bytes = [0; CALLS * SAMPLE_BYTES];
        self.file.read_exact(&mut bytes)?;
        let samples = bytes.chunks_exact(SAMPLE_BYTES).map(Sample::of_bytes);
        Ok(Function {
            name: String::from_utf8(name)?,
            samples: samples.collect(),
        })
    }
}

impl Iterator for Functions {
    type Item = Result<Function, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read())
    }
}

// === impl Sample ===

impl Sample {
    fn draw(stream: &mut Stream, median: f64, used: f64) -> Self {
        let micros = (median * (0.5 * stream.normal()).exp()).clamp(200.0, 60e6) as u32;
        Self {
            micros,
            billed_millis: micros.div_ceil(1_000),
            memory_kib: (used * (1.0 + 0.05 * stream.normal())).max(1.0) as u32,
        }
    }

    /// One more call of some function, as a change before a scrape.
    pub fn further(stream: &mut Stream) -> Self {
        Self::draw(stream, 100_000.0, 100_000.0)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let number = |at: usize| {
            let bytes = bytes[at..].iter().take(4).rev();
            bytes.fold(0, |number, &byte| number << 8 | u32::from(byte))
        };
        Self {
            micros: number(0),
            billed_millis: number(4),
            memory_kib: number(8),
        }
    }

    /// Seconds, billed seconds, bytes.
    pub fn values(&self) -> [f64; 3] {
        [
            f64::from(self.micros) / 1e6,
            f64::from(self.billed_millis) / 1e3,
            f64::from(self.memory_kib) * 1_024.0,
        ]
    }
}

// === impl Stream ===

impl Stream {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In [0, 1).
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    /// Below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// `wanted` different numbers below `limit`, in ascending order.
    pub fn choose(&mut self, wanted: usize, limit: usize) -> Vec<usize> {
        let mut left = wanted.min(limit);
        let mut chosen = Vec::with_capacity(left);
        for number in 0..limit {
            if self.below(limit - number) < left {
                chosen.push(number);
                left -= 1;
            }
        }
        chosen
    }
}
