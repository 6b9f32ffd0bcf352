//! The web configuration file: TLS, passwords, headers, a limit of requests.
//!
//! The format is that of Prometheus' exporter-toolkit, so that one file serves every exporter of a
//! machine; `promtool check web-config` is what its verdicts are held against. Here the file is
//! read and judged as a text. Whether the certificates that it names can be used is judged by who
//! uses them, and told in the same way.

mod tls;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::values::{Values, bcrypt_cost};
use crate::{
    ClientAuth, Curve, Diagnostic, Diagnostics, Found, Place, Reader, Secret, Section,
    alternatives, quote, read_file,
};

pub use tls::TlsSuites;

/// Every key; users are named freely.
const KEYS: &[&str] = &[
    "tls_server_config.cert",
    "tls_server_config.key",
    "tls_server_config.client_ca",
    "tls_server_config.cert_file",
    "tls_server_config.key_file",
    "tls_server_config.client_auth_type",
    "tls_server_config.client_ca_file",
    "tls_server_config.cipher_suites",
    "tls_server_config.curve_preferences",
    "tls_server_config.min_version",
    "tls_server_config.max_version",
    "tls_server_config.prefer_server_cipher_suites",
    "tls_server_config.client_allowed_sans",
    "http_server_config.http2",
    "http_server_config.headers.Strict-Transport-Security",
    "http_server_config.headers.X-Content-Type-Options",
    "http_server_config.headers.X-Frame-Options",
    "http_server_config.headers.X-XSS-Protection",
    "http_server_config.headers.Content-Security-Policy",
    "basic_auth_users",
    "rate_limit.interval",
    "rate_limit.burst",
];

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
    /// Where the web configuration file says it.
    pub said: Found<()>,
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
        let mut values = Values(Reader::new(base, KEYS.to_vec()));
        let root = values.0.parse(text);
        let empty = root.is_none();
        if empty && values.0.has_faults() {
            return Err(Diagnostics::new(name, values.0.finish().0));
        }
        let root = values.0.root(root.as_ref());
        let http = values.0.section(&root, "http_server_config");
        let file = Self {
            name: name.to_owned(),
            empty,
            tls: tls::tls(&mut values, &root),
            http2: values.truth(&http, "http2", true),
            headers: headers(&mut values, &http),
            users: users(&mut values, &root),
            rate_limit: rate_limit(&mut values, &root),
        };
        match values.0.finish().0 {
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
        Diagnostic::new(self.said.at, self.said.path.as_str(), problem)
    }
}

fn headers(values: &mut Values<'_>, http: &Section) -> Vec<(&'static str, String)> {
    let block = values.0.section(http, "headers");
    let mut headers = Vec::new();
    for &(name, allowed) in HEADERS {
        let Some(text) = values.text(&block, name) else {
            continue;
        };
        let value = text.value.as_str();
        if !allowed.is_empty() && !allowed.contains(&value) {
            let known = alternatives(allowed);
            let message = format!("{} is not known here: write {known}", quote(value));
            values.0.fault(&text, message);
        }
        // A text over several lines ends with a line break; a header is one line.
        let line = value.replace(['\r', '\n'], " ").trim().to_owned();
        if line.chars().any(|c| c.is_control() && c != '\t') {
            values
                .0
                .fault(&text, "holds a control character: remove it");
        }
        headers.push((name, line));
    }
    headers
}

fn users(values: &mut Values<'_>, root: &Section) -> Vec<WebUser> {
    let mut users = Vec::new();
    for (name, hash) in values.0.entries(root, "basic_auth_users") {
        // The name of a user is no secret, a password in place of its hash is.
        let Some(cost) = values.0.parsed(&hash, bcrypt_cost) else {
            continue;
        };
        users.push(WebUser {
            name,
            hash: Secret::new(hash.value),
            cost: cost.value,
        });
    }
    users
}

fn rate_limit(values: &mut Values<'_>, root: &Section) -> Option<RateLimit> {
    let block = values.0.section(root, "rate_limit");
    let interval = values.go_duration(&block, "interval");
    let burst = values.number(&block, "burst");
    // Nothing and less than nothing is no limit.
    let interval = interval.filter(|interval| !interval.is_zero())?;
    Some(RateLimit {
        interval,
        burst: u64::try_from(burst).unwrap_or(0),
    })
}
