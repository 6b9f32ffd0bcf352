//! The functions of a place, as API 3.0 lists them: `ListNamespaces`, `ListFunctions`,
//! `GetFunction`. Serves every source of SCF logs that is cut by function or by log topic.

mod catalog;
mod details;
mod remarks;
mod scanner;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex as StdMutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::page_size::PageSize;
use super::{DiscoveryIssues, FunctionSelector, SourceScope};
use crate::config::Unmatched;
use crate::ledger::{Functions as Which, ListScan};
use crate::model::{FunctionConfig, FunctionId};
use catalog::FunctionCatalog;
use details::DetailFetcher;
use remarks::{Alike, Looked, Names};
use scanner::ListScanner;
use tencentcloud::{ApiError, BoxFuture, Client};

/// After so long an answer comes even if not all details are known.
const PART: Duration = Duration::from_secs(10);
/// So often the lists are looked at anew while details are still being asked for: of 10,000
/// functions that takes a quarter of an hour, and new ones are not to wait for its end.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// The functions of one place. Remembers what it found, so one is kept as long as its source.
pub struct Functions(Discovery<Client>);

/// The functions as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct FoundList {
    /// Each once, in order of its id. Where topics are needed, only those whose topic is known.
    pub functions: Vec<Found>,
    /// Whether nothing is being asked about them any more: else the list is to be asked for again
    /// soon, and a function that is not among these is not gone.
    pub complete: bool,
    /// Of a complete list, all that it named.
    pub look: Option<ListScan>,
}

/// A function that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub function: FunctionId,
    /// How it is configured; `None` while not known, or where the cloud leaves out its memory or
    /// its timeout.
    pub about: Option<Arc<FunctionConfig>>,
    /// Where it logs to.
    pub topic: Topic,
}

/// The CLS log topic of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// Not known yet.
    NotAsked,
    /// It has none: nothing is logged.
    None,
    /// The topic's id. Many functions may share one.
    Id(Arc<str>),
}

/// Who knows the functions.
pub trait Lister: Send + Sync {
    /// The wanted functions, as far as they are known; see [`Functions`].
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>>;

    /// What a person should know of the last whole list although nothing failed.
    fn remarks(&self) -> DiscoveryIssues {
        DiscoveryIssues::default()
    }
}

/// The one thing that is asked of a client: an action of API 3.0, answered by what is in
/// `Response`.
trait Call: Clone + Send + Sync + 'static {
    fn call<T: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
    ) -> impl Future<Output = Result<T, ApiError>> + Send;
}

struct Discovery<C> {
    cloud: C,
    place: SourceScope,
    wanted: FunctionSelector,
    needs_topics: bool,
    size: PageSize,
    state: Mutex<State>,
    /// Apart from the state, which is held while the cloud is asked.
    remarks: StdMutex<DiscoveryIssues>,
}

#[derive(Default)]
struct State {
    known: FunctionCatalog,
    round: DetailFetcher,
    /// When the lists were looked at last.
    surveyed: Option<Instant>,
    /// What that look met.
    looked: Looked,
    alike: Alike,
    /// What the last whole look said of the configured functions.
    unmatched: Vec<Unmatched>,
}

// === impl Functions ===

impl Functions {
    /// The `wanted` functions of `place`. With `needs_topics` a function is of no use before its
    /// topic is known.
    pub fn new(
        client: Client,
        place: SourceScope,
        wanted: FunctionSelector,
        needs_topics: bool,
    ) -> Self {
        Self(Discovery::new(client, place, wanted, needs_topics))
    }
}

impl Lister for Functions {
    /// Looks at the lists of namespaces and functions, then asks for the details of those that are
    /// new, changed, or were not asked for an hour. Returns after some ten seconds at the most
    /// (and the time that the lists take), and goes on at the next call. May be dropped at any
    /// time without losing anything.
    ///
    /// A function that a list misses is kept until the next list misses it too, or its details
    /// turn out not to be there. Where one namespace cannot be read, what is known of it is kept.
    ///
    /// # Errors
    /// The lists cannot be read at all, or topics are needed and no function's can be had. What
    /// was found before stays known.
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        Box::pin(self.0.list())
    }

    fn remarks(&self) -> DiscoveryIssues {
        self.0.remarks.lock().clone()
    }
}

impl Call for Client {
    fn call<T: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
    ) -> impl Future<Output = Result<T, ApiError>> + Send {
        self.call_json(action, params)
    }
}

// === impl Discovery ===

impl<C: Call> Discovery<C> {
    fn new(cloud: C, place: SourceScope, wanted: FunctionSelector, needs_topics: bool) -> Self {
        Self {
            cloud,
            place,
            wanted,
            needs_topics,
            size: PageSize::new(wire::PAGE),
            state: Mutex::default(),
            remarks: StdMutex::default(),
        }
    }

    async fn list(&self) -> Result<FoundList, ApiError> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let until = Instant::now() + PART;
        if state.is_survey_due() {
            self.survey(state).await?;
        }
        let asked = state.round.go_on(&self.cloud, &mut state.known);
        let complete = timeout_at(until, asked).await.is_ok();
        let functions = state.known.found(self.needs_topics);
        if complete {
            let failed = state.round.finish();
            self.remark(state, failed.as_ref()).await;
            if let Some(error) = failed
                && self.needs_topics
                && functions.is_empty()
            {
                return Err(error);
            }
        }
        Ok(FoundList {
            functions,
            look: complete.then(|| self.look(&state.known)),
            complete,
        })
    }

    /// What the last look at the lists named, and what it would have.
    fn look(&self, known: &FunctionCatalog) -> ListScan {
        let (wanted, looked_at) = (self.wanted.clone(), known.looked_at());
        let would_name = move |function: &FunctionId| {
            wanted.selects(function) && looked_at.has(&function.namespace)
        };
        ListScan {
            named: known.named(),
            would_name: Which::new(would_name),
            is_certain: known.is_certain(self.needs_topics),
        }
    }

    async fn survey(&self, state: &mut State) -> Result<(), ApiError> {
        let mut survey = self.scanner().survey(state.known.namespaces()).await?;
        state.looked = std::mem::take(&mut survey.looked);
        state.known.take(survey);
        let now = Instant::now();
        state.round.ask_about(state.known.due(now));
        state.surveyed = Some(now);
        Ok(())
    }

    /// Notes what a person should know now that the list is whole. For names that are not there it
    /// looks once at what else there is, to say what may have been meant.
    async fn remark(&self, state: &mut State, failed: Option<&ApiError>) {
        let known = state.known.names();
        let nothing = Alike::default();
        let missing = self
            .about(&state.looked, &known, &nothing, failed)
            .missing();
        if missing.is_empty() {
            state.alike = nothing;
        } else if missing != state.alike.of {
            let (namespaces, functions) = self.scanner().names(&state.looked.by_name).await;
            state.alike = Alike {
                of: missing,
                namespaces,
                functions,
            };
        }
        let about = self.about(&state.looked, &known, &state.alike, failed);
        if let Some(unmatched) = about.functions() {
            state.unmatched = unmatched;
        }
        let mut told = self.remarks.lock();
        *told = about.remarks(&state.unmatched);
    }

    fn about<'a>(
        &'a self,
        looked: &'a Looked,
        known: &'a Names,
        alike: &'a Alike,
        failed: Option<&'a ApiError>,
    ) -> remarks::FunctionConfig<'a> {
        remarks::FunctionConfig {
            wanted: &self.wanted,
            needs_topics: self.needs_topics,
            looked,
            known,
            alike,
            failed,
        }
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

impl State {
    fn is_survey_due(&self) -> bool {
        self.round.is_over() || self.surveyed.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
    }
}

#[cfg(test)]
mod tests;
