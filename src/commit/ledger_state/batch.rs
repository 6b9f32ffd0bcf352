//! Batches of a stream: an offset moves in the change that counts the records before it.

use super::{Delta, LedgerState, PageOutcome};
use crate::ledger::{Checkpoint, TargetId};
use crate::model::{Batch, Timestamp};

/// Where reading a partition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// At its checkpoint.
    Checkpoint(Checkpoint),
    /// At the first record of this time or later; it was not read before.
    Time(Timestamp),
}

/// The result of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It was counted, and the offset moved.
    Counted(PageOutcome),
    /// It does not begin at the checkpoint of the partition, so nothing of it was counted. Reading
    /// must go on at this offset.
    Misplaced(Option<u64>),
}

impl LedgerState {
    /// Returns where reading a partition starts at `now`, by the cloud's clock.
    pub fn start_of(&self, target: &TargetId, now: Timestamp) -> StartFrom {
        let read_to = self.checkpoints.get(target);
        read_to.map_or_else(
            || StartFrom::Time(self.opening(target, now)),
            StartFrom::Checkpoint,
        )
    }

    /// Prepares a batch of a partition.
    pub fn prepare_batch(
        &self,
        change: &mut Delta,
        target: &TargetId,
        batch: &Batch,
    ) -> BatchOutcome {
        let read_to = self.checkpoint_after(change, target);
        let next = read_to.and_then(Checkpoint::next_offset);
        if next != Some(batch.from) {
            return BatchOutcome::Misplaced(next);
        }
        let outcome = self.prepare_page(change, target, &batch.page);
        let to = Checkpoint::Offset {
            next: batch.next,
            reached: batch.reached,
        };
        self.prepare_checkpoint(change, target, to);
        BatchOutcome::Counted(outcome)
    }
}
