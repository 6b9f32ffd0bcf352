//! What of a request must not be shown.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::credentials::Credentials;

/// The parameters of the actions called here that are secrets themselves.
const SECRET_PARAMS: [&str; 1] = ["WebIdentityToken"];

/// Everything but the unreserved characters. A space is sent as `%20`; the vendor takes `+` too.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The secret values inside a request, as sent and as encoded.
pub(super) struct Redactor(Vec<Zeroizing<String>>);

// === impl Redactor ===

impl Redactor {
    /// Of a signed request.
    pub fn new(credentials: &Credentials, signature: &str) -> Self {
        let token = credentials.token.as_ref().map(|token| token.expose());
        let key = credentials.secret_key.expose();
        Self::of([Some(key), token, Some(signature)].into_iter().flatten())
    }

    /// Of a request without a signature, whose parameters prove who calls.
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

    /// `text` with every hidden value masked.
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| {
            text.replace(value.as_str(), "<secret>")
        })
    }
}
