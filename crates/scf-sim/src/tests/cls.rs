//! The log service of a world, called without HTTP.

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::Settings;
use crate::cls::{LogRequest, LogService, answer};
use crate::problem::Problem;
use crate::scene::Scene;
use crate::world::World;

/// The query that the vendor's documentation recommends.
pub(super) const REPORTS: &str = "SCF_Type:Platform AND SCF_Message:\"Report RequestId\"";

/// A log service with a world.
pub(super) struct Service {
    pub(super) settings: Arc<Settings>,
    scene: Mutex<Scene>,
    state: Mutex<LogService>,
    salt: Cell<u64>,
    pub(super) delay_ms: u64,
}

impl Service {
    pub(super) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self::over(World::generated(Arc::clone(&settings)), settings)
    }

    pub(super) fn over(world: World, settings: Arc<Settings>) -> Self {
        Self {
            settings,
            scene: Mutex::new(Scene::new(world)),
            state: Mutex::default(),
            salt: Cell::new(0),
            delay_ms: 0,
        }
    }

    pub(super) fn try_ask(
        &self,
        now_ms: i64,
        action: &str,
        params: &Value,
    ) -> Result<Value, Problem> {
        self.salt.set(self.salt.get() + 1);
        let (text, _) = answer(&LogRequest {
            settings: &self.settings,
            scene: &self.scene,
            state: &self.state,
            now_ms,
            delay_ms: self.delay_ms,
            salt: self.salt.get(),
            action,
            params,
        })?;
        // Half a character, at either level of escaping, is replaced, because a `Value` cannot hold
        // it.
        let text = text.replace(r"\\ud83d", "?").replace(r"\ud83d", "?");
        Ok(serde_json::from_str(&text).unwrap())
    }

    pub(super) fn ask(&self, now_ms: i64, action: &str, params: &Value) -> Value {
        self.try_ask(now_ms, action, params).unwrap()
    }

    /// Searches for everything in the first topic, with `changes` to the request; null removes a
    /// parameter.
    pub(super) fn search(&self, now_ms: i64, changes: Value) -> Result<Value, Problem> {
        let mut params = json!({
            "TopicId": self.topics(now_ms)[0],
            "From": 0,
            "To": now_ms + 1_000_000,
            "QueryString": "*",
            "Limit": 1_000,
            "Sort": "asc",
        });
        if let (Some(params), Value::Object(changes)) = (params.as_object_mut(), changes) {
            params.extend(changes);
        }
        self.try_ask(now_ms, "SearchLog", &params)
    }

    /// Returns the lines of one page of [`Service::search`].
    pub(super) fn page(&self, now_ms: i64, changes: Value) -> Vec<Value> {
        let answer = self.search(now_ms, changes).unwrap();
        answer["Results"].as_array().unwrap().clone()
    }

    pub(super) fn topics(&self, now_ms: i64) -> Vec<String> {
        let answer = self.ask(now_ms, "DescribeTopics", &json!({ "Limit": 100 }));
        let topics = answer["Topics"].as_array().unwrap();
        let id = |topic: &Value| topic["TopicId"].as_str().unwrap().to_owned();
        topics.iter().map(id).collect()
    }

    /// Returns all lines of one chain of contexts, and the last page's ListOver.
    pub(super) fn chain(&self, now_ms: i64, changes: &Value) -> (Vec<Value>, bool) {
        let mut changes = changes.as_object().cloned().unwrap_or_else(Map::new);
        let mut lines = Vec::new();
        loop {
            let answer = self.search(now_ms, changes.clone().into()).unwrap();
            let page = answer["Results"].as_array().cloned().unwrap_or_default();
            let over = answer["ListOver"].to_string();
            let over = ["true", "\"true\"", "1"].contains(&over.as_str());
            let empty = page.is_empty();
            lines.extend(page);
            if over || empty || lines.len() >= 10_000 {
                return (lines, over);
            }
            changes.insert("Context".to_owned(), answer["Context"].clone());
        }
    }
}

/// Returns what identifies a line.
pub(super) fn identity(line: &Value) -> (String, String) {
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    (text("PkgId"), text("PkgLogId"))
}

/// Returns the fields of a line.
pub(super) fn fields(line: &Value) -> Value {
    serde_json::from_str(line["LogJson"].as_str().unwrap()).unwrap()
}

/// Returns the message of a line.
pub(super) fn message(line: &Value) -> String {
    fields(line)["SCF_Message"].as_str().unwrap().to_owned()
}
