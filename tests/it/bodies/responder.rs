//! An API over a real socket that answers each action with a body of its own, and remembers what
//! it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Status and body.
pub type Answer = (u16, Vec<u8>);

/// What is answered from now on, and what was asked so far.
#[derive(Default)]
pub struct Script {
    /// By action.
    pub answers: Mutex<BTreeMap<String, Answer>>,
    /// By action, the last request: its head and body.
    pub asked: Mutex<BTreeMap<String, String>>,
}

/// One request as it came in.
struct Asked {
    length: usize,
    text: String,
}

/// Serves `script` on a loopback port for as long as the returned set lives.
pub async fn serve(script: Arc<Script>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(answer_all(stream, script.clone()));
        }
    });
    (address, tasks)
}

/// Answers the requests of one connection until the client closes it.
async fn answer_all(mut stream: TcpStream, script: Arc<Script>) {
    let mut read = Vec::new();
    while let Some(asked) = request(&mut stream, &mut read).await {
        read.drain(..asked.length);
        let (status, body) = script.answer(asked.text);
        let head = format!(
            "HTTP/1.1 {status} Some\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), &body].concat();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Reads until `read` begins with a whole request. `None` at the end.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let body = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            let length = end + 4 + body;
            if read.len() >= length {
                let text = String::from_utf8_lossy(&read[..length]).into_owned();
                return Some(Asked { length, text });
            }
        }
        let mut piece = [0; 4_096];
        match stream.read(&mut piece).await {
            Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}

/// The action of a request: API 3.0 names it in a header, the legacy API in its parameters.
fn action(request: &str) -> &str {
    let of_header = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-tc-action")
            .then_some(value.trim())
    });
    let of_params = || {
        let (_, behind) = request.split_once("Action=")?;
        behind.split(['&', ' ', '\r']).next()
    };
    of_header.or_else(of_params).unwrap_or_default()
}

impl Script {
    fn answer(&self, request: String) -> Answer {
        let action = action(&request).to_owned();
        let known = self.answers.lock().unwrap().get(&action).cloned();
        self.asked.lock().unwrap().insert(action, request);
        known.unwrap_or_else(|| (404, Vec::new()))
    }
}
