//! Certificates for one test: an authority, a server, clients.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};

/// A certificate and its key, in PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names, of a server or of a client.
    pub fn signs(&self, names: &[&str], purpose: ExtendedKeyUsagePurpose) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        params.extended_key_usages.push(purpose);
        let cert = params.signed_by(&key, &self.0).unwrap();
        Pair {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }

    pub fn server(&self) -> Pair {
        self.signs(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn client(&self, name: &str) -> Pair {
        self.signs(&[name], ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A certificate that nobody but its own key signed, as `openssl req -x509` makes them: it calls
/// itself an authority.
pub fn self_signed(name: &str) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = params(&[name]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key).unwrap();
    Pair {
        cert: cert.pem(),
        key: key.serialize_pem(),
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let names = names.iter().map(|name| match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) if name.contains('@') => SanType::Rfc822Name((*name).try_into().unwrap()),
        Err(_) if name.contains(':') => SanType::URI((*name).try_into().unwrap()),
        Err(_) => SanType::DnsName((*name).try_into().unwrap()),
    });
    params.subject_alt_names = names.collect();
    params
}

/// Every file that those of `tests/data/web-config` name, as far as keys of P-256 do for it.
pub fn lay_out(folder: &Path, authority: &Authority) {
    let (server, other) = (authority.server(), authority.server());
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    fs::create_dir_all(folder.join("sub")).unwrap();
    write("ca.crt", &authority.pem());
    write("server.crt", &server.cert);
    write("server.key", &server.key);
    write("sub/server.crt", &server.cert);
    write("other.key", &other.key);
    write("both.pem", &format!("{}{}", server.key, server.cert));
    write("chain.pem", &format!("{}{}", server.cert, authority.pem()));
    write(
        "damaged.crt",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
}
