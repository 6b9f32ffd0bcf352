//! The TLS handshake.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// Beginnings of unencrypted HTTP requests, which are the ones that Go's server detects. Clients
/// know its response.
const REQUESTS: [&[u8; 5]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
/// Number of bytes of an unencrypted request that are read before the connection is closed, so that
/// the close does not discard the response.
const DRAINED: u64 = 64 * 1024;

/// Performs the handshake. An unencrypted HTTP request receives an explanation instead.
pub(crate) async fn secure(
    mut stream: TcpStream,
    tls: Arc<ServerConfig>,
) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    // No TLS record begins with a letter.
    if stream.peek(&mut first).await.ok()? == 1 && first[0].is_ascii_uppercase() {
        refuse(&mut stream).await;
        return None;
    }
    TlsAcceptor::from(tls).accept(stream).await.ok()
}

async fn refuse(stream: &mut TcpStream) {
    let mut begin = [0; 5];
    let read = stream.read_exact(&mut begin).await;
    if read.is_err() || !REQUESTS.contains(&&begin) {
        return;
    }
    if stream.write_all(NOT_TLS).await.is_ok() && stream.shutdown().await.is_ok() {
        let mut rest = stream.take(DRAINED);
        let _ended = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}
