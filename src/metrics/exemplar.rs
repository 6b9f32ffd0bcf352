//! Exemplars: the request id of one recent invocation for each bucket, and for each pair of return
//! code and outcome, so that a slow or failed invocation can be found in the log.
//!
//! Each slot keeps the invocation with the greatest `position + (1 h if it failed)`, ties by id:
//! the newest, but a failure is kept for an hour against successes. The result does not depend on
//! the order in which rows are counted.
//!
//! The time of an exemplar is that of counting, not that of the invocation. So it never goes back
//! within a series, which Prometheus would reject, even where a late row replaces another.
//!
//! Exemplars are not stored: a restart begins without any.

use std::cmp::Ordering;
use std::time::Duration;

use crate::model::{Outcome, RetCode, Timestamp};

/// How much longer a failure is kept than a success.
const FAILURE_STAYS: Duration = Duration::from_secs(3_600);

/// The sample that an exemplar belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExemplarSlot {
    /// A classic bucket of run time.
    Duration(u8),
    /// A classic bucket of memory.
    Memory(u8),
    /// A return code and an outcome.
    Code(RetCode, Outcome),
}

impl ExemplarSlot {
    /// Returns the index of the bucket; [`usize::MAX`] for a code.
    pub fn bucket(self) -> usize {
        match self {
            Self::Duration(bucket) | Self::Memory(bucket) => bucket.into(),
            Self::Code(..) => usize::MAX,
        }
    }
}

/// One invocation as an example for its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// Its slot.
    pub place: ExemplarSlot,
    /// Its request id, a UUID.
    pub request_id: u128,
    /// The observed value in base integer units; 1 for a counter.
    pub value: u64,
    /// When it was counted, by this machine's clock.
    pub counted: Timestamp,
    /// The slot keeps the greatest.
    rank: Timestamp,
}

/// The exemplars of one function, at most one for each slot, in the order of the slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemplars(Vec<Exemplar>);

impl Exemplar {
    pub(super) fn new(
        place: ExemplarSlot,
        request_id: u128,
        value: u64,
        rank: Timestamp,
        counted: Timestamp,
    ) -> Self {
        Self {
            place,
            request_id,
            value,
            counted,
            rank,
        }
    }

    /// The order of preference within a slot. Invocations of one request may be equal otherwise;
    /// then the greater value wins.
    fn order(&self, other: &Self) -> Ordering {
        let of = |one: &Self| (one.rank, one.request_id, one.value);
        of(self).cmp(&of(other))
    }
}

impl Exemplars {
    pub(super) fn rank(position: Timestamp, outcome: Outcome) -> Timestamp {
        match outcome {
            Outcome::Success => position,
            _ => position + FAILURE_STAYS,
        }
    }

    /// Keeps an exemplar if it is preferred to the present one of its slot.
    pub(super) fn offer(&mut self, new: Exemplar) {
        match self.0.binary_search_by_key(&new.place, |one| one.place) {
            Ok(at) => {
                if self.0[at].order(&new).is_lt() {
                    self.0[at] = new;
                }
            }
            Err(at) => {
                // New slots are rare, so no memory is reserved for more.
                self.0.reserve_exact(1);
                self.0.insert(at, new);
            }
        }
    }

    /// Returns those of the buckets of run time, ascending.
    pub fn of_duration(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Duration(_)))
    }

    /// Returns those of the buckets of memory, ascending.
    pub fn of_memory(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Memory(_)))
    }

    /// Returns those of return codes and outcomes, ascending.
    pub fn of_codes(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Code(..)))
    }

    /// Returns those of one kind of slots, which are adjacent.
    fn kind(&self, is: impl Fn(&ExemplarSlot) -> bool) -> &[Exemplar] {
        let before = self.0.iter().take_while(|one| !is(&one.place)).count();
        let rest = &self.0[before..];
        let length = rest.iter().take_while(|one| is(&one.place)).count();
        &rest[..length]
    }
}

#[cfg(test)]
mod tests;
