//! Decides when each target is read. Each source has a task that finds its targets, and each target
//! a task that reads it.
//!
//! Polled targets run in [`run_source`], partitions of a stream in [`run_stream`]. A slow or
//! failing target delays no other: they share only the client's rate limit and its limit of
//! requests in flight.

mod board;
mod budget;
mod report;
mod schedule;
mod sink;
mod source;
mod stream;
mod target;
mod totals;

use std::sync::Arc;

use crate::commit::CommitHandle;
use crate::config::Poll;
use crate::ingest::LogSource;
use crate::ledger::ListId;
use crate::telemetry::SourceTelemetry;
use tencentcloud::CloudClock;
use tencentcloud::runtime::Runtime;

pub use board::{SourceInfo, SourceState, StatusBoard, TargetState};
pub use budget::Budget;
pub use source::run_source;
pub use stream::run_stream;

/// What the tasks of one source share. For a stream, `S` is a
/// [`StreamedSource`](crate::ingest::StreamedSource).
pub struct Poller<S: ?Sized = dyn LogSource> {
    /// Name of the source.
    pub name: Arc<str>,
    /// Identifies the lists of functions that it asks for.
    pub lists: ListId,
    /// The API that is read.
    pub source: Arc<S>,
    /// Poll intervals and waits; longer where the budget is short of requests.
    pub timing: Poll,
    /// The request budget that its targets share.
    pub budget: Arc<Budget>,
    /// Where pages are committed.
    pub writer: CommitHandle,
    /// The source's metrics.
    pub telemetry: Arc<SourceTelemetry>,
    /// What the status page shows.
    pub board: Arc<StatusBoard>,
    /// The cloud's clock, and what vouches for it.
    pub clock: CloudClock,
    /// The cloud's time, random numbers and the stop signal.
    pub runtime: Runtime,
}
