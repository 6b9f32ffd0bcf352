//! Verifies TC3-HMAC-SHA256 signatures as the vendor's page on signature version 3 describes them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::clock::utc_date;
use super::http::Request;

/// The name of the scheme in the Authorization header.
const SCHEME: &str = "TC3-HMAC-SHA256";

/// A parsed Authorization header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) secret_id: String,
    date: String,
    pub(crate) service: String,
    /// Names of the signed headers, in lower case and in the order given.
    headers: Vec<String>,
    /// Hexadecimal, in lower case.
    signature: String,
}

/// How clients write the values of the signed headers: the vendor's page says lower case, its own
/// clients leave them unchanged.
const CASES: [fn(&str) -> String; 2] = [str::to_owned, str::to_ascii_lowercase];
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const MAX_SIGNED_HEADERS: usize = 64;

// === impl Authorization ===

impl Authorization {
    /// Parses the header; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let fields = text
            .strip_prefix(SCHEME)
            .ok_or("unknown signature algorithm")?;
        let field = |name: &str| {
            let mut pairs = fields.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(given, _)| given.trim() == name)
        };
        let (_, credential) = field("Credential").ok_or("no Credential")?;
        let (_, headers) = field("SignedHeaders").ok_or("no SignedHeaders")?;
        let (_, signature) = field("Signature").ok_or("no Signature")?;
        let scope: Vec<&str> = credential.trim().split('/').collect();
        let [secret_id, date, service, "tc3_request"] = scope[..] else {
            return Err("Credential is not id/date/service/tc3_request");
        };
        let headers: Vec<String> = headers
            .trim()
            .split(';')
            .take(MAX_SIGNED_HEADERS)
            .map(str::to_ascii_lowercase)
            .collect();
        let is_signed = |name: &str| headers.iter().any(|given| given == name);
        if !is_signed("content-type") || !is_signed("host") {
            return Err("SignedHeaders lacks content-type or host");
        }
        let signature = signature.trim().to_ascii_lowercase();
        if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("Signature is not hexadecimal");
        }
        Ok(Self {
            secret_id: secret_id.to_owned(),
            date: date.to_owned(),
            service: service.to_owned(),
            headers,
            signature,
        })
    }

    /// Returns whether `request`, with the timestamp `timestamp` in Unix seconds, has a valid
    /// signature by `secret_key` for one of `hosts`.
    pub(crate) fn is_valid(
        &self,
        request: &Request,
        timestamp: i64,
        hosts: &[String],
        secret_key: &str,
    ) -> bool {
        if self.date != utc_date(timestamp.saturating_mul(1_000)) {
            return false;
        }
        let key = self.signing_key(secret_key);
        let scope = format!("{}/{}/tc3_request", self.date, self.service);
        let payload = payload_hash(request);
        hosts.iter().any(|host| {
            CASES.iter().any(|case| {
                let canonical = self.canonical_request(request, host, *case, &payload);
                let hash = canonical.map(|text| hex(&Sha256::digest(text)));
                hash.is_some_and(|hash| {
                    let text = format!("{SCHEME}\n{timestamp}\n{scope}\n{hash}");
                    hex(&keyed(&key, &text)) == self.signature
                })
            })
        })
    }

    fn signing_key(&self, secret_key: &str) -> Vec<u8> {
        let first = format!("TC3{secret_key}").into_bytes();
        let parts = [self.date.as_str(), &self.service, "tc3_request"];
        parts.iter().fold(first, |key, part| keyed(&key, part))
    }

    /// Returns the canonical request, or `None` if a signed header was not sent.
    fn canonical_request(
        &self,
        request: &Request,
        host: &str,
        case: fn(&str) -> String,
        payload: &str,
    ) -> Option<String> {
        let mut headers = String::new();
        for name in &self.headers {
            let value = if name == "host" {
                host
            } else {
                request.header(name)?
            };
            headers.push_str(&format!("{name}:{}\n", case(value)));
        }
        // The query is used as it was sent, because clients escape differently.
        let query = if request.method == "GET" {
            &request.query
        } else {
            ""
        };
        let (method, names) = (&request.method, self.headers.join(";"));
        Some(format!(
            "{method}\n/\n{query}\n{headers}\n{names}\n{payload}"
        ))
    }
}

fn payload_hash(request: &Request) -> String {
    let unsigned = request.header("x-tc-content-sha256") == Some(UNSIGNED);
    let payload = if unsigned {
        UNSIGNED.as_bytes()
    } else {
        &request.body
    };
    hex(&Sha256::digest(payload))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC accepts keys of any length, so there always is a result.
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
    mac.map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text).finalize().into_bytes().to_vec(),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORIZATION: &str = "TC3-HMAC-SHA256 \
        Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2018-10-09/cvm/tc3_request, \
        SignedHeaders=content-type;host, \
        Signature=5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474";
    const KEY: &str = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";

    /// Returns the request of the vendor's page.
    fn published() -> Request {
        Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: "Limit=10&Offset=0".to_owned(),
            headers: vec![(
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            )],
            ..Request::default()
        }
    }

    fn hosts() -> [String; 1] {
        ["cvm.tencentcloudapi.com".to_owned()]
    }

    #[test]
    fn accepts_the_published_vector_and_nothing_near_it() {
        let parsed = Authorization::parse(AUTHORIZATION).unwrap();
        let valid =
            |request: &Request, timestamp, key| parsed.is_valid(request, timestamp, &hosts(), key);
        let good = published();
        assert!(valid(&good, 1_539_084_154, KEY));
        assert!(!valid(&good, 1_539_084_155, KEY));
        assert!(!valid(&good, 1_539_084_154, "Gu5t"));
        for change in [
            |r: &mut Request| r.query.push('1'),
            |r: &mut Request| r.body.push(b' '),
            |r: &mut Request| r.method = "POST".to_owned(),
            |r: &mut Request| r.headers.clear(),
            |r: &mut Request| r.headers[0].1.push_str("; charset=utf-8"),
        ] {
            let mut changed = published();
            change(&mut changed);
            assert!(!valid(&changed, 1_539_084_154, KEY));
        }
        let elsewhere = ["cvm.intl.tencentcloudapi.com".to_owned()];
        assert!(!parsed.is_valid(&good, 1_539_084_154, &elsewhere, KEY));
    }

    #[test]
    fn invalid_headers_are_reported() {
        let no_hex = "Signature is not hexadecimal";
        let no_scope = "Credential is not id/date/service/tc3_request";
        let too_few = "SignedHeaders lacks content-type or host";
        for (from, to, error) in [
            ("TC3-HMAC-SHA256 ", "TC4 ", "unknown signature algorithm"),
            ("Credential=", "Credentials=", "no Credential"),
            ("SignedHeaders=", "Headers=", "no SignedHeaders"),
            ("Signature=", "Sign=", "no Signature"),
            ("Signature=5d", "Signature=xd", no_hex),
            ("Signature=5d", "Signature=5", no_hex),
            ("/tc3_request", "", no_scope),
            ("content-type;host", "host", too_few),
        ] {
            let text = AUTHORIZATION.replace(from, to);
            assert_eq!(Authorization::parse(&text), Err(error));
        }
    }
}
