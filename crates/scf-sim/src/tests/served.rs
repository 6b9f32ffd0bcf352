//! Tests of the cloud behind a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::client::Client;
use crate::{Cloud, Faults, Request, Settings, serve};

struct Served {
    address: SocketAddr,
    client: Client,
    now_ms: i64,
    _task: JoinSet<()>,
}

async fn served(faults: Faults) -> Served {
    let settings = Settings {
        faults,
        ..Settings::new(31)
    };
    let (client, now_ms) = (Client::new(&settings), settings.start_ms + 20_000);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cloud = Arc::new(Cloud::new(settings));
    let mut task = JoinSet::new();
    task.spawn(serve(
        listener,
        cloud,
        move || now_ms,
        std::future::pending(),
    ));
    Served {
        address,
        client,
        now_ms,
        _task: task,
    }
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before everything is written, and may reset after its response.
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
        // A reset may discard the response to a body that was refused half-way.
        assert!(
            answer.starts_with(start) || bytes.len() > 1_000_000,
            "{start}: {answer}"
        );
    }
    let answer = exchange(served.address, &get("/_sim/truth")).await;
    assert!(answer.starts_with("HTTP/1.1 200"));
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
