//! An entry of the index of bodies: one body, the call that it answers, and what comes of it.

use serde::Deserialize;
use tencentcloud::ErrorClass;

use super::bench::Bench;
use crate::support::exposition::Exposition;
use crate::support::{root, text_of};

/// What is counted.
pub const COUNTED: &str = "scf_invocations_total";

/// See the head of `tests/data/bodies/index.toml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub file: Option<String>,
    text: Option<String>,
    error: Option<String>,
    pub api: String,
    action: Option<String>,
    #[serde(default = "ok_status")]
    status: u16,
    fact: String,
    class: Option<String>,
    #[serde(default = "ok_code")]
    code: String,
    whole: Option<String>,
    #[serde(default)]
    shows: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    body: Vec<Case>,
}

fn ok_status() -> u16 {
    200
}

fn ok_code() -> String {
    "ok".to_owned()
}

/// The whole index.
pub fn cases() -> Vec<Case> {
    let text = text_of("tests/data/bodies/index.toml");
    toml::from_str::<Index>(&text).unwrap().body
}

impl Case {
    /// The call that the body answers.
    pub fn action(&self) -> &str {
        let logs = match self.api.as_str() {
            "cls" => "SearchLog",
            _ => "GetFunctionLogs",
        };
        self.action.as_deref().unwrap_or(logs)
    }

    pub fn body(&self) -> Vec<u8> {
        match (&self.file, &self.text, &self.error) {
            (Some(file), None, None) => {
                std::fs::read(root().join("tests/data/bodies").join(file)).unwrap()
            }
            (None, Some(text), None) => text.clone().into(),
            (None, None, Some(code)) if code.parse::<u16>().is_ok() => {
                format!(r#"{{"code":{code},"message":"(1)no","codeDesc":"No"}}"#).into()
            }
            (None, None, Some(code)) => format!(
                r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"m"}},"RequestId":"r"}}}}"#
            )
            .into(),
            _ => panic!("{}: one of file, text and error", self.fact),
        }
    }

    fn class(&self) -> Option<ErrorClass> {
        let class = match self.class.as_deref()? {
            "Authentication" => ErrorClass::Authentication,
            "Invalid" => ErrorClass::Invalid,
            "NotFound" => ErrorClass::NotFound,
            "Offline" => ErrorClass::Offline,
            "Throttled" => ErrorClass::Throttled,
            "Transient" => ErrorClass::Transient,
            other => panic!("{}: no class {other}", self.fact),
        };
        Some(class)
    }

    /// Serves the body to a whole exporter and waits until it shows what it must, and no more.
    pub async fn check(&self) {
        let what = format!("{:?} by {}: {}", self.file, self.api, self.fact);
        let bench = Bench::start(&self.api, self.action(), self.status, &self.body()).await;
        let metrics = bench.until(&what, |metrics| self.missing(metrics)).await;
        let shown = self.shows.iter().map(|shown| parsed(shown));
        let counted = shown.filter(|(name, ..)| *name == COUNTED);
        let counted: f64 = counted.map(|(.., sum)| sum.unwrap()).sum();
        assert_eq!(metrics.sum(COUNTED, &[]), counted, "{what}");
        if self.class().is_some_and(|class| !class.is_retryable()) {
            let page = bench.page("/").await;
            let whole = self.whole.as_ref().unwrap_or(&self.code);
            assert!(
                page.contains(&format!("failed with {whole}: ")),
                "{what}: {page}"
            );
        }
        bench.stop().await;
    }

    /// What is not shown yet.
    fn missing(&self, metrics: &Exposition) -> Option<String> {
        let labels = [("action", self.action()), ("code", &self.code)];
        let requests = metrics.sum("scf_exporter_api_requests_total", &labels);
        let failures = metrics.sum("scf_exporter_polls_total", &[("result", "failure")]);
        let ended = match self.class().map(ErrorClass::is_retryable) {
            // Lists are asked for once in a while; logs again and again, so that what comes again
            // is seen to be counted once.
            None => requests >= 3.0 || !["GetFunctionLogs", "SearchLog"].contains(&self.action()),
            // The same call again and again before its poll is given up: more often than a namespace
            // and its one function are asked for.
            Some(true) => requests >= 3.0 && failures == 0.0,
            Some(false) => failures >= 1.0,
        };
        if requests == 0.0 || !ended {
            let seen = metrics.matching("scf_exporter_api_requests_total", &[]);
            return Some(format!(
                "{requests} requests, {failures} failures, {seen:?}"
            ));
        }
        self.shows
            .iter()
            .find(|shown| !is_shown(metrics, shown))
            .cloned()
    }
}

/// A sample's name, its labels, and the sum over all samples that have these; `None` for any above
/// zero.
fn parsed(shown: &str) -> (&str, Vec<(&str, &str)>, Option<f64>) {
    let (selector, sum) = shown.rsplit_once(' ').unwrap();
    let (name, labels) = selector.split_once('{').unwrap_or((selector, ""));
    let labels = labels.trim_end_matches('}').split(',');
    let labels = labels.filter_map(|pair| pair.split_once('=')).collect();
    let sum = (sum != "some").then(|| sum.parse().unwrap());
    (name, labels, sum)
}

fn is_shown(metrics: &Exposition, shown: &str) -> bool {
    let (name, labels, sum) = parsed(shown);
    let seen = metrics.sum(name, &labels);
    sum.map_or(seen > 0.0, |sum| seen == sum)
}
