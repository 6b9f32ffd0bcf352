//! Parses the web configuration file: TLS, passwords, headers and a rate limit.
//!
//! The format is that of Prometheus' exporter-toolkit, so that one file serves every exporter of a
//! machine; tests compare the results with `promtool check web-config`. This module checks the
//! text. The certificates that it names are checked where they are used, with diagnostics of the
//! same kind.

mod tls;
mod values;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::values::{Values, bcrypt_cost};
use crate::{
    Diagnostic, Diagnostics, Found, Place, Reader, Secret, Section, alternatives, quote, read_file,
};

pub(crate) use words::{Cipher, ClientAuth, Curve};

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
pub(crate) struct WebFile {
    name: String,
    /// Set if the file has no content.
    pub(crate) empty: bool,
    /// TLS settings; `None` if TLS is off.
    pub(crate) tls: Option<WebTls>,
    /// Set if clients may use HTTP/2 over TLS.
    pub(crate) http2: bool,
    /// Headers of every response.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Users; if there are none, everybody is admitted.
    pub(crate) users: Vec<WebUser>,
    /// Rate limit of requests.
    pub(crate) rate_limit: Option<RateLimit>,
}

/// TLS settings. At least one cipher suite belongs to one of the versions.
pub(crate) struct WebTls {
    /// The certificate of the server and its intermediate certificates.
    pub(crate) cert: Pem,
    /// Private key of the certificate.
    pub(crate) key: Pem,
    /// Certificates that clients must present.
    pub(crate) client_auth: ClientAuth,
    /// The authorities that sign the certificates of clients.
    pub(crate) client_ca: Option<Pem>,
    /// If set, a client's certificate must have one of these names.
    pub(crate) client_sans: Option<Vec<String>>,
    /// The suites of TLS 1.2; none if that version is off.
    pub(crate) tls12: Vec<Cipher>,
    /// Set if TLS 1.3 is on, always with all of its suites.
    pub(crate) tls13: bool,
    /// Curves of the key exchange; empty for all.
    pub(crate) curves: Vec<Curve>,
    /// Set if the server's order of cipher suites is used rather than the client's.
    pub(crate) prefer_server_order: bool,
}

/// Certificates or a key in PEM format.
pub(crate) struct Pem {
    /// Position in the web configuration file.
    pub(crate) declared: Found<()>,
    /// Path of the file; `None` if the web configuration file contains the text itself.
    pub(crate) file: Option<PathBuf>,
    text: Secret,
}

/// A user that may log in.
#[derive(Debug, Clone)]
pub(crate) struct WebUser {
    pub(crate) name: String,
    /// The bcrypt hash of the password.
    pub(crate) hash: Secret,
    /// Cost of the hash: the binary logarithm of its rounds.
    pub(crate) cost: u32,
}

/// A token bucket: every request takes one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// Time in which one token is added.
    pub(crate) interval: Duration,
    /// Maximum number of tokens. If it is 0, every request is refused.
    pub(crate) burst: u64,
}

// === impl WebFile ===

impl WebFile {
    /// Reads and validates the file at `path`. Returns everything that is wrong with the text.
    pub(crate) fn read(path: &Path) -> Result<Self, Diagnostics> {
        let name = path.display().to_string();
        let text = read_file(path).map_err(|problem| {
            let fault = Diagnostic::new(Place::Nowhere, name.as_str(), problem);
            Diagnostics::new(&name, vec![fault])
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        let mut values = Values(Reader::new(base, KEYS.to_vec()));
        let root = values.0.parse(&text);
        let empty = root.is_none();
        if empty && values.0.has_faults() {
            return Err(Diagnostics::new(&name, values.0.finish().0));
        }
        let root = values.0.root(root.as_ref());
        let http = values.0.section(&root, "http_server_config");
        let file = Self {
            empty,
            tls: tls::tls(&mut values, &root),
            http2: values.boolean(&http, "http2", true),
            headers: headers(&mut values, &http),
            users: users(&mut values, &root),
            rate_limit: rate_limit(&mut values, &root),
            name,
        };
        match values.0.finish().0 {
            faults if faults.is_empty() => Ok(file),
            faults => Err(file.refused(faults)),
        }
    }

    /// Returns errors that were found in the files that this one names.
    pub(crate) fn refused(&self, faults: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(&self.name, faults)
    }

    /// Returns the files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter();
        let pems = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
        pems.flatten().filter_map(|pem| pem.file.as_deref())
    }
}

// === impl Pem ===

impl Pem {
    /// Reads the PEM text. Fails if its file cannot be read.
    pub(crate) fn read(&self) -> Result<Secret, Diagnostic> {
        let Some(file) = &self.file else {
            return Ok(self.text.clone());
        };
        let read = read_file(file).map(Secret::new);
        read.map_err(|problem| self.fault(&format!("{} {problem}", quote(&file.to_string_lossy()))))
    }

    /// Returns an error in the PEM text.
    pub(crate) fn fault(&self, problem: &str) -> Diagnostic {
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
