//! Rules between the keys of `poll`.

use std::time::Duration;

use exporter_toolkit::{Found, format_duration};

use super::key::Key;
use super::keys::{Poll, key};
use super::scope::Scope;
use super::table::Block;

/// Longest allowed lateness: an asynchronous function runs up to 24 h, plus an hour for delivery.
/// Invocation keys are kept for this time, so that a longer one only costs memory.
const MAX_LATENESS: Duration = Duration::from_secs(25 * 3_600);

/// Reads `poll`.
pub(super) fn poll(scope: &mut Scope<'_, '_>) -> Option<Poll> {
    check_pace(scope);
    check_lateness(scope);
    let mut poll = Poll::read(scope)?;
    poll.idle_interval = poll.idle_interval.max(poll.interval);
    Some(poll)
}

/// Refuses an idle interval that is shorter than the interval. The default follows a longer
/// interval, so that only a written value can be wrong.
fn check_pace(scope: &mut Scope<'_, '_>) -> Option<()> {
    let interval = scope.peek(key("poll.interval")?, Key::duration)?;
    let idle_key = key("poll.idle_interval")?;
    let idle = scope.peek(idle_key, Key::duration)?;
    let said = scope.at(idle_key)?;
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

fn check_lateness(scope: &mut Scope<'_, '_>) -> Option<()> {
    let (run, delay) = (key("poll.max_run_time")?, key("poll.delivery_delay")?);
    let longest = scope.peek(run, Key::duration)?;
    let allowed_lateness = longest.saturating_add(scope.peek(delay, Key::duration)?);
    let said = [(run, delay), (delay, run)].map(|(key, other)| Some((scope.at(key)?, other.path)));
    let first = |(said, _): &(Found<()>, _)| (said.at, said.path.clone());
    let (said, other) = said.into_iter().flatten().min_by_key(first)?;
    if allowed_lateness > MAX_LATENESS {
        let message = format!(
            "makes {} together with {other}: write at most {} for both",
            format_duration(allowed_lateness),
            format_duration(MAX_LATENESS)
        );
        scope.reader.fault(&said, message);
    }
    Some(())
}
