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

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

use super::discovery::{FoundList, Lister};
use super::page::ParseContext;
use super::stream_mode::{self, StreamMode, Streams};
use super::{
    DiscoveryIssues, Flow, FunctionSelector, Listing, LogSource, PageSink, ReadReport, SourceScope,
    Span,
};
use crate::ledger::{AllowedLateness, ListedFunction, Scope, TargetId};
use crate::model::{FunctionId, Page, Timestamp};
use answer::{LogsAnswer, ParseScope};
use fetch::LogsApi;
use read::Reader;
use tencentcloud::{ApiError, BoxFuture, Client};
use uncounted::UncountedRows;

/// A region read through API 3.0.
pub struct V3Source {
    api: Arc<dyn LogsApi>,
    lister: Arc<dyn Lister>,
    place: SourceScope,
    wanted: FunctionSelector,
    mode: StreamMode,
    /// The largest page asked for.
    page_max: usize,
    lateness: Mutex<HashMap<TargetId, AllowedLateness>>,
    memories: Mutex<HashMap<TargetId, UncountedRows>>,
    /// Whether the API tells retry numbers, see [`ParseScope`].
    tells_retries: AtomicBool,
}

/// Takes nothing: what is counted is not handed over.
struct Nowhere;

// === impl V3Source ===

impl V3Source {
    /// A source over `client`. `page_max` is the largest page asked for; the API allows 1,000.
    pub fn new(
        client: Client,
        lister: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        page_max: usize,
    ) -> Self {
        Self::over(Arc::new(client), lister, place, wanted, page_max)
    }

    fn over(
        api: Arc<dyn LogsApi>,
        lister: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        page_max: usize,
    ) -> Self {
        Self {
            api,
            lister,
            mode: StreamMode::new(place.read),
            place,
            wanted,
            page_max: page_max.max(1),
            lateness: Mutex::default(),
            memories: Mutex::default(),
            tells_retries: AtomicBool::new(false),
        }
    }

    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let known = match self.lister.list().await {
            Ok(known) => known,
            Err(error) => {
                self.mode.not_listed();
                return Err(error);
            }
        };
        self.cut(&known);
        let listed = known.functions.into_iter().map(|found| ListedFunction {
            target: self.target_of(&found.function),
            function: found.function,
            about: found.about,
        });
        let functions: Vec<ListedFunction> = listed.collect();
        let lateness = self.lateness_of(&functions, known.complete);
        self.memories()
            .retain(|target, _| lateness.contains_key(target));
        *self.lateness.lock() = lateness;
        Ok(Listing {
            functions,
            complete: known.complete,
            look: known.look,
        })
    }

    /// Tells the stream mode which functions each namespace has.
    fn cut(&self, known: &FoundList) {
        let mut streams: BTreeMap<TargetId, Vec<TargetId>> = BTreeMap::new();
        for found in &known.functions {
            let stream = streams.entry(stream_of(&found.function)).or_default();
            stream.push(TargetId::function(found.function.clone()));
        }
        self.mode.listed(streams, self.api.now());
    }

    fn target_of(&self, function: &FunctionId) -> TargetId {
        let stream = stream_of(function);
        if self.mode.is_aggregated(&stream) {
            stream
        } else {
            TargetId::function(function.clone())
        }
    }

    fn reader<'a>(
        &'a self,
        target: &'a TargetId,
        sink: &'a mut dyn PageSink,
        memory: &'a mut UncountedRows,
    ) -> Reader<'a> {
        let reading = ParseScope {
            context: ParseContext {
                target,
                wanted: &self.wanted,
            },
            tells_retries: &self.tells_retries,
        };
        Reader::new(&*self.api, reading, self.page_max, sink, memory)
    }

    /// Reads with what is remembered of the target. A read that is ended from outside forgets it,
    /// and the next ones learn it anew.
    async fn read_with_memory(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        let known = self.memories().remove(target);
        let mut memory = known.unwrap_or_else(|| UncountedRows::new(self.page_max));
        let report = self.reader(target, sink, &mut memory).read(span).await;
        self.memories().insert(target.clone(), memory);
        report
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<TargetId, UncountedRows>> {
        self.memories.lock()
    }

    /// The allowed lateness of each target, which is that of its function with the longest timeout.
    /// Of a list that is not complete, a namespace may hold functions of any timeout.
    fn lateness_of(
        &self,
        functions: &[ListedFunction],
        complete: bool,
    ) -> HashMap<TargetId, AllowedLateness> {
        let mut longest: HashMap<TargetId, AllowedLateness> = HashMap::new();
        for listed in functions {
            let timeout = listed.about.as_ref().map(|about| about.timeout);
            let is_alone = matches!(listed.target.scope, Scope::Function(_));
            let timeout = timeout.filter(|_| complete || is_alone);
            let lateness = timeout.map_or(self.place.allowed_lateness_of_calls(), |timeout| {
                AllowedLateness::of_calls(timeout, self.place.delivery_delay).with_cut_starts()
            });
            let of_target = longest.entry(listed.target.clone()).or_default();
            *of_target = lateness.max(*of_target);
        }
        longest
    }
}

impl LogSource for V3Source {
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

    fn remarks(&self) -> DiscoveryIssues {
        self.lister.remarks()
    }

    stream_mode::read_in_its_mode!();

    fn allowed_lateness(&self, target: &TargetId) -> AllowedLateness {
        let known = self.lateness.lock().get(target).copied();
        known.unwrap_or(self.place.allowed_lateness_of_calls())
    }

    fn now(&self) -> Timestamp {
        self.api.now()
    }
}

impl Streams for V3Source {
    fn stream_mode(&self) -> &StreamMode {
        &self.mode
    }

    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_with_memory(target, span, sink))
    }

    fn spot_check<'a>(
        &'a self,
        function: &'a TargetId,
        span: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>> {
        Box::pin(async move {
            let (mut sink, mut memory) = (Nowhere, UncountedRows::new(self.page_max));
            self.reader(function, &mut sink, &mut memory)
                .newest(span)
                .await
        })
    }
}

impl PageSink for Nowhere {
    fn put(&mut self, _: Page) -> BoxFuture<'_, Flow> {
        Box::pin(async { Flow::Stop })
    }

    fn reached(&mut self, _: Timestamp) -> BoxFuture<'_, Flow> {
        Box::pin(async { Flow::Stop })
    }
}

/// The stream in which the rows of a function are.
fn stream_of(function: &FunctionId) -> TargetId {
    TargetId::namespace(&function.region, &function.namespace).of_account(&function.account)
}

// === impl LogsApi ===

impl LogsApi for Client {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<LogsAnswer, ApiError>> {
        Box::pin(self.call_json("GetFunctionLogs", params))
    }

    fn now(&self) -> Timestamp {
        self.now()
    }
}

#[cfg(test)]
mod tests;
