//! All series of one function.

use super::{DURATION_BOUNDS, Histogram, MEMORY_BOUNDS};
use crate::model::{FunctionId, Outcome, RetCode, Row, Timestamp};

/// How many pairs of return code and outcome one function may have; later ones count as `other`.
const CODES_MAX: usize = 64;

/// The number of invocations that ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeCount {
    /// Label `ret_code`.
    pub ret_code: RetCode,
    /// Label `outcome`.
    pub outcome: Outcome,
    /// Invocations.
    pub count: u64,
}

/// Counters and histograms of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSeries {
    /// Whose series these are.
    pub function: FunctionId,
    /// Invocations by return code and outcome, in ascending order of both. A function that was
    /// never called has one entry: success, zero.
    pub codes: Vec<CodeCount>,
    /// Run time in nanoseconds.
    pub duration: Histogram,
    /// Billed time in nanoseconds.
    pub billed: Histogram,
    /// Memory used in bytes.
    pub memory: Histogram,
    /// Latest position counted, if any.
    pub last_invocation: Option<Timestamp>,
}

impl FunctionSeries {
    /// The series of a function that was never called.
    pub fn new(function: FunctionId) -> Self {
        let success = CodeCount {
            ret_code: RetCode::ZERO,
            outcome: Outcome::Success,
            count: 0,
        };
        Self {
            function,
            codes: vec![success],
            duration: Histogram::new(&DURATION_BOUNDS),
            billed: Histogram::new(&DURATION_BOUNDS),
            memory: Histogram::new(&MEMORY_BOUNDS),
            last_invocation: None,
        }
    }

    /// Counts one invocation.
    pub fn count(&mut self, row: &Row) {
        self.count_code(row.ret_code, row.outcome);
        self.duration.observe(row.duration.0);
        self.billed.observe(row.billed.0);
        self.memory.observe(row.memory.0);
        self.last_invocation = self.last_invocation.max(Some(row.position));
    }

    /// All invocations counted.
    pub fn invocations(&self) -> u64 {
        self.codes.iter().map(|code| code.count).sum()
    }

    fn count_code(&mut self, ret_code: RetCode, outcome: Outcome) {
        let place = self
            .codes
            .binary_search_by_key(&(ret_code, outcome), |code| (code.ret_code, code.outcome));
        match place {
            Ok(at) => self.codes[at].count += 1,
            Err(at) if self.codes.len() < CODES_MAX || ret_code == RetCode::OTHER => {
                self.codes.insert(
                    at,
                    CodeCount {
                        ret_code,
                        outcome,
                        count: 1,
                    },
                );
            }
            Err(_) => self.count_code(RetCode::OTHER, outcome),
        }
    }
}
