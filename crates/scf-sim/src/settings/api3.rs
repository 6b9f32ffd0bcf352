//! Settings of API 3.0, its log service, its token service and the machine metadata.

/// Options for points on which installations of API 3.0 differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api3 {
    /// Maximum number of entries in a response of a list action; the vendor documents none.
    pub list_page: usize,
    /// Set if `GetFunctionLogs` is offline, as the vendor announced.
    pub logs_offline: bool,
    /// Actions that the keys may not perform, such as `ListFunctions` or `SearchLog`.
    pub denied_actions: Vec<String>,
    /// Set if errors have the format of the legacy API, which a host of API 3.0 may send too.
    pub legacy_errors: bool,
}

/// The role for which keys are issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    /// Role bound to the machine; without one the metadata service has no keys.
    pub machine_role: Option<String>,
    /// The only web identity token that is accepted.
    pub web_identity_token: String,
    /// Longest lifetime of an issued key in seconds; a request may ask for less.
    pub lifetime_s: u64,
}

/// Behaviour of the log service and its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClsWire {
    /// The index of every topic.
    pub index: Index,
    /// What happens after the 10,000th line of a chain of contexts.
    pub chain_end: ChainEnd,
    /// Set if empty fields are null rather than empty strings.
    pub nulls: bool,
    /// Set if a third of the functions writes in the vendor's simplified format.
    pub simplified: bool,
    /// Minimum duration of a query, in milliseconds. At 0 a query without delay never blocks
    /// another, so that a test can send any number of them at one time.
    pub query_ms: u64,
}

/// The index of a log topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Full text and all keys.
    Keys,
    /// Full text only: conditions on a key find nothing, and no error is returned.
    FullText,
    /// No index: every search is refused.
    Missing,
}

/// What happens at the end of a chain of contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEnd {
    /// The page that reaches the limit has `ListOver`, though more lines match.
    ListOver,
    /// The page that reaches the limit is as usual; the next one is refused.
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
