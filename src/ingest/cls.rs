//! CLS, the cloud's log service, where the logs of functions are now: `SearchLog` on the topics
//! that the functions write to.
//!
//! Every attempt writes many lines; the platform's `Report RequestId` line, once for each, is the
//! row. A topic that several functions share is read once for all of them, by log time. Reads of
//! one topic never overlap and have one query under way, where the vendor allows 15.

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

use parking_lot::{Mutex, MutexGuard};

use super::discovery::{self, FoundList, Lister};
use super::page::ParseContext;
use super::page_size::PageSize;
use super::{
    DiscoveryIssues, FunctionSelector, Listing, LogSource, Mode, PageSink, ReadReport, SourceScope,
    Span,
};
use crate::config::FunctionFilter;
use crate::ledger::{AllowedLateness, ListedFunction, Scope, TargetId};
use crate::model::{FunctionId, Timestamp};
use missing_index::MissingIndexDetector;
use read::{Search, Topic, Unavailable};
use tencentcloud::{ApiError, BoxFuture, Client};

/// Lines of one answer at the most (vendor's page on `SearchLog`).
const PAGE_MAX: usize = 1_000;
/// Lines of one answer at the least that are worth asking for, where more can be had.
const PAGE_MIN: usize = 100;

/// Log topics of a region read through CLS.
pub struct ClsSource {
    search: Arc<dyn Search>,
    clock: Clock,
    functions: Arc<dyn Lister>,
    place: SourceScope,
    wanted: FunctionSelector,
    /// Topics named in the configuration; if there are any, only these are read.
    topics: Vec<Arc<str>>,
    query: String,
    page_size: usize,
    /// What is known of each topic.
    known: Mutex<BTreeMap<Arc<str>, TopicState>>,
    remarks: Mutex<DiscoveryIssues>,
}

/// What earlier reads have taught of one topic.
struct TopicState {
    silence: MissingIndexDetector,
    size: PageSize,
    unavailable: Unavailable,
}

/// Where the cloud's time comes from.
type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

// === impl ClsSource ===

impl ClsSource {
    /// A source over `client`, a client of the service `cls`. Without `topics` every topic of the
    /// functions of `functions` is read. `page_size` is the number of lines asked for at once.
    pub fn new(
        client: Client,
        functions: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        topics: Vec<String>,
        page_size: usize,
    ) -> Self {
        let search = Arc::new(client.clone());
        let clock = Box::new(move || client.now());
        Self::over(search, clock, functions, place, wanted, topics, page_size)
    }

    fn over(
        search: Arc<dyn Search>,
        clock: Clock,
        functions: Arc<dyn Lister>,
        place: SourceScope,
        wanted: FunctionSelector,
        topics: Vec<String>,
        page_size: usize,
    ) -> Self {
        Self {
            search,
            clock,
            functions,
            place,
            query: query::reports(&wanted),
            wanted,
            topics: topics.into_iter().map(Arc::from).collect(),
            page_size: page_size.clamp(PAGE_MIN, PAGE_MAX),
            known: Mutex::default(),
            remarks: Mutex::default(),
        }
    }

    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let FoundList {
            functions,
            complete,
            look,
        } = self.functions.list().await?;
        let (mut listed, mut met) = (Vec::new(), BTreeSet::new());
        let (mut elsewhere, mut nowhere) = (Vec::new(), Vec::new());
        for one in functions {
            match one.topic {
                discovery::Topic::Id(topic) if self.reads(&topic) => {
                    listed.push(ListedFunction {
                        function: one.function,
                        target: self.target(&topic),
                        about: one.about,
                    });
                    met.insert((*topic).into());
                }
                discovery::Topic::Id(topic) => {
                    elsewhere.push(one.function);
                    met.insert((*topic).into());
                }
                discovery::Topic::None => nowhere.push(one.function),
                discovery::Topic::NotAsked => {}
            }
        }
        if complete {
            let mut remarks = self.functions.remarks();
            self.remark(&mut remarks, &met, [&elsewhere, &nowhere]);
            *self.remarks.lock() = remarks;
        }
        Ok(Listing {
            functions: listed,
            complete,
            look,
        })
    }

    /// Whether a topic is among the configured ones, or none are configured.
    fn reads(&self, topic: &Arc<str>) -> bool {
        self.topics.is_empty() || self.topics.contains(topic)
    }

    /// Adds the configured topics to which none of the functions logs, and the functions that are
    /// not read because they log to other topics, or to none.
    fn remark(
        &self,
        remarks: &mut DiscoveryIssues,
        met: &BTreeSet<Box<str>>,
        [elsewhere, nowhere]: [&[FunctionId]; 2],
    ) {
        let topics = self.topics.iter().map(|topic| topic.to_string()).collect();
        for one in FunctionFilter::new(topics, Vec::new(), Vec::new()).unmatched(met) {
            remarks.add_unmatched(one.describe("log topic of these functions"));
        }
        let mut unread = |functions: &[FunctionId], why: &str| {
            if let Some(first) = functions.first() {
                let count = functions.len();
                let text =
                    format!("functions are not read: {why} (there are {count}, such as {first})");
                remarks.add(text);
            }
        };
        unread(
            elsewhere,
            "they log to topics that are not among the configured ones",
        );
        unread(
            nowhere,
            "they have no log topic: give them one in their log settings",
        );
    }

    async fn read_topic(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        // Its own targets are topics; anything else has no rows here.
        let Scope::Topic(id) = &target.scope else {
            return Ok(ReadReport::default());
        };
        // A read that is ended from outside forgets it, and the next ones learn it anew.
        let known = self.known().remove(id);
        let TopicState {
            mut silence,
            size,
            mut unavailable,
        } = known.unwrap_or_else(|| TopicState::new(self.page_size));
        let topic = Topic {
            id,
            query: &self.query,
            size: &size,
            context: ParseContext {
                target,
                wanted: &self.wanted,
            },
        };
        let search = &*self.search;
        let went = match span.mode {
            Mode::Sweep => topic.sweep(search, span, sink, &mut unavailable).await,
            Mode::Tail => topic.tail(search, span, sink).await,
        };
        let advice = match &went {
            Ok(went) => topic.advice(search, &span, went, &mut silence).await,
            Err(_) => None,
        };
        let known = TopicState {
            silence,
            size,
            unavailable,
        };
        self.known().insert(id.clone(), known);
        let went = went?;
        Ok(ReadReport {
            advice,
            ..went.report
        })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, TopicState>> {
        self.known.lock()
    }

    fn target(&self, topic: &str) -> TargetId {
        TargetId::topic(&self.place.region, topic).of_account(&self.place.account)
    }
}

// === impl TopicState ===

impl TopicState {
    fn new(page_max: usize) -> Self {
        Self {
            silence: MissingIndexDetector::default(),
            size: PageSize::new(page_max),
            unavailable: Unavailable::new(),
        }
    }
}

impl LogSource for ClsSource {
    fn standing_targets(&self) -> Vec<TargetId> {
        self.topics.iter().map(|topic| self.target(topic)).collect()
    }

    /// Where topics are configured, the list is only for showing: they are read even if it fails.
    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_functions())
    }

    fn remarks(&self) -> DiscoveryIssues {
        self.remarks.lock().clone()
    }

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_topic(target, span, sink))
    }

    /// Rows are ordered by the time of their log line, so only its delivery can be late.
    fn allowed_lateness(&self, _: &TargetId) -> AllowedLateness {
        AllowedLateness::of_lines(self.place.delivery_delay)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

#[cfg(test)]
mod tests;
