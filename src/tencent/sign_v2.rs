//! The v2 signature: `base64(HMAC(key, METHOD host path ? name=value&...))`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::transport::Method;
use crate::secret::Secret;

/// The hash inside the signature. The vendor reads anything but the exact word `HmacSHA256`,
/// also a missing parameter, as SHA-1; that is why it is always sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningMethod {
    /// The vendor's default.
    HmacSha1,
    /// The stronger one.
    #[default]
    HmacSha256,
}

// === impl SigningMethod ===

impl SigningMethod {
    /// The value of the parameter `SignatureMethod`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HmacSHA1",
            Self::HmacSha256 => "HmacSHA256",
        }
    }
}

/// The text that is signed. `host` holds the port where the `Host` header does; `params` are all
/// parameters sent but `Signature`, in any order, values raw.
///
/// Three oddities of the vendor: `_` in a name (not in a value) is signed as `.`; names are sorted
/// as signed (its Python client replaces before it sorts, PHP and Node after; no documented name
/// tells them apart); and a POST value that begins with `@`, once the mark of a file upload, is
/// sent but not signed.
pub fn source_string(method: Method, host: &str, path: &str, params: &[(&str, &str)]) -> String {
    let mut signed: Vec<(String, &str)> = params
        .iter()
        .filter(|(_, value)| method == Method::Get || !value.starts_with('@'))
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

/// The signature of `source`, in base64 with padding, not yet encoded for a URL.
pub fn signature(method: SigningMethod, key: &Secret, source: &str) -> String {
    match method {
        SigningMethod::HmacSha1 => hmac_base64::<Hmac<Sha1>>(key, source),
        SigningMethod::HmacSha256 => hmac_base64::<Hmac<Sha256>>(key, source),
    }
}

fn hmac_base64<M: Mac + KeyInit>(key: &Secret, source: &str) -> String {
    let mut mac = M::new_from_slice(key.expose().as_bytes()).expect("a key of any length");
    mac.update(source.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests;
