//! Targets, and how their kinds differ.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::{FunctionConfig, FunctionId, RetCode};

/// A target: one sequence of rows of one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// The part of the region that it reads.
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
    /// A log topic (CLS). The list of functions and its rows show which functions write to it.
    Topic(Arc<str>),
    /// A partition of a stream to which log lines are delivered.
    Partition {
        /// The stream.
        stream: Arc<str>,
        /// Its number, from 0 on.
        number: u32,
    },
}

/// What a target's rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// The start of the call.
    StartTime,
    /// The time of the log line, after the end of the call.
    LogTime,
}

/// The properties by which kinds of targets differ, for all rooms above the adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetKind {
    /// The order of rows, and so the meaning of positions.
    pub order: RowOrder,
    /// Whether the id of the target names its functions. Otherwise its rows and the lists of
    /// functions show them, and a function may move from one such target to another.
    pub names_functions: bool,
    /// The return code of a successful call.
    pub success: RetCode,
    /// Whether its checkpoint is an offset and no row is late.
    pub is_streamed: bool,
}

/// A function as the cloud lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFunction {
    /// The function.
    pub function: FunctionId,
    /// The target that reads its rows.
    pub target: TargetId,
    /// Its configuration; `None` where the API does not report it or the request failed.
    pub about: Option<Arc<FunctionConfig>>,
}

// === impl TargetId ===

impl TargetId {
    /// The target of a whole region.
    pub fn region(region: &str) -> Self {
        Self::new(region, Scope::Region)
    }

    /// The target of a namespace.
    pub fn namespace(region: &str, namespace: &str) -> Self {
        Self::new(region, Scope::Namespace(namespace.into()))
    }

    /// The target of a log topic.
    pub fn topic(region: &str, topic: &str) -> Self {
        Self::new(region, Scope::Topic(topic.into()))
    }

    /// A partition of a stream of log lines.
    pub fn partition(region: &str, stream: &str, number: u32) -> Self {
        let stream = stream.into();
        Self::new(region, Scope::Partition { stream, number })
    }

    /// The target of one function.
    pub fn function(function: FunctionId) -> Self {
        Self {
            account: function.account.clone(),
            region: function.region.clone(),
            scope: Scope::Function(function),
        }
    }

    /// The same target in a named account. A function's target has the account of the function.
    pub fn of_account(self, account: &str) -> Self {
        Self {
            account: account.into(),
            ..self
        }
    }

    /// Returns the properties of its kind; the only place that defines them.
    pub const fn kind(&self) -> TargetKind {
        let names_functions = matches!(
            self.scope,
            Scope::Region | Scope::Namespace(_) | Scope::Function(_)
        );
        let (order, success) = match names_functions {
            true => (RowOrder::StartTime, RetCode::ZERO),
            false => (RowOrder::LogTime, RetCode::OK_STATUS),
        };
        TargetKind {
            order,
            names_functions,
            success,
            is_streamed: matches!(self.scope, Scope::Partition { .. }),
        }
    }

    /// Returns whether the id of this target names `function` or what contains it.
    pub fn covers(&self, function: &FunctionId) -> bool {
        let same_place = self.shares_region_of(function);
        match &self.scope {
            Scope::Region => same_place,
            Scope::Namespace(own) => same_place && *own == function.namespace,
            Scope::Function(own) => own == function,
            Scope::Topic(_) | Scope::Partition { .. } => false,
        }
    }

    /// Returns whether both are partitions of one stream, and different ones.
    pub fn is_sibling(&self, other: &Self) -> bool {
        match (&self.scope, &other.scope) {
            (
                Scope::Partition { stream, number },
                Scope::Partition {
                    stream: s,
                    number: n,
                },
            ) => stream == s && number != n && self.is_beside(other),
            _ => false,
        }
    }

    /// Returns whether this target reads a part of `whole`, a region or a namespace.
    pub(super) fn is_part_of(&self, whole: &Self) -> bool {
        match &self.scope {
            Scope::Function(function) => self != whole && whole.covers(function),
            Scope::Namespace(_) => whole.scope == Scope::Region && self.is_beside(whole),
            Scope::Region | Scope::Topic(_) | Scope::Partition { .. } => false,
        }
    }

    /// Returns whether the function belongs to the target's account and region.
    pub fn shares_region_of(&self, function: &FunctionId) -> bool {
        self.account == function.account && self.region == function.region
    }

    /// Returns whether both belong to one region of one account.
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

/// `region/*`, `region/namespace/*`, `region/namespace/name`, `region/topic:ID` or
/// `region/partition:STREAM:NUMBER`, with `account@` before it where the account has a name; the
/// reverse of [`FromStr`].
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
            Scope::Partition { stream, number } => {
                write!(f, "{}/{PARTITION}{stream}:{number}", self.region)
            }
        }
    }
}

/// No namespace contains a colon.
const TOPIC: &str = "topic:";
const PARTITION: &str = "partition:";

impl FromStr for TargetId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let place = parts.next().ok_or(())?;
        // Neither an account's name nor a region contains this character.
        let (account, region) = place.split_once('@').unwrap_or(("", place));
        let target = match (parts.next(), parts.next()) {
            (Some("*"), None) => Self::region(region),
            (Some(lines), None) => match lines.strip_prefix(PARTITION) {
                Some(partition) => {
                    let (stream, number) = partition.rsplit_once(':').ok_or(())?;
                    Self::partition(region, stream, number.parse().map_err(|_| ())?)
                }
                None => Self::topic(region, lines.strip_prefix(TOPIC).ok_or(())?),
            },
            (Some(namespace), Some("*")) => Self::namespace(region, namespace),
            (Some(namespace), Some(name)) => {
                Self::function(FunctionId::new(region, namespace, name).of_account(account))
            }
            _ => return Err(()),
        };
        Ok(target.of_account(account))
    }
}
