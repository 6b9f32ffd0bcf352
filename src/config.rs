//! Configuration: a YAML file, environment variables and flags become one checked [`Config`].
//!
//! Flags win over their environment variables, and both win over the file. Every key stands once
//! in the table of [`KEYS`], with its flag, default and bounds. All that is wrong is reported at
//! once, with the place where it stands.

mod authorities;
mod choice;
mod credentials;
mod duration;
mod endpoint;
mod fault;
mod filter;
mod key;
mod listen;
mod overrides;
mod reader;
mod role;
mod selector;
mod settings;
mod source;
mod suggest;
mod web_file;
mod yaml;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use authorities::CaFile;
pub use choice::{
    Api, Cipher, ClientAuth, Curve, Domain, HttpMethod, Level, LogFormat, Read, SignatureMethod,
    TlsVersion,
};
pub use duration::{format_duration, parse_duration};
pub use fault::{Fault, Faults, Place, environment_name};
pub use filter::{FunctionFilter, Pattern, Unmatched};
pub use key::{KEYS, Key, MAX_ADDRESSES, MAX_NAMES, MAX_PATTERNS, MAX_SOURCES, MAX_TOPICS, Shape};
pub use listen::ListenAddress;
pub use overrides::{FilterOverrides, Overrides, SourceOverrides};
pub use selector::FunctionSelector;
pub use settings::{STATUS_PATH, telemetry_path};
pub use suggest::nearest;
pub use web_file::{Pem, RateLimit, TlsSuites, WebFile, WebTls, WebUser};

use crate::secret::Secret;
use reader::{Reader, Section};

/// Largest configuration file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Everything a run needs to know. Every value is inside its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The web server.
    pub web: Web,
    /// Where counters are kept.
    pub state: State,
    /// How logs are read.
    pub poll: Poll,
    /// What is bounded.
    pub limits: Limits,
    /// How long series live.
    pub series: Series,
    /// The exporter's own log.
    pub log: Log,
    /// What is not wrong but hardly meant, a line each.
    pub warnings: Vec<String>,
    /// What is read; at least one, names distinct, no invocation in two of them, accounts named
    /// in all or in none.
    pub sources: Vec<Source>,
}

/// The web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it listens; at least one, unless the sockets are systemd's.
    pub listen_addresses: Vec<ListenAddress>,
    /// Whether it listens on the sockets that systemd hands over, instead.
    pub systemd_socket: bool,
    /// The file that says what of TLS, passwords and the like is wanted; see [`WebFile`].
    pub config_file: Option<PathBuf>,
    /// Where the metrics are; starts with `/`, and is neither `/` nor under `/-/`.
    pub telemetry_path: String,
    /// How long a new series is shown at zero before it shows its value.
    pub zero_first: Duration,
    /// Whether protobuf leaves out the classic buckets of histograms that have native ones.
    pub native_histograms_only: bool,
    /// Whether OpenMetrics tells when each counter and histogram began, as a sample of its own.
    pub created_series: bool,
    /// Whether a request may reload the configuration and end the program.
    pub enable_lifecycle: bool,
}

/// Where counters are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The state directory, relative to the working directory; `None` keeps all in memory only.
    pub path: Option<PathBuf>,
}

/// How logs are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Time between polls of a busy target.
    pub interval: Duration,
    /// Longest time between polls of an idle target; at least `interval`.
    pub idle_interval: Duration,
    /// Shortest time between full sweeps of a target.
    pub sweep_interval: Duration,
    /// How far back the first read of a target goes, where there is no state.
    pub first_read: Duration,
    /// Longest run time of a function whose own timeout is not known.
    pub max_run_time: Duration,
    /// How late the row of a finished call may appear.
    pub delivery_delay: Duration,
    /// Rows asked for in one request.
    pub page_size: usize,
    /// How long a graceful stop may take.
    pub stop_timeout: Duration,
    /// Time between two looks at the list of functions.
    pub discovery_interval: Duration,
}

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Functions with series of their own; later ones fold into one.
    pub functions: usize,
    /// Requests a second, for each region and action, as written; see
    /// [`Limits::requests_per_second_of`].
    pub requests_per_second: Option<f64>,
    /// Requests of one source that wait for an answer at one time.
    pub requests_in_flight: usize,
    /// Most time for one whole answer.
    pub request_timeout: Duration,
}

/// How long series live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// How long the series of a function stay after it was last listed and last called; zero is for
    /// ever.
    pub retention: Duration,
    /// Whether that was written: then it also holds for functions that no list can hold.
    pub is_retention_written: bool,
}

/// The exporter's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least severe level that is written.
    pub level: Level,
    /// The form of a line.
    pub format: LogFormat,
}

/// One stream or many of one region, through one API with one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name in logs and on status pages, unlike any other source's.
    pub name: String,
    /// The account's name, empty where there is only one and it has none. Sources of the same
    /// account have the same.
    pub account: String,
    /// The API.
    pub api: Api,
    /// The region, such as `ap-guangzhou`.
    pub region: String,
    /// The cloud's root domain; for v2, which has one host, always public.
    pub domain: Domain,
    /// A checked URL to use in place of every service's own; see [`Source::sts_url`] and its like.
    pub endpoint: Option<String>,
    /// URLs of single services, which win over `endpoint`.
    pub endpoints: Endpoints,
    /// Authorities that are trusted besides those of the machine.
    pub ca_file: Option<CaFile>,
    /// A stream for each function, or one for many: a region of v2, a namespace of v3. Without
    /// meaning for cls.
    pub read: Read,
    /// Whose functions count; all for v2, which knows no namespaces.
    pub namespaces: FunctionFilter,
    /// Which functions count.
    pub functions: FunctionFilter,
    /// Ids of the log topics to read, for cls; distinct. Empty: those that the functions name.
    pub topics: Vec<String>,
    /// How requests are sent; POST with TC3.
    pub method: HttpMethod,
    /// How requests are signed; never TC3 for v2.
    pub signature_method: SignatureMethod,
    /// Who asks.
    pub credentials: CredentialsConfig,
    /// The files that parts of the credentials stand in: they are read again once the cloud
    /// refuses what they held.
    pub key_files: KeyFiles,
    /// The role that who asks takes on first.
    pub role: Option<Role>,
}

/// Checked URLs of single services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Functions and, for v3, their logs.
    pub scf: Option<String>,
    /// Log topics.
    pub cls: Option<String>,
    /// Temporary credentials.
    pub sts: Option<String>,
    /// The machine's metadata, `http://metadata.tencentyun.com` where nothing is written.
    pub metadata: Option<String>,
}

/// A role that is taken on through STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The role, such as `qcs::cam::uin/100000000001:roleName/scf-reader`.
    pub arn: String,
    /// What the account's audit shows as the one who took it on.
    pub session_name: String,
    /// How long one set of its credentials is asked for; a minute to 12 hours.
    pub duration: Duration,
    /// What the role's owner demands to be told, if anything.
    pub external_id: Option<String>,
}

/// The files that parts of the credentials stand in; `None` where a part stands elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// Of the secret id.
    pub secret_id: Option<PathBuf>,
    /// Of the secret key.
    pub secret_key: Option<PathBuf>,
    /// Of the token.
    pub token: Option<PathBuf>,
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsConfig {
    /// The first of the usual places that has any: environment, the SDK's file, tccli's file, the
    /// role of the machine, the identity of the TKE pod.
    Chain,
    /// Those that the configuration refers to.
    Explicit {
        /// The id of the key.
        secret_id: String,
        /// The key.
        secret_key: Secret,
        /// The session token of temporary credentials.
        token: Option<Secret>,
    },
}

// === impl Poll ===

impl Poll {
    /// How long after its start a call may still appear, where rows are ordered by it and the
    /// function's own timeout is not known: the longest run plus the delivery.
    pub fn horizon(&self) -> Duration {
        self.max_run_time.saturating_add(self.delivery_delay)
    }
}

// === impl Limits ===

impl Limits {
    /// Requests a second for each region and action of a source of this API: as written, else 10,
    /// or 5 for v3, of whose GetFunctionLogs the vendor takes no more (20 in 2018).
    pub fn requests_per_second_of(&self, api: Api) -> f64 {
        let default = match api {
            Api::V3 => 5.0,
            Api::V2 | Api::Cls => 10.0,
        };
        self.requests_per_second.unwrap_or(default)
    }
}

// === impl Source ===

impl Source {
    /// Which functions it reads.
    pub fn selector(&self) -> FunctionSelector {
        FunctionSelector {
            account: self.account.clone(),
            region: self.region.clone(),
            namespaces: self.namespaces.clone(),
            functions: self.functions.clone(),
        }
    }

    /// Where API 3.0 of the functions is, if not at the vendor's own address. Not for v2, which
    /// is at `endpoint` itself.
    pub fn scf_url(&self) -> Option<&str> {
        self.url(self.endpoints.scf.as_deref())
    }

    /// Where CLS is, if not at the vendor's own address.
    pub fn cls_url(&self) -> Option<&str> {
        self.url(self.endpoints.cls.as_deref())
    }

    /// Where STS is, if not at the vendor's own address.
    pub fn sts_url(&self) -> Option<&str> {
        self.url(self.endpoints.sts.as_deref())
    }

    /// Where the machine's metadata is, if not at the vendor's own address.
    pub fn metadata_url(&self) -> Option<&str> {
        self.url(self.endpoints.metadata.as_deref())
    }

    /// The service's own URL, else `endpoint`. The path of a v2 endpoint belongs to v2 alone.
    fn url<'a>(&'a self, own: Option<&'a str>) -> Option<&'a str> {
        let shared = self.endpoint.as_deref().map(|url| match self.api {
            Api::V2 => endpoint::without_path(url),
            Api::V3 | Api::Cls => url,
        });
        own.or(shared)
    }
}

// === loading ===

/// Reads the file, if there is one, puts `overrides` over it and checks everything.
///
/// `env` is asked for the variables that the file names as `${NAME}`, and for those that name the
/// machine's certificates. Secret files are read too, relative to the file's own directory.
pub fn load(
    file: Option<&Path>,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Faults> {
    let name = file.map_or_else(String::new, |path| path.display().to_string());
    let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let config = match file.map_or_else(|| Ok(String::new()), read_file) {
        Ok(text) => parse(&text, &name, base, overrides, env),
        Err(problem) => {
            let fault = Fault::new(Place::Nowhere, name.as_str(), problem);
            Err(Faults::new(&name, vec![fault]))
        }
    };
    let of_the_machine = authorities::variable_faults(env);
    match config {
        Ok(config) if of_the_machine.is_empty() => Ok(config),
        Ok(_) => Err(Faults::new(&name, of_the_machine)),
        Err(faults) => Err(faults.and(of_the_machine)),
    }
}

/// Like [`load`], for a text already read: `name` stands before positions in faults, `base` is
/// the directory of relative secret files.
pub fn parse(
    text: &str,
    name: &str,
    base: &Path,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Faults> {
    let (root, faults) = yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut reader = Reader::new(env, base, faults);
    let config = match root {
        // Faults about missing keys would only hide that this is no configuration at all.
        None if reader.has_faults() => None,
        Some(root) if !root.is_block() => {
            let message = format!("has {} where keys with values belong", root.kind());
            reader.fault(root.at, "", message);
            None
        }
        root => {
            let root = reader.section(root.as_ref(), String::new(), "");
            whole(&mut reader, &root, overrides)
        }
    };
    let warnings = reader.take_warnings();
    let faults = reader.into_faults();
    match config {
        Some(config) if faults.is_empty() => Ok(Config {
            warnings: fault::lines(name, warnings),
            ..config
        }),
        _ => Err(Faults::new(name, faults)),
    }
}

fn whole(reader: &mut Reader<'_>, root: &Section, flags: &Overrides) -> Option<Config> {
    let mut block = |name: &str| reader.section(root.get(name), name.to_owned(), name);
    let (web, state, poll) = (block("web"), block("state"), block("poll"));
    let (limits, series, log) = (block("limits"), block("series"), block("log"));
    let web = settings::web(reader, &web, flags);
    let state = settings::state(reader, &state, flags);
    let poll = settings::poll(reader, &poll, flags);
    let limits = settings::limits(reader, &limits, flags);
    let series = settings::series(reader, &series, flags);
    let log = settings::log(reader, &log, flags);
    let sources = source::sources(reader, root, &flags.source);
    Some(Config {
        web: web?,
        state: state?,
        poll: poll?,
        limits: limits?,
        series: series?,
        log: log?,
        warnings: Vec::new(),
        sources: sources?,
    })
}

fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read ({error}): check path and permissions");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("is larger than 1 MiB: is it the right file?".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text: is it the right file?".to_owned())
}
