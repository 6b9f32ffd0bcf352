use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::runtime;

const LIMIT: usize = 100_000;

/// What a test server does with each request of a connection.
#[derive(Clone)]
enum Reply {
    /// Sends these bytes and waits for the next request.
    Keep(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends these bytes and then nothing more.
    Stall(Vec<u8>),
}

/// Serves on a free port; counts connections and keeps the heads of requests.
struct Server {
    url: String,
    seen: tokio::sync::mpsc::UnboundedReceiver<(usize, String)>,
}

impl Server {
    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/v2/index.php?Token=t0ken",
            listener.local_addr().unwrap()
        );
        let (sender, seen) = tokio::sync::mpsc::unbounded_channel();
        runtime::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (reply, sender) = (reply.clone(), sender.clone());
                runtime::spawn(async move { serve(stream, connection, reply, sender).await });
            }
        });
        Self { url, seen }
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    reply: Reply,
    sender: tokio::sync::mpsc::UnboundedSender<(usize, String)>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let _ = sender.send((connection, request));
        let (bytes, end) = match &reply {
            Reply::Keep(bytes) => (bytes, None),
            Reply::Close(bytes) => (bytes, Some(false)),
            Reply::Stall(bytes) => (bytes, Some(true)),
        };
        // A client that has had enough closes; that is no fault of the server.
        let _ = stream.write_all(bytes).await;
        match end {
            None => {}
            Some(false) => return,
            Some(true) => std::future::pending().await,
        }
    }
}

/// Head and body of one request, `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let n = stream.read(&mut buffer).await.ok()?;
        if n == 0 {
            return None;
        }
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn packed(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "content-encoding: gzip\r\n", body)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn transport() -> HttpTransport {
    HttpTransport::new(HttpLimits {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(10),
        body: LIMIT,
        ..HttpLimits::default()
    })
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

async fn fetch(reply: Reply) -> Result<HttpResponse, TransportError> {
    let server = Server::start(reply).await;
    transport().send(get(&server.url)).await
}

#[tokio::test]
async fn status_headers_and_body_come_back() {
    let headers = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: text/html\r\nX-Y: z\r\n";
    let bytes = answer("502 Bad Gateway", headers, b"<html>");
    let response = fetch(Reply::Keep(bytes)).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (502, &b"<html>"[..]));
    assert_eq!(
        response.header("date"),
        Some("Tue, 14 Nov 2023 22:13:20 GMT")
    );
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.header("x-y"), None);
}

#[tokio::test]
async fn a_post_sends_its_body_and_headers_over_a_kept_connection() {
    let mut server = Server::start(Reply::Keep(answer("200 OK", "", b"{}"))).await;
    let transport = transport();
    let request = HttpRequest {
        method: Method::Post,
        headers: vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: Bytes::from_static(b"Action=A&x=%20"),
        ..get(&server.url)
    };
    for _ in 0..3 {
        transport.send(request.clone()).await.unwrap();
        let (connection, text) = server.seen.recv().await.unwrap();
        assert_eq!(connection, 0, "one connection for all");
        let lower = text.to_ascii_lowercase();
        assert!(
            text.starts_with("POST /v2/index.php?Token=t0ken HTTP/1.1\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\nAction=A&x=%20"), "{text}");
        assert!(
            lower.contains("content-type: application/x-www-form-urlencoded\r\n"),
            "{text}"
        );
        assert!(lower.contains("accept-encoding: gzip\r\n"), "{text}");
        assert!(lower.contains("user-agent: tencentcloud/"), "{text}");
        assert!(lower.contains("host: 127.0.0.1:"), "{text}");
    }
}

#[tokio::test]
async fn gzip_is_undone() {
    let body = "x".repeat(LIMIT);
    let bytes = packed(&gzip(body.as_bytes()));
    let response = fetch(Reply::Keep(bytes)).await.unwrap();
    assert_eq!(response.body, body.as_bytes());
}

#[tokio::test]
async fn what_is_too_large_is_not_read_to_its_end() {
    let too_large = |reply| async {
        match fetch(reply).await {
            Err(TransportError::TooLarge { limit, .. }) => assert_eq!(limit, LIMIT),
            other => panic!("{other:?}"),
        }
    };
    // Announced.
    too_large(Reply::Stall(
        b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n".to_vec(),
    ))
    .await;
    // Not announced.
    let chunk = [
        b"186a1\r\n".to_vec(),
        vec![b'x'; LIMIT + 1],
        b"\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    too_large(Reply::Keep([head, chunk].concat())).await;
    // Small on the wire: 50 MB of zeros are some 50 kB.
    let bomb = gzip(&vec![0; 50_000_000]);
    assert!(bomb.len() < LIMIT);
    too_large(Reply::Keep(packed(&bomb))).await;
}

#[tokio::test]
async fn a_response_that_breaks_off_has_its_own_error() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    let open = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab".to_vec();
    let mut half = gzip(b"some text that is compressed");
    half.truncate(half.len() / 2);
    for bytes in [short, open, packed(&half), packed(b"no gzip")] {
        let error = fetch(Reply::Close(bytes)).await.unwrap_err();
        assert!(matches!(error, TransportError::CutBody { .. }), "{error:?}");
    }
    for bytes in [b"".to_vec(), b"no http\r\n\r\n".to_vec()] {
        let error = fetch(Reply::Close(bytes)).await.unwrap_err();
        assert!(matches!(error, TransportError::Other { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn slowness_before_and_inside_the_answer_times_out() {
    let limit = Duration::from_millis(150);
    let transport = HttpTransport::new(HttpLimits {
        total: limit,
        ..HttpLimits::default()
    });
    for bytes in [
        b"".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec(),
    ] {
        let server = Server::start(Reply::Stall(bytes)).await;
        let error = transport.send(get(&server.url)).await.unwrap_err();
        let TransportError::Timeout {
            host,
            limit: reported,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(reported, limit);
        assert!(host.starts_with("127.0.0.1:"), "{host}");
    }
}

#[tokio::test]
async fn errors_name_the_host_and_the_cause_and_not_the_query() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = free.local_addr().unwrap().to_string();
    drop(free);
    let refused = transport()
        .send(get(&format!("http://{host}/p?Token=t0ken")))
        .await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, TransportError::Connect { .. }),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(text.contains(&host) && text.contains("refused"), "{text}");

    let tls = Server::start(Reply::Close(b"no tls here".to_vec())).await;
    let tls = tls.url.replace("http://", "https://");
    let no_url = "http://[bad/p?Token=t0ken";
    for url in [&tls, no_url] {
        let error = transport().send(get(url)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("t0ken"), "{shown}");
    }
    let broken = fetch(Reply::Close(Vec::new())).await.unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("t0ken"));
}

#[tokio::test]
async fn redirects_are_handed_back() {
    let headers = "location: http://127.0.0.1:1/\r\n";
    let response = fetch(Reply::Keep(answer("302 Found", headers, b""))).await;
    assert_eq!(response.unwrap().status, 302);
}

/// The one place where client and sockets meet.
#[tokio::test]
async fn a_client_calls_over_sockets() {
    use crate::{Client, ClientConfig, Credentials, Endpoint, Service, parse_head};
    let body = br#"{"code":"0","message":"","codeDesc":"Success"}"#;
    let mut server = Server::start(Reply::Keep(answer("200 OK", "", body))).await;
    let key = crate::secret::Secret::new("k");
    let credentials = Credentials::new("AKIDx".to_owned(), key, None, "a test").unwrap();
    let config = ClientConfig {
        endpoint: Endpoint::parse(Service::V2, server.url.split('?').next().unwrap()).unwrap(),
        ..ClientConfig::new(Service::V2, "ap-guangzhou")
    };
    let client = Client::new(
        config,
        Arc::new(credentials),
        Arc::new(transport()),
        runtime::Runtime::system(),
        Arc::new(()),
    );
    let parse = |body: &[u8]| Ok((parse_head(body)?, Some(body.len())));
    let params = [("functionName", "a b".to_owned())];
    let length = client.call("GetFunctionLogs", &params, parse).await;
    assert_eq!(length.unwrap(), body.len());
    let (_, text) = server.seen.recv().await.unwrap();
    let line = text.lines().next().unwrap();
    assert!(
        line.starts_with("GET /v2/index.php?Action=GetFunctionLogs&"),
        "{line}"
    );
    assert!(line.contains("&functionName=a%20b&Signature="), "{line}");
}

#[test]
fn addresses_of_this_machine_are_recognized() {
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "localhost",
        "x.localhost",
        "metadata.tencentyun.com",
    ] {
        assert!(is_near(host), "{host}");
    }
    for host in [
        "10.0.0.1",
        "scf.api.qcloud.com",
        "[::2]",
        "localhost.example",
        "",
    ] {
        assert!(!is_near(host), "{host}");
    }
}

/// The second of two large bodies is read on only once the first one is there, or given up.
#[tokio::test]
async fn one_large_body_at_a_time() {
    let large = vec![b' '; LARGE_BODY + 1_000_000];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", large.len());
    let begun = [head.as_bytes(), &large[..LARGE_BODY + 100_000]].concat();
    let stalled = Server::start(Reply::Stall(begun)).await;
    let whole = Server::start(Reply::Keep(answer("200 OK", "", &large))).await;
    let small = Server::start(Reply::Keep(answer("200 OK", "", b"{}"))).await;
    let transport = Arc::new(HttpTransport::new(HttpLimits::default()));
    let send = |url: &str| {
        let (transport, request) = (transport.clone(), get(url));
        runtime::spawn(async move { transport.send(request).await })
    };
    let first = send(&stalled.url);
    while transport.large.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let mut second = send(&whole.url);
    let third = send(&small.url).await.unwrap().unwrap();
    assert_eq!(&third.body[..], b"{}", "a small body waits for nobody");
    let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(early.is_err(), "it was read beside another large one");
    first.abort();
    let second = second.await.unwrap().unwrap();
    assert_eq!(second.body.len(), large.len());
    assert_eq!(transport.large.available_permits(), 1);
}

mod tls;
