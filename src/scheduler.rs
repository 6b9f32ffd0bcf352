//! When what is read: one task a source finds its targets, one task a target reads it.
//!
//! A polled target is read again and again ([`run_source`]), a partition of a stream on and on
//! ([`run_stream`]). One that is slow or fails waits by itself; only the client's pace and its limit
//! of requests in flight are shared.

mod board;
mod budget;
mod report;
mod schedule;
mod sink;
mod source;
mod stream;
mod target;

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

/// What the tasks of one source share; the source is a [`StreamedSource`](crate::ingest::StreamedSource)
/// where it says so.
pub struct Poller<S: ?Sized = dyn LogSource> {
    /// Name of the source.
    pub name: Arc<str>,
    /// Whose lists of functions it asks for.
    pub lists: ListId,
    /// Its API.
    pub source: Arc<S>,
    /// How often, as long as there are requests for it.
    pub timing: Poll,
    /// Requests for all its targets.
    pub budget: Arc<Budget>,
    /// Where pages go.
    pub writer: CommitHandle,
    /// Its metrics.
    pub telemetry: SourceTelemetry,
    /// What people are shown.
    pub board: Arc<StatusBoard>,
    /// The cloud's clock, and what vouches for it.
    pub clock: CloudClock,
    /// The cloud's time, jitter and the wish to stop.
    pub runtime: Runtime,
}
