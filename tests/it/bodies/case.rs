//! One body, the call that it answers, and what comes of it.

use scf_exporter::tencent::ErrorClass;

use super::bench::Bench;
use crate::support::exposition::Exposition;

/// A line of a table.
#[derive(Clone, Copy)]
pub struct Case {
    /// The file; of a text in a table, what it is.
    pub name: &'static str,
    /// The `api` by which is read.
    pub api: &'static str,
    /// The call that the body answers.
    pub action: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The label `code` of the request.
    pub code: &'static str,
    /// How the call fails, and the whole code that a person is shown; `None` where it does not.
    pub fails: Option<(ErrorClass, &'static str)>,
    /// What the metrics must come to show.
    pub shows: &'static [Shown],
}

/// `name{label=value,...}` and the sum over all samples that have these labels. A sum of
/// [`SOME`] is any above zero, for what every poll adds to.
pub type Shown = (&'static str, f64);

/// See [`Shown`].
pub const SOME: f64 = f64::INFINITY;

/// A body that is read.
pub const fn read(
    name: &'static str,
    api: &'static str,
    action: &'static str,
    shows: &'static [Shown],
) -> Case {
    Case {
        name,
        api,
        action,
        status: 200,
        code: "ok",
        fails: None,
        shows,
    }
}

/// A body that makes the call fail. `code` is the label, `whole` what a person is shown.
pub const fn fails(
    name: &'static str,
    api: &'static str,
    action: &'static str,
    code: &'static str,
    (class, whole): (ErrorClass, &'static str),
) -> Case {
    Case {
        name,
        api,
        action,
        status: 200,
        code,
        fails: Some((class, whole)),
        shows: &[],
    }
}

impl Case {
    /// Serves `body` to a whole exporter and waits until it shows what it must, and no more.
    pub async fn check(&self, body: &[u8]) {
        let what = format!("{} by {}", self.name, self.api);
        let bench = Bench::start(self.api, self.action, self.status, body).await;
        let metrics = bench.until(&what, |metrics| self.missing(metrics)).await;
        let counted = self.shows.iter().filter(|(of, _)| name_of(of) == COUNTED);
        let counted: f64 = counted.map(|(_, sum)| sum).sum();
        assert_eq!(metrics.sum(COUNTED, &[]), counted, "{what}");
        if let Some((class, whole)) = self.fails
            && !class.is_retryable()
        {
            let page = bench.page("/").await;
            assert!(
                page.contains(&format!("failed with {whole}: ")),
                "{what}: {page}"
            );
        }
        bench.stop().await;
    }

    /// What is not shown yet.
    fn missing(&self, metrics: &Exposition) -> Option<String> {
        let requests = self.requests(metrics);
        let failures = metrics.sum("scf_exporter_polls_total", &[("result", "failure")]);
        let ended = match self.fails.map(|(class, _)| class.is_retryable()) {
            // Lists are asked for once in a while; logs again and again, so that what comes again
            // is seen to be counted once.
            None => requests >= 3.0 || !["GetFunctionLogs", "SearchLog"].contains(&self.action),
            // The same call once more, before its poll is given up.
            Some(true) => requests >= 2.0 && failures < requests / 2.0,
            Some(false) => failures >= 1.0,
        };
        if requests == 0.0 || !ended {
            let seen = metrics.matching("scf_exporter_api_requests_total", &[]);
            return Some(format!(
                "{requests} requests, {failures} failures, {seen:?}"
            ));
        }
        let missed = self.shows.iter().find(|shown| !is_shown(metrics, shown));
        missed.map(|(selector, sum)| format!("{selector} {sum}"))
    }

    /// Requests that ended with the expected code.
    fn requests(&self, metrics: &Exposition) -> f64 {
        let labels = [("action", self.action), ("code", self.code)];
        metrics.sum("scf_exporter_api_requests_total", &labels)
    }
}

/// What is counted.
pub const COUNTED: &str = "scf_invocations_total";

fn name_of(selector: &str) -> &str {
    selector.split('{').next().unwrap()
}

fn is_shown(metrics: &Exposition, (selector, sum): &Shown) -> bool {
    let labels = selector.split_once('{').map_or("", |(_, labels)| labels);
    let labels = labels.trim_end_matches('}').split(',');
    let labels: Vec<(&str, &str)> = labels.filter_map(|pair| pair.split_once('=')).collect();
    let shown = metrics.sum(name_of(selector), &labels);
    match *sum {
        SOME => shown > 0.0,
        exact => shown == exact,
    }
}
