//! An API that answers every request with one prepared answer, over a real socket.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Status and body of every answer from now on.
pub type Prepared = Arc<Mutex<(u16, Vec<u8>)>>;

/// Serves `prepared` on a loopback port for as long as the returned set lives.
pub async fn serve(prepared: Prepared) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(answer_all(stream, prepared.clone()));
        }
    });
    (address, tasks)
}

/// Answers the requests of one connection until the client closes it.
async fn answer_all(mut stream: TcpStream, prepared: Prepared) {
    let mut read = Vec::new();
    while let Some(length) = request(&mut stream, &mut read).await {
        read.drain(..length);
        let (status, body) = prepared.lock().unwrap().clone();
        let head = format!(
            "HTTP/1.1 {status} Some\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(&[head.as_bytes(), &body].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Reads until `read` begins with a whole request; its length. `None` at the end.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
            if read.len() >= whole {
                return Some(whole);
            }
        }
        let mut piece = [0; 4_096];
        match stream.read(&mut piece).await {
            Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}
