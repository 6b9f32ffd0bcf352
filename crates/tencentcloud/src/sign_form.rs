//! The signature that is one more parameter: `base64(HMAC(key, METHOD host path ? name=value&...))`.
//!
//! The only one that the legacy API knows; API 3.0 takes it beside TC3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::service::{Service, SigningMethod};
use super::transport::Method;
use crate::secret::Secret;

/// The text that is signed. `host` holds the port where the `Host` header does; `params` are all
/// parameters sent but `Signature`, in any order, values raw.
///
/// `_` in a name (not in a value) is signed as `.`, and names are sorted as signed. (The vendor's
/// Python clients replace before they sort, those of v2 for PHP and Node after; no documented name
/// tells them apart.) The legacy API has one oddity more: a POST value that begins with `@`, once
/// the mark of a file upload, is sent but not signed.
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

/// The signature of `source`, in base64 with padding, not yet encoded for a URL. A method that is
/// no such signature ([`SigningMethod::Tc3`]) counts as SHA-256.
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
