//! CLS, the cloud's log service, where the logs of functions are now: `SearchLog` on the topics
//! that the functions write to.
//!
//! Every attempt writes many lines; the platform's `Report RequestId` line, once for each, is the
//! row. A topic that several functions share is read once for all of them, by log time. Reads of
//! one topic never overlap and have one query under way, where the vendor allows 15.

mod answer;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod query;
mod read;
mod record;
mod report;
mod silence;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::functions::{self, FoundList, Lister};
use super::{Listing, LogSource, Mode, PageSink, Place, ReadReport, Span, Wanted};
use crate::ledger::{Listed, Scope, TargetId};
use crate::model::{FunctionId, Timestamp};
use crate::tencent::{ApiError, BoxFuture, Client};
use answer::Reading;
use read::{Search, Topic};
use silence::Silence;

/// Lines of one answer at the most (vendor's page on `SearchLog`).
const PAGE_MAX: usize = 1_000;
/// Lines of one answer at the least that are worth asking for.
const PAGE_MIN: usize = 100;

/// Log topics of a region read through CLS.
pub struct ClsSource {
    search: Arc<dyn Search>,
    clock: Clock,
    functions: Arc<dyn Lister>,
    place: Place,
    wanted: Wanted,
    /// Topics named in the configuration; if there are any, only these are read.
    topics: Vec<Arc<str>>,
    query: String,
    page_size: usize,
    silences: Mutex<BTreeMap<Arc<str>, Silence>>,
    /// What was told of functions that are not read.
    unread: Mutex<Unread>,
}

/// Functions that no target reads.
#[derive(Debug, Default, PartialEq, Eq)]
struct Unread {
    /// They log to topics that are not configured.
    elsewhere: Vec<FunctionId>,
    /// They have no topic.
    nowhere: Vec<FunctionId>,
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
        place: Place,
        wanted: Wanted,
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
        place: Place,
        wanted: Wanted,
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
            silences: Mutex::default(),
            unread: Mutex::default(),
        }
    }

    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let FoundList {
            functions,
            complete,
            look,
        } = self.functions.list().await?;
        let mut listed = Vec::new();
        let mut unread = Unread::default();
        for one in functions {
            match one.topic {
                functions::Topic::Id(topic) if self.reads(&topic) => listed.push(Listed {
                    function: one.function,
                    target: self.target(&topic),
                    about: one.about,
                }),
                functions::Topic::Id(_) => unread.elsewhere.push(one.function),
                functions::Topic::None => unread.nowhere.push(one.function),
                functions::Topic::NotAsked => {}
            }
        }
        if complete {
            self.tell(unread);
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

    /// Says which functions are not read, and again when it is others.
    fn tell(&self, unread: Unread) {
        let mut told = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == unread {
            return;
        }
        let say = |functions: &[FunctionId], why: &str| {
            if let Some(first) = functions.first() {
                let count = functions.len();
                warn!(count, %first, "functions are not read: {why}");
            }
        };
        say(
            &unread.elsewhere,
            "they log to topics that are not among the configured ones",
        );
        say(
            &unread.nowhere,
            "they have no log topic: give them one in their log settings",
        );
        *told = unread;
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
        let topic = Topic {
            id,
            query: &self.query,
            limit: self.page_size,
            reading: Reading {
                place: &self.place,
                wanted: &self.wanted,
            },
        };
        let search = &*self.search;
        let mut silence = self.silences().remove(id).unwrap_or_default();
        let went = match span.mode {
            Mode::Sweep => topic.sweep(search, span, sink).await,
            Mode::Tail => topic.tail(search, span, sink).await,
        };
        let advice = match &went {
            Ok(went) => topic.advice(search, &span, went, &mut silence).await,
            Err(_) => None,
        };
        self.silences().insert(id.clone(), silence);
        let went = went?;
        Ok(ReadReport {
            advice,
            ..went.report
        })
    }

    fn silences(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Silence>> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn target(&self, topic: &str) -> TargetId {
        TargetId::topic(&self.place.region, topic).of_account(&self.place.account)
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

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_topic(target, span, sink))
    }

    /// Rows are ordered by the time of their log line, so only its delivery can be late.
    fn late_after(&self, _: &TargetId) -> Duration {
        self.place.delivery_delay
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

#[cfg(test)]
mod tests;
