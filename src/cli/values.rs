//! Flags that stand for keys of the configuration file.

use clap::Args;

use crate::config::{FilterOverrides, Overrides, SourceOverrides};

/// The endpoint, which `demo` knows by itself.
#[derive(Debug, Args)]
pub struct EndpointArgs {
    /// URL to use in place of every service's own.
    #[arg(long, env = "SCF_EXPORTER_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Values that go over the configuration file, as texts: they are judged with it.
#[derive(Debug, Args)]
pub struct ValueArgs {
    /// Where the metrics are served; may be repeated, or several with commas between.
    #[arg(
        long = "web.listen-address",
        env = "SCF_EXPORTER_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS:PORT",
        value_delimiter = ','
    )]
    pub listen_addresses: Vec<String>,
    /// Whether it listens on the sockets that systemd hands over, instead of addresses
    #[arg(
        long = "web.systemd-socket",
        env = "SCF_EXPORTER_WEB_SYSTEMD_SOCKET",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub systemd_socket: Option<String>,
    /// File with TLS, passwords and the like, in the format of Prometheus' exporters.
    #[arg(
        long = "web.config.file",
        env = "SCF_EXPORTER_WEB_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub web_config_file: Option<String>,
    /// URL path of the metrics.
    #[arg(
        long = "web.telemetry-path",
        env = "SCF_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH"
    )]
    pub telemetry_path: Option<String>,
    /// How long a new series is shown at 0 first; at least Prometheus' scrape interval
    #[arg(
        long = "web.zero-first",
        env = "SCF_EXPORTER_WEB_ZERO_FIRST",
        value_name = "DURATION"
    )]
    pub zero_first: Option<String>,
    /// Whether protobuf leaves out the classic buckets of histograms that have native ones
    #[arg(
        long = "web.native-histograms-only",
        env = "SCF_EXPORTER_WEB_NATIVE_HISTOGRAMS_ONLY",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub native_histograms_only: Option<String>,
    /// Whether OpenMetrics tells when each counter and histogram began, as a `_created` sample
    #[arg(
        long = "web.created-series",
        env = "SCF_EXPORTER_WEB_CREATED_SERIES",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub created_series: Option<String>,
    /// Whether requests to `/-/reload` and `/-/quit` are obeyed
    #[arg(
        long = "web.enable-lifecycle",
        env = "SCF_EXPORTER_WEB_ENABLE_LIFECYCLE",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub enable_lifecycle: Option<String>,
    /// Directory that keeps the counters over a restart; empty keeps them in memory only.
    #[arg(
        long = "state.path",
        env = "SCF_EXPORTER_STATE_PATH",
        value_name = "DIR"
    )]
    pub state_path: Option<String>,
    /// How the logs are read.
    #[command(flatten)]
    pub poll: PollArgs,
    /// Functions with series of their own; later ones fold into one.
    #[arg(
        long = "limits.functions",
        env = "SCF_EXPORTER_LIMITS_FUNCTIONS",
        value_name = "N"
    )]
    pub functions_limit: Option<String>,
    /// How long the series of a function stay after it was last listed and last called; 0 is for ever.
    #[arg(
        long = "series.retention",
        env = "SCF_EXPORTER_SERIES_RETENTION",
        value_name = "DURATION"
    )]
    pub series_retention: Option<String>,
    /// Requests a second, for each region and action.
    #[arg(
        long = "limits.requests-per-second",
        env = "SCF_EXPORTER_LIMITS_REQUESTS_PER_SECOND",
        value_name = "N"
    )]
    pub requests_per_second: Option<String>,
    /// Requests waiting for an answer at one time.
    #[arg(
        long = "limits.requests-in-flight",
        env = "SCF_EXPORTER_LIMITS_REQUESTS_IN_FLIGHT",
        value_name = "N"
    )]
    pub requests_in_flight: Option<String>,
    /// Most time for one whole answer; a page that takes longer is asked for in smaller parts.
    #[arg(
        long = "limits.request-timeout",
        env = "SCF_EXPORTER_LIMITS_REQUEST_TIMEOUT",
        value_name = "DURATION"
    )]
    pub request_timeout: Option<String>,
    /// Least severe level that is logged.
    #[arg(
        long = "log.level",
        env = "SCF_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL"
    )]
    pub log_level: Option<String>,
    /// Form of a log line.
    #[arg(
        long = "log.format",
        env = "SCF_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT"
    )]
    pub log_format: Option<String>,
    /// The source.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// How the logs are read.
#[derive(Debug, Args)]
pub struct PollArgs {
    /// Time between polls of a busy target.
    #[arg(
        long = "poll.interval",
        env = "SCF_EXPORTER_POLL_INTERVAL",
        value_name = "DURATION"
    )]
    pub interval: Option<String>,
    /// Longest time between polls of an idle target.
    #[arg(
        long = "poll.idle-interval",
        env = "SCF_EXPORTER_POLL_IDLE_INTERVAL",
        value_name = "DURATION"
    )]
    pub idle_interval: Option<String>,
    /// Time between full sweeps of a target where requests are scarce.
    #[arg(
        long = "poll.sweep-interval",
        env = "SCF_EXPORTER_POLL_SWEEP_INTERVAL",
        value_name = "DURATION"
    )]
    pub sweep_interval: Option<String>,
    /// How far back the first read goes, where there is no state.
    #[arg(
        long = "first-read",
        env = "SCF_EXPORTER_FIRST_READ",
        value_name = "DURATION"
    )]
    pub first_read: Option<String>,
    /// Longest run time of a function whose own timeout is not known.
    #[arg(
        long = "poll.max-run-time",
        env = "SCF_EXPORTER_POLL_MAX_RUN_TIME",
        value_name = "DURATION"
    )]
    pub max_run_time: Option<String>,
    /// How late the row of a finished call may appear.
    #[arg(
        long = "poll.delivery-delay",
        env = "SCF_EXPORTER_POLL_DELIVERY_DELAY",
        value_name = "DURATION"
    )]
    pub delivery_delay: Option<String>,
    /// Rows asked for in one request.
    #[arg(
        long = "poll.page-size",
        env = "SCF_EXPORTER_POLL_PAGE_SIZE",
        value_name = "N"
    )]
    pub page_size: Option<String>,
    /// How long a graceful stop may take.
    #[arg(
        long = "poll.stop-timeout",
        env = "SCF_EXPORTER_POLL_STOP_TIMEOUT",
        value_name = "DURATION"
    )]
    pub stop_timeout: Option<String>,
    /// Time between two looks at the list of functions.
    #[arg(
        long = "poll.discovery-interval",
        env = "SCF_EXPORTER_POLL_DISCOVERY_INTERVAL",
        value_name = "DURATION"
    )]
    pub discovery_interval: Option<String>,
}

/// The one source that flags can name.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// API to read through.
    #[arg(long, env = "SCF_EXPORTER_API", value_name = "API")]
    pub api: Option<String>,
    /// Region to read.
    #[arg(long, env = "SCF_EXPORTER_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Root domain of the cloud.
    #[arg(long, env = "SCF_EXPORTER_DOMAIN", value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// A stream for each function, or one for the region; not with cls.
    #[arg(long, env = "SCF_EXPORTER_READ", value_name = "WHAT")]
    pub read: Option<String>,
    /// Log topic to read, by id, with cls; may be repeated, or several with commas between.
    #[arg(
        long,
        env = "SCF_EXPORTER_TOPIC",
        value_name = "ID",
        value_delimiter = ','
    )]
    pub topic: Vec<String>,
    /// Namespace to read; may be repeated, or several with commas between; not with v2.
    #[arg(
        long,
        env = "SCF_EXPORTER_NAMESPACE",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub namespace: Vec<String>,
    /// Pattern of namespaces to read, matching the whole name; may be repeated.
    #[arg(
        long = "namespace.regex",
        env = "SCF_EXPORTER_NAMESPACE_REGEX",
        value_name = "PATTERN"
    )]
    pub namespace_regex: Vec<String>,
    /// Pattern of namespaces to leave out; may be repeated.
    #[arg(
        long = "namespace.exclude",
        env = "SCF_EXPORTER_NAMESPACE_EXCLUDE",
        value_name = "PATTERN"
    )]
    pub namespace_exclude: Vec<String>,
    /// Function to read; may be repeated, or several with commas between.
    #[arg(
        long,
        env = "SCF_EXPORTER_FUNCTION",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub function: Vec<String>,
    /// Pattern of functions to read, matching the whole name; may be repeated.
    #[arg(
        long = "function.regex",
        env = "SCF_EXPORTER_FUNCTION_REGEX",
        value_name = "PATTERN"
    )]
    pub function_regex: Vec<String>,
    /// Pattern of functions to leave out; may be repeated.
    #[arg(
        long = "function.exclude",
        env = "SCF_EXPORTER_FUNCTION_EXCLUDE",
        value_name = "PATTERN"
    )]
    pub function_exclude: Vec<String>,
}

// === impl ValueArgs ===

impl ValueArgs {
    pub(super) fn overrides(&self) -> Overrides {
        let poll = &self.poll;
        Overrides {
            listen_addresses: self.listen_addresses.clone(),
            systemd_socket: self.systemd_socket.clone(),
            web_config_file: self.web_config_file.clone(),
            telemetry_path: self.telemetry_path.clone(),
            zero_first: self.zero_first.clone(),
            native_histograms_only: self.native_histograms_only.clone(),
            created_series: self.created_series.clone(),
            enable_lifecycle: self.enable_lifecycle.clone(),
            state_path: self.state_path.clone(),
            poll_interval: poll.interval.clone(),
            idle_interval: poll.idle_interval.clone(),
            sweep_interval: poll.sweep_interval.clone(),
            first_read: poll.first_read.clone(),
            max_run_time: poll.max_run_time.clone(),
            delivery_delay: poll.delivery_delay.clone(),
            page_size: poll.page_size.clone(),
            stop_timeout: poll.stop_timeout.clone(),
            discovery_interval: poll.discovery_interval.clone(),
            functions_limit: self.functions_limit.clone(),
            series_retention: self.series_retention.clone(),
            requests_per_second: self.requests_per_second.clone(),
            requests_in_flight: self.requests_in_flight.clone(),
            request_timeout: self.request_timeout.clone(),
            log_level: self.log_level.clone(),
            log_format: self.log_format.clone(),
            source: self.source.overrides(),
        }
    }
}

impl SourceArgs {
    fn overrides(&self) -> SourceOverrides {
        SourceOverrides {
            api: self.api.clone(),
            region: self.region.clone(),
            domain: self.domain.clone(),
            endpoint: None,
            read: self.read.clone(),
            topics: self.topic.clone(),
            namespaces: FilterOverrides {
                names: self.namespace.clone(),
                include: self.namespace_regex.clone(),
                exclude: self.namespace_exclude.clone(),
            },
            functions: FilterOverrides {
                names: self.function.clone(),
                include: self.function_regex.clone(),
                exclude: self.function_exclude.clone(),
            },
        }
    }
}
