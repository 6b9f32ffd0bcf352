//! CLS, the cloud's log service, where the logs of functions are now: `SearchLog` on the topics
//! that the functions write to.
//!
//! Every invocation writes many lines; the platform's `Report RequestId` line, one for each, is the
//! row. A topic that several functions share is read once for all of them, by log time. Reads of
//! one topic never overlap and have one query in flight; the vendor allows 15.

mod answer;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod missing_index;
mod query;
mod read;
mod record;
mod report;
mod torn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::discovery::{self, Lister};
use super::page::ParseContext;
use super::page_size::PageSize;
use super::{JsonApi, Listing, LogSource, Mode, PageSink, ReadReport, SourceScope, Span};
use crate::config::{FunctionFilter, FunctionSelector};
use crate::ledger::{AllowedLateness, ListedFunction, Scope, TargetId};
use missing_index::MissingIndexDetector;
use read::{Topic, Unavailable};
use tencentcloud::{ApiError, BoxFuture, Client};

/// Lines of one response at most (vendor's page on `SearchLog`).
const PAGE_MAX: usize = 1_000;
/// The smallest page size that can be configured.
const PAGE_MIN: usize = 100;

/// Log topics of a region read through CLS.
pub struct ClsSource<C = Client> {
    cloud: C,
    functions: Arc<dyn Lister>,
    place: SourceScope,
    wanted: FunctionSelector,
    /// Topics named in the configuration; if there are any, only these are read.
    topics: Vec<Arc<str>>,
    query: String,
    page_size: usize,
    states: Mutex<BTreeMap<Arc<str>, TopicState>>,
}

/// What earlier reads have learned of one topic.
struct TopicState {
    missing_index: MissingIndexDetector,
    size: PageSize,
    unavailable: Unavailable,
}

// === impl ClsSource ===

impl<C: JsonApi> ClsSource<C> {
    /// A source over `cloud`, a client of the service `cls`. Without `topics` every topic of the
    /// functions of `functions` is read. `page_size` is the number of lines per request.
    pub fn new(
        cloud: C,
        functions: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        topics: Vec<String>,
        page_size: usize,
    ) -> Self {
        Self {
            cloud,
            functions,
            place,
            query: query::reports(&wanted),
            wanted,
            topics: topics.into_iter().map(Arc::from).collect(),
            page_size: page_size.clamp(PAGE_MIN, PAGE_MAX),
            states: Mutex::default(),
        }
    }

    /// Lists the functions whose topics are read. Adds to the issues the configured topics to which
    /// no function logs, and the functions that are not read because they log to other topics, or
    /// to none.
    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let list = self.functions.list().await?;
        let (mut functions, mut topics) = (Vec::new(), BTreeSet::new());
        let (mut elsewhere, mut without) = (Vec::new(), Vec::new());
        for found in list.functions {
            match found.topic {
                discovery::Topic::Id(topic) => {
                    topics.insert((*topic).into());
                    if self.topics.is_empty() || self.topics.contains(&topic) {
                        functions.push(ListedFunction {
                            function: found.function,
                            target: self.target(&topic),
                            about: found.about,
                        });
                    } else {
                        elsewhere.push(found.function);
                    }
                }
                discovery::Topic::None => without.push(found.function),
                discovery::Topic::Unknown => {}
            }
        }
        let mut complete = list.complete;
        if let Some(complete) = &mut complete {
            let issues = &mut complete.issues;
            let configured = self.topics.iter().map(ToString::to_string).collect();
            let configured = FunctionFilter::new(configured, Vec::new(), Vec::new());
            issues.add_unmatched(
                &configured.unmatched(&topics),
                "log topic of these functions",
            );
            for (unread, why) in [
                (
                    &elsewhere,
                    "they log to topics that are not among the configured ones",
                ),
                (
                    &without,
                    "they have no log topic: give them one in their log settings",
                ),
            ] {
                if let Some(first) = unread.first() {
                    let count = unread.len();
                    issues.add(format!(
                        "functions are not read: {why} (there are {count}, such as {first})"
                    ));
                }
            }
        }
        Ok(Listing {
            functions,
            complete,
        })
    }

    async fn read_topic(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        // Targets of this source are topics; any other has no rows here.
        let Scope::Topic(id) = &target.scope else {
            return Ok(ReadReport::default());
        };
        // A read that is aborted loses the state, and the next ones learn it anew.
        let state = self.states.lock().remove(id);
        let mut state = state.unwrap_or_else(|| TopicState {
            missing_index: MissingIndexDetector::default(),
            size: PageSize::new(self.page_size),
            unavailable: Unavailable::new(),
        });
        let topic = Topic {
            cloud: &self.cloud,
            id,
            query: &self.query,
            size: &state.size,
            context: ParseContext {
                target,
                wanted: &self.wanted,
            },
        };
        let mut read = match span.mode {
            Mode::Sweep => topic.sweep(span, sink, &mut state.unavailable).await,
            Mode::Tail => topic.tail(span, sink).await,
        };
        if let Ok(read) = &mut read {
            let detector = &mut state.missing_index;
            read.report.advice = topic.advice(&span, read, detector).await;
        }
        self.states.lock().insert(id.clone(), state);
        Ok(read?.report)
    }

    fn target(&self, topic: &str) -> TargetId {
        TargetId::topic(&self.place.region, topic).of_account(&self.place.account)
    }
}

impl<C: JsonApi> LogSource for ClsSource<C> {
    fn standing_targets(&self) -> Vec<TargetId> {
        self.topics.iter().map(|topic| self.target(topic)).collect()
    }

    /// Configured topics are read even if the list fails.
    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_functions())
    }

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_topic(target, span, sink))
    }

    /// Positions are the times of log lines, so a row is late by the delivery of its line only.
    fn allowed_lateness(&self, _: &TargetId) -> AllowedLateness {
        AllowedLateness::of_lines(self.place.delivery_delay)
    }
}

#[cfg(test)]
mod tests;
