//! Requests that reload and end the program, where they are switched on.

use hyper::header::ALLOW;
use hyper::{Method, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::body::Body;
use super::reply::{text, with};

pub(super) const RELOAD: &str = "/-/reload";
pub(super) const QUIT: &str = "/-/quit";

/// What can be asked of the running program.
#[derive(Debug)]
pub enum ControlRequest {
    /// To read its configuration anew; the answer is why it could not take it over.
    Reload(oneshot::Sender<Result<(), String>>),
    /// To end.
    Quit,
}

/// The way to ask. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lifecycle(mpsc::Sender<ControlRequest>);

impl Lifecycle {
    /// A way to ask, and where the requests come out, one after the other.
    pub fn new() -> (Self, mpsc::Receiver<ControlRequest>) {
        let (sender, requests) = mpsc::channel(1);
        (Self(sender), requests)
    }

    /// Has the configuration read anew, after those who asked before.
    ///
    /// # Errors
    /// Why the one before it stays.
    pub async fn reload(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        // The wish is dropped, and with it the reply, where nobody listens any more.
        let _unheard = self.0.send(ControlRequest::Reload(reply)).await;
        let stopping = |_| Err("the exporter is stopping".to_owned());
        answer.await.unwrap_or_else(stopping)
    }

    /// Has the program end as by SIGTERM.
    pub async fn quit(&self) {
        // Else it is ending already.
        let _unheard = self.0.send(ControlRequest::Quit).await;
    }
}

/// The answers are those of Prometheus.
pub(super) async fn respond(
    lifecycle: Option<&Lifecycle>,
    method: &Method,
    path: &str,
) -> Response<Body> {
    if method != Method::POST && method != Method::PUT {
        let refusal = "only POST and PUT are answered here\n";
        let refusal = text(StatusCode::METHOD_NOT_ALLOWED, refusal);
        return with(refusal, ALLOW, "POST, PUT");
    }
    let Some(lifecycle) = lifecycle else {
        let refusal = "this is switched off; --web.enable-lifecycle switches it on\n";
        return text(StatusCode::FORBIDDEN, refusal);
    };
    if path == QUIT {
        lifecycle.quit().await;
        return text(StatusCode::OK, "the exporter is stopping\n");
    }
    match lifecycle.reload().await {
        Ok(()) => text(StatusCode::OK, "the configuration was taken over\n"),
        Err(cause) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the configuration was not taken over: {cause}\n"),
        ),
    }
}
