//! API 3.0: `GetFunctionLogs` by time windows, for one function or for a namespace.
//!
//! The vendor has taken the action out of service for new accounts; older and private
//! installations still answer it.

mod answer;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod read;
mod row;
mod uncounted;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::discovery::Lister;
use super::page::ParseContext;
use super::stream_mode::{self, StreamMode, Streams};
use super::{JsonApi, Listing, LogSource, PageSink, ReadReport, SourceScope, Span};
use crate::config::FunctionSelector;
use crate::ledger::{AllowedLateness, ListedFunction, Scope, TargetId};
use crate::model::{FunctionId, Page};
use answer::ParseScope;
use fetch::Rows;
use read::{Reader, newest_page};
use tencentcloud::{ApiError, BoxFuture, Client};
use uncounted::UncountedRows;

/// A region read through API 3.0.
pub struct V3Source<C = Client> {
    cloud: C,
    lister: Arc<dyn Lister>,
    place: SourceScope,
    wanted: FunctionSelector,
    mode: StreamMode,
    /// The largest page size.
    page_max: usize,
    lateness: Mutex<HashMap<TargetId, AllowedLateness>>,
    uncounted: Mutex<HashMap<TargetId, UncountedRows>>,
    /// The API reports retry numbers, see [`ParseScope`].
    has_retry_numbers: AtomicBool,
}

// === impl V3Source ===

impl<C: JsonApi> V3Source<C> {
    /// A source over `cloud`. `page_max` is the largest page size; the API allows 1,000.
    pub fn new(
        cloud: C,
        lister: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        page_max: usize,
    ) -> Self {
        Self {
            cloud,
            lister,
            mode: StreamMode::new(place.read),
            place,
            wanted,
            page_max: page_max.max(1),
            lateness: Mutex::default(),
            uncounted: Mutex::default(),
            has_retry_numbers: AtomicBool::new(false),
        }
    }

    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let list = self.lister.list().await;
        let list = list.inspect_err(|_| self.mode.not_listed())?;
        let mut streams: BTreeMap<TargetId, Vec<TargetId>> = BTreeMap::new();
        for found in &list.functions {
            let stream = streams.entry(stream_of(&found.function)).or_default();
            stream.push(TargetId::function(found.function.clone()));
        }
        self.mode.listed(streams);
        let functions = list.functions.into_iter().map(|found| ListedFunction {
            target: (self.mode).target_of(stream_of(&found.function), &found.function),
            function: found.function,
            about: found.about,
        });
        let functions: Vec<ListedFunction> = functions.collect();
        let lateness = self.lateness_of(&functions, list.complete.is_some());
        let is_read = |target: &TargetId| lateness.contains_key(target);
        self.uncounted.lock().retain(|target, _| is_read(target));
        *self.lateness.lock() = lateness;
        Ok(Listing {
            functions,
            complete: list.complete,
        })
    }

    fn scope<'a>(&'a self, target: &'a TargetId) -> ParseScope<'a> {
        ParseScope {
            context: ParseContext {
                target,
                wanted: &self.wanted,
            },
            has_retry_numbers: &self.has_retry_numbers,
        }
    }

    /// Reads with the uncounted rows that earlier reads of the target found. A read that is aborted
    /// loses them, and the next ones find them anew.
    async fn read_with_uncounted(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        let known = self.uncounted.lock().remove(target);
        let mut uncounted = known.unwrap_or_else(|| UncountedRows::new(self.page_max));
        let (scope, page_max) = (self.scope(target), self.page_max);
        let reader = Reader::new(&self.cloud, scope, page_max, sink, &mut uncounted);
        let report = reader.read(span).await;
        self.uncounted.lock().insert(target.clone(), uncounted);
        report
    }

    /// Returns the allowed lateness of each target, which is that of its function with the longest
    /// timeout. While the list is not complete, a namespace may hold functions of any timeout.
    fn lateness_of(
        &self,
        functions: &[ListedFunction],
        is_complete: bool,
    ) -> HashMap<TargetId, AllowedLateness> {
        let mut longest: HashMap<TargetId, AllowedLateness> = HashMap::new();
        for listed in functions {
            let timeout = listed.about.as_ref().map(|about| about.timeout);
            let is_alone = matches!(listed.target.scope, Scope::Function(_));
            let timeout = timeout.filter(|_| is_complete || is_alone);
            let of_target = longest.entry(listed.target.clone()).or_default();
            *of_target = self.place.allowed_lateness(timeout).max(*of_target);
        }
        longest
    }
}

impl<C: JsonApi> LogSource for V3Source<C> {
    /// Namespaces that are configured by name are read without waiting for the list.
    fn standing_targets(&self) -> Vec<TargetId> {
        let target = |name: &String| {
            TargetId::namespace(&self.place.region, name).of_account(&self.place.account)
        };
        let names = self.wanted.namespaces.exact_names().into_iter().flatten();
        let targets = names.map(target);
        targets
            .filter(|target| self.mode.is_aggregated(target))
            .collect()
    }

    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_functions())
    }

    stream_mode::read_in_its_mode!();

    fn allowed_lateness(&self, target: &TargetId) -> AllowedLateness {
        let known = self.lateness.lock().get(target).copied();
        known.unwrap_or(self.place.allowed_lateness(None))
    }
}

impl<C: JsonApi> Streams for V3Source<C> {
    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_with_uncounted(target, span, sink))
    }

    fn spot_check<'a>(
        &'a self,
        function: &'a TargetId,
        span: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>> {
        Box::pin(async move {
            let (cloud, scope) = (&self.cloud, self.scope(function));
            newest_page(Rows { cloud, scope }, span, self.page_max).await
        })
    }
}

/// Returns the stream of a function's namespace.
fn stream_of(function: &FunctionId) -> TargetId {
    TargetId::namespace(&function.region, &function.namespace).of_account(&function.account)
}

#[cfg(test)]
mod tests;
