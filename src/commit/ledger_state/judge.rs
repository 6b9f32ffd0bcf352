//! What a row is to the ledger: new, met before, or from a time that is closed.

use super::{Delta, LedgerState};
use crate::ledger::{Bounds, RowOrder, TargetId, Verdict};
use crate::model::{InvocationKey, Page, Row, Timestamp};

impl LedgerState {
    /// What rows of `target` are judged by.
    pub(super) fn bounds(&self, change: &Delta, target: &TargetId) -> Bounds {
        let counted_below = match target.kind().is_streamed {
            true => self.checkpoints.polled_below(target),
            false => Timestamp::MAX,
        };
        Bounds {
            late_below: self.late_below_after(change, target),
            counted_below,
        }
    }

    /// Judges a row of a slot. One that is new with this change has no keys yet: what lies below
    /// its bound, or the watermark, is from before counting began.
    pub(super) fn judge(&self, change: &Delta, slot: u32, row: &Row, bounds: Bounds) -> Verdict {
        let late_below = bounds.late_below;
        if change.added.contains_key(&slot) {
            let began = change.evicted_below.get(&slot).copied();
            return match row.position < began.unwrap_or(late_below).max(late_below) {
                true => Verdict::Duplicate,
                false => Verdict::New,
            };
        }
        let Some(seen) = self.seen.get(slot as usize) else {
            return Verdict::New;
        };
        if let Some(at) = change.reopened.get(&slot) {
            return match seen.holds(&row.key) || row.position < *at {
                true => Verdict::Duplicate,
                false if row.position < late_below => Verdict::Late,
                false => Verdict::New,
            };
        }
        seen.judge(&row.key, row.position, bounds)
    }

    /// For each function of a page of log lines, the start time below which another API has read
    /// it: keys of that time are kept by it and may be evicted, though the line is young. After
    /// a move from one API to another and back the topic's own position lies before all that.
    pub(super) fn closed_by_start(&self, target: &TargetId, page: &Page) -> Vec<Timestamp> {
        if target.kind().order == RowOrder::StartTime {
            return Vec::new();
        }
        let functions = page.functions.iter();
        functions
            .map(|function| self.checkpoints.closed_by_start(function))
            .collect()
    }

    /// Whether v2, whose keys are of another kind, brought the same attempt before.
    pub(super) fn was_met_through_v2(&self, slot: u32, row: &Row) -> bool {
        let key = InvocationKey {
            attempt: row.started.as_secs() as u32,
            ..row.key
        };
        // Without a start there is nothing to compare with.
        let told = row.started > Timestamp::default();
        told && key != row.key && self.is_in(Some(slot), &key)
    }

    /// Whether a row without a retry number was met with one. A program that has just started does
    /// not know yet whether the API tells them; the first attempt of a request, which starts in the
    /// same second, is the same one.
    pub(super) fn was_met_with_number(&self, slot: u32, row: &Row) -> bool {
        let is_told_by_start = row.key.attempt == row.position.as_secs() as u32;
        let first = InvocationKey {
            attempt: 0,
            ..row.key
        };
        let seen = self.seen.get(slot as usize).filter(|_| is_told_by_start);
        seen.is_some_and(|seen| seen.position_of(&first) == Some(row.position))
    }

    /// Whether an attempt was met under the overflow, where its function may have been before.
    pub(super) fn is_in(&self, overflow: Option<u32>, key: &InvocationKey) -> bool {
        overflow
            .and_then(|slot| self.seen.get(slot as usize))
            .is_some_and(|seen| seen.holds(key))
    }
}

/// Without a start there is nothing to compare with.
pub(super) fn is_closed(row: &Row, closed: &[Timestamp]) -> bool {
    let closed = closed.get(usize::from(row.function));
    row.started > Timestamp::default() && closed.is_some_and(|closed| row.started < *closed)
}
