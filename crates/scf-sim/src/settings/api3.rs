//! Settings of API 3.0, its log service, its token service and the machine metadata.

use clap::ValueEnum;

/// Options for points on which installations of API 3.0 differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Api3 {
    /// Set if `GetFunctionLogs` is offline, as the vendor announced.
    pub logs_offline: bool,
    /// Actions that the keys may not perform, such as `ListFunctions` or `SearchLog`.
    pub denied_actions: Vec<String>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClsWire {
    /// The index of every topic.
    pub index: Index,
    /// Set if a third of the functions writes in the vendor's simplified format.
    pub simplified: bool,
    /// Minimum duration of a query, in milliseconds. At 0 a query without delay never blocks
    /// another, so that a test can send any number of them at one time.
    pub query_ms: u64,
}

/// The index of every log topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Index {
    /// Full text and all keys.
    #[default]
    Keys,
    /// Full text alone: what asks for a key finds nothing.
    FullText,
    /// None: every search is refused.
    Missing,
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
