//! The stored form of functions and of packs of invocation keys: the records below, encoded by
//! postcard.
//!
//! A record is accepted only if it takes all of its bytes. Memory for a list is claimed as its
//! elements are read, so a damaged length cannot claim more than the bytes that exist.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metrics::{
    Bounds, CodeCount, ColdStarts, DURATION_BOUNDS, FunctionSeries, Histogram, MEMORY_BOUNDS,
    NativeHistogram, NativeParts, Unit,
};
use crate::model::{FunctionId, InvocationKey, Outcome, RetCode, Timestamp};

/// What is stored of one function.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFunction {
    /// Its series.
    pub series: Arc<FunctionSeries>,
    /// The position below which its invocation keys are evicted.
    pub evicted_below: Timestamp,
}

/// The key of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenKey {
    /// Slot of the function.
    pub slot: u32,
    /// Identity.
    pub key: InvocationKey,
    /// Position.
    pub position: Timestamp,
}

/// The keys of the invocations of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPack(pub Vec<SeenKey>);

/// Times are Unix milliseconds, as in every record.
#[derive(Serialize, Deserialize)]
struct FunctionRecord<'a> {
    account: &'a str,
    region: &'a str,
    namespace: &'a str,
    name: &'a str,
    evicted_below: i64,
    since: Option<i64>,
    last_invocation: Option<i64>,
    codes: Vec<CodeRecord>,
    #[serde(borrow)]
    duration: HistogramRecord<'a>,
    billed: HistogramRecord<'a>,
    memory: HistogramRecord<'a>,
    retries: u64,
    billed_memory: u128,
    cold_starts: Option<ColdStartsRecord>,
}

#[derive(Serialize, Deserialize)]
struct CodeRecord {
    ret_code: i16,
    outcome: u8,
    count: u64,
    since: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct HistogramRecord<'a> {
    classic: ClassicRecord,
    #[serde(borrow)]
    native: NativeParts<'a>,
}

#[derive(Serialize, Deserialize)]
struct ClassicRecord {
    counts: Vec<u64>,
    sum: u128,
}

#[derive(Serialize, Deserialize)]
struct ColdStartsRecord {
    duration: ClassicRecord,
    parts: [u128; 3],
    since: Option<i64>,
}

/// Ids are random and stored as 16 bytes; positions are stored as differences, which are small.
#[derive(Serialize, Deserialize)]
struct KeyRecord {
    slot: u32,
    id: [u8; 16],
    attempt: u32,
    millis_since_previous: i64,
}

// === impl StoredFunction ===

impl StoredFunction {
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        encode_series(&self.series, self.evicted_below)
    }

    /// Reads the stored form; `None` where it is damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let record: FunctionRecord<'_> = decode(bytes)?;
        let function = FunctionId::new(record.region, record.namespace, record.name);
        let codes = record.codes.into_iter().map(CodeRecord::decode);
        let (duration, duration_native) = record.duration.decode(&DURATION_BOUNDS, Unit::Nanos)?;
        let (billed, billed_native) = record.billed.decode(&DURATION_BOUNDS, Unit::Nanos)?;
        let (memory, memory_native) = record.memory.decode(&MEMORY_BOUNDS, Unit::Bytes)?;
        let cold_starts = match record.cold_starts {
            Some(starts) => Some(Box::new(starts.decode()?)),
            None => None,
        };
        let series = FunctionSeries {
            codes: codes.collect::<Option<_>>()?,
            since: record.since.map(Timestamp::from_millis),
            duration,
            billed,
            memory,
            duration_native,
            billed_native,
            memory_native,
            last_invocation: record.last_invocation.map(Timestamp::from_millis),
            retries: record.retries,
            billed_memory: record.billed_memory,
            cold_starts,
            ..FunctionSeries::new(function.of_account(record.account), RetCode::ZERO)
        };
        Some(Self {
            series: Arc::new(series),
            evicted_below: Timestamp::from_millis(record.evicted_below),
        })
    }
}

/// Returns the stored form of `series`. Held series have no `evicted_below` of their own.
pub(super) fn encode_series(
    series: &FunctionSeries,
    evicted_below: Timestamp,
) -> io::Result<Vec<u8>> {
    let function = &series.function;
    let starts = series.cold_starts.as_deref();
    encode(&FunctionRecord {
        account: &function.account,
        region: &function.region,
        namespace: &function.namespace,
        name: &function.name,
        evicted_below: evicted_below.as_millis(),
        since: series.since.map(Timestamp::as_millis),
        last_invocation: series.last_invocation.map(Timestamp::as_millis),
        codes: series.codes.iter().map(CodeRecord::of).collect(),
        duration: HistogramRecord::of(&series.duration, &series.duration_native),
        billed: HistogramRecord::of(&series.billed, &series.billed_native),
        memory: HistogramRecord::of(&series.memory, &series.memory_native),
        retries: series.retries,
        billed_memory: series.billed_memory,
        cold_starts: starts.map(|starts| ColdStartsRecord {
            duration: ClassicRecord::of(&starts.duration),
            parts: starts.parts,
            since: starts.since.map(Timestamp::as_millis),
        }),
    })
}

impl CodeRecord {
    fn of(code: &CodeCount) -> Self {
        Self {
            ret_code: code.ret_code.to_raw(),
            outcome: code.outcome as u8,
            count: code.count,
            since: code.since.map(Timestamp::as_millis),
        }
    }

    fn decode(self) -> Option<CodeCount> {
        Some(CodeCount {
            ret_code: RetCode::from_raw(self.ret_code),
            outcome: Outcome::from_u8(self.outcome)?,
            count: self.count,
            since: self.since.map(Timestamp::from_millis),
        })
    }
}

impl<'a> HistogramRecord<'a> {
    fn of(classic: &Histogram, native: &'a NativeHistogram) -> Self {
        Self {
            classic: ClassicRecord::of(classic),
            native: native.parts(),
        }
    }

    /// Returns `None` for damage: counts that differ, or a total above `u64::MAX`.
    fn decode(self, bounds: &'static Bounds, unit: Unit) -> Option<(Histogram, NativeHistogram)> {
        let classic = self.classic.decode(bounds)?;
        let native = NativeHistogram::from_parts(unit, self.native)?;
        (native.count()? == classic.checked_count()?).then_some((classic, native))
    }
}

impl ClassicRecord {
    fn of(histogram: &Histogram) -> Self {
        Self {
            counts: histogram.counts().to_vec(),
            sum: histogram.sum(),
        }
    }

    fn decode(&self, bounds: &'static Bounds) -> Option<Histogram> {
        Histogram::from_parts(bounds, &self.counts, self.sum)
    }
}

impl ColdStartsRecord {
    fn decode(self) -> Option<ColdStarts> {
        Some(ColdStarts {
            duration: self.duration.decode(&DURATION_BOUNDS)?,
            since: self.since.map(Timestamp::from_millis),
            parts: self.parts,
        })
    }
}

// === impl KeyPack ===

impl KeyPack {
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut previous = 0i64;
        let records = self.0.iter().map(|seen| {
            let millis = seen.position.as_millis();
            KeyRecord {
                slot: seen.slot,
                id: seen.key.id.to_be_bytes(),
                attempt: seen.key.attempt,
                millis_since_previous: millis
                    .wrapping_sub(std::mem::replace(&mut previous, millis)),
            }
        });
        encode(&records.collect::<Vec<_>>())
    }

    /// Reads the stored form; `None` where it is damaged or names a slot from `slots` on.
    pub(super) fn decode(bytes: &[u8], slots: usize) -> Option<Self> {
        let records: Vec<KeyRecord> = decode(bytes)?;
        let mut position = 0i64;
        let keys = records.into_iter().map(|record| {
            position = position.wrapping_add(record.millis_since_previous);
            let seen = SeenKey {
                slot: record.slot,
                key: InvocationKey {
                    id: u128::from_be_bytes(record.id),
                    attempt: record.attempt,
                },
                position: Timestamp::from_millis(position),
            };
            ((record.slot as usize) < slots).then_some(seen)
        });
        keys.collect::<Option<_>>().map(Self)
    }
}

fn encode(record: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(record).map_err(io::Error::other)
}

/// Returns the record whose stored form is all of `bytes`.
fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Some(record),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
