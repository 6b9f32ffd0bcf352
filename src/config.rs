//! Configuration: a YAML file, environment variables and flags become one checked [`Config`].
//!
//! Flags win over their environment variables, and both win over the file. [`keys()`] is the table of
//! all keys with their flags, defaults and bounds. All faults are reported together, each with its
//! place.

mod authorities;
mod choice;
mod credentials;
mod endpoint;
mod filter;
mod key;
mod keys;
mod overrides;
mod scope;
mod selector;
mod settings;
mod source;
mod table;
mod words;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

pub use authorities::CaFile;
pub use choice::{Api, Domain, HttpMethod, Level, LogFormat, Read, SignatureMethod};
pub use exporter_toolkit::{
    Diagnostic, Diagnostics, ListenAddress, Place, format_duration, nearest, parse_duration,
};
pub use filter::{FunctionFilter, Pattern, Unmatched};
pub use key::{Key, Kind, environment_name};
pub use keys::{Endpoints, Limits, Log, Poll, Role, Series, State, Web, keys};
pub use overrides::Overrides;
pub use selector::FunctionSelector;
pub use tencentcloud::KeyFiles;
pub use words::{STATUS_PATH, telemetry_path};

use exporter_toolkit::yaml::Node;
use exporter_toolkit::{Reader, read_file};

use scope::Scope;
use table::Block;
use tencentcloud::secret::Secret;

/// The checked configuration: every value is within its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The web server.
    pub web: Web,
    /// Where the counters are stored.
    pub state: State,
    /// How logs are read.
    pub poll: Poll,
    /// Limits.
    pub limits: Limits,
    /// How long series live.
    pub series: Series,
    /// The exporter's own log.
    pub log: Log,
    /// Warnings about values that are valid but probably not intended, a line each.
    pub warnings: Vec<String>,
    /// The sources, at least one. Names are distinct, no invocation is in two of them, and all or none
    /// name their account.
    pub sources: Vec<Source>,
}

/// One or several streams of one region, read through one API with one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The unique name in logs, metrics and on the status page.
    pub name: String,
    /// The account's name, the same for all its sources. Empty where no source names one.
    pub account: String,
    /// The API.
    pub api: Api,
    /// The region, such as `ap-guangzhou`.
    pub region: String,
    /// The cloud's root domain. Always public for v2, which has one host.
    pub domain: Domain,
    /// A checked URL that replaces those of all services; see [`Source::url_of`].
    pub endpoint: Option<String>,
    /// URLs of single services, which win over `endpoint`.
    pub endpoints: Endpoints,
    /// Certificate authorities that are trusted besides those of the machine.
    pub ca_file: Option<CaFile>,
    /// Whether a stream is one function or many: a region of v2, a namespace of v3. Not used for cls.
    pub read: Read,
    /// The namespaces whose functions count. All for v2, which has no namespaces.
    pub namespaces: FunctionFilter,
    /// The functions that count.
    pub functions: FunctionFilter,
    /// Distinct ids of the log topics to read, for cls. Where it is empty, those that the functions name.
    pub topics: Vec<String>,
    /// The HTTP method, which is POST with TC3.
    pub method: HttpMethod,
    /// The signature method, which is never TC3 for v2.
    pub signature_method: SignatureMethod,
    /// Where the credentials come from.
    pub credentials: CredentialsConfig,
    /// The files of the credentials, which are read again when the cloud refuses their content.
    pub key_files: KeyFiles,
    /// The role that these credentials assume.
    pub role: Option<Role>,
}

/// The requests that a source may send, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestLimits {
    /// The limit of each action that is not in the list.
    pub each_action: f64,
    /// Actions with another limit.
    pub of_actions: &'static [(&'static str, f64)],
}

/// The limits that the vendor documents for the actions that find functions.
const DOCUMENTED_LIMITS: &[(&str, f64)] = &[
    ("ListFunctions", 100.0),
    ("GetFunction", 100.0),
    ("ListNamespaces", 20.0),
];

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsConfig {
    /// The first of the usual places that has any: environment, file of the SDK, file of tccli, role
    /// of the machine, identity of the TKE pod.
    Chain,
    /// The credentials that the configuration refers to.
    Explicit {
        /// Id of the key.
        secret_id: String,
        /// The secret key.
        secret_key: Secret,
        /// The session token of temporary credentials.
        token: Option<Secret>,
    },
}

// === impl Poll ===

impl Poll {
    /// Returns the allowed lateness where rows are ordered by their start and the function's own timeout
    /// is not known: the longest run time plus the delivery delay.
    pub fn allowed_lateness(&self) -> Duration {
        self.max_run_time.saturating_add(self.delivery_delay)
    }
}

// === impl Limits ===

impl Limits {
    /// Returns how many requests a second a source of this API may send. A configured value holds
    /// for every action. The defaults are those that the vendor documents, and 10 for an action for
    /// which it documents none; of GetFunctionLogs it allowed 20 in 2018.
    pub fn requests_of(&self, api: Api) -> RequestLimits {
        let (each_action, of_actions): (f64, &[_]) = match (self.requests_per_second, api) {
            (Some(written), _) => (written, &[]),
            (None, Api::V2) => (10.0, &[]),
            (None, Api::V3) => (5.0, DOCUMENTED_LIMITS),
            (None, Api::Cls) => (10.0, DOCUMENTED_LIMITS),
        };
        RequestLimits {
            each_action,
            of_actions,
        }
    }
}

// === impl RequestLimits ===

impl RequestLimits {
    /// Returns the limit of an action.
    pub fn of(&self, action: &str) -> f64 {
        let own = self.of_actions.iter().find(|(name, _)| *name == action);
        own.map_or(self.each_action, |(_, limit)| *limit)
    }
}

// === impl Series ===

impl Series {
    /// Returns the retention, which is 30 days where none is configured.
    pub fn span(&self) -> Duration {
        let default = Duration::from_secs(30 * 86_400);
        self.retention.unwrap_or(default)
    }
}

// === impl Config ===

impl Config {
    /// Restores the old value of every key that needs a restart, and returns the paths of those that
    /// had changed.
    pub fn keep_what_needs_a_restart(&mut self, old: &Self) -> Vec<&'static str> {
        let mut kept = Vec::new();
        self.web.keep(&old.web, &mut kept);
        self.state.keep(&old.state, &mut kept);
        self.poll.keep(&old.poll, &mut kept);
        self.limits.keep(&old.limits, &mut kept);
        self.series.keep(&old.series, &mut kept);
        self.log.keep(&old.log, &mut kept);
        kept
    }
}

// === impl Source ===

impl Source {
    /// Returns which functions the source reads.
    pub fn selector(&self) -> FunctionSelector {
        FunctionSelector {
            account: self.account.clone(),
            region: self.region.clone(),
            namespaces: self.namespaces.clone(),
            functions: self.functions.clone(),
        }
    }

    /// Returns the URL of a service: `own`, which is its field of [`Source::endpoints`], else `endpoint`.
    /// `None` means the vendor's address. The path of an endpoint of v2 is left out, since it belongs to
    /// v2 alone.
    pub fn url_of<'a>(&'a self, own: &'a Option<String>) -> Option<&'a str> {
        let shared = self.endpoint.as_deref().map(|url| match self.api {
            Api::V2 => endpoint::without_path(url),
            Api::V3 | Api::Cls => url,
        });
        own.as_deref().or(shared)
    }
}

// === loading ===

/// Reads the file, if there is one, applies `overrides` and checks everything.
///
/// `env` looks up the variables that the file names as `${NAME}`, and those that name the machine's
/// certificates. Secret files are read too, relative to the file's directory.
pub fn load(
    file: Option<&Path>,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    let name = file.map_or_else(String::new, |path| path.display().to_string());
    let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let config = match file.map_or_else(|| Ok(String::new()), read_file) {
        Ok(text) => parse(&text, &name, base, overrides, env),
        Err(problem) => {
            let fault = Diagnostic::new(Place::Nowhere, name.as_str(), problem);
            Err(Diagnostics::new(&name, vec![fault]))
        }
    };
    let of_the_machine = authorities::variable_faults(env);
    match config {
        Ok(config) if of_the_machine.is_empty() => Ok(config),
        Ok(_) => Err(Diagnostics::new(&name, of_the_machine)),
        Err(faults) => Err(faults.and(of_the_machine)),
    }
}

/// Parses a text as [`load`] does. Faults give positions as `name:line:column`; secret files are
/// relative to `base`.
pub fn parse(
    text: &str,
    name: &str,
    base: &Path,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    let mut reader = Reader::new(base, keys().map(|key| key.path).collect());
    let config = match reader.parse(text) {
        // Without this, faults of missing keys would hide that the text is no YAML at all.
        None if reader.has_faults() => None,
        Some(root) if !root.is_block() => {
            reader.root(Some(&root));
            None
        }
        root => whole(&mut reader, root.as_ref(), overrides, env),
    };
    let (faults, warnings) = reader.finish();
    match config {
        Some(config) if faults.is_empty() => Ok(Config {
            warnings: Diagnostics::new(name, warnings).lines(),
            ..config
        }),
        _ => Err(Diagnostics::new(name, faults)),
    }
}

fn whole(
    reader: &mut Reader<'_>,
    root: Option<&Rc<Node>>,
    flags: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Config> {
    let section = reader.root(root);
    let mut root = Scope {
        reader,
        section,
        flags,
    };
    let web = Web::read(&mut root.block("web"));
    let state = State::read(&mut root.block("state"));
    let poll = settings::poll(&mut root.block("poll"));
    let limits = Limits::read(&mut root.block("limits"));
    let series = Series::read(&mut root.block("series"));
    let log = Log::read(&mut root.block("log"));
    let sources = source::sources(&mut root, env);
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
