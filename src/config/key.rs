//! Every key that exists: its path, flag, default and bounds. The reader, the help text and
//! `docs/CONFIG.md` (through a test) all go by this table.

use std::time::Duration;

use super::choice::{Api, Domain, HttpMethod, Level, LogFormat, Read, SignatureMethod};
use exporter_toolkit::environment_name;
use exporter_toolkit::format_duration;
use exporter_toolkit::{Choice, alternatives};

/// A key of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The path in the file, such as `poll.interval` or `sources[].region`.
    pub path: &'static str,
    /// The flag that overrides it, such as `--poll.interval`.
    pub flag: Option<&'static str>,
    /// What holds where nothing is written, as it would be written.
    pub default: Option<&'static str>,
    /// What may be written.
    pub shape: Shape,
}

/// What a value looks like, and its bounds (inclusive).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A length of time.
    Duration(Duration, Duration),
    /// A whole number.
    Count(usize, usize),
    /// A number with or without a fraction.
    Rate(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text; the words say of what kind.
    Text(&'static str),
    /// A list of texts; the words say of what kind.
    List(&'static str),
}

/// Most sources in one file.
pub const MAX_SOURCES: usize = 100;
/// Most exact names in one source: each is a stream of its own.
pub const MAX_NAMES: usize = 1_000;
/// Most patterns in one list: each is tried on every function.
pub const MAX_PATTERNS: usize = 100;
/// Most addresses to listen on.
pub const MAX_ADDRESSES: usize = 16;
/// Most log topics in one source: each is a stream of its own.
pub const MAX_TOPICS: usize = 100;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

macro_rules! keys {
    ($($name:ident: $path:literal, $flag:expr, $default:expr, $shape:expr;)+) => {
        $(pub(super) const $name: Key = Key {
            path: $path,
            flag: $flag,
            default: $default,
            shape: $shape,
        };)+

        /// All keys, in the order of the documentation.
        pub const KEYS: &[Key] = &[$($name,)+];
    };
}

use Shape::{Count, List, Rate, Text};

keys! {
    WEB_LISTEN_ADDRESS: "web.listen_address", Some("--web.listen-address"), Some(":10112"),
        List("ADDRESS:PORT");
    WEB_SYSTEMD_SOCKET: "web.systemd_socket", Some("--web.systemd-socket"), Some("false"),
        Shape::Choice(bool::NAMES);
    WEB_CONFIG_FILE: "web.config_file", Some("--web.config.file"), None, Text("file");
    WEB_TELEMETRY_PATH: "web.telemetry_path", Some("--web.telemetry-path"), Some("/metrics"),
        Text("URL path");
    WEB_ZERO_FIRST: "web.zero_first", Some("--web.zero-first"), Some("1m"),
        Shape::Duration(Duration::ZERO, HOUR);
    WEB_NATIVE_HISTOGRAMS_ONLY: "web.native_histograms_only",
        Some("--web.native-histograms-only"), Some("false"), Shape::Choice(bool::NAMES);
    WEB_CREATED_SERIES: "web.created_series", Some("--web.created-series"), Some("false"),
        Shape::Choice(bool::NAMES);
    WEB_ENABLE_LIFECYCLE: "web.enable_lifecycle", Some("--web.enable-lifecycle"), Some("false"),
        Shape::Choice(bool::NAMES);
    STATE_PATH: "state.path", Some("--state.path"), Some("data/"),
        Text("directory, or empty");
    POLL_INTERVAL: "poll.interval", Some("--poll.interval"), Some("15s"),
        Shape::Duration(MILLI.saturating_mul(100), HOUR);
    POLL_IDLE_INTERVAL: "poll.idle_interval", Some("--poll.idle-interval"), Some("1m"),
        Shape::Duration(MILLI.saturating_mul(100), HOUR);
    POLL_SWEEP_INTERVAL: "poll.sweep_interval", Some("--poll.sweep-interval"), Some("1m"),
        Shape::Duration(MILLI.saturating_mul(100), HOUR);
    POLL_FIRST_READ: "poll.first_read", Some("--first-read"), Some("15m"),
        Shape::Duration(Duration::ZERO, DAY.saturating_mul(36_500));
    POLL_MAX_RUN_TIME: "poll.max_run_time", Some("--poll.max-run-time"), Some("15m"),
        Shape::Duration(SECOND, DAY);
    POLL_DELIVERY_DELAY: "poll.delivery_delay", Some("--poll.delivery-delay"), Some("3m"),
        Shape::Duration(Duration::ZERO, DAY);
    POLL_PAGE_SIZE: "poll.page_size", Some("--poll.page-size"), Some("1000"),
        Count(1, 1_000);
    POLL_STOP_TIMEOUT: "poll.stop_timeout", Some("--poll.stop-timeout"), Some("20s"),
        Shape::Duration(SECOND, SECOND.saturating_mul(600));
    POLL_DISCOVERY_INTERVAL: "poll.discovery_interval", Some("--poll.discovery-interval"),
        Some("5m"), Shape::Duration(SECOND, DAY);
    LIMITS_FUNCTIONS: "limits.functions", Some("--limits.functions"), Some("10000"),
        Count(1, 100_000);
    // For v3 half of it: see `Limits::requests_per_second_of`.
    LIMITS_REQUESTS_PER_SECOND: "limits.requests_per_second",
        Some("--limits.requests-per-second"), Some("10"), Rate(0.01, 1_000.0);
    LIMITS_REQUESTS_IN_FLIGHT: "limits.requests_in_flight",
        Some("--limits.requests-in-flight"), Some("16"), Count(1, 256);
    LIMITS_REQUEST_TIMEOUT: "limits.request_timeout", Some("--limits.request-timeout"),
        Some("30s"), Shape::Duration(SECOND, SECOND.saturating_mul(600));
    SERIES_RETENTION: "series.retention", Some("--series.retention"), Some("30d"),
        Shape::Duration(Duration::ZERO, DAY.saturating_mul(36_500));
    LOG_LEVEL: "log.level", Some("--log.level"), Some("info"), Shape::Choice(Level::NAMES);
    LOG_FORMAT: "log.format", Some("--log.format"), Some("logfmt"),
        Shape::Choice(LogFormat::NAMES);
    SOURCE_NAME: "sources[].name", None, None, Text("name");
    SOURCE_ACCOUNT: "sources[].account", None, None, Text("name");
    SOURCE_API: "sources[].api", Some("--api"), None, Shape::Choice(Api::NAMES);
    SOURCE_REGION: "sources[].region", Some("--region"), None, Text("region");
    SOURCE_DOMAIN: "sources[].domain", Some("--domain"), Some("public"),
        Shape::Choice(Domain::NAMES);
    SOURCE_ENDPOINT: "sources[].endpoint", Some("--endpoint"), None, Text("URL");
    ENDPOINT_SCF: "sources[].endpoints.scf", None, None, Text("URL");
    ENDPOINT_CLS: "sources[].endpoints.cls", None, None, Text("URL");
    ENDPOINT_STS: "sources[].endpoints.sts", None, None, Text("URL");
    ENDPOINT_METADATA: "sources[].endpoints.metadata", None, None, Text("URL");
    SOURCE_TLS_CA_FILE: "sources[].tls.ca_file", None, None, Text("file");
    SOURCE_READ: "sources[].read", Some("--read"), Some("auto"), Shape::Choice(Read::NAMES);
    SOURCE_TOPICS: "sources[].topics", Some("--topic"), None, List("topic ids");
    SOURCE_METHOD: "sources[].method", None, Some("POST"), Shape::Choice(HttpMethod::NAMES);
    // For v2, which does not know it, the next one.
    SOURCE_SIGNATURE_METHOD: "sources[].signature_method", None, Some("TC3-HMAC-SHA256"),
        Shape::Choice(SignatureMethod::NAMES);
    NAMESPACE_NAMES: "sources[].namespaces.names", Some("--namespace"), None,
        List("namespace names");
    NAMESPACE_INCLUDE: "sources[].namespaces.include", Some("--namespace.regex"), None,
        List("patterns");
    NAMESPACE_EXCLUDE: "sources[].namespaces.exclude", Some("--namespace.exclude"), None,
        List("patterns");
    FUNCTION_NAMES: "sources[].functions.names", Some("--function"), None, List("function names");
    FUNCTION_INCLUDE: "sources[].functions.include", Some("--function.regex"), None,
        List("patterns");
    FUNCTION_EXCLUDE: "sources[].functions.exclude", Some("--function.exclude"), None,
        List("patterns");
    SECRET_ID: "sources[].credentials.secret_id", None, None, Text("text or ${NAME}");
    SECRET_ID_FILE: "sources[].credentials.secret_id_file", None, None, Text("file");
    SECRET_KEY: "sources[].credentials.secret_key", None, None, Text("${NAME}");
    SECRET_KEY_FILE: "sources[].credentials.secret_key_file", None, None, Text("file");
    TOKEN: "sources[].credentials.token", None, None, Text("${NAME}");
    TOKEN_FILE: "sources[].credentials.token_file", None, None, Text("file");
    ROLE_ARN: "sources[].role.arn", None, None, Text("role ARN");
    ROLE_SESSION_NAME: "sources[].role.session_name", None, Some("scf-exporter"), Text("name");
    // The vendor gives no least; a minute leaves room to renew in.
    ROLE_DURATION: "sources[].role.duration", None, Some("2h"),
        Shape::Duration(SECOND.saturating_mul(60), HOUR.saturating_mul(12));
    ROLE_EXTERNAL_ID: "sources[].role.external_id", None, None, Text("text");
}

// === impl Key ===

impl Key {
    /// The last word of the path, as it stands in the file.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The environment variable that overrides it, where a flag does.
    pub fn environment(&self) -> Option<String> {
        self.flag.map(environment_name)
    }
}

// === impl Shape ===

impl Shape {
    /// What may be written, in words: `100ms to 1h`, `1 to 1000`, `GET or POST`.
    pub fn bounds(&self) -> String {
        match self {
            Self::Duration(min, max) => {
                format!("{} to {}", format_duration(*min), format_duration(*max))
            }
            Self::Count(min, max) => format!("{min} to {max}"),
            Self::Rate(min, max) => format!("{min} to {max}"),
            Self::Choice(words) => alternatives(words),
            Self::Text(kind) => (*kind).to_owned(),
            Self::List(kind) => format!("list of {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_and_flags_are_distinct() {
        let paths: BTreeSet<_> = KEYS.iter().map(|key| key.path).collect();
        assert_eq!(paths.len(), KEYS.len());
        let flags: Vec<_> = KEYS.iter().filter_map(|key| key.flag).collect();
        assert_eq!(flags.iter().collect::<BTreeSet<_>>().len(), flags.len());
    }

    #[test]
    fn bounds_read_well() {
        assert_eq!(POLL_INTERVAL.shape.bounds(), "100ms to 1h");
        assert_eq!(POLL_FIRST_READ.shape.bounds(), "0s to 36500d");
        assert_eq!(LIMITS_REQUESTS_PER_SECOND.shape.bounds(), "0.01 to 1000");
        assert_eq!(
            LOG_LEVEL.shape.bounds(),
            "error, warn, info, debug or trace"
        );
        assert_eq!(FUNCTION_NAMES.shape.bounds(), "list of function names");
    }

    #[test]
    fn names_of_flags_in_the_environment() {
        assert_eq!(POLL_INTERVAL.name(), "interval");
        assert_eq!(
            LIMITS_REQUESTS_PER_SECOND.environment().unwrap(),
            "SCF_EXPORTER_LIMITS_REQUESTS_PER_SECOND"
        );
        assert_eq!(SECRET_KEY.environment(), None);
    }
}
