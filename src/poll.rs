//! When what is read: one task a source finds its targets, one task a target reads it.
//!
//! A target that is slow or fails waits by itself; only the client's pace and its limit of
//! requests in flight are shared.

mod board;
mod budget;
mod schedule;
mod sink;
mod source;
mod target;

use std::sync::Arc;

use crate::commit::Writer;
use crate::config::Poll;
use crate::ledger::ListId;
use crate::runtime::Runtime;
use crate::source::LogSource;
use crate::telemetry::SourceTelemetry;

pub use board::{Board, SourceInfo, SourceState, TargetState};
pub use budget::Budget;
pub use source::run_source;

/// What the tasks of one source share.
#[derive(Clone)]
pub struct Poller {
    /// Name of the source.
    pub name: Arc<str>,
    /// Whose lists of functions it asks for.
    pub lists: ListId,
    /// Its API.
    pub source: Arc<dyn LogSource>,
    /// How often, as long as there are requests for it.
    pub timing: Poll,
    /// Requests for all its targets.
    pub budget: Arc<Budget>,
    /// Where pages go.
    pub writer: Writer,
    /// Its metrics.
    pub telemetry: SourceTelemetry,
    /// What people are shown.
    pub board: Arc<Board>,
    /// Clock, jitter and the wish to stop.
    pub runtime: Runtime,
}

/// Whole seconds by which a clock is corrected, and more than two looks at it can differ by.
const CORRECTION_MIN_MS: i64 = 500;

impl Poller {
    /// How far the cloud's clock is known to be ahead of this machine's, in milliseconds.
    fn ahead(&self) -> i64 {
        self.source.now().as_millis() - self.runtime.now().as_millis()
    }

    /// Whether the cloud is less far ahead than was thought: then `now` was never reached.
    fn is_less_ahead_than(&self, ahead: i64) -> bool {
        self.ahead() < ahead - CORRECTION_MIN_MS
    }
}
