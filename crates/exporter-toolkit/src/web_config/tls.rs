//! Builds the rustls configuration from the web configuration file.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::{default_provider, kx_group};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, version};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client_certs::{Authorities, Clients};
use crate::Diagnostic;
use crate::web_file::{ClientAuth, Curve, Pem, WebTls};

/// Reads certificates and key and builds the configuration.
pub(super) fn server_config(
    tls: &WebTls,
    http2: bool,
) -> Result<Arc<ServerConfig>, Vec<Diagnostic>> {
    let provider = Arc::new(provider(tls));
    let certified = certified_key(tls, &provider);
    let clients = clients(tls, &provider);
    let (certified, clients) = match (certified, clients) {
        (Ok(certified), Ok(clients)) => (certified, clients),
        (certified, clients) => {
            return Err([certified.err(), clients.err()]
                .into_iter()
                .flatten()
                .collect());
        }
    };
    let mut versions = Vec::new();
    versions.extend((!tls.tls12.is_empty()).then_some(&version::TLS12));
    versions.extend(tls.tls13.then_some(&version::TLS13));
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions);
    let builder = builder.map_err(|error| vec![tls.cert.fault(&error.to_string())])?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.ignore_client_order = tls.prefer_server_order;
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(Arc::new(config))
}

fn provider(tls: &WebTls) -> CryptoProvider {
    let mut provider = default_provider();
    let tls12 = &tls.tls12;
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls13(_) => tls.tls13,
        SupportedCipherSuite::Tls12(_) => {
            let name = suite.suite().as_str();
            tls12.iter().any(|cipher| Some(cipher.as_str()) == name)
        }
    });
    if !tls.curves.is_empty() {
        provider.kx_groups = tls.curves.iter().map(|curve| group(*curve)).collect();
    }
    provider
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::P256 => kx_group::SECP256R1,
        Curve::P384 => kx_group::SECP384R1,
        Curve::X25519 => kx_group::X25519,
    }
}

/// Returns the certificate with its key. Whether they match is decided by the public key alone,
/// because clients may accept certificates of version 1.
fn certified_key(tls: &WebTls, provider: &CryptoProvider) -> Result<CertifiedKey, Diagnostic> {
    let chain = certificates(&tls.cert)?;
    let key = signing_key(&tls.key, provider)?;
    let Some(Ok((_, leaf))) = chain.first().map(|leaf| X509Certificate::from_der(leaf)) else {
        let problem = "holds no certificate that can be read: write the one of this server in PEM";
        return Err(tls.cert.fault(problem));
    };
    let public = key.public_key();
    if public.is_none_or(|public| public.as_ref() != leaf.public_key().raw) {
        let problem = "is not the key of the certificate: write the one that it was made with";
        return Err(tls.key.fault(problem));
    }
    Ok(CertifiedKey::new(chain, key))
}

fn signing_key(pem: &Pem, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, Diagnostic> {
    let text = pem.read()?;
    let key = PrivateKeyDer::from_pem_slice(text.expose().as_bytes());
    let key = key.map_err(|error| match error {
        pem::Error::NoItemsFound => {
            pem.fault("holds no private key in PEM, or one behind a password: write an open one")
        }
        _ => pem.fault("is damaged: write a private key in PEM"),
    })?;
    provider.key_provider.load_private_key(key).map_err(|_| {
        let problem = "holds a key that cannot be used: write one of RSA of 2048 to 8192 bits, \
                       ECDSA with P-256 or P-384, or Ed25519";
        pem.fault(problem)
    })
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Diagnostic> {
    let text = pem.read()?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.expose().as_bytes()).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(pem.fault("holds no certificate: write at least one in PEM")),
        Err(_) => Err(pem.fault("is damaged: write certificates in PEM")),
    }
}

/// Returns the verifier of client certificates, or `None` if none are requested.
fn clients(tls: &WebTls, provider: &Arc<CryptoProvider>) -> Result<Option<Clients>, Diagnostic> {
    let checked = match tls.client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Request | ClientAuth::RequireAny => false,
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => true,
    };
    let mandatory = matches!(
        tls.client_auth,
        ClientAuth::RequireAny | ClientAuth::RequireAndVerify
    );
    let authorities = tls.client_ca.as_ref().map(|pem| authorities(pem, provider));
    let authorities = authorities.transpose()?;
    Ok(Some(Clients {
        mandatory,
        authorities: authorities.filter(|_| checked),
        names: tls.client_sans.clone(),
        algorithms: provider.signature_verification_algorithms,
    }))
}

fn authorities(pem: &Pem, provider: &Arc<CryptoProvider>) -> Result<Authorities, Diagnostic> {
    let own = certificates(pem)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(own.iter().cloned());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let verifier = verifier.build().map_err(|_| {
        pem.fault("holds no certificate that can be read: write those of the authorities in PEM")
    })?;
    Ok(Authorities { verifier, own })
}
