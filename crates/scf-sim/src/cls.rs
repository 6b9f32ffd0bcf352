//! CLS, the log service: the world as log lines that a query finds.
//!
//! - the lines: `line` (which there are, when), `message` (their words), `record` (their fields)
//! - finding them: `query` (its language), `words` (the index), `topic_index` (lines in order), `context`
//! - the actions: `search` (SearchLog), `topics` (DescribeTopics, DescribeIndex)

mod context;
mod line;
mod message;
mod query;
mod record;
mod search;
mod topic_index;
mod topics;
mod words;

use std::cell::Cell;
use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

use super::faults::Weight;
use super::problem::Problem;
use super::scene::Scene;
use super::settings::Settings;

use topic_index::TopicIndexes;

/// A request for the log service whose sender has been let in.
pub(crate) struct Ask<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) state: &'a Mutex<LogService>,
    /// The instant of the request.
    pub(crate) now_ms: i64,
    /// How long the answer will wait, which is how long the query is under way.
    pub(crate) delay_ms: u64,
    /// Decides what is odd about this answer.
    pub(crate) salt: u64,
    pub(crate) action: &'a str,
    pub(crate) params: &'a Value,
    /// What the answer holds, once it is made.
    pub(crate) weight: Cell<Weight>,
}

/// What the log service remembers of requests, and the lines in the order of its answers.
#[derive(Debug, Default)]
pub(crate) struct LogService {
    /// Begin and end of the queries under way, by topic.
    under_way: HashMap<usize, Vec<(i64, i64)>>,
    topic_indexes: TopicIndexes,
}

/// The vendor's limit of queries at once on one topic.
const MAX_UNDER_WAY: usize = 15;

/// Answers `ask` with the JSON object that stands in `Response`, without its RequestId.
pub(crate) fn answer(ask: &Ask<'_>) -> Result<String, Problem> {
    match ask.action {
        "SearchLog" => search::answer(ask),
        "DescribeTopics" => topics::describe_topics(ask),
        "DescribeIndex" => topics::describe_index(ask),
        other => {
            let shown: String = other.chars().take(60).collect();
            let message = format!("cls has no action {shown:?}");
            Err(problem("InvalidAction", message))
        }
    }
}

fn problem(code: &'static str, message: impl Into<String>) -> Problem {
    Problem {
        code,
        message: message.into(),
    }
}

// === impl Ask ===

impl Ask<'_> {
    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock()
    }

    fn state(&self) -> MutexGuard<'_, LogService> {
        self.state.lock()
    }

    /// A parameter, where null counts as absent.
    fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let wrong = || problem("InvalidParameter", format!("{name} is no string"));
        self.param(name)
            .map(|value| value.as_str().ok_or_else(wrong))
            .transpose()
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let wrong = || problem("InvalidParameter", format!("{name} is no integer"));
        self.param(name)
            .map(|value| value.as_i64().ok_or_else(wrong))
            .transpose()
    }
}

// === impl LogService ===

impl LogService {
    /// Takes up a query on `topic` until `end_ms`, unless too many are under way.
    fn take_up(&mut self, topic: usize, now_ms: i64, end_ms: i64) -> Result<(), Problem> {
        let under_way = self.under_way.entry(topic).or_default();
        under_way.retain(|&(begin, end)| begin <= now_ms && now_ms < end);
        if under_way.len() >= MAX_UNDER_WAY {
            return Err(problem(
                "FailedOperation.ReadQpsLimit",
                format!("{MAX_UNDER_WAY} queries of this topic are under way"),
            ));
        }
        under_way.push((now_ms, end_ms));
        Ok(())
    }
}
