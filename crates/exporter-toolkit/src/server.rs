//! The HTTP server: accepts connections, enforces limits and shuts down gracefully.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::WebConfig;
use crate::connections::{ConnectionLimiter, ConnectionPermit, RequestShare};
use crate::handshake;

/// Maximum size of a request's head, in bytes. That of Prometheus is under 1 KiB.
const HEAD_MAX: usize = 16 * 1024;
/// Maximum number of bytes that a connection buffers in each direction.
const BUFFER_MAX: usize = 128 * 1024;
/// Maximum number of concurrent requests on one HTTP/2 connection.
const STREAMS_MAX: u32 = 16;
/// Pause before accepting again when the system is out of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Limits on what clients can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of connections. A further one replaces one that only waits.
    pub connections: usize,
    /// Time limit for the head of a connection's first request; the TLS handshake before it has the
    /// same limit.
    pub first_request: Duration,
    /// Time limit from one request to the head of the next, which includes reading the response. It
    /// is longer than the usual scrape interval, so that connections are kept.
    pub next_request: Duration,
    /// Time limit for responses in flight when the server stops.
    pub drain: Duration,
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The body of a response.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// Answers one request that the web configuration has admitted.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// State that is shared by all connections.
struct Context<H> {
    handler: Arc<H>,
    config: Arc<WebConfig>,
    limits: Limits,
    limiter: Arc<ConnectionLimiter>,
    stopping: watch::Receiver<bool>,
}

/// The body of a response. It holds the share of its connection until it is sent.
struct Served<B> {
    body: Either<Full<Bytes>, B>,
    _share: RequestShare,
}

/// Serves `handler` on all `listeners` as configured in `config`. When `shutdown` resolves, accepts
/// no more connections, waits at most [`Limits::drain`] for responses in flight, and returns.
/// Reloads the web configuration file whenever it changes.
pub async fn serve<H: Handler>(
    listeners: Vec<TcpListener>,
    handler: Arc<H>,
    config: Arc<WebConfig>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(false);
    let context = Context {
        handler,
        config: config.clone(),
        limits,
        limiter: ConnectionLimiter::new(limits.connections),
        stopping,
    };
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        acceptors.spawn(accept(listener, context.clone()));
    }
    tokio::select! {
        () = shutdown => {}
        () = config.watch() => {}
    }
    stop.send_replace(true);
    while acceptors.join_next().await.is_some() {}
}

// === impl Limits ===

impl Limits {
    /// Returns limits for this process. Half of the files that it may open are left for other uses,
    /// such as the state and connections to the cloud.
    pub fn of_process() -> Self {
        let usual = Self::default();
        #[cfg(unix)]
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        #[cfg(not(unix))]
        let files: Option<u64> = None;
        let half = files.map_or(usize::MAX, |files| (files / 2) as usize);
        Self {
            connections: usual.connections.min(half).max(1),
            ..usual
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            first_request: Duration::from_secs(10),
            next_request: Duration::from_secs(90),
            drain: Duration::from_secs(10),
        }
    }
}

// === impl accepting ===

/// Accepts connections until the server stops, then waits for them to end.
async fn accept<H: Handler>(listener: TcpListener, context: Context<H>) {
    let mut connections = JoinSet::new();
    let mut stopping = context.stopping.clone();
    // A connection that is accepted and waits for a permit.
    let mut pending: Option<TcpStream> = None;
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if pending.is_none() => match accepted {
                Ok((stream, _)) => pending = Some(stream),
                Err(error) => pause_after_error(&error).await,
            },
            permit = context.limiter.acquire(), if pending.is_some() => {
                if let Some(stream) = pending.take() {
                    connections.spawn(connection(stream, permit, context.clone()));
                }
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Dropping the set aborts the remaining connections.
    let _ = timeout(context.limits.drain, ended).await;
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A dropped sender also means that the server stops.
    let _gone = stopping.wait_for(|stop| *stop).await;
}

/// Handles an accept error. A client that left early is ignored; a lack of files or memory needs a
/// pause.
async fn pause_after_error(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections, trying again");
    sleep(ACCEPT_PAUSE).await;
}

// === impl connection ===

/// Answers the requests of one connection until it ends or exceeds a time limit.
async fn connection<H: Handler>(
    stream: TcpStream,
    permit: Arc<ConnectionPermit>,
    context: Context<H>,
) {
    // Responses are written in large pieces, so Nagle's algorithm would only add delay.
    let _ = stream.set_nodelay(true);
    let Some(tls) = context.config.rules().tls() else {
        return serve_http(stream, false, permit, context).await;
    };
    let mut stopping = context.stopping.clone();
    let secured = tokio::select! {
        secured = timeout(context.limits.first_request, handshake::secure(stream, tls)) => secured,
        () = stopped(&mut stopping) => return,
        () = permit.revoked() => return,
    };
    // A failed handshake concerns the client alone, so it is ignored.
    if let Ok(Some(stream)) = secured {
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        serve_http(stream, http2, permit, context).await;
    }
}

async fn serve_http<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    http2: bool,
    permit: Arc<ConnectionPermit>,
    context: Context<H>,
) {
    let asked = Arc::new(Notify::new());
    let service =
        service_fn(|request| answer(request, context.clone(), permit.clone(), asked.clone()));
    let stream = TokioIo::new(stream);
    if http2 {
        let serving = http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_MAX as u32)
            .max_send_buf_size(BUFFER_MAX)
            .serve_connection(stream, service);
        run_connection(serving, &asked, &permit, &context).await;
    } else {
        let serving = http1::Builder::new()
            // This timeout would also close idle connections between two scrapes, so `run_connection`
            // enforces a limit instead.
            .header_read_timeout(None)
            .max_header_size(HEAD_MAX)
            .max_buf_size(BUFFER_MAX)
            .serve_connection(stream, service);
        run_connection(serving, &asked, &permit, &context).await;
    }
}

/// Runs a connection until it ends or takes too long between two requests.
async fn run_connection<H>(
    serving: impl GracefulConnection,
    asked: &Notify,
    permit: &ConnectionPermit,
    context: &Context<H>,
) {
    let mut serving = pin!(serving);
    let mut stopping = context.stopping.clone();
    let mut limit = context.limits.first_request;
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            _ = serving.as_mut() => return,
            () = asked.notified() => limit = context.limits.next_request,
            () = sleep(limit) => return,
            () = permit.revoked() => return,
            () = stopped(&mut stopping), if !closing => {
                closing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Answers one request if the web configuration admits it.
async fn answer<H: Handler>(
    request: Request<Incoming>,
    context: Context<H>,
    permit: Arc<ConnectionPermit>,
    asked: Arc<Notify>,
) -> Result<Response<Served<H::Body>>, Infallible> {
    asked.notify_one();
    let share = permit.request();
    let rules = context.config.rules();
    let admitted = rules.admit(request.headers(), context.config.checker());
    let mut response = match admitted.await {
        Ok(()) => context.handler.handle(request).await.map(Either::Right),
        Err(refusal) => refusal.map(Either::Left),
    };
    rules.apply_headers(response.headers_mut());
    Ok(response.map(|body| Served {
        body,
        _share: share,
    }))
}

// === impl Context ===

impl<H> Clone for Context<H> {
    fn clone(&self) -> Self {
        Self {
            handler: self.handler.clone(),
            config: self.config.clone(),
            limits: self.limits,
            limiter: self.limiter.clone(),
            stopping: self.stopping.clone(),
        }
    }
}

// === impl Served ===

impl<B> Body for Served<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
