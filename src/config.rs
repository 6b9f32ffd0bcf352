//! Configuration: a YAML file, environment variables and flags become one checked [`Config`].
//!
//! Flags win over their environment variables, and both win over the file. Every key stands once
//! in the table of [`keys()`], with its flag, default and bounds. All that is wrong is reported at
//! once, with the place where it stands.

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
    pub fn allowed_lateness(&self) -> Duration {
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

// === impl Series ===

impl Series {
    /// How long series stay, where nothing is written for 30 days.
    pub fn span(&self) -> Duration {
        let default = Duration::from_secs(30 * 86_400);
        self.retention.unwrap_or(default)
    }
}

// === impl Config ===

impl Config {
    /// Puts the old value of every key that needs a restart back, and returns the paths of those that
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

/// Like [`load`], for a text already read: `name` stands before positions in faults, `base` is
/// the directory of relative secret files.
pub fn parse(
    text: &str,
    name: &str,
    base: &Path,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    let mut reader = Reader::new(base, keys().map(|key| key.path).collect());
    let config = match reader.parse(text) {
        // Faults about missing keys would only hide that this is no configuration at all.
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
