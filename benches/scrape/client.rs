//! A scraper that costs as little as it can: one connection, one buffer, and bodies that are
//! counted, not kept.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Failure;

const BUFFER: usize = 256 * 1024;
/// When to give a server up.
const LONGEST: Duration = Duration::from_secs(60);

/// A format, as a scraper asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    OpenMetrics,
    Protobuf,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    pub format: Format,
    pub gzip: bool,
}

/// One connection to a server, made again where the server closes it.
pub struct Client {
    port: u16,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    /// What of the buffer is read and not looked at yet.
    waiting: std::ops::Range<usize>,
}

/// What came.
#[derive(Debug, Clone, Copy)]
pub struct Scraped {
    pub took: Duration,
    /// Of the body, as it was sent.
    pub bytes: usize,
}

/// How the end of a body is told.
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

/// What of an answer's head matters here.
struct Head {
    framing: Framing,
    closes: bool,
}

// === impl Format ===

impl Format {
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::OpenMetrics => "OpenMetrics",
            Self::Protobuf => "protobuf",
        }
    }

    fn accept(self) -> &'static str {
        match self {
            Self::Text => "text/plain;version=0.0.4",
            Self::OpenMetrics => "application/openmetrics-text;version=1.0.0",
            Self::Protobuf => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited"
            }
        }
    }

    /// What its content type begins with.
    fn media_type(self) -> &'static str {
        let accept = self.accept();
        accept.split(';').next().unwrap_or(accept)
    }
}

// === impl Client ===

impl Client {
    pub fn new(port: u16) -> Self {
        Self {
            port,
            stream: None,
            buffer: vec![0; BUFFER],
            waiting: 0..0,
        }
    }

    /// Scrapes, and lets the body go.
    pub fn scrape(&mut self, wish: Wish) -> Result<Scraped, Failure> {
        self.get(wish, None)
    }

    /// Scrapes, and keeps the body as it was sent.
    pub fn fetch(&mut self, wish: Wish) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        self.get(wish, Some(&mut body))?;
        Ok(body)
    }

    fn get(&mut self, wish: Wish, mut keep: Option<&mut Vec<u8>>) -> Result<Scraped, Failure> {
        let encoding = if wish.gzip { "gzip" } else { "identity" };
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: {}\r\n\
             Accept-Encoding: {encoding}\r\n\r\n",
            self.port,
            wish.format.accept(),
        );
        let start = Instant::now();
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LONGEST))?;
                stream
            }
        };
        self.waiting = 0..0;
        (&stream).write_all(request.as_bytes())?;
        let head = self.head(&stream, wish)?;
        let bytes = match head.framing {
            Framing::Length(length) => self.exactly(&stream, length, &mut keep)?,
            Framing::Chunked => self.chunks(&stream, &mut keep)?,
            Framing::Close => self.until_closed(&stream, &mut keep)?,
        };
        let took = start.elapsed();
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Scraped { took, bytes })
    }

    /// More of the answer behind what waits; how much.
    fn fill(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        if self.waiting.is_empty() {
            self.waiting = 0..0;
        } else if self.waiting.end == self.buffer.len() {
            self.buffer.copy_within(self.waiting.clone(), 0);
            self.waiting = 0..self.waiting.len();
        }
        let read = stream.read(&mut self.buffer[self.waiting.end..])?;
        self.waiting.end += read;
        Ok(read)
    }

    fn head(&mut self, stream: &TcpStream, wish: Wish) -> Result<Head, Failure> {
        let end = loop {
            let text = &self.buffer[self.waiting.clone()];
            if let Some(end) = memchr::memmem::find(text, b"\r\n\r\n") {
                break end;
            }
            if self.fill(stream)? == 0 {
                return Err("the server closed before it answered".into());
            }
        };
        let start = self.waiting.start;
        let text = String::from_utf8_lossy(&self.buffer[start..start + end]).to_lowercase();
        self.waiting.start += end + 4;
        Head::of(&text, wish)
    }

    /// A line without its end.
    fn line(&mut self, stream: &TcpStream) -> Result<String, Failure> {
        loop {
            let text = &self.buffer[self.waiting.clone()];
            if let Some(end) = memchr::memmem::find(text, b"\r\n") {
                let line = String::from_utf8_lossy(&text[..end]).into_owned();
                self.waiting.start += end + 2;
                return Ok(line);
            }
            if self.fill(stream)? == 0 {
                return Err("the server closed within an answer".into());
            }
        }
    }

    fn chunks(
        &mut self,
        stream: &TcpStream,
        keep: &mut Option<&mut Vec<u8>>,
    ) -> Result<usize, Failure> {
        let mut bytes = 0;
        loop {
            let line = self.line(stream)?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16)?;
            bytes += self.exactly(stream, size, keep)?;
            if !self.line(stream)?.is_empty() {
                return Err("a chunk is longer than it says".into());
            }
            if size == 0 {
                return Ok(bytes);
            }
        }
    }

    fn exactly(
        &mut self,
        stream: &TcpStream,
        length: usize,
        keep: &mut Option<&mut Vec<u8>>,
    ) -> Result<usize, Failure> {
        let mut left = length;
        loop {
            left -= self.take(left, keep);
            if left == 0 {
                return Ok(length);
            }
            if self.fill(stream)? == 0 {
                return Err(format!("{left} of {length} bytes did not come").into());
            }
        }
    }

    fn until_closed(
        &mut self,
        stream: &TcpStream,
        keep: &mut Option<&mut Vec<u8>>,
    ) -> Result<usize, Failure> {
        let mut bytes = 0;
        loop {
            bytes += self.take(usize::MAX, keep);
            if self.fill(stream)? == 0 {
                return Ok(bytes);
            }
        }
    }

    /// Lets go of what waits, at most `limit` bytes; how many.
    fn take(&mut self, limit: usize, keep: &mut Option<&mut Vec<u8>>) -> usize {
        let size = self.waiting.len().min(limit);
        let start = self.waiting.start;
        if let Some(keep) = keep {
            keep.extend_from_slice(&self.buffer[start..start + size]);
        }
        self.waiting.start += size;
        size
    }
}

// === impl Head ===

impl Head {
    /// Reads a head in lower case, and makes sure that it is what was wished.
    fn of(text: &str, wish: Wish) -> Result<Self, Failure> {
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
        let field = |name: &str| {
            let field = fields.iter().find(|(own, _)| *own == name);
            field.map_or("", |(_, value)| value.trim())
        };
        if !status.contains(" 200") {
            return Err(format!("answered {status:?}").into());
        }
        let is_packed = field("content-encoding") == "gzip";
        let is_wished = field("content-type").starts_with(wish.format.media_type());
        if !is_wished || is_packed != wish.gzip {
            return Err(format!("{wish:?} is answered by {text:?}").into());
        }
        let framing = match field("content-length") {
            _ if field("transfer-encoding") == "chunked" => Framing::Chunked,
            "" => Framing::Close,
            length => Framing::Length(length.parse()?),
        };
        Ok(Self {
            closes: matches!(framing, Framing::Close)
                || status.starts_with("http/1.0")
                || field("connection") == "close",
            framing,
        })
    }
}
