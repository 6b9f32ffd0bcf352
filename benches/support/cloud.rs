//! Connects the client's transport to the simulated cloud without a socket.

use scf_sim::{Cloud, Request};
use tencentcloud::{HttpRequest, HttpResponse};

/// Answers a request of the client at `now_ms`, in Unix milliseconds.
pub fn answer(cloud: &Cloud, now_ms: i64, request: HttpRequest) -> HttpResponse {
    let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, target) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let response = cloud.handle(
        now_ms,
        &Request {
            method: request.method.as_str().to_owned(),
            path: format!("/{path}"),
            query: query.to_owned(),
            host: host.to_owned(),
            headers: request.headers,
            body: request.body.to_vec(),
        },
    );
    let mut answer = HttpResponse::new(response.status, response.body);
    let headers = response.headers.into_iter();
    answer.headers = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    answer
}
