//! Points on which topics differ, or on which the vendor is silent.

/// How the log service and the topics of a world behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClsWire {
    /// The index of every topic.
    pub index: Index,
    /// What follows the 10,000th line of a chain of contexts.
    pub chain_end: ChainEnd,
    /// Fields without content are null rather than empty.
    pub nulls: bool,
    /// A third of the functions delivers in the vendor's simplified format.
    pub simplified: bool,
    /// Least time that a query takes, milliseconds. At 0 a query without delay never stands in the
    /// way of another, so that a test may ask any number of them at one instant.
    pub query_ms: u64,
}

/// The index of a log topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Full text and all keys.
    Keys,
    /// Full text alone: conditions on a key find nothing, and no error says so.
    FullText,
    /// None: every search is refused.
    Missing,
}

/// What a chain of contexts does at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEnd {
    /// The page that reaches the limit says `ListOver`, though more lines match.
    ListOver,
    /// The page that reaches the limit says nothing; the next one is refused.
    Refused,
}

// === impl ClsWire ===

impl Default for ClsWire {
    fn default() -> Self {
        Self {
            index: Index::Keys,
            chain_end: ChainEnd::Refused,
            nulls: false,
            simplified: false,
            query_ms: 0,
        }
    }
}
