//! API 3.0: `GetFunctionLogs` by time windows, for one function or for a namespace.
//!
//! The vendor has taken the action out of service for new accounts; older and private
//! installations still answer it.

mod answer;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod read;
mod row;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::functions::Lister;
use super::{Listing, LogSource, Mode, PageSink, Place, ReadReport, Span, Wanted};
use crate::config::Read;
use crate::ledger::{Listed, TargetId};
use crate::model::{FunctionId, Timestamp};
use crate::tencent::{ApiError, BoxFuture, Client};
use answer::{Answer, Reading};
use read::Reader;

/// Start times are cut to the second: a call may have started this much after its position.
const CUT: Duration = Duration::from_secs(1);

/// A region read through API 3.0.
pub struct V3Source {
    api: Arc<dyn LogsApi>,
    lister: Arc<dyn Lister>,
    place: Place,
    wanted: Wanted,
    /// The largest page worth asking for: the configured one, or less once the API refused it.
    page_max: AtomicUsize,
    late_after: Mutex<HashMap<TargetId, Duration>>,
    /// Whether the API tells retry numbers, see [`Reading`].
    tells_retries: AtomicBool,
}

/// The one action of the API that is read here.
trait LogsApi: Send + Sync {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<Answer, ApiError>>;

    fn now(&self) -> Timestamp;
}

// === impl V3Source ===

impl V3Source {
    /// A source over `client`. `page_max` is the largest page asked for; the API allows 1,000.
    pub fn new(
        client: Client,
        lister: Arc<dyn Lister>,
        place: Place,
        wanted: Wanted,
        page_max: usize,
    ) -> Self {
        Self::over(Arc::new(client), lister, place, wanted, page_max)
    }

    fn over(
        api: Arc<dyn LogsApi>,
        lister: Arc<dyn Lister>,
        place: Place,
        wanted: Wanted,
        page_max: usize,
    ) -> Self {
        Self {
            api,
            lister,
            place,
            wanted,
            page_max: AtomicUsize::new(page_max),
            late_after: Mutex::default(),
            tells_retries: AtomicBool::new(false),
        }
    }

    async fn list_functions(&self) -> Result<Listing, ApiError> {
        let known = self.lister.list().await?;
        let listed = known.functions.into_iter().map(|found| Listed {
            target: self.target_of(&found.function),
            function: found.function,
            about: found.about,
        });
        let functions: Vec<Listed> = listed.collect();
        let late_after = self.late_after_of(&functions, known.complete);
        *self
            .late_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = late_after;
        Ok(Listing {
            functions,
            complete: known.complete,
        })
    }

    fn target_of(&self, function: &FunctionId) -> TargetId {
        match self.place.read {
            Read::Region => TargetId::namespace(&function.region, &function.namespace)
                .of_account(&function.account),
            Read::Function => TargetId::function(function.clone()),
        }
    }

    /// The longest wait of each target's functions. Of a list that is not complete, a namespace
    /// may hold functions of any timeout.
    fn late_after_of(&self, functions: &[Listed], complete: bool) -> HashMap<TargetId, Duration> {
        let mut longest: HashMap<TargetId, Duration> = HashMap::new();
        for listed in functions {
            let timeout = listed.about.as_ref().map(|about| about.timeout);
            let timeout = timeout.filter(|_| complete || self.place.read == Read::Function);
            let wait = timeout.map_or(self.unknown_late_after(), |timeout| {
                timeout
                    .saturating_add(self.place.delivery_delay)
                    .saturating_add(CUT)
            });
            let of_target = longest.entry(listed.target.clone()).or_default();
            *of_target = wait.max(*of_target);
        }
        longest
    }

    fn unknown_late_after(&self) -> Duration {
        self.place.late_after().saturating_add(CUT)
    }
}

impl LogSource for V3Source {
    /// Namespaces that are configured by name are read without waiting for the list.
    fn standing_targets(&self) -> Vec<TargetId> {
        let names = match self.place.read {
            Read::Region => self.wanted.namespaces.exact_names(),
            Read::Function => None,
        };
        let target = |name: &String| {
            TargetId::namespace(&self.place.region, name).of_account(&self.place.account)
        };
        names.into_iter().flatten().map(target).collect()
    }

    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_functions())
    }

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        let reading = Reading {
            tells_retries: &self.tells_retries,
            target,
            wanted: &self.wanted,
        };
        let reader = Reader::new(&*self.api, reading, &self.page_max, sink);
        match span.mode {
            Mode::Tail => Box::pin(reader.tail(span)),
            Mode::Sweep => Box::pin(reader.sweep(span)),
        }
    }

    fn late_after(&self, target: &TargetId) -> Duration {
        let known = self
            .late_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known
            .get(target)
            .copied()
            .unwrap_or(self.unknown_late_after())
    }

    fn now(&self) -> Timestamp {
        self.api.now()
    }
}

// === impl LogsApi ===

impl LogsApi for Client {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<Answer, ApiError>> {
        Box::pin(self.call_json("GetFunctionLogs", params))
    }

    fn now(&self) -> Timestamp {
        self.now()
    }
}

#[cfg(test)]
mod tests;
