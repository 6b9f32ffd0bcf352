//! Extracts the cause of a failed connection from library errors.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Returns advice for a rejected certificate.
pub(super) fn advice(error: &CertificateError) -> &'static str {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    match error {
        // A signature is also bad if a CA was recreated under its old name.
        UnknownIssuer | BadSignature => {
            "who issued it is not trusted here: name the certificates of that CA as tls.ca_file of \
             the source, or in SSL_CERT_FILE; where no CA is trusted at all, install those of the \
             system (ca-certificates)"
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "it is of another host: check the endpoint address"
        }
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
            "check the clock of this machine; if it is right, the host needs another certificate"
        }
        _ => "check the endpoint address, and what may stand between that opens TLS",
    }
}

/// Returns why a certificate was rejected, or `None` if the error has another cause.
pub(super) fn certificate<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CertificateError> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(found)) = inner.downcast_ref() {
            return Some(found);
        }
        // `source` of an `io::Error` skips the error that it wraps.
        let made_of = inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match made_of {
            Some(made_of) => Some(made_of),
            None => inner.source(),
        };
    }
    None
}
