//! CLS, the log service: the world as log lines that queries find.
//!
//! - log lines: `line` (which ones exist, and when), `message` (their texts), `record` (their
//!   fields)
//! - search: `query` (the language), `words` (the index), `topic_index` (lines in order), `context`
//! - actions: `search` (SearchLog), `topics` (DescribeTopics, DescribeIndex)

mod context;
mod line;
mod message;
mod query;
mod record;
mod search;
mod topic_index;
mod topics;
mod words;

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

use super::faults::ResponseSize;
use super::problem::Problem;
use super::scene::Scene;
use super::settings::Settings;

use topic_index::TopicIndexes;

/// An authenticated request for the log service.
pub(crate) struct LogRequest<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) state: &'a Mutex<LogService>,
    /// Time of the request.
    pub(crate) now_ms: i64,
    /// Delay of the response, which is the duration of the query.
    pub(crate) delay_ms: u64,
    /// Random number that decides the oddities of this response.
    pub(crate) salt: u64,
    pub(crate) action: &'a str,
    pub(crate) params: &'a Value,
}

/// State of the log service, and its lines in order.
#[derive(Debug, Default)]
pub(crate) struct LogService {
    /// Start and end of the running queries, by topic.
    under_way: HashMap<usize, Vec<(i64, i64)>>,
    topic_indexes: TopicIndexes,
}

/// The vendor's limit on concurrent queries of one topic.
const MAX_UNDER_WAY: usize = 15;

/// Returns the content of `Response` as a JSON object, without the request id, and its size.
pub(crate) fn answer(ask: &LogRequest<'_>) -> Result<(String, ResponseSize), Problem> {
    let described = match ask.action {
        "SearchLog" => return search::answer(ask),
        "DescribeTopics" => topics::describe_topics(ask),
        "DescribeIndex" => topics::describe_index(ask),
        other => {
            let shown: String = other.chars().take(60).collect();
            let message = format!("cls has no action {shown:?}");
            Err(Problem::new("InvalidAction", message))
        }
    };
    Ok((described?, ResponseSize::default()))
}

// === impl LogRequest ===

impl LogRequest<'_> {
    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock()
    }

    fn state(&self) -> MutexGuard<'_, LogService> {
        self.state.lock()
    }

    /// Returns a parameter; null counts as absent.
    fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let text = self.param(name).map(|value| value.as_str().ok_or(name));
        text.transpose().map_err(wrong_type)
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let number = self.param(name).map(|value| value.as_i64().ok_or(name));
        number.transpose().map_err(wrong_type)
    }
}

fn wrong_type(name: &str) -> Problem {
    Problem::wrong(name, "InvalidParameter")
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new("InvalidParameterValue", message)
}

// === impl LogService ===

impl LogService {
    /// Registers a query on `topic` until `end_ms`. Fails if too many are running.
    fn start_query(&mut self, topic: usize, now_ms: i64, end_ms: i64) -> Result<(), Problem> {
        let under_way = self.under_way.entry(topic).or_default();
        under_way.retain(|&(begin, end)| begin <= now_ms && now_ms < end);
        if under_way.len() >= MAX_UNDER_WAY {
            let message = format!("{MAX_UNDER_WAY} queries of this topic are under way");
            return Err(Problem::new("FailedOperation.ReadQpsLimit", message));
        }
        under_way.push((now_ms, end_ms));
        Ok(())
    }
}
