//! Where invocations come from: one adapter an API, all of them behind [`LogSource`].
//!
//! An adapter knows how its API pages and what its rows mean. It hands over pages of finished
//! attempts and says whether the window was read completely; it counts nothing.

mod outcome;
pub mod v2;

use crate::ledger::TargetId;
use crate::model::{FunctionId, Page, Timestamp};
use crate::tencent::{ApiError, BoxFuture};

/// An API as a source of invocations.
pub trait LogSource: Send + Sync {
    /// The functions that the configuration wants, as the cloud lists them now.
    fn list(&self) -> BoxFuture<'_, Result<Vec<FunctionId>, ApiError>>;

    /// Reads the rows of `target` from position `from` to now and hands them to `sink`, newest
    /// first; rows below `from` that come along are handed over too. Ends early when the sink
    /// says so.
    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        from: Timestamp,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;
}

/// Where the pages of a read go.
pub trait PageSink: Send {
    /// Takes a page and says whether the read is to go on.
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow>;
}

/// Whether a read goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next page is wanted.
    Continue,
    /// Enough: what follows is known, or nothing can be taken now.
    Stop,
}

/// How a read went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Every row that could be seen when the read began was handed over.
    pub complete: bool,
    /// The read was cut by a limit on its length.
    pub truncated: bool,
    /// Answers taken in.
    pub pages: u64,
}
