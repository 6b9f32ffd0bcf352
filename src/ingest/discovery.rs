//! The functions of a region, as API 3.0 lists them: `ListNamespaces`, `ListFunctions`,
//! `GetFunction`. Serves the sources that read by function, by namespace or by log topic.

mod catalog;
mod details;
mod issues;
mod scanner;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::page_size::PageSize;
use super::{CompleteList, JsonApi, Listing, SourceScope};
use crate::config::{FunctionSelector, Unmatched};
use crate::ledger::{Functions as FunctionSet, ListScan};
use crate::model::{FunctionConfig, FunctionId};
use catalog::FunctionCatalog;
use details::DetailFetcher;
use issues::{Findings, ScanContext, Suggestions};
use scanner::ListScanner;
use tencentcloud::{ApiError, BoxFuture, Client};

pub use issues::DiscoveryIssues;

/// Time after which [`Lister::list`] returns even if details are still missing.
const PART: Duration = Duration::from_secs(10);
/// Interval of scans while details are still being fetched: with 10 requests a second that takes a
/// quarter of an hour for 10,000 functions, and new functions must not wait for its end.
const SCAN_AGAIN: Duration = Duration::from_secs(300);

/// The functions of one source. Keeps what it found, so it lives as long as its source.
pub struct Functions<C = Client> {
    cloud: C,
    place: SourceScope,
    wanted: FunctionSelector,
    needs_topics: bool,
    size: PageSize,
    state: Mutex<State>,
}

/// The functions as far as they are known: each once, in order of its id. Where topics are needed,
/// only those whose topic is known.
pub type FoundList = Listing<Found>;

/// A function that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which function.
    pub function: FunctionId,
    /// Its configuration; `None` while it is not known, or if the cloud leaves out its memory or its
    /// timeout.
    pub about: Option<Arc<FunctionConfig>>,
    /// Where it logs to.
    pub topic: Topic,
}

/// The CLS log topic of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// Not known yet.
    Unknown,
    /// It has none: nothing is logged.
    None,
    /// The topic's id. Many functions may share one.
    Id(Arc<str>),
}

/// Lists functions.
pub trait Lister: Send + Sync {
    /// Returns the selected functions, as far as they are known; see [`Functions`].
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>>;
}

#[derive(Default)]
struct State {
    catalog: FunctionCatalog,
    details: DetailFetcher,
    scanned_at: Option<Instant>,
    /// What the last scan found.
    scan: ScanContext,
    suggestions: Suggestions,
    /// Configured functions that the last exhaustive scan did not find.
    unmatched: Vec<Unmatched>,
}

// === impl Functions ===

impl<C: JsonApi> Functions<C> {
    /// The `wanted` functions of `place`. With `needs_topics` a function is of no use before its
    /// topic is known.
    pub fn new(cloud: C, place: SourceScope, wanted: FunctionSelector, needs_topics: bool) -> Self {
        Self {
            cloud,
            place,
            wanted,
            needs_topics,
            size: PageSize::new(wire::PAGE),
            state: Mutex::default(),
        }
    }

    async fn list_part(&self) -> Result<FoundList, ApiError> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let until = Instant::now() + PART;
        if state.is_scan_due() {
            self.scan(state).await?;
        }
        let fetching = state.details.run(&self.cloud, &mut state.catalog);
        let is_complete = timeout_at(until, fetching).await.is_ok();
        let functions = state.catalog.found(self.needs_topics);
        let mut complete = None;
        if is_complete {
            let failed = state.details.finish();
            let issues = self.issues(state, failed.as_ref()).await;
            if let Some(error) = failed
                && self.needs_topics
                && functions.is_empty()
            {
                return Err(error);
            }
            let scan = self.list_scan(&state.catalog);
            complete = Some(CompleteList { scan, issues });
        }
        Ok(FoundList {
            functions,
            complete,
        })
    }

    /// Returns what the last scan named, and which functions it would have named.
    fn list_scan(&self, catalog: &FunctionCatalog) -> ListScan {
        let (wanted, scanned) = (self.wanted.clone(), catalog.scanned());
        let would_name = move |function: &FunctionId| {
            wanted.selects(function) && scanned.has(&function.namespace)
        };
        ListScan {
            named: catalog.named(),
            would_name: FunctionSet::new(would_name),
            is_certain: catalog.is_certain(self.needs_topics),
        }
    }

    async fn scan(&self, state: &mut State) -> Result<(), ApiError> {
        let mut scan = self.scanner().scan(state.catalog.namespaces()).await?;
        state.scan = std::mem::take(&mut scan.context);
        state.catalog.take(scan);
        let now = Instant::now();
        state.details.request(state.catalog.due(now));
        state.scanned_at = Some(now);
        Ok(())
    }

    /// Derives the issues of a complete list. If configured names do not exist, the existing ones
    /// are listed once, to suggest what may have been meant.
    async fn issues(&self, state: &mut State, failed: Option<&ApiError>) -> DiscoveryIssues {
        let known = state.catalog.names();
        let mut findings = Findings {
            wanted: &self.wanted,
            needs_topics: self.needs_topics,
            scan: &state.scan,
            known: &known,
            suggestions: &Suggestions::default(),
            failed,
        };
        let missing = findings.missing();
        if missing.is_empty() {
            state.suggestions = Suggestions::default();
        } else if missing != state.suggestions.missing {
            state.suggestions = self.scanner().suggest(missing, &state.scan.by_name).await;
        }
        findings.suggestions = &state.suggestions;
        if let Some(unmatched) = findings.functions() {
            state.unmatched = unmatched;
        }
        findings.issues(&state.unmatched)
    }

    fn scanner(&self) -> ListScanner<'_, C> {
        ListScanner {
            cloud: &self.cloud,
            place: &self.place,
            wanted: &self.wanted,
            size: &self.size,
        }
    }
}

impl<C: JsonApi> Lister for Functions<C> {
    /// Scans the lists of namespaces and functions, then fetches the details of functions that are
    /// new, changed, or were not fetched for an hour. Returns after some ten seconds at most (plus
    /// the time of the scan), and continues with the next call. May be dropped at any time without
    /// losing anything.
    ///
    /// A function that a scan misses is kept until the next scan misses it too, or its details do
    /// not exist. Where one namespace cannot be read, what is known of it is kept.
    ///
    /// # Errors
    /// The lists cannot be read at all, or topics are needed and none can be fetched. What was found
    /// before stays known.
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        Box::pin(self.list_part())
    }
}

impl State {
    fn is_scan_due(&self) -> bool {
        let is_old = |at: Instant| at.elapsed() >= SCAN_AGAIN;
        self.details.is_done() || self.scanned_at.is_none_or(is_old)
    }
}

#[cfg(test)]
mod tests;
