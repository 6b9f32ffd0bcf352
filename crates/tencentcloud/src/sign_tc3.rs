//! TC3-HMAC-SHA256: the signature of API 3.0, a header over the whole request.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::date::utc_date;
use super::service::SigningMethod;
use super::transport::Method;
use crate::secret::Secret;

/// The headers that are signed, as the vendor's clients do; the `X-TC-*` ones are not.
const SIGNED_HEADERS: &str = "content-type;host";

const END_OF_SCOPE: &str = "tc3_request";

/// What is signed of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The bytes as they are sent.
    Bytes(&'a [u8]),
    /// Nothing but the word `UNSIGNED-PAYLOAD`, which the header `X-TC-Content-SHA256` must then
    /// hold too.
    Unsigned,
}

/// A request to sign.
#[derive(Debug, Clone, Copy)]
pub struct Tc3<'a> {
    /// A part of the scope: [`Service::name`](super::Service::name).
    pub service: &'a str,
    /// GET or POST.
    pub method: Method,
    /// The host as sent in `Host`: with the port where it is not the usual one.
    pub host: &'a str,
    /// The path, `/` at the vendor's own addresses.
    pub path: &'a str,
    /// The query as it is sent, encoded and without `?`; empty for POST. How a space is encoded
    /// does not matter: the vendor's page says `%20`, its clients send and sign `+`.
    pub query: &'a str,
    /// The value of `Content-Type` as it is sent.
    pub content_type: &'a str,
    /// The body.
    pub payload: Payload<'a>,
    /// The value of `X-TC-Timestamp`, in seconds.
    pub unix_seconds: i64,
}

// === impl Tc3 ===

impl Tc3<'_> {
    /// The request in the one form in which it is hashed.
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

    /// The text that the key signs.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            SigningMethod::Tc3.as_str(),
            self.unix_seconds,
            self.scope(),
            hex_sha256(self.canonical_request().as_bytes())
        )
    }

    /// The signature in lower-case hex.
    pub fn signature(&self, key: &Secret) -> String {
        let root = Zeroizing::new(format!("TC3{}", key.expose()));
        let day = mac(root.as_bytes(), &utc_date(self.unix_seconds));
        let service = mac(&*day, self.service);
        let signing = mac(&*service, END_OF_SCOPE);
        hex(&*mac(&*signing, &self.string_to_sign()))
    }

    /// The value of `Authorization` for a signature made with the key of `secret_id`.
    pub fn authorization(&self, secret_id: &str, signature: &str) -> String {
        format!(
            "{} Credential={secret_id}/{}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}",
            SigningMethod::Tc3.as_str(),
            self.scope()
        )
    }

    /// The day is UTC's, whatever the zone of this machine or the region.
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
