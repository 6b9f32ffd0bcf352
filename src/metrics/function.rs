//! The series of one function.

use std::sync::Arc;

use super::{
    DURATION_BOUNDS, Exemplar, ExemplarSlot, Exemplars, Histogram, MEMORY_BOUNDS, NativeHistogram,
    Unit,
};
use crate::model::{ColdStart, FunctionConfig, FunctionId, Outcome, RetCode, Row, Timestamp};

/// Maximum number of pairs of return code and outcome of a function; further ones count as `other`.
const CODES_MAX: usize = 64;

/// The number of invocations with one return code and outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeCount {
    /// Label `ret_code`.
    pub ret_code: RetCode,
    /// Label `outcome`.
    pub outcome: Outcome,
    /// Invocations.
    pub count: u64,
    /// When the series began: when the first of them was counted, or when the function was added;
    /// `None` where it is not known.
    pub since: Option<Timestamp>,
}

/// Counters and histograms of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSeries {
    /// The function.
    pub function: FunctionId,
    /// Invocations by return code and outcome, in ascending order of both. A function that was
    /// never called has one entry: success, 0.
    pub codes: Vec<CodeCount>,
    /// When the function was added, by this machine's clock; `None` where it is not known.
    pub since: Option<Timestamp>,
    /// Run time in nanoseconds.
    pub duration: Histogram,
    /// Billed time in nanoseconds.
    pub billed: Histogram,
    /// Memory used in bytes.
    pub memory: Histogram,
    /// The run times of `duration`; both always have the same count, as the two pairs below.
    pub duration_native: NativeHistogram,
    /// The billed times of `billed`.
    pub billed_native: NativeHistogram,
    /// The sizes of `memory`.
    pub memory_native: NativeHistogram,
    /// Position of the newest invocation that was counted; `None` before the first.
    pub last_invocation: Option<Timestamp>,
    /// Invocations that were a retry of their request.
    pub retries: u64,
    /// Sum of configured memory times billed time, in byte-nanoseconds, over the invocations for
    /// which both are known.
    pub billed_memory: u128,
    /// Cold starts; `None` before the first.
    pub cold_starts: Option<Box<ColdStarts>>,
    /// Some recent invocations. Not stored.
    pub exemplars: Exemplars,
    /// Configuration of the function, from the cloud's list. Not stored.
    pub about: Option<Arc<FunctionConfig>>,
    /// Whether the cloud's lists, or the selection of the configuration, no longer contain it.
    pub is_gone: bool,
}

/// The cold starts of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdStarts {
    /// Duration in nanoseconds.
    pub duration: Histogram,
    /// When the first one was counted.
    pub since: Option<Timestamp>,
    /// Sums of the parts, in the order of [`ColdStart::PARTS`], in nanoseconds.
    pub parts: [u128; ColdStart::PARTS.len()],
}

impl ColdStarts {
    /// No cold starts, of a series that begins at `since`.
    fn since(since: Option<Timestamp>) -> Box<Self> {
        Box::new(Self {
            duration: Histogram::new(&DURATION_BOUNDS),
            since,
            parts: [0; ColdStart::PARTS.len()],
        })
    }
}

impl FunctionSeries {
    /// The series of a function that was never called, without a start; `success` is the return
    /// code of success in its API.
    pub fn new(function: FunctionId, success: RetCode) -> Self {
        let success = CodeCount {
            ret_code: success,
            outcome: Outcome::Success,
            count: 0,
            since: None,
        };
        Self {
            function,
            codes: vec![success],
            since: None,
            duration: Histogram::new(&DURATION_BOUNDS),
            billed: Histogram::new(&DURATION_BOUNDS),
            memory: Histogram::new(&MEMORY_BOUNDS),
            duration_native: NativeHistogram::new(Unit::Nanos),
            billed_native: NativeHistogram::new(Unit::Nanos),
            memory_native: NativeHistogram::new(Unit::Bytes),
            last_invocation: None,
            retries: 0,
            billed_memory: 0,
            cold_starts: None,
            exemplars: Exemplars::default(),
            about: None,
            is_gone: false,
        }
    }

    /// Like [`Self::new`], of a function that was added at `now`.
    pub fn begun(function: FunctionId, success: RetCode, now: Timestamp) -> Self {
        let mut series = Self::new(function, success);
        series.since = Some(now);
        series
            .codes
            .iter_mut()
            .for_each(|code| code.since = series.since);
        series
    }

    /// Counts one invocation, at `now` by this machine's clock.
    pub fn count(&mut self, row: &Row, now: Timestamp) {
        let code = self.count_code(row.ret_code, row.outcome, now);
        let duration = self.duration.observe(row.duration.0);
        self.billed.observe(row.billed.0);
        let memory = self.memory.observe(row.memory.0);
        if row.id_is_uuid {
            let rank = Exemplars::rank(row.position, row.outcome);
            for (place, value) in [
                (ExemplarSlot::Duration(duration as u8), row.duration.0),
                (ExemplarSlot::Memory(memory as u8), row.memory.0),
                (ExemplarSlot::Code(code, row.outcome), 1),
            ] {
                let one = Exemplar::new(place, row.key.id, value, rank, now);
                self.exemplars.offer(one);
            }
        }
        self.duration_native.observe(row.duration.0);
        self.billed_native.observe(row.billed.0);
        self.memory_native.observe(row.memory.0);
        self.last_invocation = self.last_invocation.max(Some(row.position));
        self.retries += u64::from(row.retried);
        let limit = match (row.memory_limit.0, &self.about) {
            (0, Some(about)) => about.memory_limit.0,
            (told, _) => told,
        };
        self.billed_memory += u128::from(limit) * u128::from(row.billed.0);
    }

    /// Counts one cold start, at `now` by this machine's clock.
    pub fn count_cold_start(&mut self, start: &ColdStart, now: Timestamp) {
        let starts = self
            .cold_starts
            .get_or_insert_with(|| ColdStarts::since(Some(now)));
        starts.duration.observe(start.total.0);
        for (sum, part) in starts.parts.iter_mut().zip(start.parts) {
            *sum += u128::from(part.0);
        }
    }

    /// Returns `before` with the series that only `self` has added at zero; `None` where it has no
    /// more than `before`. Without a `before` all series are at zero.
    pub fn new_at_zero(&self, before: Option<&Self>) -> Option<Self> {
        let mut shown = match before {
            Some(before) if before.has_all_of(self) => return None,
            Some(before) => before.clone(),
            None => Self {
                codes: Vec::new(),
                since: self.since,
                ..Self::new(self.function.clone(), RetCode::ZERO)
            },
        };
        for code in &self.codes {
            if let Err(at) = shown.place_of(code.ret_code, code.outcome) {
                shown.codes.insert(at, CodeCount { count: 0, ..*code });
            }
        }
        if let Some(starts) = &self.cold_starts {
            let empty = || ColdStarts::since(starts.since);
            shown.cold_starts.get_or_insert_with(empty);
        }
        shown.about.clone_from(&self.about);
        shown.is_gone = self.is_gone;
        Some(shown)
    }

    fn has_all_of(&self, other: &Self) -> bool {
        let has = |code: &CodeCount| self.place_of(code.ret_code, code.outcome).is_ok();
        let starts = other.cold_starts.is_none() || self.cold_starts.is_some();
        starts && other.codes.iter().all(has)
    }

    /// Returns the number of invocations.
    pub fn invocations(&self) -> u64 {
        self.codes.iter().map(|code| code.count).sum()
    }

    /// Returns the index of the entry of a code, or where to insert it.
    fn place_of(&self, ret_code: RetCode, outcome: Outcome) -> Result<usize, usize> {
        let codes = &self.codes;
        codes.binary_search_by_key(&(ret_code, outcome), |code| (code.ret_code, code.outcome))
    }

    /// Counts an invocation of a code, and returns the code under which it counted.
    fn count_code(&mut self, ret_code: RetCode, outcome: Outcome, now: Timestamp) -> RetCode {
        match self.place_of(ret_code, outcome) {
            Ok(at) => self.codes[at].count += 1,
            Err(at) if self.codes.len() < CODES_MAX || ret_code == RetCode::OTHER => {
                let new = CodeCount {
                    ret_code,
                    outcome,
                    count: 1,
                    since: Some(now),
                };
                self.codes.insert(at, new);
            }
            Err(_) => return self.count_code(RetCode::OTHER, outcome, now),
        }
        ret_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Nanos};

    #[test]
    fn each_native_histogram_counts_what_the_classic_one_beside_it_does() {
        let mut series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::ZERO);
        for number in 0..3 {
            series.count(
                &Row {
                    duration: Nanos(number * 1_000_000_000),
                    billed: Nanos(number * 4_000_000_000),
                    memory: Bytes(number * 16),
                    ..Row::default()
                },
                Timestamp::default(),
            );
        }
        let beside = [
            (&series.duration, &series.duration_native, [0, 8]),
            (&series.billed, &series.billed_native, [16, 24]),
            (&series.memory, &series.memory_native, [32, 40]),
        ];
        for (classic, native, powers_of_two) in beside {
            assert_eq!(native.count(), Some(classic.count()));
            assert_eq!(native.zero_count(), 1);
            assert!(native.buckets().eq(powers_of_two.map(|bucket| (bucket, 1))));
        }
    }
}
