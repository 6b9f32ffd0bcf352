//! What API 3.0, its token service and its machine metadata are made of.

/// Points of API 3.0 that differ between installations, each a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api3 {
    /// How far a request's timestamp may lie from the API's clock, seconds.
    pub signature_skew_s: i64,
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

// === impl Api3 ===

impl Default for Api3 {
    fn default() -> Self {
        Self {
            signature_skew_s: 300,
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
