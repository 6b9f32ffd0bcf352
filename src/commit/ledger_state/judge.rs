//! Judges rows: new, duplicate or late.

use super::{Delta, LedgerState};
use crate::ledger::{Bounds, RowOrder, TargetId, Verdict};
use crate::model::{InvocationKey, Page, Row, Timestamp};

impl LedgerState {
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

    /// Judges a row of a slot. A slot that this change adds has no keys yet: rows below its bound
    /// or the watermark are from before counting began, and so duplicates.
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

    /// Returns, for each function of a page of log lines, the start time below which another API
    /// has counted it: keys of that time may be evicted although the line is young. After a change
    /// from one API to another and back the topic's own watermark lies below that.
    pub(super) fn closed_by_start(&self, target: &TargetId, page: &Page) -> Vec<Timestamp> {
        if target.kind().order == RowOrder::StartTime {
            return Vec::new();
        }
        let functions = page.functions.iter();
        functions
            .map(|function| self.checkpoints.closed_by_start(function))
            .collect()
    }

    /// Returns whether v2, whose keys have another form, has counted the same invocation.
    pub(super) fn was_met_through_v2(&self, slot: u32, row: &Row) -> bool {
        let key = InvocationKey {
            attempt: row.started.as_secs() as u32,
            ..row.key
        };
        // A row without a start time cannot be compared.
        let has_start = row.started > Timestamp::default();
        has_start && key != row.key && self.is_in(Some(slot), &key)
    }

    /// Returns whether a row without a retry number was counted with one. A process that has just
    /// started does not know yet whether the API reports them; the first attempt of the request
    /// that started in the same second is the same invocation.
    pub(super) fn was_met_with_number(&self, slot: u32, row: &Row) -> bool {
        let is_numbered_by_start = row.key.attempt == row.position.as_secs() as u32;
        let first = InvocationKey {
            attempt: 0,
            ..row.key
        };
        let seen = self
            .seen
            .get(slot as usize)
            .filter(|_| is_numbered_by_start);
        seen.is_some_and(|seen| seen.position_of(&first) == Some(row.position))
    }

    /// Returns whether the overflow has the key, where its function may have been counted before.
    pub(super) fn is_in(&self, overflow: Option<u32>, key: &InvocationKey) -> bool {
        overflow
            .and_then(|slot| self.seen.get(slot as usize))
            .is_some_and(|seen| seen.holds(key))
    }
}

/// Returns whether a row started below the bound of its function; false without a start time.
pub(super) fn is_closed(row: &Row, closed: &[Timestamp]) -> bool {
    let closed = closed.get(usize::from(row.function));
    row.started > Timestamp::default() && closed.is_some_and(|closed| row.started < *closed)
}
