//! What is polled as one stream, and how far each stream is settled.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{About, FunctionId, Timestamp};

/// How long SCF keeps invocation logs: a target that was not settled for longer has nothing left
/// to be read, so its position says nothing any more.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// A target: one stream of rows of one account's region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// What is read of it.
    pub scope: Scope,
}

/// What a target covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All functions of the region (v2, which knows no namespaces).
    Region,
    /// All functions of a namespace (API 3.0).
    Namespace(Arc<str>),
    /// One function.
    Function(FunctionId),
    /// A log topic (CLS); which functions write to it is known from the list of functions and
    /// from its rows.
    Topic(Arc<str>),
}

/// A function as the cloud lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which function.
    pub function: FunctionId,
    /// The target by which its rows are read.
    pub target: TargetId,
    /// How it is configured; `None` where the API does not tell, or could not be asked.
    pub about: Option<Arc<About>>,
}

/// What decides where a target that is opened begins.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// The cloud's time.
    pub now: Timestamp,
    /// How far back the first read goes where nothing is known.
    pub first_read: Duration,
    /// How long after its position a row may still appear.
    pub late_after: Duration,
    /// [`ListedAt::from`](super::ListedAt::from) of the lists by which the target is found, where
    /// there were any.
    pub listed: Option<Timestamp>,
}

/// The settled position of every target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets(BTreeMap<TargetId, Timestamp>);

// === impl TargetId ===

impl TargetId {
    /// The stream of a whole region.
    pub fn region(region: &str) -> Self {
        Self::new(region, Scope::Region)
    }

    /// The stream of a namespace.
    pub fn namespace(region: &str, namespace: &str) -> Self {
        Self::new(region, Scope::Namespace(namespace.into()))
    }

    /// The stream of a log topic.
    pub fn topic(region: &str, topic: &str) -> Self {
        Self::new(region, Scope::Topic(topic.into()))
    }

    /// The stream of one function.
    pub fn function(function: FunctionId) -> Self {
        Self {
            account: function.account.clone(),
            region: function.region.clone(),
            scope: Scope::Function(function),
        }
    }

    /// The same stream of a named account. A function's stream has the account of the function.
    pub fn of_account(self, account: &str) -> Self {
        Self {
            account: account.into(),
            ..self
        }
    }

    /// Whether rows of `function` come through this target. Of a topic nobody can tell.
    pub fn covers(&self, function: &FunctionId) -> bool {
        let same_place = self.account == function.account && self.region == function.region;
        match &self.scope {
            Scope::Region => same_place,
            Scope::Namespace(own) => same_place && *own == function.namespace,
            Scope::Function(own) => own == function,
            Scope::Topic(_) => false,
        }
    }

    /// Whether this target reads a part of what `whole`, a region or a namespace, reads.
    fn is_part_of(&self, whole: &Self) -> bool {
        match &self.scope {
            Scope::Function(function) => whole.covers(function),
            Scope::Namespace(_) => whole.scope == Scope::Region && self.is_beside(whole),
            Scope::Region | Scope::Topic(_) => false,
        }
    }

    /// Whether both are of one region of one account.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.account == other.account && self.region == other.region
    }

    fn new(region: &str, scope: Scope) -> Self {
        Self {
            account: "".into(),
            region: region.into(),
            scope,
        }
    }
}

/// `region/*`, `region/namespace/*`, `region/namespace/name` or `region/topic:ID`, with `account@`
/// before it where the account has a name; the reverse of [`FromStr`].
impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Scope::Function(function) = &self.scope {
            return function.fmt(f);
        }
        if !self.account.is_empty() {
            write!(f, "{}@", self.account)?;
        }
        match &self.scope {
            Scope::Region => write!(f, "{}/*", self.region),
            Scope::Namespace(namespace) => write!(f, "{}/{namespace}/*", self.region),
            Scope::Function(function) => function.fmt(f),
            Scope::Topic(topic) => write!(f, "{}/{TOPIC}{topic}", self.region),
        }
    }
}

/// No namespace holds a colon.
const TOPIC: &str = "topic:";

impl FromStr for TargetId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let place = parts.next().ok_or(())?;
        // Neither an account's name nor a region holds the sign.
        let (account, region) = place.split_once('@').unwrap_or(("", place));
        let target = match (parts.next(), parts.next()) {
            (Some("*"), None) => Self::region(region),
            (Some(topic), None) => Self::topic(region, topic.strip_prefix(TOPIC).ok_or(())?),
            (Some(namespace), Some("*")) => Self::namespace(region, namespace),
            (Some(namespace), Some(name)) => {
                Self::function(FunctionId::new(region, namespace, name).of_account(account))
            }
            _ => return Err(()),
        };
        Ok(target.of_account(account))
    }
}

// === impl Opening ===

impl Opening {
    /// Where a target begins of which nothing is known: no list before the last complete one named
    /// its functions, so that there is nothing to be lost below that. Logs are not kept for ever.
    fn fresh(&self) -> Timestamp {
        let first = self.now - self.first_read;
        let listed = self.listed.map(|from| from.max(self.now - RETENTION));
        listed.map_or(first, |from| from.min(first))
    }
}

// === impl Targets ===

impl Targets {
    /// Where reading `target` starts: after what it, or the targets that read the same functions
    /// before, have settled. What reads functions that none of them may have known begins where the
    /// last complete list did that did not name them, or `first_read` ago if that is earlier.
    /// Too early is safe, for attempts are remembered below what is settled; too late would lose
    /// rows.
    ///
    /// A topic settles by log time, the others by start time: what a topic settled at `t` may have
    /// started up to `late_after` before `t` and not be written yet.
    pub fn opening(&self, target: &TargetId, at: Opening) -> Timestamp {
        let own = self.0.get(target).copied();
        let beside = || self.0.iter().filter(|(id, _)| id.is_beside(target));
        let is_topic = |id: &TargetId| matches!(id.scope, Scope::Topic(_));
        let by_start = || beside().filter(|(id, _)| !is_topic(id));
        let fresh = at.fresh();
        let before = match &target.scope {
            Scope::Topic(_) => {
                own.or_else(|| Some(*by_start().map(|(_, at)| at).min()?.min(&fresh)))
            }
            Scope::Function(function) => {
                let wider = by_start().filter(|(id, _)| *id != target && id.covers(function));
                own.max(wider.map(|(_, at)| *at).max())
            }
            Scope::Region | Scope::Namespace(_) => {
                let wider = beside().filter(|(id, _)| id.scope == Scope::Region && *id != target);
                let parts = by_start().filter(|(id, _)| id.is_part_of(target));
                let wider = wider.map(|(_, at)| *at).max();
                let parts = parts.map(|(_, at)| *at).min();
                own.max(wider).max(parts.map(|at| at.min(fresh)))
            }
        };
        let by_topic = || beside().filter(|(id, _)| is_topic(id)).map(|(_, at)| *at);
        let before = match &target.scope {
            Scope::Topic(_) => before,
            _ => before.or_else(|| Some((by_topic().min()? - at.late_after).min(fresh))),
        };
        let oldest = at.now - RETENTION;
        before.filter(|settled| *settled > oldest).unwrap_or(fresh)
    }

    /// The settled position of a target, if it was opened.
    pub fn get(&self, target: &TargetId) -> Option<Timestamp> {
        self.0.get(target).copied()
    }

    /// The settled position of a target that was opened.
    pub fn settled(&self, target: &TargetId) -> Timestamp {
        self.0.get(target).copied().unwrap_or(Timestamp::MIN)
    }

    /// The start time up to which the attempts of `function` are settled by the targets that go by
    /// it; [`Timestamp::MIN`] where there was none. Each begins where the one before it ended, so
    /// nothing below the furthest is missing.
    pub fn settled_by_start(&self, function: &FunctionId) -> Timestamp {
        let at = |scope| TargetId {
            account: function.account.clone(),
            region: function.region.clone(),
            scope,
        };
        let namespace = at(Scope::Namespace(function.namespace.clone()));
        [
            TargetId::function(function.clone()),
            namespace,
            at(Scope::Region),
        ]
        .iter()
        .map(|target| self.settled(target))
        .fold(Timestamp::MIN, Timestamp::max)
    }

    /// Whether a topic of the target's region was settled after `since`.
    pub fn has_topic_since(&self, target: &TargetId, since: Timestamp) -> bool {
        let mut beside = self.0.iter().filter(|(id, _)| id.is_beside(target));
        beside.any(|(id, at)| matches!(id.scope, Scope::Topic(_)) && *at > since)
    }

    /// Moves a target's settled position forward; an older one changes nothing.
    pub fn settle(&mut self, target: &TargetId, settled: Timestamp) {
        let entry = self.0.entry(target.clone()).or_insert(settled);
        *entry = settled.max(*entry);
    }

    /// Moves a target's settled position back: it lay in the future.
    pub fn lower(&mut self, target: &TargetId, position: Timestamp) {
        if let Some(settled) = self.0.get_mut(target) {
            *settled = position.min(*settled);
        }
    }

    /// The settled positions of the targets of the target's region, its own among them.
    pub fn beside(&self, target: &TargetId) -> impl Iterator<Item = (&TargetId, Timestamp)> {
        let beside = self.0.iter().filter(|(id, _)| id.is_beside(target));
        beside.map(|(id, settled)| (id, *settled))
    }

    /// The position up to which every target of the region has settled when `target` settles at
    /// `position`. Those that have not settled anything within retention have ended.
    pub fn slowest_beside(&self, target: &TargetId, position: Timestamp) -> Timestamp {
        let others = self
            .0
            .iter()
            .filter(|(id, _)| id.is_beside(target) && *id != target);
        let at_work = others
            .map(|(_, settled)| *settled)
            .filter(|at| *at > position - RETENTION);
        at_work.fold(position, Timestamp::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn function(name: &str) -> TargetId {
        TargetId::function(FunctionId::new("r", "default", name))
    }

    fn opening(now: Timestamp) -> Opening {
        Opening {
            now,
            first_read: FIRST,
            late_after: LATE,
            listed: None,
        }
    }

    const FIRST: Duration = Duration::from_secs(900);
    const LATE: Duration = Duration::from_secs(60);

    #[test]
    fn a_target_starts_where_it_or_its_forerunner_settled() {
        let mut targets = Targets::default();
        let now = at(100_000);
        assert_eq!(
            targets.opening(&function("a"), opening(now)),
            at(99_100),
            "never read"
        );

        targets.settle(&function("a"), at(99_500));
        targets.settle(&function("b"), at(99_400));
        assert_eq!(targets.opening(&function("a"), opening(now)), at(99_500));
        let region = TargetId::region("r");
        assert_eq!(
            targets.opening(&region, opening(now)),
            at(99_100),
            "a function may be too new to be known"
        );
        let longer = at(100_400);
        assert_eq!(
            targets.opening(&region, opening(longer)),
            at(99_400),
            "the slowest of its functions"
        );

        targets.settle(&region, at(99_900));
        assert_eq!(
            targets.opening(&function("a"), opening(now)),
            at(99_900),
            "read by region since"
        );
        assert_eq!(targets.opening(&function("new"), opening(now)), at(99_900));
    }

    #[test]
    fn a_position_beyond_retention_says_nothing() {
        let mut targets = Targets::default();
        targets.settle(&function("a"), at(0));
        let now = at(8 * 24 * 3600);
        assert_eq!(targets.opening(&function("a"), opening(now)), now - FIRST);
    }

    #[test]
    fn settled_never_moves_back() {
        let mut targets = Targets::default();
        targets.settle(&function("a"), at(10));
        targets.settle(&function("a"), at(5));
        assert_eq!(targets.settled(&function("a")), at(10));
    }

    #[test]
    fn a_name_survives_its_text_form() {
        let named = FunctionId::new("r", "ns", "f").of_account("b");
        for id in [
            TargetId::region("ap-x"),
            TargetId::region("ap-x").of_account("a"),
            TargetId::namespace("ap-x", "default").of_account("a"),
            TargetId::topic("ap-x", "0-1"),
            TargetId::function(named),
            function("a/b c\""),
        ] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn a_topic_starts_where_start_times_were_settled_and_the_other_way_round() {
        let now = at(100_000);
        let topic = TargetId::topic("r", "t");
        let mut targets = Targets::default();
        targets.settle(&function("a"), at(98_000));
        targets.settle(&function("b"), at(99_000));
        assert_eq!(targets.opening(&topic, opening(now)), at(98_000));

        let mut targets = Targets::default();
        targets.settle(&topic, at(98_000));
        let start = at(98_000) - LATE;
        assert_eq!(targets.opening(&function("a"), opening(now)), start);
        let other = TargetId::topic("r", "u");
        assert_eq!(targets.opening(&other, opening(now)), now - FIRST);
    }

    #[test]
    fn start_times_are_settled_by_the_furthest_that_covers_them() {
        let function = FunctionId::new("r", "default", "a");
        let mut targets = Targets::default();
        targets.settle(&TargetId::topic("r", "t"), at(50));
        assert_eq!(targets.settled_by_start(&function), Timestamp::MIN);
        targets.settle(&TargetId::function(function.clone()), at(10));
        assert_eq!(targets.settled_by_start(&function), at(10));
        targets.settle(&TargetId::namespace("r", "default"), at(20));
        targets.settle(&TargetId::namespace("r", "other"), at(30));
        assert_eq!(targets.settled_by_start(&function), at(20));
        targets.settle(&TargetId::region("r"), at(15));
        targets.settle(&TargetId::region("r").of_account("b"), at(40));
        assert_eq!(targets.settled_by_start(&function), at(20));
    }

    #[test]
    fn accounts_are_apart() {
        let now = at(100_000);
        let mut targets = Targets::default();
        targets.settle(&TargetId::region("r"), at(99_900));
        let other = TargetId::region("r").of_account("b");
        assert_eq!(targets.opening(&other, opening(now)), now - FIRST);
        assert_eq!(targets.slowest_beside(&other, at(99_950)), at(99_950));
    }

    #[test]
    fn what_no_target_knew_begins_where_the_lists_did_not_name_it_or_earlier() {
        let now = at(1_000_000);
        let (f, topic) = (function("f"), TargetId::topic("r", "t"));
        let (namespace, region) = (TargetId::namespace("r", "default"), TargetId::region("r"));
        let (other, g) = (TargetId::topic("r", "u"), function("g"));
        let oldest = (now - RETENTION).as_secs();
        // What is settled, what is opened, from where lists say, first read, where it begins.
        let settled = |target: &TargetId, at: i64| (target.clone(), at);
        for (known, target, listed, first_read, begins) in [
            // Nothing is known at all.
            (vec![], &topic, None, 900, 999_100),
            // A list did not name it; the earlier one counts.
            (vec![], &topic, Some(999_950), 0, 999_950),
            (vec![], &topic, Some(999_950), 900, 999_100),
            (vec![], &topic, Some(400_000), 900, 400_000),
            (vec![], &f, Some(999_950), 0, 999_950),
            (vec![], &namespace, Some(999_950), 0, 999_950),
            // Logs are kept for a week.
            (vec![], &topic, Some(1), 900, oldest),
            // Other topics say nothing of this one.
            (
                vec![settled(&other, 999_990)],
                &topic,
                Some(999_950),
                0,
                999_950,
            ),
            // Its own position is better than any list, unless it is too old to say anything.
            (
                vec![settled(&topic, 999_970)],
                &topic,
                Some(900_000),
                900,
                999_970,
            ),
            (vec![settled(&topic, 1)], &topic, Some(999_950), 0, 999_950),
            (vec![settled(&topic, 1)], &topic, None, 0, 1_000_000),
            // What reads it already is as good.
            (
                vec![settled(&region, 999_960)],
                &f,
                Some(900_000),
                900,
                999_960,
            ),
            (
                vec![settled(&namespace, 999_960)],
                &f,
                Some(900_000),
                900,
                999_960,
            ),
            (vec![settled(&g, 999_960)], &f, Some(999_950), 0, 999_950),
            // The functions that were read by themselves, and others that are new.
            (
                vec![settled(&f, 999_980)],
                &namespace,
                Some(999_950),
                0,
                999_950,
            ),
            (
                vec![settled(&f, 999_940)],
                &namespace,
                Some(999_950),
                0,
                999_940,
            ),
            (
                vec![settled(&f, 999_980)],
                &topic,
                Some(999_950),
                0,
                999_950,
            ),
            (
                vec![settled(&f, 999_940)],
                &topic,
                Some(999_950),
                0,
                999_940,
            ),
            // A topic settles by log time.
            (
                vec![settled(&topic, 999_990)],
                &f,
                Some(999_950),
                0,
                999_930,
            ),
            (
                vec![settled(&topic, 999_990)],
                &f,
                Some(999_920),
                0,
                999_920,
            ),
        ] {
            let mut targets = Targets::default();
            for (target, position) in &known {
                targets.settle(target, at(*position));
            }
            let opening = Opening {
                now,
                first_read: Duration::from_secs(first_read),
                late_after: LATE,
                listed: listed.map(at),
            };
            let began = targets.opening(target, opening);
            assert_eq!(
                began,
                at(begins),
                "{known:?} {target} {listed:?} {first_read}"
            );
        }
    }
}
