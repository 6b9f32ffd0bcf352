//! The table of all keys: name, type and bounds of the value, flag, default, whether a change needs a
//! restart, and meaning. The doc comment of a key is its row on the reference page
//! (`docs/CONFIG.md`); its first sentence is the help of its flag.
//!
//! A new key is a row here, and code that uses the field. `examples/full.yaml` shows all keys, and
//! `BLESS=1 cargo test docs_config` writes the page anew.

use std::path::PathBuf;
use std::time::Duration;

use exporter_toolkit::{Choice, Found, ListenAddress, quote};

use super::choice::{Api, Domain, HttpMethod, Level, LogFormat, Read, SignatureMethod};
use super::endpoint::parse_endpoint;
use super::key::{Key, Kind};
use super::scope::{Scope, Texts};
use super::table::{Block, Setting, blocks, choice, count, duration, list, setting, text, word};
use super::words;

/// Most sources in one file.
pub(super) const MAX_SOURCES: usize = 100;
/// Most exact names in one source: each is a stream of its own.
const MAX_NAMES: usize = 1_000;
/// Most patterns in one list: each is tried on every function.
const MAX_PATTERNS: usize = 100;
/// Most addresses to listen on.
const MAX_ADDRESSES: usize = 16;
/// Most log topics in one source: each is a stream of its own.
const MAX_TOPICS: usize = 100;

const NO_TIME: Duration = Duration::ZERO;
const TENTH: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const CENTURY: Duration = Duration::from_secs(36_500 * 86_400);

blocks! {
    /// The web server.
    #[derive(Eq)]
    Web {
        /// Address that serves the metrics; may be repeated, or a comma-separated list. At most 16
        /// addresses. `:PORT` listens on all interfaces, IPv6 and IPv4; otherwise write an IP address or
        /// `localhost`. Port 0 takes a free port.
        listen_addresses: Vec<ListenAddress> =
            setting("web.listen_address", Kind::List("ADDRESS:PORT", MAX_ADDRESSES), addresses)
                .flag("--web.listen-address").default(":10112").needs_restart();
        /// Whether to listen on the sockets that systemd passes, instead of own addresses. Set it for a
        /// service with a `.socket` unit.
        systemd_socket: bool = choice("web.systemd_socket")
            .flag("--web.systemd-socket").default("false").needs_restart();
        /// File with TLS and passwords, in the format of the Prometheus exporters.
        /// [SECURITY.md](SECURITY.md#web-configuration) describes its content. In the configuration file
        /// the path is relative to that file, in the flag to the working directory. The file is read again
        /// when it changes.
        config_file: Option<PathBuf> =
            setting("web.config_file", Kind::Text("file"), web_config_file)
                .flag("--web.config.file").needs_restart();
        /// URL path of the metrics. It begins with `/`. The paths `/`, `/api/v1/status` and everything
        /// below `/-/` belong to the exporter's own pages.
        telemetry_path: String =
            setting("web.telemetry_path", Kind::Text("URL path"), |scope, key| {
                scope.value(key, words::telemetry_path)
            }).flag("--web.telemetry-path").default("/metrics").needs_restart();
        /// How long a new series is shown at 0 first; at least Prometheus' scrape interval. This applies to
        /// a new function, and to a new return code of a known function. Afterwards the series shows its
        /// count, so that `increase()` includes the first event. `0s` shows counts at once.
        zero_first: Duration = duration("web.zero_first", NO_TIME, HOUR)
            .flag("--web.zero-first").default("1m");
        /// Whether protobuf leaves out the classic buckets of histograms that have native ones. Use it for
        /// scrapers that store native histograms only. The text formats have no native histograms and keep
        /// the classic buckets.
        native_histograms_only: bool = choice("web.native_histograms_only")
            .flag("--web.native-histograms-only").default("false").needs_restart();
        /// Whether OpenMetrics includes the start time of each counter and histogram, as a `_created`
        /// sample. Prometheus stores these samples as additional series unless its feature
        /// `created-timestamp-zero-ingestion` is on. The protobuf format always includes start times,
        /// without additional series.
        created_series: bool = choice("web.created_series")
            .flag("--web.created-series").default("false").needs_restart();
        /// Whether requests to `/-/reload` and `/-/quit` are served. Everyone who can reach the port can
        /// send them.
        enable_lifecycle: bool = choice("web.enable_lifecycle")
            .flag("--web.enable-lifecycle").default("false").needs_restart();
    }

    /// Where counters are kept.
    #[derive(Eq)]
    State {
        /// Directory that keeps the counters over a restart; empty keeps them in memory only. The path is
        /// relative to the working directory. In memory only, counters start at zero after every restart.
        path: Option<PathBuf> = setting("state.path", Kind::Text("directory, or empty"), |scope, key| {
            scope.value(key, |text| match text.contains('\0') {
                true => Err("no path holds a zero byte: write another".to_owned()),
                false => Ok((!text.is_empty()).then(|| PathBuf::from(text))),
            })
        }).flag("--state.path").default("data/").needs_restart();
    }

    /// How logs are read.
    #[derive(Eq)]
    Poll {
        /// Time between polls of a busy target.
        interval: Duration = duration("poll.interval", TENTH, HOUR)
            .flag("--poll.interval").default("15s");
        /// Longest time between polls of an idle target. With many targets it can be longer: each is polled
        /// at least every `2 x targets / (0.8 x requests_per_second)` seconds. It is at least
        /// `poll.interval`, and the default follows a longer `poll.interval`.
        idle_interval: Duration = duration("poll.idle_interval", TENTH, HOUR)
            .flag("--poll.idle-interval").default("1m");
        /// Time between full sweeps of a target when requests are scarce. Sweeps find calls that began long
        /// ago and ended recently. With v2 and v3 each poll is a sweep while half of the requests are
        /// unused. A sweep that takes long is repeated after three times as long at the earliest.
        sweep_interval: Duration = duration("poll.sweep_interval", TENTH, HOUR)
            .flag("--poll.sweep-interval").default("1m");
        /// How far back the first read of a target goes, if the state does not contain the target.
        first_read: Duration = duration("poll.first_read", NO_TIME, CENTURY)
            .flag("--first-read").default("15m");
        /// Longest run time of a function whose timeout is not known. Write `1d` if functions run
        /// asynchronously. v2 does not report timeouts, so there it applies to every function; cls does not
        /// use it.
        max_run_time: Duration = duration("poll.max_run_time", SECOND, DAY)
            .flag("--poll.max-run-time").default("15m");
        /// How late the row of a finished call may appear. The vendor states about a minute for CLS; the
        /// default leaves room. Rows that appear later are not counted, but reported as late. Together with
        /// `poll.max_run_time` at most 25 hours; see below.
        delivery_delay: Duration = duration("poll.delivery_delay", NO_TIME, DAY)
            .flag("--poll.delivery-delay").default("3m");
        /// Maximum number of rows in one response.
        page_size: usize = count("poll.page_size", 1, 1_000).flag("--poll.page-size").default("1000");
        /// Longest time that a graceful stop may take.
        stop_timeout: Duration = duration("poll.stop_timeout", SECOND, Duration::from_secs(600))
            .flag("--poll.stop-timeout").default("20s");
        /// Time between two lists of the functions.
        discovery_interval: Duration = duration("poll.discovery_interval", SECOND, DAY)
            .flag("--poll.discovery-interval").default("5m");
    }

    /// Limits.
    #[derive(Copy)]
    Limits {
        /// Maximum number of functions with series of their own; the calls of further functions are counted
        /// together. A metric reports how many functions are above the limit.
        functions: usize = count("limits.functions", 1, 100_000)
            .flag("--limits.functions").default("10000");
        /// Requests a second, for each region and API action. A value that is written applies to every
        /// action of every source. Otherwise the limits are those that the vendor documents: 100 for
        /// ListFunctions and GetFunction, 20 for ListNamespaces, 5 for the log action of v3, and 10 for
        /// actions without a documented limit, which are the log action of cls and all of v2.
        requests_per_second: Option<f64> =
            setting("limits.requests_per_second", Kind::Rate(0.01, 1_000.0), |scope, key| {
                scope.optional(key, |text| key.rate(text))
            }).flag("--limits.requests-per-second").default("10");
        /// Maximum number of requests of one source that are in flight at the same time.
        requests_in_flight: usize = count("limits.requests_in_flight", 1, 256)
            .flag("--limits.requests-in-flight").default("16");
        /// Time limit of one request, including its whole response. A page that takes longer is requested
        /// again with half the rows, down to one row.
        request_timeout: Duration = duration("limits.request_timeout", SECOND, Duration::from_secs(600))
            .flag("--limits.request-timeout").default("30s");
    }

    /// How long series live.
    #[derive(Copy, Eq)]
    Series {
        /// How long the series of a function are kept after it was last listed or called, whichever is
        /// later; 0 keeps them forever.
        retention: Option<Duration> =
            setting("series.retention", Kind::Duration(NO_TIME, CENTURY), |scope, key| {
                scope.optional(key, |text| key.duration(text))
            }).flag("--series.retention").default("30d");
    }

    /// The exporter's own log.
    #[derive(Copy, Eq)]
    Log {
        /// Minimum level that is logged.
        level: Level = choice("log.level").flag("--log.level").default("info");
        /// Format of log lines.
        format: LogFormat = choice("log.format").flag("--log.format").default("logfmt").needs_restart();
    }

    /// A source as it is written, but for the blocks within it.
    #[derive(Eq)]
    SourceKeys {
        /// Unique name of the source in logs and on the status page. By default it consists of API and
        /// region, with the account's name in front if there is one: `cls/ap-guangzhou`,
        /// `prod/cls/ap-guangzhou`.
        name: Option<String> = setting("sources[].name", Kind::Text("name"), |scope, key| {
            scope.optional(key, words::name)
        });
        /// Your own name for the account, of letters, digits and `._-`. It is the label `account` if
        /// several accounts are read. Either all sources have an account, or none.
        account: Option<String> = setting("sources[].account", Kind::Text("name"), |scope, key| {
            scope.optional(key, words::account)
        });
        /// API to read through. Required.
        api: Api = setting("sources[].api", Kind::Choice(Api::NAMES), |scope, key| {
            scope.required(key, "write it in the file, or give --api", word)
        }).flag("--api");
        /// Region to read, such as `ap-guangzhou`. Required.
        region: String = setting("sources[].region", Kind::Text("region"), |scope, key| {
            scope.required(key, "write it in the file, or give --region", words::region)
        }).flag("--region");
        /// Root domain of the cloud. `tencentcloudapi.com`, `intl.tencentcloudapi.com` for accounts of the
        /// international site, or `internal.tencentcloudapi.com` for machines inside the cloud. Finance
        /// regions (`-fsi`) have their own hosts, which follow from the region. Not for v2.
        domain: Domain = choice("sources[].domain").flag("--domain").default("public");
        /// URL to use instead of the address of every service: `https://` or `http://`, a host, and
        /// optionally a port and a path.
        endpoint: Option<String> = setting("sources[].endpoint", Kind::Text("URL"), |scope, key| {
            scope.optional(key, parse_endpoint)
        }).flag("--endpoint");
    }

    /// Checked URLs of single services.
    #[derive(Default, Eq)]
    Endpoints {
        /// URL of SCF: functions and, for v3, their logs. Not for v2.
        scf: Option<String> = url("sources[].endpoints.scf");
        /// URL of CLS: log topics. Only for cls.
        cls: Option<String> = url("sources[].endpoints.cls");
        /// URL of STS: temporary credentials of roles.
        sts: Option<String> = url("sources[].endpoints.sts");
        /// URL of the metadata service, which has the credentials of the machine's role. The vendor's is
        /// `http://metadata.tencentyun.com`.
        metadata: Option<String> = url("sources[].endpoints.metadata");
    }

    /// Whom a source trusts.
    #[derive(Eq)]
    TlsKeys {
        /// PEM file with CA certificates to trust for this source, in addition to those of the machine. A
        /// relative path is relative to the directory of the configuration file.
        ca_file: Option<Found<String>> = text("sources[].tls.ca_file", "file");
    }

    /// How a source is read and its requests are sent.
    #[derive(Eq)]
    ReadingKeys {
        /// Whether to read one stream for each function or one for the whole region; not with cls. One
        /// stream for the region (v2) or for each namespace (v3) needs far fewer requests. `auto` uses it
        /// while the API answers it completely, which is checked. It reads by function if `functions` names
        /// some, or if another source may read the same stream. The status page shows the choice and its
        /// reason. The streams of cls are log topics.
        read: Read = choice("sources[].read").flag("--read").default("auto");
        /// Log topic to read, by ID, with cls; may be repeated, or a comma-separated list. At most 100
        /// topics. By default the topics are those that the functions write to.
        topics: Texts = list("sources[].topics", Kind::List("topic ids", MAX_TOPICS))
            .flag("--topic");
        /// HTTP method of requests. TC3-HMAC-SHA256 requires POST.
        method: HttpMethod = choice("sources[].method").default("POST");
        /// How requests are signed. v2 does not support TC3-HMAC-SHA256; its default is HmacSHA256. The
        /// older two methods are for installations that require them.
        signature_method: Option<SignatureMethod> = setting(
            "sources[].signature_method",
            Kind::Choice(SignatureMethod::NAMES),
            |scope, key| scope.optional(key, word),
        ).default("TC3-HMAC-SHA256");
    }

    /// Which namespaces of a source are read.
    #[derive(Eq)]
    NamespaceKeys {
        /// Namespace to read; may be repeated, or a comma-separated list; not with v2. At most 1000.
        names: Texts = list("sources[].namespaces.names", Kind::List("namespace names", MAX_NAMES))
            .flag("--namespace");
        /// Pattern of namespaces to read, which matches the whole name; may be repeated. At most 100 of up
        /// to 1000 bytes.
        include: Texts = list("sources[].namespaces.include", Kind::Patterns(MAX_PATTERNS))
            .flag("--namespace.regex");
        /// Pattern of namespaces to exclude; may be repeated. At most 100 of up to 1000 bytes.
        exclude: Texts = list("sources[].namespaces.exclude", Kind::Patterns(MAX_PATTERNS))
            .flag("--namespace.exclude");
    }

    /// Which functions of a source are read.
    #[derive(Eq)]
    FunctionKeys {
        /// Function to read; may be repeated, or a comma-separated list. At most 1000.
        names: Texts = list("sources[].functions.names", Kind::List("function names", MAX_NAMES))
            .flag("--function");
        /// Pattern of functions to read, which matches the whole name; may be repeated. At most 100 of up
        /// to 1000 bytes.
        include: Texts = list("sources[].functions.include", Kind::Patterns(MAX_PATTERNS))
            .flag("--function.regex");
        /// Pattern of functions to exclude; may be repeated. At most 100 of up to 1000 bytes.
        exclude: Texts = list("sources[].functions.exclude", Kind::Patterns(MAX_PATTERNS))
            .flag("--function.exclude");
    }

    /// Where the credentials of a source are.
    #[derive(Eq)]
    CredentialKeys {
        /// ID of the API key. It is not secret.
        secret_id: Option<Found<String>> = text("sources[].credentials.secret_id", "text or ${NAME}");
        /// File with the ID, instead of `secret_id`. Use it if ID and key are replaced together.
        secret_id_file: Option<Found<String>> = text("sources[].credentials.secret_id_file", "file");
        /// The secret key. This or `secret_key_file` is required with an ID.
        secret_key: Option<Found<String>> = text("sources[].credentials.secret_key", "${NAME}");
        /// File with the secret key.
        secret_key_file: Option<Found<String>> = text("sources[].credentials.secret_key_file", "file");
        /// Session token of temporary credentials.
        token: Option<Found<String>> = text("sources[].credentials.token", "${NAME}");
        /// File with the session token.
        token_file: Option<Found<String>> = text("sources[].credentials.token_file", "file");
    }

    /// A role that is assumed through STS.
    #[derive(Eq)]
    Role {
        /// ARN of the role, as the CAM console shows it. Required in this block.
        arn: String = setting("sources[].role.arn", Kind::Text("role ARN"), |scope, key| {
            scope.required(key, "write the ARN that the CAM console shows for the role", words::arn)
        });
        /// Name of the session in the account's audit log: 2 to 128 letters, digits and `=,.@_-`.
        session_name: String = setting("sources[].role.session_name", Kind::Text("name"), |scope, key| {
            scope.value(key, words::session_name)
        }).default("scf-exporter");
        /// Lifetime of the credentials that are requested. The role may allow less.
        // The vendor documents no minimum; a minute leaves time to renew them.
        duration: Duration = duration("sources[].role.duration", MINUTE, Duration::from_secs(12 * 3_600))
            .default("2h");
        /// External ID, if the role requires one: 2 to 128 letters, digits and `+=,.@:/_-`.
        external_id: Option<String> = setting("sources[].role.external_id", Kind::Text("text"), |scope, key| {
            scope.optional(key, words::external_id)
        });
    }
}

/// Returns the key at `path`.
pub(super) fn key(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// Returns the keys of a source and of the blocks within it.
pub(super) fn of_sources() -> impl Iterator<Item = &'static Key> {
    keys().filter(|key| key.path.starts_with("sources[]"))
}

const fn url(path: &'static str) -> Setting<Option<String>> {
    setting(path, Kind::Text("URL"), |scope, key| {
        scope.optional(key, parse_endpoint)
    })
}

/// Reads a path, which is relative to the configuration file, or to the working directory where a
/// flag gives it.
fn web_config_file(scope: &mut Scope<'_, '_>, key: &Key) -> Option<Option<PathBuf>> {
    let name = scope.optional(key, |text| Ok(text.to_owned()))?;
    let name = name.filter(|name| !name.is_empty());
    Some(name.map(|name| match scope.flags.get(key.path) {
        [] => scope.reader.file(&name),
        _ => PathBuf::from(name),
    }))
}

/// Reads the addresses of the flag, else those of the file, which may be one or a list. Those of the
/// file are checked even where a flag wins.
fn addresses(scope: &mut Scope<'_, '_>, key: &Key) -> Option<Vec<ListenAddress>> {
    let texts = match scope.section.get(key.name()) {
        Some(node) if !node.is_list() => {
            let file = Vec::from_iter(scope.text(key));
            Texts {
                file,
                flags: scope.flag_texts(key),
            }
        }
        _ => scope.texts(key),
    };
    let is_written = scope.section.get(key.name()).is_some();
    let in_file = distinct(scope, &texts.file);
    if !texts.flags.is_empty() {
        return distinct(scope, &texts.flags);
    }
    if is_written {
        return in_file.filter(|addresses| !addresses.is_empty());
    }
    let default = ListenAddress::parse(key.default?);
    default.ok().map(|address| vec![address])
}

fn distinct(scope: &mut Scope<'_, '_>, texts: &[Found<String>]) -> Option<Vec<ListenAddress>> {
    let mut addresses: Vec<ListenAddress> = Vec::new();
    for text in texts {
        let next = scope.reader.parsed(text, ListenAddress::parse)?.value;
        if let Some(earlier) = addresses.iter().find(|earlier| earlier.overlaps(&next)) {
            let message = format!(
                "{} takes a port that {earlier} takes already: leave one of the two out",
                quote(&text.value)
            );
            scope.reader.fault(text, message);
            return None;
        }
        addresses.push(next);
    }
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_and_flags_are_distinct() {
        let paths: BTreeSet<_> = keys().map(|key| key.path).collect();
        assert_eq!(paths.len(), keys().count());
        let flags: Vec<_> = keys().filter_map(|key| key.flag).collect();
        assert_eq!(flags.iter().collect::<BTreeSet<_>>().len(), flags.len());
    }

    #[test]
    fn keys_of_one_kind_each() {
        let key = |path: &str| keys().find(|key| key.path == path).unwrap();
        for (path, bounds) in [
            ("poll.interval", "100ms to 1h"),
            ("poll.first_read", "0s to 36500d"),
            ("limits.requests_per_second", "0.01 to 1000"),
            ("log.level", "error, warn, info, debug or trace"),
            ("sources[].functions.names", "list of function names"),
        ] {
            assert_eq!(key(path).kind.bounds(), bounds);
        }
        assert_eq!(key("poll.interval").name(), "interval");
        assert_eq!(
            key("limits.requests_per_second").environment().unwrap(),
            "SCF_EXPORTER_LIMITS_REQUESTS_PER_SECOND"
        );
        assert_eq!(key("sources[].credentials.secret_key").environment(), None);
        assert!(
            key("sources[].region")
                .meaning()
                .starts_with("Region to read, such as")
        );
    }
}
