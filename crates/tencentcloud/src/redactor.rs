//! Masks the secrets of a request in texts that may repeat them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::credentials::Credentials;

/// Parameters whose values are secrets.
const SECRET_PARAMS: [&str; 1] = ["WebIdentityToken"];

/// All characters but the unreserved ones are encoded. A space becomes `%20`; the vendor accepts
/// `+` too.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The secret values of a request, both plain and percent-encoded.
pub(super) struct Redactor(Vec<Zeroizing<String>>);

// === impl Redactor ===

impl Redactor {
    /// Masks the credentials and the signature of a signed request.
    pub fn new(credentials: &Credentials, signature: &str) -> Self {
        let token = credentials.token.as_ref().map(|token| token.expose());
        let key = credentials.secret_key.expose();
        Self::of([Some(key), token, Some(signature)].into_iter().flatten())
    }

    /// Masks the secret parameters of an unsigned request.
    pub fn within(params: &Value) -> Self {
        let secret = |name: &&str| params.get(*name).and_then(Value::as_str);
        Self::of(SECRET_PARAMS.iter().filter_map(secret))
    }

    fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let both = values.filter(|value| !value.is_empty()).flat_map(|value| {
            let encoded = utf8_percent_encode(value, ENCODED).to_string();
            [value.to_owned(), encoded]
        });
        Self(both.map(Zeroizing::new).collect())
    }

    /// Returns `text` with every secret value masked.
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| {
            text.replace(value.as_str(), "<secret>")
        })
    }
}
