//! What API 3.0, its log service, its token service and its machine metadata are made of.

/// Points of API 3.0 that differ between installations, each a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api3 {
    /// Most entries that one answer of a list action holds; the vendor states no number.
    pub list_page: usize,
    /// Whether `GetFunctionLogs` is offline, as the vendor's page says it is by now.
    pub logs_offline: bool,
    /// Actions that the keys may not use, such as `ListFunctions` or `SearchLog`.
    pub denied_actions: Vec<String>,
    /// Errors in the shape of the legacy API, which an API 3.0 host may answer too.
    pub legacy_errors: bool,
}

/// The role that keys are handed out for.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    /// Role bound to the machine; without one the metadata has no keys to give.
    pub machine_role: Option<String>,
    /// The one web identity token that is accepted.
    pub web_identity_token: String,
    /// Longest life of a key handed out, seconds; a request may ask for less.
    pub lifetime_s: u64,
}

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

// === impl Api3 ===

impl Default for Api3 {
    fn default() -> Self {
        Self {
            list_page: 100,
            logs_offline: false,
            denied_actions: Vec::new(),
            legacy_errors: false,
        }
    }
}

// === impl Role ===

impl Default for Role {
    fn default() -> Self {
        Self {
            machine_role: Some("scf-reader".to_owned()),
            web_identity_token: "sim.web.identity".to_owned(),
            lifetime_s: 7_200,
        }
    }
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Role")
            .field("machine_role", &self.machine_role)
            .field("lifetime_s", &self.lifetime_s)
            .finish_non_exhaustive()
    }
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
