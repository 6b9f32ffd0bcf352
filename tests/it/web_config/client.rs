//! Clients of an encrypted server, and the server itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use scf_exporter::config::ListenAddress;
use scf_exporter::metrics::Snapshot;
use scf_exporter::model::Timestamp;
use scf_exporter::telemetry::{BuildInfo, Telemetry};
use scf_exporter::web::{Limits, Readiness, Site, Status, View, WebConfig, bind, serve};
use tencentcloud::runtime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certs::Pair;

/// How long anything may take before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

struct House;

impl View for House {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::default()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn status(&self) -> Status {
        Status {
            now: Timestamp::from_secs(1_000),
            ..Status::default()
        }
    }
}

/// A server behind what `file` says, until the test ends.
pub struct Server {
    pub address: SocketAddr,
    pub toolkit: Arc<WebConfig>,
}

impl Server {
    pub async fn start(file: &Path) -> Self {
        Self::with_limits(file, Limits::default()).await
    }

    pub async fn with_limits(file: &Path, limits: Limits) -> Self {
        let toolkit = WebConfig::load(Some(file)).unwrap_or_else(|faults| panic!("{faults}"));
        let toolkit = Arc::new(toolkit);
        let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
        let site = Arc::new(Site::new(Arc::new(House), telemetry, "/metrics").unwrap());
        let listener = bind(&ListenAddress::parse("127.0.0.1:0").unwrap())
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (behind, never) = (toolkit.clone(), std::future::pending());
        drop(runtime::spawn(serve(
            vec![listener],
            site,
            behind,
            limits,
            never,
        )));
        Self { address, toolkit }
    }

    /// Takes over what changed: a change counts once it was the same in two looks.
    pub fn look_twice(&self) {
        self.toolkit.reload_if_changed();
        self.toolkit.reload_if_changed();
    }

    /// The answer in the clear.
    pub async fn ask(&self, request: &str) -> String {
        exchange(TcpStream::connect(self.address).await.unwrap(), request).await
    }

    /// An encrypted connection, if it comes to one.
    pub async fn secured(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        timeout(PATIENCE, connector.connect(name, stream))
            .await
            .expect("in time")
    }

    /// The status of an encrypted answer; 0 where there is none.
    pub async fn status(&self, config: ClientConfig, request: &str) -> u16 {
        match self.secured(config).await {
            Ok(stream) => status(&exchange(stream, request).await),
            Err(_) => 0,
        }
    }
}

/// What is read until the server closes; nothing where the connection breaks.
pub async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        stream.read_to_end(&mut answer).await
    };
    // A connection that breaks is an answer too: whatever came before it.
    let _broken = timeout(PATIENCE, talk).await.expect("in time");
    String::from_utf8_lossy(&answer).into_owned()
}

pub fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n")
}

pub fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or("0");
    word.parse().unwrap_or(0)
}

/// A client that trusts `authority` and shows `own`.
pub fn client(authority: &str, own: Option<&Pair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            let key = ring::sign::any_supported_type(&key).unwrap();
            // Without a look at whether they belong together: that is for the server to find out.
            let pair = SingleCertAndKey::from(CertifiedKey::new(vec![cert], key));
            builder.with_client_cert_resolver(Arc::new(pair))
        }
    }
}

/// The same, asking for these protocols.
pub fn speaking(mut client: ClientConfig, protocols: &[&str]) -> ClientConfig {
    let names = protocols.iter().map(|name| name.as_bytes().to_vec());
    client.alpn_protocols = names.collect();
    client
}
