//! The stored form of one function: names, keys' bound, series.
//!
//! `region, namespace, name, forgotten, last (0 or 1 + value), codes (count; raw code, outcome,
//! count each), three histograms (buckets; counts; sum)`; from layout 2 on also `account, retries,
//! memory times billed time, cold starts (0, or 1 + histogram + three parts)`; from layout 4 on also
//! three native histograms (as in [`native`](super::native)), and when the function, each code and
//! the cold starts began (0 or 1 + value each). Numbers are variable-length.

use std::iter;
use std::sync::Arc;

use super::codec::{Reader, put_int, put_text, put_uint};
use super::native::{decode_native, put_native};
use crate::model::{FunctionId, Outcome, RetCode, Timestamp};
use crate::series::{
    Bounds, CodeCount, ColdStarts, DURATION_BOUNDS, FunctionSeries, Histogram, MEMORY_BOUNDS,
    NativeHistogram, Unit,
};

/// What is stored of one function.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFunction {
    /// Its series.
    pub series: Arc<FunctionSeries>,
    /// The position below which its attempt keys are forgotten.
    pub forgotten: Timestamp,
}

impl StoredFunction {
    /// Writes the stored form into `buffer`, in place of what it held.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        let series = &*self.series;
        put_text(buffer, &series.function.region);
        put_text(buffer, &series.function.namespace);
        put_text(buffer, &series.function.name);
        put_int(buffer, self.forgotten.as_millis());
        put_instant(buffer, series.last_invocation);
        put_uint(buffer, series.codes.len() as u128);
        for code in &series.codes {
            put_int(buffer, i64::from(code.ret_code.to_raw()));
            buffer.push(code.outcome as u8);
            put_uint(buffer, u128::from(code.count));
        }
        for histogram in [&series.duration, &series.billed, &series.memory] {
            put_histogram(buffer, histogram);
        }
        put_text(buffer, &series.function.account);
        put_uint(buffer, u128::from(series.retries));
        put_uint(buffer, series.billed_memory);
        match &series.cold_starts {
            Some(starts) => {
                buffer.push(1);
                put_histogram(buffer, &starts.duration);
                for &part in &starts.parts {
                    put_uint(buffer, part);
                }
            }
            None => buffer.push(0),
        }
        for native in [
            &series.duration_native,
            &series.billed_native,
            &series.memory_native,
        ] {
            put_native(buffer, native);
        }
        for since in starts_of(series) {
            put_instant(buffer, since);
        }
    }

    /// Writes what is shown of a function meanwhile: the same form, whose bound has no meaning.
    pub(super) fn encode_shown(shown: &Arc<FunctionSeries>, buffer: &mut Vec<u8>) {
        let stored = Self {
            series: shown.clone(),
            forgotten: Timestamp::default(),
        };
        stored.encode(buffer);
    }

    /// Reads what is shown of the function of a slot; `None` where it is damaged, or of another.
    pub(super) fn decode_shown(
        bytes: &[u8],
        slot: u32,
        functions: &[Option<Self>],
    ) -> Option<Arc<FunctionSeries>> {
        let whole = functions.get(slot as usize)?.as_ref()?;
        let shown = Self::decode(bytes)?.series;
        (shown.function == whole.series.function).then_some(shown)
    }

    /// Reads the stored form; `None` where it is damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let function = FunctionId::new(reader.text()?, reader.text()?, reader.text()?);
        let forgotten = Timestamp::from_millis(reader.int()?);
        let last_invocation = decode_instant(&mut reader)?;
        let codes = decode_codes(&mut reader)?;
        let duration = decode_histogram(&mut reader, &DURATION_BOUNDS)?;
        let billed = decode_histogram(&mut reader, &DURATION_BOUNDS)?;
        let memory = decode_histogram(&mut reader, &MEMORY_BOUNDS)?;
        let mut series = FunctionSeries {
            codes,
            duration,
            billed,
            memory,
            last_invocation,
            ..FunctionSeries::new(function, RetCode::ZERO)
        };
        // The first layout ends here.
        if reader.end().is_none() {
            decode_rest(&mut reader, &mut series)?;
        }
        let kept = reader.end().is_none();
        decode_natives(&mut reader, &mut series, kept)?;
        if kept {
            decode_starts(&mut reader, &mut series)?;
        }
        reader.end()?;
        Some(Self {
            series: Arc::new(series),
            forgotten,
        })
    }
}

fn put_histogram(buffer: &mut Vec<u8>, histogram: &Histogram) {
    put_uint(buffer, histogram.counts().len() as u128);
    for &count in histogram.counts() {
        put_uint(buffer, u128::from(count));
    }
    put_uint(buffer, histogram.sum());
}

/// What the second layout added.
fn decode_rest(reader: &mut Reader<'_>, series: &mut FunctionSeries) -> Option<()> {
    series.function.account = reader.text()?.into();
    series.retries = reader.uint()?;
    series.billed_memory = reader.wide()?;
    series.cold_starts = match reader.byte()? {
        0 => None,
        1 => Some(Box::new(ColdStarts {
            duration: decode_histogram(reader, &DURATION_BOUNDS)?,
            parts: [reader.wide()?, reader.wide()?, reader.wide()?],
            since: None,
        })),
        _ => return None,
    };
    Some(())
}

/// What the fourth layout added. A function of before has what its classic histograms tell, so
/// that both have counted the same, in this state as in any other.
fn decode_natives(reader: &mut Reader<'_>, series: &mut FunctionSeries, known: bool) -> Option<()> {
    for (native, unit, classic) in [
        (&mut series.duration_native, Unit::Nanos, &series.duration),
        (&mut series.billed_native, Unit::Nanos, &series.billed),
        (&mut series.memory_native, Unit::Bytes, &series.memory),
    ] {
        *native = if known {
            decode_native(reader, unit)?
        } else {
            NativeHistogram::of_classic(unit, classic)
        };
        // A total that no integer holds is damage as well.
        if native.count()? != classic.checked_count()? {
            return None;
        }
    }
    Some(())
}

/// When each series began, which the fourth layout added too.
fn decode_starts(reader: &mut Reader<'_>, series: &mut FunctionSeries) -> Option<()> {
    series.since = decode_instant(reader)?;
    for code in &mut series.codes {
        code.since = decode_instant(reader)?;
    }
    if let Some(starts) = &mut series.cold_starts {
        starts.since = decode_instant(reader)?;
    }
    Some(())
}

fn starts_of(series: &FunctionSeries) -> impl Iterator<Item = Option<Timestamp>> {
    let codes = series.codes.iter().map(|code| code.since);
    let cold_starts = series.cold_starts.iter().map(|starts| starts.since);
    iter::once(series.since).chain(codes).chain(cold_starts)
}

fn put_instant(buffer: &mut Vec<u8>, instant: Option<Timestamp>) {
    buffer.push(instant.is_some().into());
    if let Some(instant) = instant {
        put_int(buffer, instant.as_millis());
    }
}

fn decode_instant(reader: &mut Reader<'_>) -> Option<Option<Timestamp>> {
    match reader.byte()? {
        0 => Some(None),
        1 => Some(Some(Timestamp::from_millis(reader.int()?))),
        _ => None,
    }
}

fn decode_codes(reader: &mut Reader<'_>) -> Option<Vec<CodeCount>> {
    let mut codes = Vec::new();
    for _ in 0..reader.small::<u16>()? {
        codes.push(CodeCount {
            ret_code: RetCode::from_raw(reader.int()?.try_into().ok()?),
            outcome: Outcome::from_u8(reader.byte()?)?,
            count: reader.uint()?,
            since: None,
        });
    }
    Some(codes)
}

fn decode_histogram(reader: &mut Reader<'_>, bounds: &'static Bounds) -> Option<Histogram> {
    let buckets = reader
        .small::<usize>()
        .filter(|&buckets| buckets == bounds.buckets())?;
    let counts: Vec<u64> = (0..buckets).map(|_| reader.uint()).collect::<Option<_>>()?;
    Histogram::from_parts(bounds, &counts, reader.wide()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttemptKey, Bytes, ColdStart, Nanos, Row};

    /// The lengths of the form as the first layout had it, and as the third: what is behind them
    /// may be missing.
    fn earlier_layouts(bytes: &[u8], series: &FunctionSeries) -> (usize, usize) {
        let mut native = Vec::new();
        put_native(&mut native, &series.duration_native);
        put_native(&mut native, &series.billed_native);
        put_native(&mut native, &series.memory_native);
        for since in starts_of(series) {
            put_instant(&mut native, since);
        }
        let third = bytes.len() - native.len();
        let mut rest = Vec::new();
        put_text(&mut rest, &series.function.account);
        put_uint(&mut rest, u128::from(series.retries));
        put_uint(&mut rest, series.billed_memory);
        let starts = series.cold_starts.as_ref().unwrap();
        put_histogram(&mut rest, &starts.duration);
        for part in starts.parts {
            put_uint(&mut rest, part);
        }
        (third - rest.len() - 1, third)
    }

    #[test]
    fn a_function_comes_back_as_it_was_and_damage_is_noticed() {
        let function = FunctionId::new("ap-x", "default", "f/\"\u{4e2d}").of_account("a");
        let at = Timestamp::from_millis;
        let mut series = FunctionSeries::begun(function, RetCode::ZERO, at(1_234));
        series.count_cold_start(
            &ColdStart {
                function: 0,
                key: AttemptKey::default(),
                position: Timestamp::default(),
                total: Nanos(5_000_000),
                parts: [Nanos(1), Nanos(0), Nanos(1 << 40)],
            },
            at(1_240),
        );
        for raw in [0, 1, -1, 433, 12_345] {
            series.count(
                &Row {
                    function: 0,
                    ret_code: RetCode::new(raw),
                    outcome: Outcome::FunctionError,
                    key: AttemptKey { id: 1, attempt: 0 },
                    position: Timestamp::from_secs(1_700_000_000),
                    duration: Nanos(u64::MAX),
                    billed: Nanos(100_000_000),
                    memory: Bytes(1 << 40),
                    memory_limit: Bytes(1 << 20),
                    retried: true,
                    ..Row::default()
                },
                at(1_300 + raw),
            );
        }
        let stored = StoredFunction {
            series: Arc::new(series),
            forgotten: Timestamp::MIN,
        };
        let mut buffer = vec![1, 2, 3];
        stored.encode(&mut buffer);
        assert_eq!(StoredFunction::decode(&buffer), Some(stored.clone()));
        let (whole, third) = earlier_layouts(&buffer, &stored.series);
        for cut in (0..buffer.len()).filter(|cut| ![whole, third].contains(cut)) {
            assert_eq!(StoredFunction::decode(&buffer[..cut]), None, "cut at {cut}");
        }
        for length in [whole, third] {
            let earlier = StoredFunction::decode(&buffer[..length]).unwrap();
            assert_eq!(earlier.series.duration, stored.series.duration);
            // Five of u64::MAX ns: all that is known is that they took longer than 900 s.
            let seeded: Vec<_> = earlier.series.duration_native.buckets().collect();
            assert_eq!(seeded, [(79, 5)], "2^(78/8) < 900 <= 2^(79/8)");
            assert!(starts_of(&earlier.series).all(|since| since.is_none()));
            let mut again = Vec::new();
            earlier.encode(&mut again);
            assert_eq!(StoredFunction::decode(&again), Some(earlier));
        }
        let third = StoredFunction::decode(&buffer[..third]).unwrap();
        assert_eq!(third.series.retries, 5);
        let first = StoredFunction::decode(&buffer[..whole]).unwrap();
        let counts = |series: &FunctionSeries| -> Vec<_> {
            let codes = series.codes.iter();
            codes
                .map(|code| (code.ret_code, code.outcome, code.count))
                .collect()
        };
        assert_eq!(counts(&first.series), counts(&stored.series));
        assert_eq!(
            (first.series.retries, &*first.series.function.account),
            (0, "")
        );
        buffer.push(0);
        assert_eq!(StoredFunction::decode(&buffer), None, "something behind it");
    }

    #[test]
    fn native_histograms_that_counted_otherwise_are_damage() {
        let function = FunctionId::new("ap-x", "default", "f");
        let mut series = FunctionSeries::new(function, RetCode::ZERO);
        series.count(&Row::default(), Timestamp::default());
        for observe in [
            |series: &mut FunctionSeries| series.duration_native.observe(0),
            |series: &mut FunctionSeries| series.billed_native.observe(0),
            |series: &mut FunctionSeries| series.memory_native.observe(0),
        ] {
            let mut wrong = series.clone();
            observe(&mut wrong);
            let wrong = StoredFunction {
                series: Arc::new(wrong),
                forgotten: Timestamp::MIN,
            };
            let mut buffer = Vec::new();
            wrong.encode(&mut buffer);
            assert_eq!(StoredFunction::decode(&buffer), None);
        }
    }
}
