//! The server: connections, their limits, and the end of it all.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Site;

/// The largest head of a request, in bytes: that of Prometheus is under 1 KiB.
const HEAD_MAX: usize = 16 * 1024;
/// Memory for what a connection has read and not handled, and as much for what it has not written.
const BUFFER_MAX: usize = 128 * 1024;
/// How long accepting rests when the system has no file left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones wait in the system's queue.
    pub connections: usize,
    /// Time for the head of a connection's first request.
    pub first_request: Duration,
    /// Time from one request to the head of the next, so also the time in which an answer has to
    /// be read. Longer than the usual scrape interval, to keep connections.
    pub next_request: Duration,
    /// Time for answers in flight once the server stops.
    pub drain: Duration,
}

/// What a connection needs to know.
#[derive(Clone)]
struct Context {
    site: Arc<Site>,
    limits: Limits,
    slots: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// Serves `site` on all `listeners` until `shutdown` is over; then accepts nothing more, lets
/// the answers in flight end (at most [`Limits::drain`]) and returns.
pub async fn serve(
    listeners: Vec<TcpListener>,
    site: Arc<Site>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(false);
    let context = Context {
        site,
        limits,
        slots: Arc::new(Semaphore::new(limits.connections)),
        stopping,
    };
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        acceptors.spawn(accept(listener, context.clone()));
    }
    shutdown.await;
    stop.send_replace(true);
    while acceptors.join_next().await.is_some() {}
}

// === impl Limits ===

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

/// Accepts until the server stops, then waits for the connections.
async fn accept(listener: TcpListener, context: Context) {
    let mut connections = JoinSet::new();
    loop {
        let mut stopping = context.stopping.clone();
        let next = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            next = next_connection(&listener, &context.slots) => next,
        };
        match next {
            Ok((stream, slot)) => {
                connections.spawn(connection(stream, slot, context.clone()));
            }
            Err(error) => rest(&error).await,
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // The ones that remain are cut off as the set is dropped.
    let _ = timeout(context.limits.drain, ended).await;
}

/// The next connection, once there is room for one.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

/// A client that left before it was accepted is nothing; a lack of files or memory takes time to
/// pass.
async fn rest(error: &io::Error) {
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

/// Answers the requests of one connection until it ends, or takes too long.
async fn connection(stream: TcpStream, _slot: OwnedSemaphorePermit, mut context: Context) {
    // Answers are written in large pieces; waiting to fill a packet only adds delay.
    let _ = stream.set_nodelay(true);
    let site = context.site;
    let asked = Notify::new();
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        asked.notify_one();
        let site = Arc::clone(&site);
        async move {
            let (method, headers) = (request.method(), request.headers());
            Ok::<_, Infallible>(site.respond(method, request.uri(), headers).await)
        }
    });
    let serving = http1::Builder::new()
        // It would close idle connections too, between two scrapes; the limit below does better.
        .header_read_timeout(None)
        .max_header_size(HEAD_MAX)
        .max_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let mut limit = context.limits.first_request;
    let mut closing = false;
    loop {
        tokio::select! {
            // Errors are the client's own: it left, or wrote no HTTP.
            _ = serving.as_mut() => return,
            () = asked.notified() => limit = context.limits.next_request,
            () = sleep(limit) => return,
            _ = context.stopping.wait_for(|stop| *stop), if !closing => {
                closing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
