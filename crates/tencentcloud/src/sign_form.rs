//! The signature that is a form parameter: `base64(HMAC(key, METHOD host path ? name=value&...))`.
//!
//! It is the only scheme of the legacy API. API 3.0 accepts it beside TC3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::service::{Service, SigningMethod};
use super::transport::Method;
use crate::secret::Secret;

/// Returns the text that is signed. `host` includes the port if the `Host` header does. `params`
/// are all parameters except `Signature`, in any order and unencoded.
///
/// `_` in a name (not in a value) is signed as `.`, and names are sorted in that form. The vendor's
/// Python clients replace before they sort, its v2 clients for PHP and Node after; no documented
/// name makes a difference. The legacy API does not sign a POST value that begins with `@`, which
/// once marked a file upload.
pub fn source_string(
    service: Service,
    method: Method,
    host: &str,
    path: &str,
    params: &[(&str, &str)],
) -> String {
    let legacy = service == Service::V2;
    let mut signed: Vec<(String, &str)> = params
        .iter()
        .filter(|(_, value)| !(legacy && method == Method::Post && value.starts_with('@')))
        .map(|(name, value)| (name.replace('_', "."), *value))
        .collect();
    signed.sort();
    let mut source = format!("{}{host}{path}", method.as_str());
    for (i, (name, value)) in signed.iter().enumerate() {
        source.push(if i == 0 { '?' } else { '&' });
        source.push_str(name);
        source.push('=');
        source.push_str(value);
    }
    source
}

/// Returns the signature of `source`, in padded base64 and not percent-encoded.
/// [`SigningMethod::Tc3`], which is no scheme of this kind, counts as SHA-256.
pub fn signature(method: SigningMethod, key: &Secret, source: &str) -> String {
    match method {
        SigningMethod::HmacSha1 => hmac_base64::<Hmac<Sha1>>(key, source),
        SigningMethod::HmacSha256 | SigningMethod::Tc3 => hmac_base64::<Hmac<Sha256>>(key, source),
    }
}

fn hmac_base64<M: Mac + KeyInit>(key: &Secret, source: &str) -> String {
    let mut mac = M::new_from_slice(key.expose().as_bytes()).expect("a key of any length");
    mac.update(source.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests;
