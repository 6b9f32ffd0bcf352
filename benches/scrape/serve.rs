//! The servers: each is a process of its own, which prints its port and then takes commands from
//! its standard input until that ends.
//!
//! `touch random N`, `touch same N`, `touch all`: one more call of each of N functions;
//! `count SECONDS`: rows at a steady rate, ours alone. Each answers with a line that begins with
//! `done` once the change would be scraped.

use std::convert::Infallible;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::Failure;
use super::crates::{Client, Prometheus};
use super::flat::Flat;
use super::ours::Ours;
use super::workload::{Functions, Sample, Stream};

/// As quick as gzip gets.
const GZIP_LEVEL: u32 = 1;

/// A library, or a limit, behind our own hyper server.
pub trait Peer: Send + Sync + 'static {
    /// Of its text.
    fn content_type(&self) -> &'static str;

    /// The text of the present state, packed if so wished.
    fn body(&self, gzip: bool) -> Result<Bytes, Failure>;

    /// Counts one more call of a function.
    fn touch(&self, function: usize, sample: &Sample);
}

/// A body that was made before.
struct Prepared {
    plain: Bytes,
    packed: Bytes,
}

/// Who takes the commands.
enum Side {
    Ours(Box<Ours>),
    Peer(Arc<dyn Peer>),
}

/// Serves `count` functions of the file `data` as `who` until the standard input ends.
pub fn run(who: &str, data: &Path, count: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    let peer: Arc<dyn Peer> = match who {
        "ours" => {
            let ours = Ours::start(&runtime, listener, Functions::open(data, count)?)?;
            return obey(&runtime, Side::Ours(Box::new(ours)), port, count);
        }
        "prepared" => Arc::new(Prepared::of(std::fs::read(data)?)?),
        "flat" => Arc::new(Flat::fill(Functions::open(data, count)?)?),
        "prometheus" => Arc::new(Prometheus::fill(Functions::open(data, count)?)?),
        "prometheus-client" => Arc::new(Client::fill(Functions::open(data, count)?)?),
        _ => return Err(format!("nobody is called {who}").into()),
    };
    runtime.spawn(accept(listener, peer.clone()));
    obey(&runtime, Side::Peer(peer), port, count)
}

fn obey(runtime: &Runtime, mut side: Side, port: u16, count: usize) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    writeln!(output, "{port}")?;
    output.flush()?;
    let mut stream = Stream(2);
    let every: Vec<usize> = (0..count).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let mut answer = "done".to_owned();
        match words[..] {
            ["touch", "random", wanted] => {
                let chosen = stream.choose(wanted.parse()?, count);
                side.touch(runtime, &chosen, &mut stream)?;
            }
            ["touch", "same", wanted] => {
                // Scattered over the whole, as busy functions are.
                let chosen = Stream(3).choose(wanted.parse()?, count);
                side.touch(runtime, &chosen, &mut stream)?;
            }
            ["touch", "all"] => side.touch(runtime, &every, &mut stream)?,
            ["count", seconds] => {
                let Side::Ours(ours) = &mut side else {
                    return Err("only ours counts by itself".into());
                };
                for micros in runtime.block_on(ours.count(seconds.parse()?, &mut stream))? {
                    answer.push_str(&format!(" {micros}"));
                }
            }
            _ => return Err(format!("no command: {line:?}").into()),
        }
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

// === impl Side ===

impl Side {
    fn touch(
        &mut self,
        runtime: &Runtime,
        functions: &[usize],
        stream: &mut Stream,
    ) -> Result<(), Failure> {
        match self {
            Self::Ours(ours) => runtime.block_on(ours.touch(functions, stream))?,
            Self::Peer(peer) => {
                for &function in functions {
                    peer.touch(function, &Sample::further(stream));
                }
            }
        }
        Ok(())
    }
}

// === impl serving ===

async fn accept(listener: TcpListener, peer: Arc<dyn Peer>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, peer.clone()));
    }
}

async fn connection(stream: TcpStream, peer: Arc<dyn Peer>) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let response = answer(&request, &*peer);
        async move { Ok::<_, Infallible>(response) }
    });
    let _closed = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(request: &Request<Incoming>, peer: &dyn Peer) -> Response<Full<Bytes>> {
    let accepted = request.headers().get(ACCEPT_ENCODING);
    let gzip = accepted.is_some_and(|value| value.as_bytes() == b"gzip");
    let mut response = match peer.body(gzip) {
        Ok(body) => Response::new(Full::new(body)),
        Err(error) => {
            let mut response = Response::new(Full::new(error.to_string().into()));
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(peer.content_type()));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Packs a text if so wished.
pub fn packed(text: Vec<u8>, gzip: bool) -> Result<Bytes, Failure> {
    if !gzip {
        return Ok(text.into());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(&text)?;
    Ok(encoder.finish()?.into())
}

// === impl Prepared ===

impl Prepared {
    fn of(text: Vec<u8>) -> Result<Self, Failure> {
        Ok(Self {
            packed: packed(text.clone(), true)?,
            plain: text.into(),
        })
    }
}

impl Peer for Prepared {
    fn content_type(&self) -> &'static str {
        "text/plain; version=0.0.4; charset=utf-8"
    }

    fn body(&self, gzip: bool) -> Result<Bytes, Failure> {
        let body = if gzip { &self.packed } else { &self.plain };
        Ok(body.clone())
    }

    fn touch(&self, _: usize, _: &Sample) {}
}
