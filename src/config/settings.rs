//! What the blocks with one value a key must hold beyond each value by itself.

use std::time::Duration;

use exporter_toolkit::{Found, format_duration, quote};

use super::keys::{Poll, Web};
use super::scope::Scope;
use super::table::{Block, Key};

/// The longest horizon: an asynchronous function runs up to 24 h, plus an hour for delivery.
/// Attempt keys of the whole horizon are kept, so a longer one only costs.
const MAX_HORIZON: Duration = Duration::from_secs(25 * 3_600);

/// Reads `web`. A file named in the file is looked for beside it, one named by a flag from where we
/// are.
pub(super) fn web(scope: &mut Scope<'_, '_>) -> Option<Web> {
    let mut web = Web::read(scope)?;
    let said = scope.section.find("web.config_file");
    if let (Some(file), Some(_), true) = (
        &mut web.config_file,
        said,
        scope.flags.get("web.config_file").is_empty(),
    ) {
        *file = scope.reader.file(&file.to_string_lossy());
    }
    Some(web)
}

/// Reads `poll`.
pub(super) fn poll(scope: &mut Scope<'_, '_>) -> Option<Poll> {
    check_pace(scope);
    check_horizon(scope);
    let mut poll = Poll::read(scope)?;
    poll.idle_interval = poll.idle_interval.max(poll.interval);
    Some(poll)
}

/// Idle targets are polled less often than busy ones, never more. The default follows a long
/// interval; only a written value can be wrong.
fn check_pace(scope: &mut Scope<'_, '_>) -> Option<()> {
    let interval = scope.peek("poll.interval", Key::duration)?;
    let idle = scope.peek("poll.idle_interval", Key::duration)?;
    let said = scope.at("poll.idle_interval")?;
    if idle < interval {
        let message = format!(
            "{} is shorter than poll.interval ({}): write at least as much",
            format_duration(idle),
            format_duration(interval)
        );
        scope.reader.fault(&said, message);
    }
    Some(())
}

fn check_horizon(scope: &mut Scope<'_, '_>) -> Option<()> {
    let keys = ["poll.max_run_time", "poll.delivery_delay"];
    let [run, delay] = keys.map(|key| scope.peek(key, Key::duration));
    let horizon = run?.saturating_add(delay?);
    let said = [0, 1].map(|key| Some((scope.at(keys[key])?, keys[1 - key])));
    let first = |(said, _): &(Found<()>, _)| (said.at, said.path.clone());
    let (said, other) = said.into_iter().flatten().min_by_key(first)?;
    if horizon > MAX_HORIZON {
        let message = format!(
            "makes {} together with {other}: write at most {} for both",
            format_duration(horizon),
            format_duration(MAX_HORIZON)
        );
        scope.reader.fault(&said, message);
    }
    Some(())
}

/// Where the status stands as JSON; no metrics can be there.
pub const STATUS_PATH: &str = "/api/v1/status";

/// Checks where the metrics are to be: a path of our own choosing must not hide the pages that stand
/// at fixed ones.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn telemetry_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || text.len() > 200 || !text.chars().all(plain) {
        let problem = "is no path: write one such as /metrics, of letters, digits and -._~/";
        return Err(format!("{} {problem}", quote(text)));
    }
    if ["/", "/-", STATUS_PATH].contains(&text) || text.starts_with("/-/") {
        let problem = "is taken by the exporter's own pages: write another, such as /metrics";
        return Err(format!("{} {problem}", quote(text)));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths() {
        for good in ["/metrics", "/a/b.c", "/-x", "/scf_metrics~1"] {
            assert_eq!(telemetry_path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "metrics",
            "/",
            "/-",
            "/-/ready",
            "/api/v1/status",
            "/a b",
            "/a?b",
            "/\u{e9}",
        ] {
            assert!(telemetry_path(bad).is_err(), "{bad}");
        }
    }
}
