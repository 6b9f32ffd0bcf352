//! What is polled as one stream, and how far each stream is settled.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::{FunctionId, Timestamp};

/// How long SCF keeps invocation logs: a target that was not settled for longer has nothing left
/// to be read, so its position says nothing any more.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// A target: a whole region, or one function of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// Region, such as `ap-guangzhou`.
    pub region: std::sync::Arc<str>,
    /// What is read of it.
    pub scope: Scope,
}

/// What a target covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All functions of the region, in one stream.
    Region,
    /// One function.
    Function(FunctionId),
}

/// The settled position of every target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets(BTreeMap<TargetId, Timestamp>);

// === impl TargetId ===

impl TargetId {
    /// The stream of a whole region.
    pub fn region(region: &str) -> Self {
        Self {
            region: region.into(),
            scope: Scope::Region,
        }
    }

    /// The stream of one function.
    pub fn function(function: FunctionId) -> Self {
        Self {
            region: function.region.clone(),
            scope: Scope::Function(function),
        }
    }

    /// Whether rows of `function` come through this target.
    pub fn covers(&self, function: &FunctionId) -> bool {
        match &self.scope {
            Scope::Region => self.region == function.region,
            Scope::Function(own) => own == function,
        }
    }
}

/// `region/*` or `region/namespace/name`; the reverse of [`FromStr`].
impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Region => write!(f, "{}/*", self.region),
            Scope::Function(function) => function.fmt(f),
        }
    }
}

impl FromStr for TargetId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(region), Some("*"), None) => Ok(Self::region(region)),
            (Some(region), Some(namespace), Some(name)) => {
                Ok(Self::function(FunctionId::new(region, namespace, name)))
            }
            _ => Err(()),
        }
    }
}

// === impl Targets ===

impl Targets {
    /// Where reading `target` starts: after what it, or the targets that read the same functions
    /// before, have settled; for functions never read, `first_read` ago.
    pub fn opening(&self, target: &TargetId, now: Timestamp, first_read: Duration) -> Timestamp {
        let own = self.0.get(target).copied();
        let others = match &target.scope {
            Scope::Function(_) => self.0.get(&TargetId::region(&target.region)).copied(),
            Scope::Region => self.functions_of(&target.region).min(),
        };
        let oldest = now - RETENTION;
        own.max(others)
            .filter(|settled| *settled > oldest)
            .unwrap_or(now - first_read)
    }

    /// The settled position of a target that was opened.
    pub fn settled(&self, target: &TargetId) -> Timestamp {
        self.0.get(target).copied().unwrap_or(Timestamp::MIN)
    }

    /// Moves a target's settled position forward; an older one changes nothing.
    pub fn settle(&mut self, target: &TargetId, settled: Timestamp) {
        let entry = self.0.entry(target.clone()).or_insert(settled);
        *entry = settled.max(*entry);
    }

    /// The position up to which every target of the region has settled when `target` settles at
    /// `position`. Those that have not settled anything within retention have ended.
    pub fn slowest_beside(&self, target: &TargetId, position: Timestamp) -> Timestamp {
        let others = self
            .0
            .iter()
            .filter(|(id, _)| id.region == target.region && *id != target);
        let at_work = others
            .map(|(_, settled)| *settled)
            .filter(|at| *at > position - RETENTION);
        at_work.fold(position, Timestamp::min)
    }

    fn functions_of(&self, region: &str) -> impl Iterator<Item = Timestamp> {
        self.0
            .iter()
            .filter(move |(id, _)| &*id.region == region && id.scope != Scope::Region)
            .map(|(_, settled)| *settled)
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

    const FIRST: Duration = Duration::from_secs(900);

    #[test]
    fn a_target_starts_where_it_or_its_forerunner_settled() {
        let mut targets = Targets::default();
        let now = at(100_000);
        assert_eq!(
            targets.opening(&function("a"), now, FIRST),
            at(99_100),
            "never read"
        );

        targets.settle(&function("a"), at(99_500));
        targets.settle(&function("b"), at(99_400));
        assert_eq!(targets.opening(&function("a"), now, FIRST), at(99_500));
        let region = TargetId::region("r");
        assert_eq!(
            targets.opening(&region, now, FIRST),
            at(99_400),
            "the slowest of its functions"
        );

        targets.settle(&region, at(99_900));
        assert_eq!(
            targets.opening(&function("a"), now, FIRST),
            at(99_900),
            "read by region since"
        );
        assert_eq!(targets.opening(&function("new"), now, FIRST), at(99_900));
    }

    #[test]
    fn a_position_beyond_retention_says_nothing() {
        let mut targets = Targets::default();
        targets.settle(&function("a"), at(0));
        let now = at(8 * 24 * 3600);
        assert_eq!(targets.opening(&function("a"), now, FIRST), now - FIRST);
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
        for id in [TargetId::region("ap-x"), function("a/b c\"")] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
