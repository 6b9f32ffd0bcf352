//! Fetches the details of single functions, some at a time.

use std::collections::{HashMap, VecDeque};

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::debug;

use super::catalog::FunctionCatalog;
use super::wire::{Details, FunctionAnswer};
use crate::ingest::JsonApi;
use crate::model::FunctionId;
use tencentcloud::{ApiError, ErrorClass};

/// Requests in flight. With answers in up to 120 ms they use the 100 requests a second that the vendor
/// allows.
const AT_ONCE: usize = 12;
/// Consecutive failures that end a round: the next requests would fail too.
const FAILURES_MAX: u32 = 32;

/// The requests in flight and the functions that wait. Dropping it cancels the requests.
#[derive(Debug, Default)]
pub(super) struct DetailFetcher {
    waiting: VecDeque<FunctionId>,
    running: JoinSet<Result<Details, ApiError>>,
    /// The function of each request, with its modification time in the list.
    requested: HashMap<Id, (FunctionId, Option<Box<str>>)>,
    failed: usize,
    failed_in_a_row: u32,
    last_error: Option<ApiError>,
}

impl DetailFetcher {
    /// Returns whether no function waits and no request is in flight.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Replaces the functions that wait.
    pub(super) fn request(&mut self, functions: Vec<FunctionId>) {
        let in_flight: Vec<_> = self.requested.values().map(|(one, _)| one).collect();
        let others = functions.into_iter();
        self.waiting = others.filter(|one| !in_flight.contains(&one)).collect();
    }

    /// Fetches until nothing is left. May be dropped and called again at any time: requests in
    /// flight continue.
    pub(super) async fn run<C: JsonApi>(&mut self, cloud: &C, catalog: &mut FunctionCatalog) {
        loop {
            while self.running.len() < AT_ONCE
                && let Some(function) = self.waiting.pop_front()
            {
                let (cloud, params) = (cloud.clone(), FunctionAnswer::params(&function));
                let request = self.running.spawn(async move {
                    let answer = cloud.call_json(FunctionAnswer::ACTION, &params);
                    Ok(FunctionAnswer::details(answer.await?))
                });
                let changed = catalog.changed(&function);
                self.requested.insert(request.id(), (function, changed));
            }
            match self.running.join_next_with_id().await {
                Some(answer) => self.take(catalog, answer),
                None => return,
            }
        }
    }

    /// Ends a round; returns the last error.
    pub(super) fn finish(&mut self) -> Option<ApiError> {
        let failed = std::mem::take(&mut self.failed);
        self.failed_in_a_row = 0;
        let error = self.last_error.take()?;
        debug!(failed, %error, "details of functions could not be read");
        Some(error)
    }

    fn take(
        &mut self,
        catalog: &mut FunctionCatalog,
        answer: Result<(Id, Result<Details, ApiError>), JoinError>,
    ) {
        let (id, answer) = match answer {
            Ok((id, answer)) => (id, Some(answer)),
            // It panicked, and stays due.
            Err(error) => (error.id(), None),
        };
        let (Some((function, changed)), Some(answer)) = (self.requested.remove(&id), answer) else {
            return;
        };
        match answer {
            Ok(details) => {
                self.failed_in_a_row = 0;
                catalog.fetched(&function, changed, details, Instant::now());
            }
            Err(error) if error.class == ErrorClass::NotFound => {
                self.failed_in_a_row = 0;
                debug!(%function, "there is no such function (any more)");
                catalog.absent(&function);
            }
            Err(error) => {
                catalog.failed(&function, Instant::now());
                self.failed += 1;
                self.failed_in_a_row += 1;
                self.last_error = Some(error);
                if self.failed_in_a_row >= FAILURES_MAX {
                    for function in self.waiting.drain(..) {
                        catalog.assume(&function);
                    }
                }
            }
        }
    }
}
