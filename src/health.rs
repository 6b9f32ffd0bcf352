//! The command `health`: requests a page of a running exporter, for images without a shell or any
//! other client.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{StatusCode, Url};

/// Time limit. Container runtimes allow a check more, so the reason of a failure is still printed.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Why an exporter does not count as healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The address is not a URL with a host.
    #[error("{0:?} is no address to ask; write http://HOST:PORT/-/healthy")]
    Address(String),
    /// No response was received.
    #[error("{address} does not answer: {cause}")]
    Silent {
        /// The URL without user name and password.
        address: Url,
        /// The innermost cause of the failure.
        cause: String,
    },
    /// The response has an error status.
    #[error("{address} answers {status}")]
    Unhealthy {
        /// The URL without user name and password.
        address: Url,
        /// The HTTP status.
        status: StatusCode,
    },
}

/// Requests `address`. A response that asks for a password counts as healthy: the exporter is alive,
/// and a health check should not have to know the password.
///
/// # Errors
/// Returns why the exporter does not count as healthy.
pub async fn ask(address: &str) -> Result<(), HealthError> {
    let url = Url::parse(address).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| HealthError::Address(without_password(address)))?;
    let mut shown = url.clone();
    // Both fail only for URLs without a host.
    let _ = (shown.set_username(""), shown.set_password(None));
    let silent = |error| HealthError::Silent {
        address: shown.clone(),
        cause: innermost(error),
    };
    let client = client(&url).map_err(silent)?;
    let status = client.get(url).send().await.map_err(silent)?.status();
    if status.is_success() || status == StatusCode::UNAUTHORIZED {
        return Ok(());
    }
    Err(HealthError::Unhealthy {
        address: shown,
        status,
    })
}

fn client(url: &Url) -> reqwest::Result<reqwest::Client> {
    // This fails if another part of the process has installed a provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIME_LIMIT);
    if is_this_machine(url) {
        // Few certificates name the loopback interface, and the request has no secret.
        return builder
            .tls_certs_only([])
            .tls_danger_accept_invalid_certs(true)
            .build();
    }
    builder.build()
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost",
    }
}

/// Removes user name and password from a text that is no valid URL.
fn without_password(address: &str) -> String {
    address.rsplit('@').next().unwrap_or_default().to_owned()
}

fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Starts a server that responds to every request with this status.
    async fn answering(status: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tencentcloud::runtime::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _read = stream.read(&mut head).await;
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                let _sent = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://user:hidden@{address}/-/healthy")
    }

    #[tokio::test]
    async fn an_answer_and_a_question_for_a_password_are_health() {
        for status in ["200 OK", "204 No Content", "401 Unauthorized"] {
            ask(&answering(status).await).await.expect(status);
        }
    }

    #[tokio::test]
    async fn other_responses_are_reported_without_the_password() {
        for status in ["503 Service Unavailable", "404 Not Found", "302 Found"] {
            let error = ask(&answering(status).await).await.unwrap_err().to_string();
            assert!(error.ends_with(&format!("answers {status}")), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[tokio::test]
    async fn silence_is_reported_with_its_cause() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = ask(&format!("http://{address}/")).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Connection refused"), "{text}");
    }

    #[tokio::test]
    async fn what_is_no_address_is_said_to_be_none() {
        for address in ["", "10112", "user:hidden@127.0.0.1:10112", "unix:/x"] {
            let text = ask(address).await.unwrap_err().to_string();
            assert!(text.contains("is no address to ask"), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn only_this_machine_goes_unverified() {
        for (url, near) in [
            ("https://127.0.0.1:1/", true),
            ("https://[::1]:1/", true),
            ("https://localhost/", true),
            ("https://localhost.example.org/", false),
            ("https://127.0.0.1.example.org/", false),
            ("https://192.0.2.1/", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), near, "{url}");
        }
    }
}
