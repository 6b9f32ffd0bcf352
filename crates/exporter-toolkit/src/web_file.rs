//! The web configuration file: TLS, passwords, headers, a limit of requests.
//!
//! The format is that of Prometheus' exporter-toolkit, so that one file serves every exporter of a
//! machine; `promtool check web-config` is what its verdicts are held against. Here the file is
//! read and judged as a text. Whether the certificates that it names can be used is judged by who
//! uses them, and told in the same way.

mod form;
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::form::{Block, Form};
use crate::{
    ClientAuth, Curve, Diagnostic, Diagnostics, Place, Secret, alternatives, quote, quote_key,
    read_file, yaml,
};

pub use tls::TlsSuites;

/// The five headers that may be set, with the values that two of them may have.
const HEADERS: &[(&str, &[&str])] = &[
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// What a web configuration file says.
#[derive(Debug, Clone, Default)]
pub struct WebFile {
    name: String,
    /// Whether there is nothing in it.
    pub empty: bool,
    /// TLS, where it is switched on.
    pub tls: Option<WebTls>,
    /// Whether clients may choose HTTP/2, over TLS.
    pub http2: bool,
    /// Headers for every answer.
    pub headers: Vec<(&'static str, String)>,
    /// Who may come in; everybody where there are none.
    pub users: Vec<WebUser>,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
}

/// TLS as the file describes it.
#[derive(Debug, Clone)]
pub struct WebTls {
    /// The certificate and those that lead from it to an authority.
    pub cert: Pem,
    /// Its private key.
    pub key: Pem,
    /// What clients must show.
    pub client_auth: ClientAuth,
    /// The authorities whose clients are good.
    pub client_ca: Option<Pem>,
    /// The names of which a client's certificate must hold one.
    pub client_sans: Option<Vec<String>>,
    /// Versions and cipher suites.
    pub suites: TlsSuites,
    /// Curves of the key exchange; empty for all.
    pub curves: Vec<Curve>,
    /// Whether the server's order of cipher suites counts rather than the client's.
    pub prefer_server_order: bool,
}

/// Where certificates or a key are, in PEM.
#[derive(Debug, Clone)]
pub struct Pem {
    /// The key of the file that says it.
    pub path: &'static str,
    /// Where that stands.
    pub at: Place,
    /// The file, or nothing where the text itself stands there.
    pub file: Option<PathBuf>,
    text: Secret,
}

/// Somebody who may come in.
#[derive(Debug, Clone)]
pub struct WebUser {
    /// The name.
    pub name: String,
    /// The bcrypt hash of the password.
    pub hash: Secret,
    /// Its cost: two to its power rounds.
    pub cost: u32,
}

/// A bucket that fills with time and of which every request takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How long one takes to come back.
    pub interval: Duration,
    /// How many it holds. With none, every request is refused.
    pub burst: u64,
}

// === impl WebFile ===

impl WebFile {
    /// Reads and judges the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it as a text.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let name = path.display().to_string();
        match read_file(path) {
            Ok(text) => Self::parse(&text, &name, path.parent().unwrap_or(Path::new(""))),
            Err(problem) => {
                let fault = Diagnostic::new(Place::Nowhere, name.as_str(), problem);
                Err(Diagnostics::new(&name, vec![fault]))
            }
        }
    }

    /// Like [`WebFile::read`], for a text already read: `name` stands before positions in faults,
    /// `base` is the directory of relative files.
    ///
    /// # Errors
    /// Everything that is wrong with it as a text.
    pub fn parse(text: &str, name: &str, base: &Path) -> Result<Self, Diagnostics> {
        let (root, faults) = yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut form = Form::new(base, faults);
        let empty = root.is_none();
        if empty && form.has_faults() {
            return Err(Diagnostics::new(name, form.into_faults()));
        }
        let known = &[
            "tls_server_config",
            "http_server_config",
            "basic_auth_users",
            "rate_limit",
        ];
        let root = form.block(root.as_ref(), "", known);
        let http = root.get("http_server_config");
        let http = form.block(http, "http_server_config", &["http2", "headers"]);
        let file = Self {
            name: name.to_owned(),
            empty,
            tls: tls::tls(&mut form, &root),
            http2: form.truth(&http, "http2", true),
            headers: headers(&mut form, &http),
            users: users(&mut form, &root),
            rate_limit: rate_limit(&mut form, &root),
        };
        match form.into_faults() {
            faults if faults.is_empty() => Ok(file),
            faults => Err(Diagnostics::new(name, faults)),
        }
    }

    /// What the file is refused for by whoever uses what it names.
    pub fn refused(&self, faults: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(&self.name, faults)
    }

    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter();
        let pems = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
        pems.flatten().filter_map(|pem| pem.file.as_deref())
    }
}

// === impl Pem ===

impl Pem {
    /// The text.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read(&self) -> Result<Secret, Diagnostic> {
        let Some(file) = &self.file else {
            return Ok(self.text.clone());
        };
        let read = read_file(file).map(Secret::new);
        read.map_err(|problem| self.fault(&format!("{} {problem}", quote(&file.to_string_lossy()))))
    }

    /// Something is wrong with what it holds.
    pub fn fault(&self, problem: &str) -> Diagnostic {
        Diagnostic::new(self.at, self.path, problem)
    }
}

fn headers(form: &mut Form<'_>, http: &Block) -> Vec<(&'static str, String)> {
    let names: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
    let block = form.block(http.get("headers"), "http_server_config.headers", &names);
    let mut headers = Vec::new();
    for &(name, allowed) in HEADERS {
        let Some(value) = form.text(&block, name) else {
            continue;
        };
        if !allowed.is_empty() && !allowed.contains(&value.value.as_str()) {
            let message = format!(
                "{} is not known here: write {}",
                quote(&value.value),
                alternatives(allowed)
            );
            form.fault(value.at, block.path_of(name), message);
        }
        // A text over several lines ends with a line break; a header is one line.
        let line = value.value.replace(['\r', '\n'], " ").trim().to_owned();
        if line.chars().any(|c| c.is_control() && c != '\t') {
            let message = "holds a control character: remove it";
            form.fault(value.at, block.path_of(name), message);
        }
        headers.push((name, line));
    }
    headers
}

fn users(form: &mut Form<'_>, root: &Block) -> Vec<WebUser> {
    let path = "basic_auth_users";
    let entries = form.entries(root.get(path), path);
    let mut users = Vec::new();
    for (name, hash) in entries {
        match bcrypt_cost(&hash.value) {
            Ok(cost) => users.push(WebUser {
                name,
                hash: Secret::new(hash.value),
                cost,
            }),
            // The name of a user is no secret, a password in place of its hash is.
            Err(problem) => {
                let path = format!("{path}.{}", quote_key(&name));
                form.fault(hash.at, path, problem);
            }
        }
    }
    users
}

/// The cost of a bcrypt hash that can be verified.
fn bcrypt_cost(hash: &str) -> Result<u32, String> {
    const WANTED: &str = "write its bcrypt hash, as `htpasswd -nBC 10 \"\"` prints it";
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", version, cost, rest] = parts[..] else {
        return Err(format!("is no hash of a password: {WANTED}"));
    };
    if !["2a", "2b", "2x", "2y"].contains(&version) {
        return Err(format!("is no hash by bcrypt: {WANTED}"));
    }
    let cost = match cost.parse() {
        Ok(number) if cost.len() == 2 && (4..=31).contains(&number) => number,
        _ => return Err(format!("has a cost that is not 04 to 31: {WANTED}")),
    };
    let alphabet = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
    if rest.len() != 53 || !rest.chars().all(alphabet) {
        return Err(format!("is cut or damaged: {WANTED}"));
    }
    Ok(cost)
}

fn rate_limit(form: &mut Form<'_>, root: &Block) -> Option<RateLimit> {
    let block = form.block(root.get("rate_limit"), "rate_limit", &["interval", "burst"]);
    let interval = form.go_duration(&block, "interval");
    let burst = form.number(&block, "burst");
    // Nothing and less than nothing is no limit.
    let interval = interval.filter(|interval| !interval.is_zero())?;
    Some(RateLimit {
        interval,
        burst: u64::try_from(burst).unwrap_or(0),
    })
}
