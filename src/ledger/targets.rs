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
mod tests;
