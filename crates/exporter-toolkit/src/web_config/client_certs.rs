//! Verifies the certificates of clients.

use std::net::IpAddr;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate};

/// Verifies certificates of clients and that the client has the matching key.
#[derive(Debug)]
pub(super) struct Clients {
    /// Set if clients without a certificate are refused.
    pub mandatory: bool,
    /// The accepted authorities; `None` accepts a certificate from anybody.
    pub authorities: Option<Authorities>,
    /// If set, the certificate must have one of these names.
    pub names: Option<Vec<String>>,
    /// The supported signature algorithms.
    pub algorithms: WebPkiSupportedAlgorithms,
}

/// The accepted certificate authorities.
#[derive(Debug)]
pub(super) struct Authorities {
    /// Verifies that a chain leads to one of the authorities.
    pub verifier: Arc<dyn ClientCertVerifier>,
    /// The certificates of the authorities.
    pub own: Vec<CertificateDer<'static>>,
}

// === impl Clients ===

impl Clients {
    fn verify_names(&self, certificate: &X509Certificate<'_>) -> Result<(), Error> {
        let Some(wanted) = &self.names else {
            return Ok(());
        };
        let names = names(certificate);
        if names.iter().any(|name| wanted.contains(name)) {
            return Ok(());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

impl Authorities {
    /// Verifies the chain of a client. A client may also present one of the listed certificates
    /// itself, if that is self-signed. A chain cannot express this if the certificate calls itself
    /// an authority.
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        parsed: &X509Certificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if !self.own.iter().any(|own| own == end_entity) {
            let verified = self
                .verifier
                .verify_client_cert(end_entity, intermediates, now);
            return verified.map(|_| ());
        }
        let now = i64::try_from(now.as_secs()).ok();
        let now = now.and_then(|now| ASN1Time::from_timestamp(now).ok());
        let valid = now.is_some_and(|now| parsed.validity().is_valid_at(now));
        let valid = valid.then_some(());
        valid.ok_or_else(|| CertificateError::Expired.into())
    }
}

/// Returns the subject alternative names of the supported kinds as texts.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let authorities = self.authorities.as_ref();
        authorities.map_or(&[], |authorities| authorities.verifier.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let parsed = X509Certificate::from_der(end_entity);
        let (_, parsed) = parsed.map_err(|_| CertificateError::BadEncoding)?;
        if let Some(authorities) = &self.authorities {
            authorities.verify(end_entity, &parsed, intermediates, now)?;
        }
        self.verify_names(&parsed)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
