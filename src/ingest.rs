//! Where invocations come from: one adapter an API, behind one of two traits.
//!
//! An adapter knows how its API pages and what its rows mean; it counts nothing. A polled one is a
//! [`LogSource`]: it hands over pages of finished attempts and says whether the span was read
//! completely. A streamed one is a [`StreamedSource`]: it hands over batches with their offsets.

pub mod cls;
pub mod discovery;
mod function_log;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod outcome;
mod page;
pub(crate) mod page_size;
mod remarks;
mod scalar;
mod stream_mode;
mod time;
pub mod v2;
pub mod v3;
mod values;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Read;
use crate::ledger::{AllowedLateness, Listed, Look, TargetId};
use crate::model::{Batch, FunctionId, Page, Timestamp};
use tencentcloud::{ApiError, BoxFuture};

pub use crate::config::FunctionSelector;
pub use remarks::Remarks;

/// An API that is polled for invocations: a span of positions is read as often as its rule needs.
pub trait LogSource: Send + Sync {
    /// Targets that are read without waiting for the list of functions.
    fn standing_targets(&self) -> Vec<TargetId> {
        Vec::new()
    }

    /// The functions that the configuration wants, as the cloud lists them now. May take a while,
    /// and may answer in parts.
    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>>;

    /// What a person should know of the last whole list although nothing failed.
    fn remarks(&self) -> Remarks {
        Remarks::default()
    }

    /// Reads the rows of `target` and hands them to `sink`. Ends early when the sink says so.
    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;

    /// How long after its position a row of `target` may still appear.
    fn allowed_lateness(&self, target: &TargetId) -> AllowedLateness;

    /// Whether a sweep finds rows that no other read does and that could be seen long before: then
    /// requests that nobody else needs are spent on it.
    fn is_worth_sweeping(&self) -> bool {
        false
    }

    /// The cloud's clock, as far as it is known to differ from this machine's.
    fn now(&self) -> Timestamp;

    /// Waits until functions are to be read through other targets than the last list said.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// How the functions of each target of many are read, in words.
    fn stream_modes(&self) -> Vec<(TargetId, String)> {
        Vec::new()
    }
}

/// A stream that invocations are delivered to: the records of a partition stand in one order, the
/// offset after the last one that was counted is all that is kept, and nothing is late.
pub trait StreamedSource: Send + Sync {
    /// The partitions that there are, each a [`Scope::Partition`](crate::ledger::Scope).
    fn partitions(&self) -> BoxFuture<'_, Result<Vec<TargetId>, ApiError>>;

    /// The offset of the first record of `partition` that is not older than `time`; of the next one
    /// to come where all are older. [`Timestamp::MIN`] asks for the first record that there is.
    fn offset_at<'a>(
        &'a self,
        partition: &'a TargetId,
        time: Timestamp,
    ) -> BoxFuture<'a, Result<u64, ApiError>>;

    /// The records of `partition` from the offset `from` on, as many as one answer holds. May wait
    /// for the first one, and may answer without any; dropping the future loses nothing.
    fn read<'a>(
        &'a self,
        partition: &'a TargetId,
        from: u64,
    ) -> BoxFuture<'a, Result<Batch, ApiError>>;
}

/// Where a source reads, and how its targets are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceScope {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// A stream for each function, or one for many.
    pub read: Read,
    /// Longest run time of a function whose timeout is not known.
    pub max_run_time: Duration,
    /// How late the row of a finished call may appear.
    pub delivery_delay: Duration,
}

/// The wanted functions, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Each function once.
    pub functions: Vec<Listed>,
    /// Whether these are all: else the list is to be asked for again soon, and a function that is
    /// not among these is not gone.
    pub complete: bool,
    /// Of a complete list, all that it named.
    pub look: Option<Look>,
}

/// What is to be read of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How thoroughly.
    pub mode: Mode,
    /// The watermark: what lies below it need not be read again.
    pub from: Timestamp,
    /// Below this position nothing can appear any more: what is read there stays as it is.
    pub closed: Timestamp,
    /// The instant at which the read begins, by the cloud's clock.
    pub now: Timestamp,
    /// New rows that the last read found.
    pub expected: u64,
}

/// Two ways of reading a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Newest first until the sink knows a whole page: keeps the numbers fresh.
    Tail,
    /// All from `from` on: finds what started long ago and ended just now.
    Sweep,
}

/// Where the pages of a read go.
pub trait PageSink: Send {
    /// Takes a page and says whether the read is to go on.
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow>;

    /// Says that every row below `position` that could be seen was handed over, so that a read
    /// which goes oldest first keeps what it has reached even if it breaks off later. Only for a
    /// position up to [`Span::closed`].
    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow>;

    /// How many attempts of each function of the target within `span` were met by now, so that a
    /// read can tell from the total of an answer that none is missing; `None` where that is not
    /// known. There may be functions that are not wanted any more.
    fn met(&mut self, _span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        Box::pin(async { None })
    }

    /// Takes a page of rows of the target that ought to be known, and says how many were not;
    /// `None` where that cannot be told now.
    fn recheck(&mut self, _page: Page) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Every row from [`Span::from`] to [`Span::closed`] was handed over.
    pub complete: bool,
    /// Nothing that could be seen when the read began is missing, the newest rows included.
    pub confirmed: bool,
    /// The API counts rows that were not met: they are to be looked for soon.
    pub missing: bool,
    /// Rows were left out for a limit of the API.
    pub truncated: bool,
    /// Answers taken in.
    pub pages: u64,
    /// Something that a person should change although nothing failed, such as an index that is
    /// missing; it names the setting.
    pub advice: Option<String>,
}

// === impl Span ===

impl Span {
    /// The first whole second that is not settled, for sources whose rows stand at whole seconds.
    pub fn first_second(&self) -> Timestamp {
        let second = self.from.as_secs();
        let begins_before = Timestamp::from_secs(second) < self.from;
        Timestamp::from_secs(second + i64::from(begins_before))
    }

    /// The whole seconds in which nothing can appear any more, and the part of one: for sources
    /// whose rows stand at whole seconds.
    pub fn closed_seconds(&self) -> Range<Timestamp> {
        let second = self.closed.as_secs();
        let ends_behind = Timestamp::from_secs(second) < self.closed;
        self.first_second()..Timestamp::from_secs(second + i64::from(ends_behind))
    }
}

// === impl SourceScope ===

impl SourceScope {
    /// How long after its start, cut to the second, a call of unknown timeout may still appear.
    fn allowed_lateness_of_calls(&self) -> AllowedLateness {
        AllowedLateness::of_calls(self.max_run_time, self.delivery_delay).with_cut_starts()
    }
}
