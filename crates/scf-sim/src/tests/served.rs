//! The cloud behind a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::client3::Client3;
use crate::{Cloud, Faults, Request, Settings, Truth, serve};

struct Served {
    address: SocketAddr,
    client: Client,
    now_ms: i64,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn served(faults: Faults) -> Served {
    let settings = Settings {
        faults,
        ..Settings::new(31)
    };
    let (client, now_ms) = (Client::new(&settings), settings.start_ms + 20_000);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let cloud = Arc::new(Cloud::new(settings));
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(listener, cloud, move || now_ms, shutdown));
    Served {
        address,
        client,
        now_ms,
        stop,
        task,
    }
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before all is written, and may reset after its answer.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

fn raw(request: &Request) -> Vec<u8> {
    let mut bytes = format!(
        "{} {}?{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        request.method,
        request.path,
        request.query,
        request.host,
        request.body.len(),
    )
    .into_bytes();
    bytes.extend(&request.body);
    bytes
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn answers_signed_requests_and_tells_the_truth() {
    let mut served = served(Faults::none()).await;
    for post in [false, true] {
        served.client.post = post;
        let request = served
            .client
            .request(served.now_ms, "GetFunctionLogs", &[("limit", "3")]);
        let answer = exchange(served.address, &raw(&request)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let json: Value = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!(
            (&json["code"], json["data"].as_array().unwrap().len()),
            (&0.into(), 3)
        );
    }
    let answer = exchange(served.address, &get("/_sim/truth")).await;
    let truth: Truth = serde_json::from_str(body(&answer)).unwrap();
    assert!(truth.total() > 100 && truth.now_ms == served.now_ms);
    let before = format!("/_sim/truth?visible_before_ms={}", served.now_ms - 10_000);
    let answer = exchange(served.address, &get(&before)).await;
    let part: Truth = serde_json::from_str(body(&answer)).unwrap();
    assert!(part.total() > 0 && part.total() < truth.total());
}

#[tokio::test]
async fn survives_odd_input() {
    let served = served(Faults::none()).await;
    let large = b"POST /v2/index.php HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n";
    let mut large = large.to_vec();
    large.resize(large.len() + 2_000_000, b'a');
    for (bytes, start) in [
        (b"nonsense\r\n\r\n".to_vec(), "HTTP/1.1 400"),
        (large, "HTTP/1.1 413"),
        (get("/"), "HTTP/1.1 200"),
        (get("/?%00=%ff&&=&a"), "HTTP/1.1 200"),
        (get("/other"), "HTTP/1.1 404"),
        (get("/latest/meta-data/other"), "HTTP/1.1 404"),
        (get("/v2/index.php?%00=%ff&&=&a"), "HTTP/1.1 200"),
        (get("/_sim/truth?x=1"), "HTTP/1.1 400"),
        (get("/_sim/truth?visible_before_ms=x"), "HTTP/1.1 400"),
        (
            b"GET /v2/index.php HTTP/1.0\r\n\r\n".to_vec(),
            "HTTP/1.0 200",
        ),
    ] {
        let answer = exchange(served.address, &bytes).await;
        // A reset may swallow the answer to a body that was refused half-way.
        assert!(
            answer.starts_with(start) || bytes.len() > 1_000_000,
            "{start}: {answer}"
        );
    }
    let answer = exchange(served.address, &get("/_sim/truth")).await;
    assert!(answer.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn serves_api_3_with_its_clock_and_compresses_the_log_service() {
    let served = served(Faults::none()).await;
    let client = Client3::new(&Settings::new(31)).of_service("cls", "2020-10-16");
    for (extra, packed) in [("", false), ("Accept-Encoding: gzip\r\n", true)] {
        let request = client.request(served.now_ms, "NoSuchAction", &json!({}));
        let mut head =
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nConnection: close\r\n".to_owned();
        head.push_str(&format!(
            "Content-Length: {}\r\n{extra}",
            request.body.len()
        ));
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend(&request.body);
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        // The simulation starts at 2023-11-14 22:13:20 UTC.
        assert_eq!(head.matches("\r\ndate: ").count(), 1, "{head}");
        assert!(
            head.contains("\r\ndate: tue, 14 nov 2023 22:13:40 gmt\r\n"),
            "{head}"
        );
        assert_eq!(head.contains("content-encoding: gzip"), packed, "{head}");
        let mut body = answer[end..].to_vec();
        if packed {
            let mut unpacked = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(&body[..]);
            std::io::Read::read_to_end(&mut decoder, &mut unpacked).unwrap();
            body = unpacked;
        }
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["Response"]["Error"]["Code"], "InvalidAction");
    }
}

#[tokio::test]
async fn cuts_bodies_short() {
    let mut served = served(Faults {
        cut_body: 1.0,
        ..Faults::none()
    })
    .await;
    let request = served.client.request(served.now_ms, "GetFunctionLogs", &[]);
    let answer = exchange(served.address, &raw(&request)).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let announced: usize = announced.unwrap();
    assert!(
        !body.is_empty() && body.len() < announced,
        "{} of {announced}",
        body.len()
    );
}

#[tokio::test]
async fn stops_when_told() {
    let served = served(Faults::none()).await;
    let _open = TcpStream::connect(served.address).await.unwrap();
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}
