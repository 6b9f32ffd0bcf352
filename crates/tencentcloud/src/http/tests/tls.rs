//! Whose certificate is accepted, and what is said of one that is not.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn certificates(&self) -> [Vec<u8>; 1] {
        [self.0.der().to_vec()]
    }

    /// Serves one connection after the other with a certificate for `name`; gives the URL.
    async fn serve(&self, name: &str, expired: bool) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut buffer = [0; 4_096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&answer("200 OK", "", b"{}")).await;
                let _ = stream.shutdown().await;
            }
        });
        format!("https://localhost:{port}/")
    }
}

async fn refusal(transport: &dyn Transport, url: &str) -> String {
    let error = transport.send(get(url)).await.unwrap_err();
    assert!(
        matches!(error, TransportError::Certificate { .. }),
        "{error:?}"
    );
    error.to_string()
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_it_is_named() {
    let (ca, other) = (Ca::new(), Ca::new());
    let url = ca.serve("localhost", false).await;
    let own = transport().trusting(&ca.certificates()).unwrap();
    assert_eq!(&own.send(get(&url)).await.unwrap().body[..], b"{}");
    let stranger = transport().trusting(&other.certificates()).unwrap();
    for transport in [&transport() as &dyn Transport, &*stranger] {
        let text = refusal(transport, &url).await;
        for wanted in ["localhost:", "tls.ca_file", "SSL_CERT_FILE"] {
            assert!(text.contains(wanted), "no {wanted}: {text}");
        }
        assert!(!text.contains("name lookup"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_or_time_has_advice_of_its_own() {
    let ca = Ca::new();
    let own = transport().trusting(&ca.certificates()).unwrap();
    let other = ca.serve("cls.example.com", false).await;
    let text = refusal(&*own, &other).await;
    assert!(text.contains("check the endpoint address"), "{text}");
    let old = ca.serve("localhost", true).await;
    let text = refusal(&*own, &old).await;
    assert!(text.contains("check the clock"), "{text}");
    assert!(!text.contains("tls.ca_file"), "{text}");
}
