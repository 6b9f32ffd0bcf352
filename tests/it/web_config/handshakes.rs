//! What becomes of connections where TLS is on.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use scf_exporter::web::Limits;
use tencentcloud::runtime;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::certs::{Authority, Pair, self_signed};
use super::client::{PATIENCE, Server, client, get, speaking, status};
use super::{Folder, TLS, basic, users};

/// `tls_server_config` with more in it.
fn tls(more: &str) -> String {
    format!("tls_server_config: {{cert_file: server.crt, key_file: server.key, {more}}}\n")
}

#[tokio::test]
async fn an_encrypted_server_answers_and_asks_for_the_password() {
    let folder = Folder::new();
    let file = folder.write("web.yml", &format!("{TLS}{}", users("alice")));
    let server = Server::start(&file).await;
    let trusting = || client(&folder.authority.pem(), None);
    let mut seen = Vec::new();
    for given in ["alice:open sesame", "alice:wrong", "bob:open sesame"] {
        let request = get("/metrics", &basic(given));
        seen.push(server.status(trusting(), &request).await);
    }
    seen.push(server.status(trusting(), &get("/metrics", "")).await);
    let stranger = client(&Authority::new("another").pem(), None);
    seen.push(server.status(stranger, &get("/metrics", "")).await);
    assert_eq!(seen, [200, 401, 401, 401, 0]);
}

#[tokio::test]
async fn http_in_the_clear_is_told_so_on_an_encrypted_port() {
    let folder = Folder::new();
    let server = Server::start(&folder.write("web.yml", TLS)).await;
    for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
        let request = get("/metrics", "").replace("GET", method);
        let answer = server.ask(&request).await;
        let expected = "HTTP/1.0 400 Bad Request\r\n\r\n\
                        Client sent an HTTP request to an HTTPS server.\n";
        assert_eq!(answer, expected, "{method}");
    }
    for other in [
        "DELETE / HTTP/1.1\r\n\r\n",
        "ssh-2.0\r\n\r\n\r\n",
        "\r\n\r\n\r\n",
    ] {
        let answer = server.ask(other).await;
        assert!(!answer.contains("HTTP/1"), "{other}: {answer}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_begin_ends() {
    let folder = Folder::new();
    let limits = Limits {
        first_request: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = Server::with_limits(&folder.write("web.yml", TLS), limits).await;
    for begun in ["", "G", "\u{16}\u{3}\u{1}\u{0}\u{5}"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, begun.as_bytes())
            .await
            .unwrap();
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{begun:?} goes on");
    }
}

#[tokio::test]
async fn clients_show_what_is_asked_of_them() {
    let folder = Folder::new();
    let stranger = Authority::new("stranger");
    let good = folder.authority.client("scraper.example");
    let bad = stranger.client("scraper.example");
    // Whether a client with nothing, with a stranger's and with a good certificate comes in.
    let words = [
        ("NoClientCert", None, [200, 200, 200]),
        ("RequestClientCert", None, [200, 200, 200]),
        ("RequireAnyClientCert", None, [0, 200, 200]),
        ("VerifyClientCertIfGiven", Some("ca.crt"), [200, 0, 200]),
        ("RequireAndVerifyClientCert", Some("ca.crt"), [0, 0, 200]),
    ];
    for (word, authority, expected) in words {
        let authority = authority.map_or(String::new(), |file| format!(", client_ca_file: {file}"));
        let text = tls(&format!("client_auth_type: {word}{authority}"));
        let server = Server::start(&folder.write("web.yml", &text)).await;
        let mut seen = [0; 3];
        for (seen, own) in seen.iter_mut().zip([None, Some(&bad), Some(&good)]) {
            let client = client(&folder.authority.pem(), own);
            *seen = server.status(client, &get("/-/healthy", "")).await;
        }
        assert_eq!(seen, expected, "{word}");
    }
}

#[tokio::test]
async fn a_client_has_one_of_the_names() {
    let folder = Folder::new();
    let text = tls(
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, \
         client_allowed_sans: [scraper.example, 10.0.0.7, me@example.org, \"spiffe://a/b\"]",
    );
    let server = Server::start(&folder.write("web.yml", &text)).await;
    let mut seen = Vec::new();
    for name in [
        "scraper.example",
        "10.0.0.7",
        "me@example.org",
        "spiffe://a/b",
        "10.0.0.8",
        "example",
    ] {
        let own = folder.authority.client(name);
        let client = client(&folder.authority.pem(), Some(&own));
        seen.push(server.status(client, &get("/-/healthy", "")).await);
    }
    assert_eq!(seen, [200, 200, 200, 200, 0, 0]);
}

#[tokio::test]
async fn a_listed_certificate_needs_no_other_signature() {
    let folder = Folder::new();
    let (listed, other) = (self_signed("one.example"), self_signed("one.example"));
    folder.write("clients.pem", &listed.cert);
    let text = tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.pem");
    let server = Server::start(&folder.write("web.yml", &text)).await;
    let status = async |own: &Pair| {
        let client = client(&folder.authority.pem(), Some(own));
        server.status(client, &get("/-/healthy", "")).await
    };
    assert_eq!((status(&listed).await, status(&other).await), (200, 0));
    // Who shows it must hold its key.
    let stolen = Pair {
        cert: listed.cert,
        key: other.key,
    };
    assert_eq!(status(&stolen).await, 0);
}

#[tokio::test]
async fn the_newest_common_protocol_is_spoken() {
    let folder = Folder::new();
    let spoken = async |text: &str, wanted: &[&str]| {
        let server = Server::start(&folder.write("web.yml", text)).await;
        let client = speaking(client(&folder.authority.pem(), None), wanted);
        let stream = server.secured(client).await.ok()?;
        let protocol = stream.get_ref().1.alpn_protocol();
        Some(String::from_utf8(protocol.unwrap_or_default().to_vec()).unwrap())
    };
    let both = ["h2", "http/1.1"];
    let off = format!("{TLS}http_server_config: {{http2: false}}\n");
    assert_eq!(spoken(TLS, &both).await.as_deref(), Some("h2"));
    assert_eq!(
        spoken(TLS, &["http/1.1"]).await.as_deref(),
        Some("http/1.1")
    );
    assert_eq!(spoken(TLS, &[]).await.as_deref(), Some(""));
    assert_eq!(spoken(TLS, &["spdy/1"]).await, None);
    // Then nothing is chosen, as the toolkit does; clients take that for HTTP/1.1.
    assert_eq!(spoken(&off, &both).await.as_deref(), Some(""));
}

#[tokio::test]
async fn requests_by_http2_are_judged_one_by_one() {
    let folder = Folder::new();
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
    let text = format!("{TLS}{headers}{}", users("alice"));
    let server = Server::start(&folder.write("web.yml", &text)).await;
    let wanted = speaking(client(&folder.authority.pem(), None), &["h2"]);
    let stream = TokioIo::new(server.secured(wanted).await.unwrap());
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = shaken.unwrap();
    drop(runtime::spawn(connection));
    let mut seen = Vec::new();
    for given in ["alice:open sesame", "alice:wrong", "alice:open sesame"] {
        let given = basic(given);
        let (name, value) = given.trim_end().split_once(": ").unwrap();
        let request = hyper::Request::get("https://localhost/metrics").header(name, value);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.headers()["x-frame-options"], "deny");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        seen.push((status, body.windows(4).any(|word| word == b"scf_")));
    }
    assert_eq!(seen, [(200, true), (401, false), (200, true)]);
}

#[tokio::test]
async fn new_certificates_are_taken_and_mismatched_ones_are_not() {
    let folder = Folder::new();
    let server = Server::start(&folder.write("web.yml", TLS)).await;
    let shown = async || {
        let client = client(&folder.authority.pem(), None);
        let stream = server.secured(client).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let first = shown().await;
    let next = folder.authority.server();
    folder.replace("server.crt", &next.cert);
    server.look_twice();
    assert_eq!(shown().await, first, "its key is not there yet");
    folder.replace("server.key", &next.key);
    server.look_twice();
    assert_ne!(shown().await, first);
    // In the clear it does not become, by accident or otherwise.
    folder.replace("web.yml", "{}\n");
    server.look_twice();
    assert_eq!(status(&server.ask(&get("/metrics", "")).await), 400);
}
