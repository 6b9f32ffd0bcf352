//! Exemplars: of each bucket, and of each way in which invocations end, one recent invocation by
//! its request id, so that a slow or a failed bar leads to the log.
//!
//! Of those that fall into one place the one with the greatest `position + (1 h if it failed)` is
//! kept, ties by id: the newest, but a failure stays for an hour against successes. What is kept
//! does not depend on the order in which rows come, which is newest first inside a page.
//!
//! An exemplar tells when it was counted and not when it ran: so its time never goes back within a
//! series, as it would where a late row replaces another, and Prometheus refuses those that do.
//!
//! They are a hint and not a count: they are not stored, and a restart begins without any.

use std::cmp::Ordering;
use std::time::Duration;

use crate::model::{Outcome, RetCode, Timestamp};

/// How much longer than a success a failure is shown.
const FAILURE_STAYS: Duration = Duration::from_secs(3_600);

/// Where an invocation falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExemplarSlot {
    /// A classic bucket of run time.
    Duration(u8),
    /// A classic bucket of memory.
    Memory(u8),
    /// A way in which invocations end.
    Code(RetCode, Outcome),
}

impl ExemplarSlot {
    /// The index of the bucket; nobody asks for that of a code.
    pub fn bucket(self) -> usize {
        match self {
            Self::Duration(bucket) | Self::Memory(bucket) => bucket.into(),
            Self::Code(..) => usize::MAX,
        }
    }
}

/// One invocation, to show for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// Where it falls.
    pub place: ExemplarSlot,
    /// Its request id, a UUID.
    pub request_id: u128,
    /// What it brought, in base integer units; 1 to a counter.
    pub value: u64,
    /// When it was counted, by this machine's clock.
    pub counted: Timestamp,
    /// The greatest is kept.
    rank: Timestamp,
}

/// The exemplars of one function, at most one a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemplars(Vec<Exemplar>);

impl Exemplar {
    /// The invocation of this request id at a place.
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

    /// By what one is kept before another of the same place. Attempts of one request may be
    /// otherwise equal; then the greater value is as good as any rule.
    fn order(&self, other: &Self) -> Ordering {
        let of = |one: &Self| (one.rank, one.request_id, one.value);
        of(self).cmp(&of(other))
    }
}

impl Exemplars {
    /// What decides between invocations of one place.
    pub(super) fn rank(position: Timestamp, outcome: Outcome) -> Timestamp {
        match outcome {
            Outcome::Success => position,
            _ => position + FAILURE_STAYS,
        }
    }

    /// Keeps an exemplar, if it is to be kept before the one of its place.
    pub(super) fn offer(&mut self, new: Exemplar) {
        match self.0.binary_search_by_key(&new.place, |one| one.place) {
            Ok(at) => {
                if self.0[at].order(&new).is_lt() {
                    self.0[at] = new;
                }
            }
            Err(at) => {
                // Places are few and new ones are rare: no room for more of them is held.
                self.0.reserve_exact(1);
                self.0.insert(at, new);
            }
        }
    }

    /// Those of the buckets of run time, ascending.
    pub fn of_duration(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Duration(_)))
    }

    /// Those of the buckets of memory, ascending.
    pub fn of_memory(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Memory(_)))
    }

    /// Those of the ways in which invocations end, ascending.
    pub fn of_codes(&self) -> &[Exemplar] {
        self.kind(|place| matches!(place, ExemplarSlot::Code(..)))
    }

    /// Those of one kind, which stand together.
    fn kind(&self, is: impl Fn(&ExemplarSlot) -> bool) -> &[Exemplar] {
        let before = self.0.iter().take_while(|one| !is(&one.place)).count();
        let rest = &self.0[before..];
        let length = rest.iter().take_while(|one| is(&one.place)).count();
        &rest[..length]
    }
}

#[cfg(test)]
mod tests;
