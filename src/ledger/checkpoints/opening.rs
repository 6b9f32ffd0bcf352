//! Opening: where a target begins that is read for the first time. Too early is safe, because rows
//! that were counted are recognized by their keys or lie below a checkpoint; too late would lose
//! rows.
//!
//! The first row of the table that applies decides. Checkpoints older than the retention of the
//! logs are ignored. "Fresh" is the earlier of two times: that of the last list which did not name
//! the functions, and `first_read` ago.
//!
//! | target | known checkpoints | begins at |
//! |---|---|---|
//! | partition | other partitions of its stream | its first record, for it is newer than they are |
//! | namespace, region | functions or namespaces in it | the slowest of them, or fresh if earlier; not before the next row |
//! | polled | its own; by start time also that of a target that includes it | the furthest |
//! | by start time | targets by log time | the allowed lateness before the slowest, or fresh if earlier |
//! | topic | targets by start time; streams, which may hold the topic | the slowest, streams by the allowed lateness less, or fresh if earlier |
//! | partition | polled targets | the slowest, or fresh if earlier |
//! | any | none of the above | fresh |

use std::time::Duration;

use super::{Checkpoint, Checkpoints, RETENTION};
use crate::ledger::AllowedLateness;
use crate::ledger::targets::{RowOrder, Scope, TargetId, TargetKind};
use crate::model::Timestamp;

/// What decides where a target begins, besides the checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// The cloud's time.
    pub now: Timestamp,
    /// How far back the first read goes where no checkpoint is known.
    pub first_read: Duration,
    /// How long after its position a row may still appear.
    pub allowed_lateness: AllowedLateness,
    /// [`ListedAt::from`](crate::ledger::ListedAt::from) of the source that lists the target;
    /// `None` before its first list.
    pub listed: Option<Timestamp>,
}

/// The table for one target; each method is a row.
struct Table<'a> {
    target: &'a TargetId,
    kind: TargetKind,
    at: Opening,
    /// The checkpoints of its region within retention, including its own.
    known: Vec<(&'a TargetId, Checkpoint)>,
}

impl Checkpoints {
    /// Returns the position from which the rows of a polled target count, or the time of the first
    /// record of a partition, by the table of this file.
    pub fn opening(&self, target: &TargetId, at: Opening) -> Timestamp {
        let oldest = at.now - RETENTION;
        let known = self.beside(target);
        let table = Table {
            target,
            kind: target.kind(),
            at,
            known: known.filter(|(_, at)| at.time() > oldest).collect(),
        };
        let rows = [
            Table::after_siblings,
            Table::after_parts,
            Table::after_own_or_wider,
            Table::by_start_after_lines,
            Table::topic_after_others,
            Table::partition_after_polled,
        ];
        let begins = rows.iter().find_map(|row| row(&table));
        begins.unwrap_or_else(|| at.fresh())
    }
}

impl Opening {
    /// Where a target begins without a known checkpoint. The last complete list did not name its
    /// functions, so that no row can lie below that list.
    fn fresh(&self) -> Timestamp {
        let first = self.now - self.first_read;
        let listed = self.listed.map(|from| from.max(self.now - RETENTION));
        listed.map_or(first, |from| from.min(first))
    }
}

impl Table<'_> {
    fn after_siblings(&self) -> Option<Timestamp> {
        let mut known = self.known.iter();
        known
            .any(|(id, _)| id.is_sibling(self.target))
            .then_some(Timestamp::MIN)
    }

    fn after_parts(&self) -> Option<Timestamp> {
        let parts = self.times(|id, _| id.is_part_of(self.target));
        let slowest = parts.min()?.min(self.at.fresh());
        self.after_own_or_wider().max(Some(slowest))
    }

    fn after_own_or_wider(&self) -> Option<Timestamp> {
        let holds = |id: &TargetId| match &self.target.scope {
            Scope::Function(function) => id.covers(function),
            _ => self.target.is_part_of(id),
        };
        self.times(|id, _| id == self.target || holds(id)).max()
    }

    fn by_start_after_lines(&self) -> Option<Timestamp> {
        let is_by_start = self.kind.order == RowOrder::StartTime;
        let lines = self.times(|_, kind| is_by_start && kind.order == RowOrder::LogTime);
        let slowest = self.at.allowed_lateness.closed_at(lines.min()?);
        Some(slowest.min(self.at.fresh()))
    }

    fn topic_after_others(&self) -> Option<Timestamp> {
        let is_topic = self.kind.order == RowOrder::LogTime && !self.kind.is_streamed;
        let by_start = self.times(|_, kind| is_topic && kind.order == RowOrder::StartTime);
        let streams = self.times(|_, kind| is_topic && kind.is_streamed);
        let streams = streams.map(|at| self.at.allowed_lateness.closed_at(at));
        let slowest = by_start.chain(streams).min()?;
        Some(slowest.min(self.at.fresh()))
    }

    fn partition_after_polled(&self) -> Option<Timestamp> {
        let polled = self.times(|_, kind| self.kind.is_streamed && !kind.is_streamed);
        Some(polled.min()?.min(self.at.fresh()))
    }

    fn times(
        &self,
        is_meant: impl Fn(&TargetId, &TargetKind) -> bool,
    ) -> impl Iterator<Item = Timestamp> {
        let known = self.known.iter();
        let meant = known.filter(move |(id, _)| is_meant(id, &id.kind()));
        meant.map(|(_, checkpoint)| checkpoint.time())
    }
}
