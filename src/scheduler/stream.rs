//! Runs a stream: opens its partitions and reads each of them continuously.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::Poller;
use super::board::{Polled, issue_of};
use super::report::Reporter;
use super::schedule::Schedule;
use super::source::end_series;
use super::target::refusal;
use super::totals::ReadTotals;
use crate::commit::{BatchOutcome, CommitFailed, StartFrom};
use crate::ingest::StreamedSource;
use crate::ledger::{AllowedLateness, Checkpoint, TargetId};
use crate::model::Batch;
use crate::telemetry::Issue;
use tencentcloud::ApiError;

type Stream = Arc<Poller<dyn StreamedSource>>;

/// The partitions that are being read.
type Partitions = BTreeMap<TargetId, AbortHandle>;

/// The reader of one partition.
struct Partition {
    poller: Stream,
    target: TargetId,
    /// The offset of the next record.
    next: u64,
    schedule: Schedule,
    reporter: Reporter,
}

/// Runs a stream until the stop, and returns when all its partitions have ended.
pub async fn run_stream(poller: Poller<dyn StreamedSource>) {
    let poller: Stream = Arc::new(poller);
    let stop = poller.runtime.stop.clone();
    let (mut running, mut partitions) = (JoinSet::new(), Partitions::new());
    loop {
        while running.try_join_next().is_some() {}
        // A partition whose task ended restarts at its checkpoint.
        partitions.retain(|_, task| !task.is_finished());
        let begun = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            begun = begin_new(&poller, &partitions) => begun,
        };
        let wait = match begun {
            Some(new) => {
                for partition in new {
                    let target = partition.target.clone();
                    partitions.insert(target, running.spawn(partition.run()));
                }
                let (board, now) = (&poller.board, poller.runtime.now());
                board.discovered(&poller.name, now, Vec::new(), true);
                poller.timing.discovery_interval
            }
            None => poller.timing.interval,
        };
        poller.telemetry.set_targets(partitions.len());
        end_series(&poller).await;
        if poller.runtime.until_stopped(sleep(wait)).await.is_none() {
            break;
        }
    }
    while running.join_next().await.is_some() {}
}

/// Starts the partitions that are not read yet; `None` if that failed and has to be tried again.
async fn begin_new(poller: &Stream, known: &Partitions) -> Option<Vec<Partition>> {
    let begun = async {
        let mut new = poller.source.partitions().await?;
        new.retain(|partition| !known.contains_key(partition));
        offsets_of(poller, new).await
    };
    match begun.await {
        Ok(begun) => {
            let begun = begun?.into_iter();
            Some(
                begun
                    .map(|(target, at)| Partition::new(poller, target, at))
                    .collect(),
            )
        }
        Err(error) => {
            let request_id = error.request_id.as_deref();
            warn!(source = &*poller.name, request_id, %error, "the partitions could not be begun");
            poller.telemetry.poll_failed();
            let (board, now) = (&poller.board, poller.runtime.now());
            board.discovery_failed(&poller.name, now, &error);
            None
        }
    }
}

/// The offset to read each partition from; `None` if the state could not be written. All of them
/// become durable before any is read, because an unknown partition beside a known one is taken for
/// a new one.
async fn offsets_of(
    poller: &Stream,
    partitions: Vec<TargetId>,
) -> Result<Option<Vec<(TargetId, Checkpoint)>>, ApiError> {
    let now = poller.clock.at_least();
    let Ok(starts) = poller.writer.starts_of(partitions.clone(), now).await else {
        return Ok(None);
    };
    let (mut offsets, mut begun) = (Vec::new(), Vec::new());
    for (target, start) in partitions.into_iter().zip(starts) {
        let checkpoint = match start {
            StartFrom::Checkpoint(checkpoint) => checkpoint,
            StartFrom::Time(reached) => {
                let next = poller.source.offset_at(&target, reached).await?;
                let checkpoint = Checkpoint::Offset { next, reached };
                begun.push((target.clone(), checkpoint));
                checkpoint
            }
        };
        offsets.push((target, checkpoint));
    }
    let is_durable = poller.writer.advance(begun).await.is_ok();
    Ok(is_durable.then_some(offsets))
}

// === impl Partition ===

impl Partition {
    fn new(poller: &Stream, target: TargetId, at: Checkpoint) -> Self {
        poller.board.added(&target, &poller.name);
        let lateness = AllowedLateness::NONE;
        poller.board.opened(&target, at.time(), lateness);
        Self {
            next: at.next_offset().unwrap_or_default(),
            schedule: Schedule::new(poller.timing.clone()),
            reporter: Reporter::new(poller, &target),
            poller: poller.clone(),
            target,
        }
    }

    async fn run(mut self) {
        let poller = self.poller.clone();
        let stop = &poller.runtime.stop;
        loop {
            let began = Instant::now();
            // A batch that was not committed yet is read again.
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                batch = poller.source.read(&self.target, self.next) => batch,
            };
            let wait = match batch {
                Ok(batch) => self.take(batch, began).await,
                Err(error) => {
                    let request_id = error.request_id.as_deref();
                    self.failed(issue_of(&error), &error.to_string(), request_id)
                }
            };
            if poller.runtime.until_stopped(sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Commits a batch and returns the wait before the next one.
    async fn take(&mut self, mut batch: Batch, began: Instant) -> Duration {
        let Poller { clock, timing, .. } = &*self.poller;
        // A time ahead of the cloud's would evict keys too early.
        batch.reached = batch.reached.min(clock.at_least());
        let (next, watermark) = (batch.next, batch.reached);
        let is_empty = batch.next == batch.from;
        let mut totals = ReadTotals::default();
        totals.saw(&batch.page);
        self.reporter.rejected(&batch.page.rejects);
        let (writer, telemetry) = (&self.poller.writer, &self.poller.telemetry);
        match writer.batch(&self.target, batch, telemetry).await {
            Ok(BatchOutcome::Counted(outcome)) => {
                self.next = next;
                let counted = outcome.counted;
                totals.add(outcome);
                self.reporter.counted(&totals);
                let polled = Polled {
                    watermark,
                    allowed_lateness: AllowedLateness::NONE,
                    hint: None,
                };
                debug!(target_name = %self.target, counted, next, "read");
                self.reporter.polled(&totals, polled);
                self.schedule.succeeded();
                match is_empty {
                    true => timing.interval.saturating_sub(began.elapsed()),
                    false => Duration::ZERO,
                }
            }
            Ok(BatchOutcome::Misplaced(read_to)) => {
                debug!(target_name = %self.target, ?read_to, "read where it was not read to");
                self.next = read_to.unwrap_or(self.next);
                timing.interval
            }
            Err(refused) => self.failed(refusal(refused), &CommitFailed.to_string(), None),
        }
    }

    fn failed(&mut self, trouble: Issue, text: &str, request_id: Option<&str>) -> Duration {
        self.reporter.failed(trouble, text, request_id);
        self.schedule.failed()
    }
}
