//! The servers. Each is a process of its own, which prints its port and then reads commands from its
//! standard input until that ends: `touch` counts one more call of each function.

use std::convert::Infallible;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::Failure;
use super::flat::Flat;
use super::ours::Ours;
use super::workload::Functions;

/// A limit behind a server of its own.
enum Side {
    /// Renders at each scrape.
    Anew(Flat),
    /// The packed and the plain body, which were made before.
    Prepared([Bytes; 2]),
}

/// Serves `count` functions of the file `data` as `who` until the standard input ends.
pub fn run(who: &str, data: &Path, count: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    let functions = || Functions::open(data, count);
    let mut ours = None;
    let side = match who {
        "prepared" => {
            let text = std::fs::read(data)?;
            Some(Side::Prepared([packed(&text)?, text.into()]))
        }
        "flat" => Some(Side::Anew(Flat::of(functions()?)?)),
        _ => None,
    };
    match side {
        Some(side) => _ = runtime.spawn(accept(listener, Arc::new(side))),
        None => ours = Some(Ours::start(&runtime, listener, functions()?)?),
    }
    let mut output = std::io::stdout();
    writeln!(output, "{port}")?;
    output.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        if let Some(ours) = &mut ours {
            ours.touch();
        }
        writeln!(output, "done")?;
        output.flush()?;
    }
    Ok(())
}

async fn accept(listener: TcpListener, side: Arc<Side>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, side.clone()));
    }
}

async fn connection(stream: TcpStream, side: Arc<Side>) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let response = side.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let _closed = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn packed(text: &[u8]) -> Result<Bytes, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text)?;
    Ok(encoder.finish()?.into())
}

// === impl Side ===

impl Side {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let accepted = request.headers().get(ACCEPT_ENCODING);
        let gzip = accepted.is_some_and(|value| value.as_bytes() == b"gzip");
        let body = match self {
            Self::Prepared([packed, plain]) => Ok(if gzip { packed } else { plain }.clone()),
            Self::Anew(flat) if gzip => packed(&flat.body()),
            Self::Anew(flat) => Ok(flat.body().into()),
        };
        let is_made = body.is_ok();
        let body = body.unwrap_or_else(|error| error.to_string().into());
        let mut response = Response::new(Full::new(body));
        if !is_made {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        } else if gzip {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
    }
}
