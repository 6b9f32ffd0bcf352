//! The cloud behind a socket: HTTP/1.1 with keep-alive.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::HeaderName;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cloud::Cloud;
use super::http::{Request, Response};

const MAX_BODY_BYTES: usize = 1 << 20;
const MAX_CONNECTIONS: usize = 1_024;
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const TRUTH_PATH: &str = "/_sim/truth";

/// Serves `cloud` until `shutdown` resolves, then drops all connections.
///
/// Besides the API it answers the unsigned request `GET /_sim/truth[?visible_before_ms=N]` with the
/// current truth. `now` returns the time in Unix milliseconds; it is called once per request, in
/// the order in which the cloud receives the requests.
pub async fn serve(
    listener: TcpListener,
    cloud: Arc<Cloud>,
    now: impl Fn() -> i64 + Send + Sync + Clone + 'static,
    shutdown: impl Future<Output = ()>,
) {
    let server = Arc::new(Server {
        cloud,
        now,
        turn: Mutex::new(()),
    });
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Some((stream, permit)) => {
                let server = Arc::clone(&server);
                connections.spawn(async move {
                    serve_connection(stream, server).await;
                    drop(permit);
                });
            }
            // Most likely there are no file handles left, so others must be closed first.
            None => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    // Responses are written whole, so Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    Some((stream, permit))
}

async fn serve_connection<N: Fn() -> i64 + Send + Sync + 'static>(
    stream: TcpStream,
    server: Arc<Server<N>>,
) {
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    // A failed connection concerns only the client.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // The `Date` of a response comes from the cloud's own clock, or is missing.
        .auto_date_header(false)
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A cloud and its clock.
struct Server<N> {
    cloud: Arc<Cloud>,
    now: N,
    /// Held from reading the clock to the response, so that the cloud never sees time go back.
    turn: Mutex<()>,
}

/// A body that may break off.
struct Reply {
    data: Bytes,
    /// The length in the header.
    announced: usize,
    state: ReplyState,
}

#[derive(Clone, Copy)]
enum ReplyState {
    Data,
    /// Waits until the written bytes have reached the client, before the break.
    Pause,
    Break,
}

// === impl Server ===

impl<N: Fn() -> i64> Server<N> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> hyper::Response<Reply> {
        let response = match read(request).await {
            Ok(request) => self.respond(&request),
            Err(status) => Response::text(status, ""),
        };
        if !response.delay.is_zero() {
            tokio::time::sleep(response.delay).await;
        }
        reply(response)
    }

    fn respond(&self, request: &Request) -> Response {
        let _turn = self.turn.lock();
        if request.path == TRUTH_PATH {
            return self.truth(request);
        }
        self.cloud.handle((self.now)(), request)
    }

    fn truth(&self, request: &Request) -> Response {
        if request.method != "GET" {
            return Response::text(405, "use GET");
        }
        let before_ms = match request.query.strip_prefix("visible_before_ms=") {
            Some(number) => match number.parse() {
                Ok(ms) => ms,
                Err(_) => {
                    return Response::text(400, "visible_before_ms must be Unix milliseconds");
                }
            },
            None if request.query.is_empty() => i64::MAX,
            None => return Response::text(400, "the only parameter is visible_before_ms"),
        };
        let truth = self.cloud.truth_before((self.now)(), before_ms);
        match serde_json::to_string(&truth) {
            Ok(text) => Response::bare_json(text),
            Err(_) => Response::text(500, "truth cannot be written"),
        }
    }
}

/// Reads a request; the error is an HTTP status.
async fn read(request: hyper::Request<Incoming>) -> Result<Request, u16> {
    let (head, body) = request.into_parts();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect();
    let host = headers.iter().find(|(name, _)| name == "host");
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect())
        .await
        .map_err(|_| 408_u16)?
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                413_u16
            } else {
                400
            }
        })?;
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        host: host.map(|(_, value)| value.clone()).unwrap_or_default(),
        headers,
        body: body.to_bytes().into(),
    })
}

fn reply(response: Response) -> hyper::Response<Reply> {
    let announced = response.body.len();
    let mut data = Bytes::from(response.body);
    let state = match response.cut_after {
        Some(length) if length < announced => {
            data.truncate(length);
            ReplyState::Pause
        }
        _ => ReplyState::Data,
    };
    let mut built = hyper::Response::new(Reply {
        data,
        announced,
        state,
    });
    *built.status_mut() = StatusCode::from_u16(response.status).unwrap_or_default();
    for (name, value) in response.headers {
        // All names and values are the simulator's own, and valid.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value.parse()) {
            built.headers_mut().append(name, value);
        }
    }
    built
}

// === impl Reply ===

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        match self.state {
            ReplyState::Data => Poll::Ready(None),
            ReplyState::Pause => {
                self.state = ReplyState::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            ReplyState::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && matches!(self.state, ReplyState::Data)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced as u64)
    }
}
