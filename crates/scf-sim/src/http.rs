//! HTTP requests and responses, independent of sockets.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::clock::http_date;
use super::rng::Rng;
use super::text;

/// An HTTP request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Method in upper case.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// The Host header, including the port.
    pub host: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// An HTTP response, and how it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, except for the length, which the server sets.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// How long the server waits before it responds.
    pub delay: Duration,
    /// The connection breaks after this many bytes of the body.
    pub cut_after: Option<usize>,
}

// === impl Request ===

impl Request {
    /// Returns the first header of this name, ignoring case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Returns the encoded parameters: the form of a POST, or the query of a GET.
    pub(crate) fn form(&self) -> &[u8] {
        match self.method.as_str() {
            "POST" => &self.body,
            _ => self.query.as_bytes(),
        }
    }

    /// Returns whether the client accepts gzip.
    pub(crate) fn accepts_gzip(&self) -> bool {
        let accepted = self.header("accept-encoding").unwrap_or_default();
        accepted.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim() == "gzip" && weight.trim() != "q=0"
        })
    }
}

// === impl Response ===

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body,
            delay: Duration::ZERO,
            cut_after: None,
        }
    }

    /// Creates a response of the API, which has HTTP status 200 even for errors.
    pub(crate) fn json(body: String) -> Self {
        Self::new(200, "application/json; charset=utf-8", text::bytes(body))
    }

    /// Creates a response of API 3.0. The vendor's Python client looks for an error only if the
    /// content type is exactly this one, without a charset.
    pub(crate) fn bare_json(body: String) -> Self {
        Self::new(200, "application/json", text::bytes(body))
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body.as_bytes().to_vec())
    }

    pub(crate) fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n\
             <body><center><h1>{title}</h1></center><hr></body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", page.into_bytes())
    }

    pub(crate) fn not_found() -> Self {
        Self::html(404, "404 Not Found")
    }

    pub(crate) fn wrong_method() -> Self {
        Self::html(405, "405 Method Not Allowed")
    }

    pub(crate) fn bad_gateway() -> Self {
        Self::html(502, "502 Bad Gateway")
    }

    /// Creates the response during an outage: an error of a gateway, or a closed connection.
    pub(crate) fn outage(rng: &mut Rng) -> Self {
        let page = Self::html(503, "503 Service Temporarily Unavailable");
        let cut_after = rng.chance(0.5).then_some(0);
        Self { cut_after, ..page }
    }

    /// Adds a `Date` with the API's clock.
    pub(crate) fn dated(mut self, clock_ms: i64) -> Self {
        self.headers.push(("Date".to_owned(), http_date(clock_ms)));
        self
    }

    /// Compresses the body, if there is one. A break stays at the same fraction of the body.
    pub(crate) fn gzipped(mut self) -> Self {
        let length = self.body.len();
        if self.status != 200 || length == 0 {
            return self;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory cannot fail; if it did, the body would be sent uncompressed.
        let packed = encoder
            .write_all(&self.body)
            .and_then(|()| encoder.finish());
        if let Ok(packed) = packed {
            self.cut_after = self.cut_after.map(|at| at * packed.len() / length);
            self.body = packed;
            self.headers
                .push(("Content-Encoding".to_owned(), "gzip".to_owned()));
        }
        self
    }

    /// Breaks the connection at `place`, in 1/65536 of the body.
    pub(crate) fn cut(mut self, place: u16) -> Self {
        self.cut_after = Some((self.body.len() * usize::from(place)) >> 16);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &str) -> bool {
        let headers = vec![("ACCEPT-encoding".to_owned(), value.to_owned())];
        Request {
            headers,
            ..Request::default()
        }
        .accepts_gzip()
    }

    #[test]
    fn compressed_answers_unpack_and_break_in_proportion() {
        let text = "{\"a\":1}".repeat(500);
        let packed = Response::json(text.clone()).cut(1 << 15).gzipped();
        assert!(packed.body.len() < text.len() / 4);
        assert_eq!(packed.cut_after, Some(packed.body.len() / 2));
        let mut unpacked = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::GzDecoder::new(&packed.body[..]),
            &mut unpacked,
        )
        .unwrap();
        assert_eq!(unpacked, text);
        let page = Response::bad_gateway();
        assert_eq!(page.clone().gzipped(), page);
    }

    #[test]
    fn gzip_is_sent_to_those_who_read_it() {
        assert!(accepting("gzip") && accepting("deflate, gzip;q=0.5, br"));
        assert!(!accepting("") && !accepting("br") && !accepting("gzip;q=0, br"));
        assert!(!Request::default().accepts_gzip());
    }
}
