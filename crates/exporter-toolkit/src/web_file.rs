//! Parses the web configuration file: TLS, passwords, headers and a rate limit.
//!
//! The format is that of Prometheus' exporter-toolkit, so that one file serves every exporter of a
//! machine; tests compare the results with `promtool check web-config`. This module checks the
//! text. The certificates that it names are checked where they are used, with diagnostics of the
//! same kind.

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

/// All known keys, except user names.
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

/// The five headers that may be set. Two of them allow only certain values.
const HEADERS: &[(&str, &[&str])] = &[
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// A parsed web configuration file.
#[derive(Debug, Clone, Default)]
pub struct WebFile {
    name: String,
    /// Set if the file has no content.
    pub empty: bool,
    /// TLS settings; `None` if TLS is off.
    pub tls: Option<WebTls>,
    /// Set if clients may use HTTP/2 over TLS.
    pub http2: bool,
    /// Headers of every response.
    pub headers: Vec<(&'static str, String)>,
    /// Users; if there are none, everybody is admitted.
    pub users: Vec<WebUser>,
    /// Rate limit of requests.
    pub rate_limit: Option<RateLimit>,
}

/// TLS settings.
#[derive(Debug, Clone)]
pub struct WebTls {
    /// The certificate of the server and its intermediate certificates.
    pub cert: Pem,
    /// Private key of the certificate.
    pub key: Pem,
    /// Certificates that clients must present.
    pub client_auth: ClientAuth,
    /// The authorities that sign the certificates of clients.
    pub client_ca: Option<Pem>,
    /// If set, a client's certificate must have one of these names.
    pub client_sans: Option<Vec<String>>,
    /// Versions and cipher suites.
    pub suites: TlsSuites,
    /// Curves of the key exchange; empty for all.
    pub curves: Vec<Curve>,
    /// Set if the server's order of cipher suites is used rather than the client's.
    pub prefer_server_order: bool,
}

/// Certificates or a key in PEM format.
#[derive(Debug, Clone)]
pub struct Pem {
    /// Position in the web configuration file.
    pub declared: Found<()>,
    /// Path of the file; `None` if the web configuration file contains the text itself.
    pub file: Option<PathBuf>,
    text: Secret,
}

/// A user that may log in.
#[derive(Debug, Clone)]
pub struct WebUser {
    /// User name.
    pub name: String,
    /// The bcrypt hash of the password.
    pub hash: Secret,
    /// Cost of the hash: the binary logarithm of its rounds.
    pub cost: u32,
}

/// A token bucket: every request takes one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Time in which one token is added.
    pub interval: Duration,
    /// Maximum number of tokens. If it is 0, every request is refused.
    pub burst: u64,
}

// === impl WebFile ===

impl WebFile {
    /// Reads and validates the file at `path`.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the text.
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

    /// Like [`WebFile::read`], for a text that was read already. `name` is shown before positions
    /// in diagnostics; `base` is the directory of relative paths.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the text.
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
            http2: values.boolean(&http, "http2", true),
            headers: headers(&mut values, &http),
            users: users(&mut values, &root),
            rate_limit: rate_limit(&mut values, &root),
        };
        match values.0.finish().0 {
            faults if faults.is_empty() => Ok(file),
            faults => Err(Diagnostics::new(name, faults)),
        }
    }

    /// Returns errors that were found in the files that this one names.
    pub fn refused(&self, faults: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(&self.name, faults)
    }

    /// Returns the files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter();
        let pems = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
        pems.flatten().filter_map(|pem| pem.file.as_deref())
    }
}

// === impl Pem ===

impl Pem {
    /// Reads the PEM text.
    ///
    /// # Errors
    ///
    /// Fails if its file cannot be read.
    pub fn read(&self) -> Result<Secret, Diagnostic> {
        let Some(file) = &self.file else {
            return Ok(self.text.clone());
        };
        let read = read_file(file).map(Secret::new);
        read.map_err(|problem| self.fault(&format!("{} {problem}", quote(&file.to_string_lossy()))))
    }

    /// Returns an error in the PEM text.
    pub fn fault(&self, problem: &str) -> Diagnostic {
        Diagnostic::new(self.declared.at, self.declared.path.as_str(), problem)
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
        // A text over several lines ends with a line break, but a header is one line.
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
        // The user name is not secret, but a password in place of its hash is.
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
    // Zero or a negative interval means no limit.
    let interval = interval.filter(|interval| !interval.is_zero())?;
    Some(RateLimit {
        interval,
        burst: u64::try_from(burst).unwrap_or(0),
    })
}
