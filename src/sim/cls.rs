//! The log service of the cloud: a place for it.

use std::sync::Mutex;

use super::problem::Problem;
use super::scene::Scene;
use super::settings::Settings;

/// One request to the log service.
#[allow(dead_code, reason = "a stub uses only a part")]
pub(crate) struct Ask<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) desk: &'a Mutex<Desk>,
    pub(crate) now_ms: i64,
    /// How long the answer will be on its way, milliseconds.
    pub(crate) delay_ms: u64,
    /// A number of this request's own.
    pub(crate) salt: u64,
    pub(crate) action: &'a str,
    pub(crate) params: &'a serde_json::Value,
}

/// What the log service remembers of requests.
#[derive(Debug, Default)]
pub(crate) struct Desk;

/// The inside of `Response` as a JSON object, without its request id.
pub(crate) fn answer(ask: &Ask<'_>) -> Result<String, Problem> {
    Err(Problem {
        code: "InvalidAction",
        message: format!("action {} is not known here", ask.action),
    })
}
