//! The functions that all servers show: names of a usual length, and 200 invocations each. They are
//! written to a file once, so that each server reads the same numbers.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use tencentcloud::runtime::Random;

use super::Failure;

/// Invocations of each function.
pub const CALLS: usize = 200;
pub const REGION: &str = "ap-guangzhou";
pub const NAMESPACE: &str = "default";
/// Time of the last call of each function, in Unix milliseconds.
pub const LAST_MILLIS: i64 = 1_700_000_000_059;
/// Bytes of an invocation in the file: three little-endian numbers.
const SAMPLE_BYTES: usize = 12;
const SEED: u64 = 1;

/// One invocation: run time in microseconds, billed time in milliseconds, memory in KiB.
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

/// Reads functions from the file one by one.
pub struct Functions {
    file: BufReader<File>,
    left: usize,
}

/// Returns how an invocation ended: two of each function failed.
pub fn ending(place: usize) -> (i64, &'static str) {
    match CALLS.saturating_sub(place) {
        1 => (1, "function_error"),
        2 => (433, "timeout"),
        _ => (0, "success"),
    }
}

/// Writes the invocations of `count` functions.
pub fn write(path: &Path, count: usize) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    let random = Random::seeded(SEED);
    for number in 0..count {
        let name = format!("order-service-handler-{number:05}");
        file.write_all(&[name.len() as u8])?;
        file.write_all(name.as_bytes())?;
        // A median between 5 ms and 2 s of its own, and a part of the memory that it may use.
        let median = 5_000.0 * 400f64.powf(random.unit());
        let used = f64::from((128 << 10) << (random.next_u64() % 4)) * (0.2 + 0.6 * random.unit());
        for _ in 0..CALLS {
            let micros = (median * (0.5 * normal(&random)).exp()).clamp(200.0, 60e6) as u32;
            let memory_kib = (used * (1.0 + 0.05 * normal(&random))).max(1.0) as u32;
            for number in [micros, micros.div_ceil(1_000), memory_kib] {
                file.write_all(&number.to_le_bytes())?;
            }
        }
    }
    Ok(file.flush()?)
}

/// Draws from a normal distribution of mean 0 and deviation 1.
fn normal(random: &Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

// === impl Functions ===

impl Functions {
    /// Opens the first `count` functions of a file.
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
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut numbers = bytes.chunks_exact(4).map(|bytes| {
            let bytes = bytes.iter().rev();
            bytes.fold(0, |number, &byte| number << 8 | u32::from(byte))
        });
        let [micros, billed_millis, memory_kib] = [(); 3].map(|()| numbers.next().unwrap_or(0));
        Self {
            micros,
            billed_millis,
            memory_kib,
        }
    }
}
