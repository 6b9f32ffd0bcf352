//! Serves the simulated cloud, and the recorded answers by their numbers, packed as the cloud packs
//! them.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::Full;
use hyper::header::{CONTENT_ENCODING, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use scf_sim::{self, Cloud};
use tokio::net::{TcpListener, TcpStream};

use super::Failure;
use super::world::World;

/// Serves on two ports, and prints them, until its standard input ends.
pub fn run(world: &World) -> Result<(), Failure> {
    let mut packed = Vec::new();
    for answer in world.answers()? {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&answer.body)?;
        packed.push(Bytes::from(encoder.finish()?));
    }
    let answers: Arc<[Bytes]> = packed.into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(|| {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let (cloud, own) = (free_port().await?, free_port().await?);
        println!(
            "[{},{}]",
            cloud.local_addr()?.port(),
            own.local_addr()?.port()
        );
        let world = Arc::new(Cloud::new(world.settings()));
        let end = std::future::pending();
        tokio::spawn(scf_sim::serve(cloud, world, scf_sim::steady_clock(), end));
        loop {
            let (stream, _) = own.accept().await?;
            tokio::spawn(connection(stream, answers.clone()));
        }
    })
}

async fn free_port() -> std::io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}

async fn connection(stream: TcpStream, answers: Arc<[Bytes]>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let number = request
            .uri()
            .path()
            .trim_start_matches('/')
            .parse::<usize>();
        let answer = number.ok().and_then(|number| answers.get(number));
        let mut response = Response::new(Full::new(answer.cloned().unwrap_or_default()));
        if answer.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        async { Ok::<_, Infallible>(response) }
    });
    let _closed = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
