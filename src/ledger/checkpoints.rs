//! How far each target was read, and where one that is new begins.

mod opening;

use std::collections::BTreeMap;
use std::time::Duration;

use super::targets::{RowOrder, Scope, TargetId};
use crate::model::{FunctionId, Timestamp};

pub use opening::Opening;

/// How long SCF keeps invocation logs. The checkpoint of a target that was not read for longer
/// means nothing any more.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far a target was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// Of a polled target: the position below which no row can still appear.
    Watermark(Timestamp),
    /// Of a partition of a stream.
    Offset {
        /// The offset of the next record to be read.
        next: u64,
        /// Time of the records that were read. It decides which keys are evicted, nothing else.
        reached: Timestamp,
    },
}

/// The checkpoint of every target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoints(BTreeMap<TargetId, Checkpoint>);

// === impl Checkpoint ===

impl Checkpoint {
    /// Returns the time up to which the target was read.
    pub const fn time(self) -> Timestamp {
        match self {
            Self::Watermark(time) | Self::Offset { reached: time, .. } => time,
        }
    }

    /// Returns the position below which a new row is late. No record of a stream is late.
    pub const fn late_below(self) -> Timestamp {
        match self {
            Self::Watermark(position) => position,
            Self::Offset { .. } => Timestamp::MIN,
        }
    }

    /// Returns the offset of the next record; `None` for a polled target.
    pub const fn next_offset(self) -> Option<u64> {
        match self {
            Self::Watermark(_) => None,
            Self::Offset { next, .. } => Some(next),
        }
    }

    /// Returns the checkpoint after an advance to `later`; no part of it goes back.
    #[must_use]
    pub fn advanced_to(self, later: Self) -> Self {
        match (self, later) {
            (Self::Watermark(before), Self::Watermark(after)) => Self::Watermark(before.max(after)),
            (
                Self::Offset { next, reached },
                Self::Offset {
                    next: later,
                    reached: after,
                },
            ) => Self::Offset {
                next: next.max(later),
                reached: reached.max(after),
            },
            // A target never changes from one kind to the other.
            (_, later) => later,
        }
    }
}

// === impl Checkpoints ===

impl Checkpoints {
    /// Returns the checkpoint of a target; `None` before it was opened.
    pub fn get(&self, target: &TargetId) -> Option<Checkpoint> {
        self.0.get(target).copied()
    }

    /// Returns [`Checkpoint::late_below`] of a target; [`Timestamp::MIN`] before it was opened.
    pub fn late_below(&self, target: &TargetId) -> Timestamp {
        self.get(target)
            .map_or(Timestamp::MIN, Checkpoint::late_below)
    }

    /// Moves a checkpoint forward; an older one changes nothing.
    pub fn advance(&mut self, target: &TargetId, to: Checkpoint) {
        let entry = self.0.entry(target.clone()).or_insert(to);
        *entry = entry.advanced_to(to);
    }

    /// Moves a watermark back that a wrong clock has set too far.
    pub fn lower(&mut self, target: &TargetId, position: Timestamp) {
        if let Some(Checkpoint::Watermark(watermark)) = self.0.get_mut(target) {
            *watermark = position.min(*watermark);
        }
    }

    /// Returns all targets of the target's region, including itself.
    pub fn beside(&self, target: &TargetId) -> impl Iterator<Item = (&TargetId, Checkpoint)> {
        let beside = self.0.iter().filter(|(id, _)| id.is_beside(target));
        beside.map(|(id, checkpoint)| (id, *checkpoint))
    }

    /// Returns the start time below which targets ordered by start time have read all invocations
    /// of `function`; [`Timestamp::MIN`] where there is none. Each of them begins where the one
    /// before it ended, so nothing below the furthest is missing.
    pub fn closed_by_start(&self, function: &FunctionId) -> Timestamp {
        let at = |scope| TargetId {
            account: function.account.clone(),
            region: function.region.clone(),
            scope,
        };
        let namespace = at(Scope::Namespace(function.namespace.clone()));
        [
            TargetId::function(function.clone()),
            namespace,
            at(Scope::Region),
        ]
        .iter()
        .map(|target| self.late_below(target))
        .fold(Timestamp::MIN, Timestamp::max)
    }

    /// Returns the position below which polled targets of the region may have counted rows of a
    /// stream; [`Timestamp::MIN`] where there are none.
    pub fn polled_below(&self, stream: &TargetId) -> Timestamp {
        let polled = self.beside(stream).map(|(_, at)| at.late_below());
        polled.fold(Timestamp::MIN, Timestamp::max)
    }

    /// Returns whether a target of the region that is ordered by log time was read beyond `since`.
    pub fn has_lines_since(&self, target: &TargetId, since: Timestamp) -> bool {
        self.beside(target)
            .any(|(id, at)| id.kind().order == RowOrder::LogTime && at.time() > since)
    }

    /// Returns the time up to which all targets of the region are read once `target` is read up to
    /// `time`. Targets that were not read within [`RETENTION`] have ended and do not count.
    pub fn slowest_beside(&self, target: &TargetId, time: Timestamp) -> Timestamp {
        self.slowest(target, time, |_| true)
    }

    /// Like [`Self::slowest_beside`], of the partitions of the target's stream only.
    pub fn slowest_of_stream(&self, target: &TargetId, time: Timestamp) -> Timestamp {
        self.slowest(target, time, |id| id.is_sibling(target))
    }

    fn slowest(
        &self,
        target: &TargetId,
        time: Timestamp,
        is_meant: impl Fn(&TargetId) -> bool,
    ) -> Timestamp {
        self.beside(target)
            .filter(|(id, _)| *id != target && is_meant(id))
            .map(|(_, checkpoint)| checkpoint.time())
            .filter(|at| *at > time - RETENTION)
            .fold(time, Timestamp::min)
    }
}

#[cfg(test)]
mod tests;
