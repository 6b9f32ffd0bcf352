//! Requests that reload or end the program, where these are enabled.

use hyper::header::ALLOW;
use hyper::{Method, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::body::Body;
use super::reply::{text, with};

pub(super) const RELOAD: &str = "/-/reload";
pub(super) const QUIT: &str = "/-/quit";

/// A request to the running program.
#[derive(Debug)]
pub enum ControlRequest {
    /// Reloads the configuration. The reply has the reason of a failure.
    Reload(oneshot::Sender<Result<(), String>>),
    /// Ends the program.
    Quit,
}

/// Sends control requests. It is cheap to clone.
#[derive(Debug, Clone)]
pub struct Lifecycle(mpsc::Sender<ControlRequest>);

impl Lifecycle {
    /// Returns a sender, and the receiver of its requests.
    pub fn new() -> (Self, mpsc::Receiver<ControlRequest>) {
        let (sender, requests) = mpsc::channel(1);
        (Self(sender), requests)
    }

    /// Reloads the configuration, after earlier requests.
    ///
    /// # Errors
    /// The reason why the old configuration stays.
    pub async fn reload(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        // Where nobody receives any more, the reply is dropped with the request.
        let _unheard = self.0.send(ControlRequest::Reload(reply)).await;
        let stopping = |_| Err("the exporter is stopping".to_owned());
        answer.await.unwrap_or_else(stopping)
    }

    /// Ends the program as SIGTERM does.
    pub async fn quit(&self) {
        // Without a receiver it is ending already.
        let _unheard = self.0.send(ControlRequest::Quit).await;
    }
}

/// Responds as Prometheus does.
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
