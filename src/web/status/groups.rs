//! Groups issues by cause, so that a thousand targets with one cause are one entry.

use std::collections::BTreeMap;

use crate::model::Timestamp;
use crate::telemetry::Issue;
use crate::web::Status;

/// The code of a page that could not be committed.
const REFUSED: &str = "commit";

/// Issues with the same place, code and advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// A source, or the state.
    pub(super) place: String,
    /// The latest issue.
    pub(super) trouble: Issue,
    /// Start of the first issue.
    pub(super) since: Timestamp,
    /// Number of occurrences of all.
    pub(super) times: u64,
    /// Number of targets that have it, or 0 where it concerns no target.
    pub(super) targets: u64,
}

/// Groups all issues that have not ended: failures before advice, and those of most targets first.
pub(super) fn of(status: &Status) -> Vec<Group> {
    let mut groups = BTreeMap::<_, Group>::new();
    let mut add = |place: &str, trouble: &Issue, targets: u64| {
        let key = (
            place.to_owned(),
            trouble.hint,
            trouble.code.clone(),
            trouble.advice.clone(),
            targets > 0,
            // Hints differ in their text only.
            trouble.hint.then(|| trouble.what.clone()),
        );
        let group = groups.entry(key).or_insert_with(|| Group {
            place: place.to_owned(),
            trouble: trouble.clone(),
            since: trouble.since,
            times: 0,
            targets: 0,
        });
        if trouble.last > group.trouble.last {
            group.trouble = trouble.clone();
        }
        group.since = group.since.min(trouble.since);
        group.times += trouble.times;
        group.targets += targets;
    };
    let going_on = |trouble: &&Issue| trouble.is_going_on();
    // On a disk that is nearly full, small commits succeed now and then while pages fail. Only the state
    // knows the reason.
    let mut troubles = status.targets.iter().filter_map(|one| one.trouble.as_ref());
    let refused = troubles.any(|trouble| trouble.is_going_on() && trouble.code == REFUSED);
    let state = status.state.trouble.as_ref();
    if let Some(trouble) = state.filter(|trouble| refused || trouble.is_going_on()) {
        add("state", trouble, 0);
    }
    for source in &status.sources {
        if let Some(trouble) = source.trouble.as_ref().filter(going_on) {
            add(&format!("{}, list of functions", source.name), trouble, 0);
        }
        for hint in &source.hints {
            add(&source.name, hint, 0);
        }
        if let Some(trouble) = &source.clock {
            add(&format!("{}, clock", source.name), trouble, 0);
        }
    }
    for target in &status.targets {
        if let Some(trouble) = target.trouble.as_ref().filter(going_on) {
            add(&target.source, trouble, 1);
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| {
        (
            group.trouble.hint,
            group.targets > 0,
            u64::MAX - group.targets,
        )
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{SourceStatus, StateStatus, TargetStatus};

    fn met(trouble: Issue, second: i64) -> Option<Issue> {
        Some(trouble.met(None, Timestamp::from_secs(second)))
    }

    fn target(source: &str, trouble: Option<Issue>) -> TargetStatus {
        TargetStatus {
            source: source.into(),
            trouble,
            ..TargetStatus::default()
        }
    }

    #[test]
    fn one_cause_is_one_group_with_its_widest_span() {
        let throttled = |what: &str, second| met(Issue::of("4400", what, "slow down"), second);
        let mut over = throttled("over", 1);
        over.as_mut().unwrap().end(Timestamp::from_secs(2));
        let status = Status {
            targets: vec![
                target("a", throttled("first", 20)),
                target("a", throttled("last", 30)),
                target("b", throttled("other source", 10)),
                target("a", over),
                target("a", met(Issue::hint("index"), 5)),
                target("a", None),
            ],
            ..Status::default()
        };
        let groups = of(&status);
        let shown = groups.iter();
        let shown: Vec<_> = shown
            .map(|group| {
                let since = group.since.as_secs();
                (
                    &*group.place,
                    &*group.trouble.what,
                    since,
                    group.times,
                    group.targets,
                )
            })
            .collect();
        let expected = [
            ("a", "last", 20, 2, 2),
            ("b", "other source", 10, 1, 1),
            ("a", "index", 5, 1, 1),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn why_pages_are_refused_is_told_though_a_small_commit_worked() {
        let mut state = met(Issue::of("commit", "disk full", ""), 5);
        state.as_mut().unwrap().end(Timestamp::from_secs(6));
        let mut status = Status {
            state: StateStatus {
                bytes: Some(1),
                trouble: state,
            },
            ..Status::default()
        };
        assert_eq!(of(&status), []);
        let refused = met(Issue::of("commit", "refused", ""), 5);
        status.targets = vec![target("a", refused)];
        let groups = of(&status);
        let what: Vec<_> = groups.iter().map(|group| &*group.trouble.what).collect();
        assert_eq!(what, ["disk full", "refused"]);
    }

    #[test]
    fn what_stops_everything_comes_first() {
        let status = Status {
            targets: vec![target("a", met(Issue::of("commit", "refused", ""), 5))],
            sources: vec![SourceStatus {
                name: "a".into(),
                trouble: met(Issue::of("4102", "rights", ""), 5),
                ..SourceStatus::default()
            }],
            state: StateStatus {
                bytes: Some(1),
                trouble: met(Issue::of("commit", "disk full", ""), 5),
            },
            ..Status::default()
        };
        let groups = of(&status);
        let what: Vec<_> = groups.iter().map(|group| &*group.trouble.what).collect();
        assert_eq!(what[2], "refused");
        assert!(what[..2].contains(&"disk full") && what[..2].contains(&"rights"));
    }
}
