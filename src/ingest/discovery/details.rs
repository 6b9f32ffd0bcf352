//! One round of questions about single functions.

use std::collections::{HashMap, VecDeque};

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::debug;

use super::Call;
use super::catalog::FunctionCatalog;
use super::wire::{Details, FunctionAnswer};
use crate::model::FunctionId;
use tencentcloud::{ApiError, ErrorClass};

/// Functions asked about at once.
const AT_ONCE: usize = 8;
/// So many failures one after the other end a round: the next ones would fail too.
const FAILURES_MAX: u32 = 32;

/// The questions under way and those that wait. Dropping it gives them up.
#[derive(Debug, Default)]
pub(super) struct DetailFetcher {
    waiting: VecDeque<FunctionId>,
    running: JoinSet<Result<Details, ApiError>>,
    asked: HashMap<Id, Asked>,
    failed: usize,
    failed_in_a_row: u32,
    last_error: Option<ApiError>,
}

#[derive(Debug)]
struct Asked {
    function: FunctionId,
    changed: Option<Box<str>>,
}

impl DetailFetcher {
    /// Whether nothing is left to be asked or answered.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Asks about these, and no more about those that waited.
    pub(super) fn ask_about(&mut self, functions: Vec<FunctionId>) {
        let under_way: Vec<_> = self.asked.values().map(|asked| &asked.function).collect();
        let others = functions.into_iter();
        self.waiting = others.filter(|one| !under_way.contains(&one)).collect();
    }

    /// Asks until the round is over. May be dropped and called again at any time: what is under
    /// way goes on meanwhile.
    pub(super) async fn go_on<C: Call>(&mut self, cloud: &C, known: &mut FunctionCatalog) {
        loop {
            while self.running.len() < AT_ONCE
                && let Some(function) = self.waiting.pop_front()
            {
                self.ask(cloud, known, function);
            }
            match self.running.join_next_with_id().await {
                Some(answer) => self.answered(known, answer),
                None => return,
            }
        }
    }

    /// Ends a round that is over; why details could not be had, of the last function of which they
    /// could not.
    pub(super) fn finish(&mut self) -> Option<ApiError> {
        let failed = std::mem::take(&mut self.failed);
        self.failed_in_a_row = 0;
        let error = self.last_error.take()?;
        debug!(failed, %error, "details of functions could not be read");
        Some(error)
    }

    fn ask<C: Call>(&mut self, cloud: &C, known: &FunctionCatalog, function: FunctionId) {
        let (cloud, params) = (cloud.clone(), FunctionAnswer::params(&function));
        let question = self.running.spawn(async move {
            let answer = cloud.call::<FunctionAnswer>(FunctionAnswer::ACTION, &params);
            Ok(answer.await?.details())
        });
        let changed = known.changed(&function);
        self.asked
            .insert(question.id(), Asked { function, changed });
    }

    fn answered(
        &mut self,
        known: &mut FunctionCatalog,
        answer: Result<(Id, Result<Details, ApiError>), JoinError>,
    ) {
        let (id, answer) = match answer {
            Ok((id, answer)) => (id, Some(answer)),
            // It panicked, and stays due.
            Err(error) => (error.id(), None),
        };
        let (Some(Asked { function, changed }), Some(answer)) = (self.asked.remove(&id), answer)
        else {
            return;
        };
        match answer {
            Ok(details) => {
                self.failed_in_a_row = 0;
                known.learned(&function, changed, details, Instant::now());
            }
            Err(error) if error.class == ErrorClass::NotFound => {
                self.failed_in_a_row = 0;
                debug!(%function, "there is no such function (any more)");
                known.absent(&function);
            }
            Err(error) => {
                known.failed(&function, Instant::now());
                self.failed += 1;
                self.failed_in_a_row += 1;
                self.last_error = Some(error);
                self.give_up(known);
            }
        }
    }

    fn give_up(&mut self, known: &mut FunctionCatalog) {
        if self.failed_in_a_row >= FAILURES_MAX {
            for function in self.waiting.drain(..) {
                known.unasked(&function);
            }
        }
    }
}
