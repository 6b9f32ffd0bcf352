//! How an encrypted connection begins.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// What a request begins with, as far as Go's server looks, whose answer clients know.
const REQUESTS: [&[u8; 5]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
/// How much of a request in the clear is read off before the connection ends, so that its end
/// does not overtake the answer.
const DRAINED: u64 = 64 * 1024;

/// An encrypted connection.
pub(crate) struct Secured {
    pub stream: TlsStream<TcpStream>,
    /// Whether both sides chose HTTP/2.
    pub http2: bool,
}

/// Goes through the handshake. Whoever speaks HTTP in the clear is told so.
pub(crate) async fn secure(mut stream: TcpStream, tls: Arc<ServerConfig>) -> Option<Secured> {
    let mut first = [0];
    // Nothing of TLS begins with a letter.
    if stream.peek(&mut first).await.ok()? == 1 && first[0].is_ascii_uppercase() {
        refuse(&mut stream).await;
        return None;
    }
    let stream = TlsAcceptor::from(tls).accept(stream).await.ok()?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Some(Secured { stream, http2 })
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
