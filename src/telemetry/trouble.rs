//! Issues as people are shown them: what failed, what to do about it, since when and how often.

use serde::{Serialize, Serializer};

use crate::model::Timestamp;

/// The latest issue of one kind of work. A failure after a success begins a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// A short word for what failed, such as the cloud's own code; equal for equal issues.
    pub code: String,
    /// What failed.
    #[serde(rename = "message")]
    pub what: String,
    /// What to do about it; empty where `what` says so itself.
    pub advice: String,
    /// Whether nothing failed, and it is only advice.
    pub hint: bool,
    /// When it failed first, with no success since then.
    #[serde(rename = "since_timestamp_seconds", serialize_with = "seconds")]
    pub since: Timestamp,
    /// When it failed last.
    #[serde(rename = "last_timestamp_seconds", serialize_with = "seconds")]
    pub last: Timestamp,
    /// How many times it failed since `since`.
    pub times: u64,
    /// When it succeeded again.
    #[serde(rename = "ended_timestamp_seconds", serialize_with = "seconds_if_any")]
    pub ended: Option<Timestamp>,
}

/// Writes an instant as seconds since the epoch.
pub(crate) fn seconds<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(at.as_secs_f64())
}

/// Writes an instant as seconds since the epoch, or nothing.
pub(crate) fn seconds_if_any<S: Serializer>(
    at: &Option<Timestamp>,
    to: S,
) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::as_secs_f64).serialize(to)
}

impl Issue {
    /// Returns a failure with `code`.
    pub fn of(code: &str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            what: what.into(),
            advice: advice.into(),
            ..Self::default()
        }
    }

    /// Returns advice, where nothing failed.
    pub fn hint(what: impl Into<String>) -> Self {
        Self {
            hint: true,
            ..Self::of("advice", what, "")
        }
    }

    /// Returns this issue as it occurred at `now`, where `before` is what was known so far.
    pub fn met(self, before: Option<&Self>, now: Timestamp) -> Self {
        let going_on = before.filter(|before| before.is_going_on() && before.hint == self.hint);
        Self {
            since: going_on.map_or(now, |before| before.since),
            times: going_on.map_or(0, |before| before.times) + 1,
            last: now,
            ended: None,
            ..self
        }
    }

    /// Records that the work succeeded at `now`.
    pub fn end(&mut self, now: Timestamp) {
        self.ended.get_or_insert(now);
    }

    /// Returns whether no success followed.
    pub fn is_going_on(&self) -> bool {
        self.ended.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_are_one_trouble_with_the_latest_words() {
        let first = Issue::of("4400", "slow down", "").met(None, at(10));
        let second = Issue::of("6000", "server", "wait").met(Some(&first), at(20));
        assert_eq!(
            (second.since, second.last, second.times),
            (at(10), at(20), 2)
        );
        assert_eq!((&*second.code, &*second.advice), ("6000", "wait"));
    }

    #[test]
    fn a_success_ends_it_and_the_next_failure_begins_anew() {
        let mut trouble = Issue::of("4400", "slow down", "").met(None, at(10));
        trouble.end(at(15));
        trouble.end(at(16));
        assert_eq!(trouble.ended, Some(at(15)));
        let next = Issue::of("4400", "slow down", "").met(Some(&trouble), at(20));
        assert_eq!((next.since, next.times, next.ended), (at(20), 1, None));
    }

    #[test]
    fn a_hint_is_no_failure() {
        let hint = Issue::hint("switch the index on").met(None, at(10));
        let failed = Issue::of("4400", "slow down", "").met(Some(&hint), at(20));
        assert_eq!((failed.since, failed.times), (at(20), 1));
    }
}
