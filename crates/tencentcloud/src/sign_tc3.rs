//! TC3-HMAC-SHA256, the signature of API 3.0: a header that covers the whole request.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::date::utc_date;
use super::service::SigningMethod;
use super::transport::Method;
use crate::secret::Secret;

/// The headers that are signed, as in the vendor's clients. The `X-TC-*` headers are not signed.
const SIGNED_HEADERS: &str = "content-type;host";

const END_OF_SCOPE: &str = "tc3_request";

/// The part of the body that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The bytes as they are sent.
    Bytes(&'a [u8]),
    /// Only the word `UNSIGNED-PAYLOAD`, which must then also be the value of the header
    /// `X-TC-Content-SHA256`.
    Unsigned,
}

/// A request to sign.
#[derive(Debug, Clone, Copy)]
pub struct Tc3<'a> {
    /// The service in the scope: [`Service::name`](super::Service::name).
    pub service: &'a str,
    /// The HTTP method.
    pub method: Method,
    /// The value of the `Host` header, with the port if it is not the default.
    pub host: &'a str,
    /// The path, which is `/` at the vendor's addresses.
    pub path: &'a str,
    /// The encoded query without `?`; empty for POST. The encoding of spaces does not matter: the
    /// vendor's page says `%20`, its clients send and sign `+`.
    pub query: &'a str,
    /// The value of the `Content-Type` header.
    pub content_type: &'a str,
    /// The body.
    pub payload: Payload<'a>,
    /// The value of `X-TC-Timestamp`, in seconds.
    pub unix_seconds: i64,
}

// === impl Tc3 ===

impl Tc3<'_> {
    /// Returns the canonical form of the request, which is hashed.
    pub fn canonical_request(&self) -> String {
        let hash = match self.payload {
            Payload::Bytes(bytes) => hex_sha256(bytes),
            Payload::Unsigned => hex_sha256(b"UNSIGNED-PAYLOAD"),
        };
        format!(
            "{}\n{}\n{}\ncontent-type:{}\nhost:{}\n\n{SIGNED_HEADERS}\n{hash}",
            self.method.as_str(),
            self.path,
            self.query,
            self.content_type.to_ascii_lowercase(),
            self.host,
        )
    }

    /// Returns the text that is signed.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            SigningMethod::Tc3.as_str(),
            self.unix_seconds,
            self.scope(),
            hex_sha256(self.canonical_request().as_bytes())
        )
    }

    /// Returns the signature in lower-case hexadecimal.
    pub fn signature(&self, key: &Secret) -> String {
        let root = Zeroizing::new(format!("TC3{}", key.expose()));
        let day = mac(root.as_bytes(), &utc_date(self.unix_seconds));
        let service = mac(&*day, self.service);
        let signing = mac(&*service, END_OF_SCOPE);
        hex(&*mac(&*signing, &self.string_to_sign()))
    }

    /// Returns the value of `Authorization` for a signature by the key of `secret_id`.
    pub fn authorization(&self, secret_id: &str, signature: &str) -> String {
        format!(
            "{} Credential={secret_id}/{}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}",
            SigningMethod::Tc3.as_str(),
            self.scope()
        )
    }

    /// Returns the scope. Its date is in UTC, whatever the zone of this machine or the region.
    fn scope(&self) -> String {
        let date = utc_date(self.unix_seconds);
        format!("{date}/{}/{END_OF_SCOPE}", self.service)
    }
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests;
