//! What flags and environment variables say, before it is judged.

use super::key::{self, Key};

/// Values from flags and their environment variables, as they were written; `None` where
/// nothing was. They are judged together with the file, so that all faults come in one report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `web.listen_address`
    pub listen_addresses: Vec<String>,
    /// `web.systemd_socket`
    pub systemd_socket: Option<String>,
    /// `web.config_file`
    pub web_config_file: Option<String>,
    /// `web.telemetry_path`
    pub telemetry_path: Option<String>,
    /// `web.zero_first`
    pub zero_first: Option<String>,
    /// `web.native_histograms_only`
    pub native_histograms_only: Option<String>,
    /// `web.created_series`
    pub created_series: Option<String>,
    /// `web.enable_lifecycle`
    pub enable_lifecycle: Option<String>,
    /// `state.path`; empty for memory only
    pub state_path: Option<String>,
    /// `poll.interval`
    pub poll_interval: Option<String>,
    /// `poll.idle_interval`
    pub idle_interval: Option<String>,
    /// `poll.sweep_interval`
    pub sweep_interval: Option<String>,
    /// `poll.first_read`
    pub first_read: Option<String>,
    /// `poll.max_run_time`
    pub max_run_time: Option<String>,
    /// `poll.delivery_delay`
    pub delivery_delay: Option<String>,
    /// `poll.page_size`
    pub page_size: Option<String>,
    /// `poll.stop_timeout`
    pub stop_timeout: Option<String>,
    /// `poll.discovery_interval`
    pub discovery_interval: Option<String>,
    /// `limits.functions`
    pub functions_limit: Option<String>,
    /// `series.retention`
    pub series_retention: Option<String>,
    /// `limits.requests_per_second`
    pub requests_per_second: Option<String>,
    /// `limits.requests_in_flight`
    pub requests_in_flight: Option<String>,
    /// `limits.request_timeout`
    pub request_timeout: Option<String>,
    /// `log.level`
    pub log_level: Option<String>,
    /// `log.format`
    pub log_format: Option<String>,
    /// The one source that flags can name.
    pub source: SourceOverrides,
}

/// The source that flags name, or the fields that they change in the file's only source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceOverrides {
    /// `api`
    pub api: Option<String>,
    /// `region`
    pub region: Option<String>,
    /// `domain`
    pub domain: Option<String>,
    /// `endpoint`
    pub endpoint: Option<String>,
    /// `read`
    pub read: Option<String>,
    /// `topics`
    pub topics: Vec<String>,
    /// `namespaces`
    pub namespaces: FilterOverrides,
    /// `functions`
    pub functions: FilterOverrides,
}

/// Names and patterns. Any of the three lists replaces the file's whole block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterOverrides {
    /// `names`
    pub names: Vec<String>,
    /// `include`
    pub include: Vec<String>,
    /// `exclude`
    pub exclude: Vec<String>,
}

// === impl SourceOverrides ===

impl SourceOverrides {
    /// Whether nothing is said about a source.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The keys about which something is said, in the order of the table.
    pub(super) fn given(&self) -> Vec<&'static Key> {
        let (namespaces, functions) = (&self.namespaces, &self.functions);
        let all = [
            (&key::SOURCE_API, self.api.is_some()),
            (&key::SOURCE_REGION, self.region.is_some()),
            (&key::SOURCE_DOMAIN, self.domain.is_some()),
            (&key::SOURCE_ENDPOINT, self.endpoint.is_some()),
            (&key::SOURCE_READ, self.read.is_some()),
            (&key::SOURCE_TOPICS, !self.topics.is_empty()),
            (&key::NAMESPACE_NAMES, !namespaces.names.is_empty()),
            (&key::NAMESPACE_INCLUDE, !namespaces.include.is_empty()),
            (&key::NAMESPACE_EXCLUDE, !namespaces.exclude.is_empty()),
            (&key::FUNCTION_NAMES, !functions.names.is_empty()),
            (&key::FUNCTION_INCLUDE, !functions.include.is_empty()),
            (&key::FUNCTION_EXCLUDE, !functions.exclude.is_empty()),
        ];
        let given = all.into_iter().filter(|(_, given)| *given);
        given.map(|(key, _)| key).collect()
    }
}

// === impl FilterOverrides ===

impl FilterOverrides {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
