//! From an action and its parameters to a signed v2 request.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::sign_v2::{SigningMethod, signature, source_string};
use super::transport::{HttpRequest, Method};
use crate::runtime::Random;

/// Everything but the unreserved characters. A space is sent as `%20`; the vendor takes `+` too.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is the same in every request of one client.
#[derive(Debug)]
pub(super) struct Signer {
    pub endpoint: Endpoint,
    pub region: String,
    pub method: Method,
    pub signing: SigningMethod,
}

/// When a request is made, and the number that makes it unlike any other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub unix_seconds: i64,
    pub nonce: u64,
}

/// A request, and what of it must not be shown.
pub(super) struct Signed {
    pub request: HttpRequest,
    pub hidden: Hidden,
}

/// The secret values inside a request, as sent and as encoded.
pub(super) struct Hidden(Vec<Zeroizing<String>>);

/// Positive numbers below 2^53 (which every JSON reader keeps exact), none of them twice within
/// 2^52 draws.
#[derive(Debug)]
pub(super) struct Nonces {
    start: u64,
    drawn: AtomicU64,
}

// === impl Signer ===

impl Signer {
    /// Signs one request. `params` are the action's own parameters, raw.
    pub fn sign(
        &self,
        action: &str,
        params: &[(&str, String)],
        credentials: &Credentials,
        moment: Moment,
    ) -> Signed {
        let timestamp = moment.unix_seconds.to_string();
        let nonce = moment.nonce.to_string();
        let mut sent: Vec<(&str, &str)> = vec![
            ("Action", action),
            ("Region", &self.region),
            ("Timestamp", &timestamp),
            ("Nonce", &nonce),
            ("SecretId", &credentials.secret_id),
            ("SignatureMethod", self.signing.as_str()),
        ];
        if let Some(token) = &credentials.token {
            sent.push(("Token", token.expose()));
        }
        sent.extend(params.iter().map(|(name, value)| (*name, value.as_str())));
        let (host, path) = (self.endpoint.authority(), self.endpoint.path());
        let source = Zeroizing::new(source_string(self.method, &host, path, &sent));
        let signature = signature(self.signing, &credentials.secret_key, &source);
        sent.push(("Signature", &signature));
        Signed {
            request: self.request(&form(&sent)),
            hidden: Hidden::new(credentials, &signature),
        }
    }

    fn request(&self, form: &str) -> HttpRequest {
        let url = self.endpoint.to_string();
        match self.method {
            Method::Get => HttpRequest {
                method: Method::Get,
                url: format!("{url}?{form}"),
                headers: Vec::new(),
                body: Bytes::new(),
            },
            Method::Post => HttpRequest {
                method: Method::Post,
                url,
                headers: vec![(
                    "content-type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                )],
                body: Bytes::copy_from_slice(form.as_bytes()),
            },
        }
    }
}

fn form(params: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in params {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, ENCODED));
        form.push('=');
        form.extend(utf8_percent_encode(value, ENCODED));
    }
    form
}

// === impl Hidden ===

impl Hidden {
    fn new(credentials: &Credentials, signature: &str) -> Self {
        let token = credentials.token.as_ref().map(|token| token.expose());
        let raw = [
            Some(credentials.secret_key.expose()),
            token,
            Some(signature),
        ];
        let both = raw.into_iter().flatten().flat_map(|value| {
            let encoded = utf8_percent_encode(value, ENCODED).to_string();
            [value.to_owned(), encoded]
        });
        Self(both.map(Zeroizing::new).collect())
    }

    /// `text` with every hidden value masked.
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| {
            text.replace(value.as_str(), "<secret>")
        })
    }
}

// === impl Nonces ===

impl Nonces {
    const RANGE: u64 = 1 << 52;

    /// Odd, so that multiples of it pass through the whole range before one comes back; large, so
    /// that neighbours look unalike.
    const STEP: u64 = 0x0005_851F_42D4_C957;

    pub fn new(random: &Random) -> Self {
        Self {
            start: random.next_u64(),
            drawn: AtomicU64::new(0),
        }
    }

    pub fn next(&self) -> u64 {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        1 + self.start.wrapping_add(n.wrapping_mul(Self::STEP)) % Self::RANGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn signer(method: Method) -> Signer {
        Signer {
            endpoint: Endpoint::parse("http://127.0.0.1:18080").unwrap(),
            region: "ap-guangzhou".to_owned(),
            method,
            signing: SigningMethod::HmacSha256,
        }
    }

    fn sign(method: Method, token: Option<&str>) -> Signed {
        let credentials = Credentials::new(
            "AKIDEXAMPLE0000000000000000000000001".to_owned(),
            Secret::new("EXAMPLESECRETKEY0123456789abcdef"),
            token.map(Secret::new),
            "a test",
        );
        let params = [
            ("functionName", "demo".to_owned()),
            ("limit", "100".to_owned()),
            ("offset", "0".to_owned()),
            ("order", "asc".to_owned()),
            ("orderby", "startTime".to_owned()),
        ];
        let moment = Moment {
            unix_seconds: 1_700_000_000,
            nonce: 7,
        };
        signer(method).sign("GetFunctionLogs", &params, &credentials.unwrap(), moment)
    }

    /// The vendor's Python SDK, for the same parameters, signs `9/XnD5TZ...` over a host with a
    /// port.
    #[test]
    fn a_get_request_is_the_sdks() {
        let request = sign(Method::Get, None).request;
        let (base, query) = request.url.split_once('?').unwrap();
        assert_eq!(base, "http://127.0.0.1:18080/v2/index.php");
        let mut parts: Vec<_> = query.split('&').collect();
        parts.sort_unstable();
        assert_eq!(
            parts,
            [
                "Action=GetFunctionLogs",
                "Nonce=7",
                "Region=ap-guangzhou",
                "SecretId=AKIDEXAMPLE0000000000000000000000001",
                "Signature=9%2FXnD5TZ2v2KvKSc%2Bovsa5DeSIpUCJvkgA3JezhZt%2B0%3D",
                "SignatureMethod=HmacSHA256",
                "Timestamp=1700000000",
                "functionName=demo",
                "limit=100",
                "offset=0",
                "order=asc",
                "orderby=startTime",
            ]
        );
        assert!(request.headers.is_empty() && request.body.is_empty());
    }

    #[test]
    fn a_post_request_has_all_in_the_body() {
        let request = sign(Method::Post, Some("a+b/c=d_e~f.g%h&i j")).request;
        assert_eq!(request.url, "http://127.0.0.1:18080/v2/index.php");
        let body = std::str::from_utf8(&request.body).unwrap();
        let token = "Token=a%2Bb%2Fc%3Dd_e~f.g%25h%26i%20j";
        assert!(body.split('&').any(|part| part == token), "{body}");
        assert_eq!(request.headers[0].1, "application/x-www-form-urlencoded");
    }

    #[test]
    fn secrets_are_neither_in_debug_nor_left_in_echoes() {
        let signed = sign(Method::Get, Some("t0k+n"));
        assert!(!signed.request.url.contains("EXAMPLESECRETKEY"));
        let shown = format!("{:?} {:#?}", signed.request, signed.request);
        assert!(
            !shown.contains("t0k") && !shown.contains("Signature="),
            "{shown}"
        );
        let echo = format!("got {} with t0k+n and 9/x", signed.request.url);
        let masked = signed.hidden.mask(&echo);
        assert!(
            !masked.contains("t0k") && masked.contains("Token=<secret>"),
            "{masked}"
        );
        assert!(masked.contains("Signature=<secret>"), "{masked}");
    }

    #[test]
    fn nonces_are_positive_exact_in_json_and_never_twice() {
        let nonces = Nonces::new(&Random::seeded(1));
        let drawn: Vec<u64> = (0..100_000).map(|_| nonces.next()).collect();
        assert!(drawn.iter().all(|n| (1..=1 << 52).contains(n)));
        let distinct: std::collections::HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len());
        let other = Nonces::new(&Random::seeded(2));
        assert_ne!(other.next(), drawn[0]);
        // Odd, so the period is the whole range.
        assert_eq!(Nonces::STEP % 2, 1);
    }
}
