//! Where invocations come from: an adapter for each API, behind one of two traits.
//!
//! An adapter knows how its API pages and what its rows mean; it counts nothing. A [`LogSource`] is
//! polled: it returns pages of invocations and reports whether the span was read completely.
//! A [`StreamedSource`] returns batches with their offsets.

pub mod cls;
pub mod discovery;
mod function_log;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod outcome;
mod page;
pub(crate) mod page_size;
mod scalar;
mod scan;
mod stream_mode;
#[cfg(test)]
mod tests;
mod time;
pub mod v2;
pub mod v3;
mod values;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::Read;
use crate::ledger::{AllowedLateness, ListScan, ListedFunction, TargetId};
use crate::model::{Batch, FunctionId, Page, Timestamp};
use tencentcloud::{ApiError, BoxFuture, Client};

pub use discovery::DiscoveryIssues;

/// An API that is polled for invocations: a span of positions is read as often as its rule needs.
pub trait LogSource: Send + Sync {
    /// Returns the targets that are read without waiting for the list of functions.
    fn standing_targets(&self) -> Vec<TargetId> {
        Vec::new()
    }

    /// Lists the functions that the configuration selects. May take a while, and may answer in
    /// parts.
    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>>;

    /// Reads the rows of `target` into `sink`. Ends early when the sink returns [`Flow::Stop`].
    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;

    /// Returns how long after its position a row of `target` may still appear.
    fn allowed_lateness(&self, target: &TargetId) -> AllowedLateness;

    /// Returns whether a sweep finds rows that tail reads miss, so that idle requests are spent on
    /// it.
    fn is_worth_sweeping(&self) -> bool {
        false
    }

    /// Waits until the functions have to be read through other targets than in the last list.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Describes for people how the functions of each aggregated target are read.
    fn stream_modes(&self) -> Vec<(TargetId, String)> {
        Vec::new()
    }
}

/// A stream of invocations. The records of a partition have one order, the offset after the last
/// counted one is the checkpoint, and nothing is late.
pub trait StreamedSource: Send + Sync {
    /// Returns all partitions, each a [`Scope::Partition`](crate::ledger::Scope).
    fn partitions(&self) -> BoxFuture<'_, Result<Vec<TargetId>, ApiError>>;

    /// Returns the offset of the first record of `partition` that is not older than `time`, or of
    /// the next one to come. [`Timestamp::MIN`] asks for the first record.
    fn offset_at<'a>(
        &'a self,
        partition: &'a TargetId,
        time: Timestamp,
    ) -> BoxFuture<'a, Result<u64, ApiError>>;

    /// Reads the records of `partition` from the offset `from` on, as many as one answer holds. May
    /// wait for the first one, and may return none; dropping the future loses nothing.
    fn read<'a>(
        &'a self,
        partition: &'a TargetId,
        from: u64,
    ) -> BoxFuture<'a, Result<Batch, ApiError>>;
}

/// Calls actions of API 3.0. A trait so that tests can answer in place of the cloud.
pub trait JsonApi: Clone + Send + Sync + 'static {
    /// Returns the content of `Response`, see [`Client::call_json`].
    fn call_json<T: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
    ) -> impl Future<Output = Result<T, ApiError>> + Send;

    /// Returns what `fast` reads of the whole body or, if it gives up, what `general` makes of the
    /// content of `Response`; see [`Client::call_rows`]. Without a body there is only the latter.
    fn call_rows<T: Send, P: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
        _fast: impl Fn(&[u8]) -> Option<T> + Send + Sync,
        general: impl Fn(P) -> T + Send + Sync,
    ) -> impl Future<Output = Result<T, ApiError>> + Send {
        async move { Ok(general(self.call_json(action, params).await?)) }
    }
}

/// What a source reads, and through which kind of targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceScope {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// One target for each function, or one for many.
    pub read: Read,
    /// Longest run time of a function whose timeout is not known.
    pub max_run_time: Duration,
    /// How long after the end of an invocation its row may appear.
    pub delivery_delay: Duration,
}

/// The selected functions, as far as they are known.
#[derive(Debug, Clone)]
pub struct Listing<F = ListedFunction> {
    /// Each function once.
    pub functions: Vec<F>,
    /// Set if these are all functions. If not, the list is requested again soon, and no missing
    /// function counts as gone.
    pub complete: Option<CompleteList>,
}

/// What is known once all functions are.
#[derive(Debug, Clone)]
pub struct CompleteList {
    /// What the list named.
    pub scan: ListScan,
    /// What the operator should know although nothing failed.
    pub issues: DiscoveryIssues,
}

/// What is to be read of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Tail read or sweep.
    pub mode: Mode,
    /// The watermark: everything below it was read.
    pub from: Timestamp,
    /// No row can appear below this position any more.
    pub closed: Timestamp,
    /// The instant at which the read begins, by the cloud's clock.
    pub now: Timestamp,
    /// Number of new rows in the last read.
    pub expected: u64,
}

/// Two ways of reading a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Newest first, until every row of a page is known: keeps the numbers fresh.
    Tail,
    /// Everything from the watermark on: finds invocations that started long ago and ended just now.
    Sweep,
}

/// Takes the pages of a read.
pub trait PageSink: Send {
    /// Takes a page and returns whether the read goes on.
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow>;

    /// Reports that every visible row below `position` was passed on, so that a read that goes
    /// oldest first keeps its progress if it breaks off later. `position` is at most
    /// [`Span::closed`].
    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow>;

    /// Returns the number of invocations of each function within `span` that the ledger knows, to
    /// compare with the API's total; `None` if that is not known. May include functions that are no
    /// longer selected.
    fn met(&mut self, _span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        Box::pin(async { None })
    }

    /// Takes a page of rows that should be known already, and returns how many were not; `None` if
    /// that is not known.
    fn recheck(&mut self, _page: Page) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }
}

/// Whether a read goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Read the next page.
    Continue,
    /// The rest is known, or nothing can be committed now.
    Stop,
}

/// The result of a read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Every row from [`Span::from`] to [`Span::closed`] was passed on.
    pub complete: bool,
    /// No row that was visible when the read began is missing, the newest ones included.
    pub confirmed: bool,
    /// The API's total says that rows are missing: the next read comes soon.
    pub missing: bool,
    /// Rows were left out because of a limit of the API.
    pub truncated: bool,
    /// Number of responses that were read.
    pub pages: u64,
    /// What the operator should change although nothing failed, such as a missing index; names the
    /// setting.
    pub advice: Option<String>,
}

// === impl Span ===

impl Span {
    /// Returns the first whole second above the watermark, for sources with positions in whole
    /// seconds.
    pub fn first_second(&self) -> Timestamp {
        let second = self.from.as_secs();
        let begins_before = Timestamp::from_secs(second) < self.from;
        Timestamp::from_secs(second + i64::from(begins_before))
    }

    /// Returns the closed seconds, a partly closed one included, for sources with positions in whole
    /// seconds.
    pub fn closed_seconds(&self) -> Range<Timestamp> {
        let second = self.closed.as_secs();
        let ends_behind = Timestamp::from_secs(second) < self.closed;
        self.first_second()..Timestamp::from_secs(second + i64::from(ends_behind))
    }
}

// === impl SourceScope ===

impl SourceScope {
    /// Returns the allowed lateness of a function with this timeout, or of one whose timeout is not
    /// known. Starts are cut to the second.
    fn allowed_lateness(&self, timeout: Option<Duration>) -> AllowedLateness {
        let run_time = timeout.unwrap_or(self.max_run_time);
        AllowedLateness::of_calls(run_time, self.delivery_delay).with_cut_starts()
    }

    fn function(&self, namespace: Arc<str>, name: &str) -> FunctionId {
        FunctionId {
            account: self.account.clone(),
            region: self.region.clone(),
            namespace,
            name: name.into(),
        }
    }
}

// === impl JsonApi ===

impl JsonApi for Client {
    fn call_json<T: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
    ) -> impl Future<Output = Result<T, ApiError>> + Send {
        self.call_json(action, params)
    }

    fn call_rows<T: Send, P: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
        fast: impl Fn(&[u8]) -> Option<T> + Send + Sync,
        general: impl Fn(P) -> T + Send + Sync,
    ) -> impl Future<Output = Result<T, ApiError>> + Send {
        self.call_rows(action, params, fast, general)
    }
}
