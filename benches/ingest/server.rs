//! A stand-in for the cloud that costs as little as it can: pages are cut from text made before.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::Failure;
use super::workload::{self, Rows};

/// The newest call started this long ago: all have ended and none is missing.
const AGE: Duration = Duration::from_secs(3_600);

/// What can be asked for.
struct Data {
    functions: HashMap<String, Rows>,
    names: Vec<String>,
    totals: String,
}

/// An answer in pieces.
struct Pieces(VecDeque<Bytes>);

/// Serves `count` rows on a free port, which it prints, until its standard input ends: its parent
/// is gone then.
pub fn run(count: usize) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (rows, totals) = workload::make(count, (now - AGE).as_secs());
    let data = Arc::new(Data {
        names: rows.iter().map(|rows| rows.name.clone()).collect(),
        functions: rows.into_iter().map(|r| (r.name.clone(), r)).collect(),
        totals,
    });
    std::thread::spawn(|| {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream, data.clone()));
        }
    })
}

async fn connection(stream: TcpStream, data: Arc<Data>) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| answer(request, data.clone()));
    let _closed = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    data: Arc<Data>,
) -> Result<Response<Pieces>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let form = if request.method() == Method::POST {
        let body = request.into_body().collect().await;
        body.map_or(query, |body| {
            String::from_utf8_lossy(&body.to_bytes()).into_owned()
        })
    } else {
        query
    };
    let pieces = if path == "/totals" {
        vec![data.totals.clone().into()]
    } else {
        data.answer(&form)
    };
    Ok(Response::new(Pieces(pieces.into())))
}

// === impl Data ===

impl Data {
    /// Nothing that is asked for here is percent-encoded.
    fn answer(&self, form: &str) -> Vec<Bytes> {
        let value = |name: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let number = |name, default| value(name).and_then(|n| n.parse().ok()).unwrap_or(default);
        let (offset, limit) = (number("offset", 0), number("limit", 20));
        match (value("Action"), value("functionName")) {
            (Some("ListFunctions"), _) => self.list(offset, limit),
            (_, Some(name)) => self.logs(name, offset, limit),
            _ => vec![Bytes::from_static(
                br#"{"code":4000,"message":"functionName is missing","codeDesc":"InvalidParameter"}"#,
            )],
        }
    }

    fn list(&self, offset: usize, limit: usize) -> Vec<Bytes> {
        let names = self.names.iter().skip(offset).take(limit);
        let entries: Vec<String> = names
            .map(|name| format!(r#"{{"functionName":"{name}"}}"#))
            .collect();
        let body = format!(
            r#"{{"code":0,"message":"","codeDesc":"Success","data":{{"functions":[{}],"total":{}}}}}"#,
            entries.join(","),
            self.names.len()
        );
        vec![body.into()]
    }

    fn logs(&self, name: &str, offset: usize, limit: usize) -> Vec<Bytes> {
        let Some(rows) = self.functions.get(name) else {
            return vec![Bytes::from_static(
                br#"{"code":5000,"message":"no such function","codeDesc":"ResourceNotFound"}"#,
            )];
        };
        let head = format!(
            r#"{{"code":0,"message":"","codeDesc":"Success","total":{},"data":["#,
            rows.len()
        );
        vec![
            head.into(),
            rows.page(offset, limit),
            Bytes::from_static(b"]}"),
        ]
    }
}

// === impl Pieces ===

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(Bytes::len).sum::<usize>() as u64)
    }
}
