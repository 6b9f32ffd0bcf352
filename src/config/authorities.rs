//! Reads the certificate authorities that are trusted for the cloud: a file of a source, and the
//! files that environment variables name for the machine.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::keys::TlsKeys;
use super::scope::Scope;
use super::table::Block;
use exporter_toolkit::{Diagnostic, Place};

/// Maximum size of a file of certificates in bytes. Those of usual systems have 250 kB.
const MAX_FILE: u64 = 4 << 20;

/// A file of certificates with its content at the time when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFile {
    /// The file.
    pub path: PathBuf,
    /// Its certificates in DER, at least one.
    pub certificates: Vec<Vec<u8>>,
}

/// Reads `tls` of a source. `None` is a fault; `Some(None)` means that nothing was written.
pub(super) fn read(scope: &mut Scope<'_, '_>) -> Option<Option<CaFile>> {
    let keys = TlsKeys::read(scope)?;
    let Some(text) = keys.ca_file else {
        return scope.has_none_of(TlsKeys::KEYS).then_some(None);
    };
    let path = scope.reader.file(&text.value);
    let read = scope.reader.parsed(&text, |_| {
        let certificates = certificates(&path, true);
        certificates.map_err(|reason| format!("names {}, which {reason}", path.display()))
    });
    let certificates = read?.value;
    Some(Some(CaFile { path, certificates }))
}

/// Returns the faults of the variables by which OpenSSL and this program find the machine's
/// certificates. Where they name nothing, no certificate would be trusted, and nothing else reports it.
pub(super) fn variable_faults(env: &dyn Fn(&str) -> Option<String>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    if let Some(name) = env("SSL_CERT_FILE") {
        let problem = if name.is_empty() {
            Some("is set but empty: unset it, or name a file of CA certificates".to_owned())
        } else {
            let read = certificates(Path::new(&name), false);
            read.err()
                .map(|reason| format!("names {name}, which {reason}"))
        };
        faults.extend(problem.map(|it| Diagnostic::new(Place::Nowhere, "SSL_CERT_FILE", it)));
    }
    let names = env("SSL_CERT_DIR").unwrap_or_default();
    for folder in std::env::split_paths(&names).filter(|path| !path.as_os_str().is_empty()) {
        if let Err(error) = fs::read_dir(&folder) {
            let problem = format!(
                "names {}, which cannot be read as a directory ({error}): check path and permissions",
                folder.display()
            );
            faults.push(Diagnostic::new(Place::Nowhere, "SSL_CERT_DIR", problem));
        }
    }
    faults
}

/// Reads the certificates in a file. Unless `all` must be readable, one is enough, as it is for the
/// library that uses those of the machine.
fn certificates(path: &Path, all: bool) -> Result<Vec<Vec<u8>>, String> {
    let unreadable =
        |error: std::io::Error| format!("cannot be read ({error}): check path and permissions");
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is no ordinary file".to_owned());
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE {
        return Err("is larger than 4 MiB".to_owned());
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| "is damaged: write CA certificates in PEM")?;
    let good = |certificate: &&CertificateDer<'_>| {
        RootCertStore::empty().add((**certificate).clone()).is_ok()
    };
    let readable = found.iter().filter(good).count();
    if readable == 0 || (all && readable < found.len()) {
        return Err(match found.len() {
            0 => "holds no certificate: write at least one of a CA in PEM".to_owned(),
            all => format!(
                "holds {all} certificates, of which {} cannot be read: write those of a CA in PEM",
                all - readable
            ),
        });
    }
    Ok(found.into_iter().map(|one| one.to_vec()).collect())
}
