//! Temporary credentials: their wire format and the interface to their issuers.

use std::time::Duration;

use super::{CredentialError, Credentials};
use crate::Timestamp;
use crate::envelope::Code;
use crate::secret::Secret;
use crate::transport::BoxFuture;

/// Credentials that expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Temporary {
    pub credentials: Credentials,
    /// The cloud refuses them from this time on.
    pub expires: Timestamp,
}

/// Issues new temporary credentials at each call.
pub(super) trait Fetch: Send + Sync {
    fn fetch(&self) -> BoxFuture<'_, Result<Temporary, CredentialError>>;

    /// Returns the name of the issuer, for messages.
    fn place(&self) -> String;

    /// Returns how long before expiry credentials with this lifetime are to be renewed: 300 s as in
    /// the vendor's SDKs, or half the lifetime if that is shorter.
    fn early(&self, lifetime: Duration) -> Duration {
        (lifetime / 2).min(Duration::from_secs(300))
    }
}

/// The credentials as both the metadata service and STS write them.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    tmp_secret_id: String,
    tmp_secret_key: SecretText,
    token: SecretText,
}

/// The role document of the metadata service. Its `Expiration` repeats `ExpiredTime` as text.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(flatten)]
    keys: Wire,
    /// A number, or a number in a string.
    expired_time: Code,
}

/// The content of `Response` of STS: the same fields, one level deeper.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StsResponse {
    credentials: Wire,
    expired_time: Code,
}

/// A string that is turned into a secret while it is deserialized.
#[derive(serde::Deserialize)]
#[serde(from = "String")]
pub(super) struct SecretText(pub Secret);

// === impl Temporary ===

impl Temporary {
    /// Parses a role document of the metadata service. Returns `None` if it has another format; the
    /// parser's message is dropped, because it can quote a value.
    pub fn from_document(body: &[u8], place: &str) -> Option<Result<Self, CredentialError>> {
        let document: Document = serde_json::from_slice(body).ok()?;
        Some(Self::new(document.keys, document.expired_time, place))
    }

    /// Parses the `Response` of STS. Returns `None` if the fields are missing.
    pub fn from_sts(
        answer: serde_json::Value,
        place: &str,
    ) -> Option<Result<Self, CredentialError>> {
        let answer: StsResponse = serde_json::from_value(answer).ok()?;
        Some(Self::new(answer.credentials, answer.expired_time, place))
    }

    fn new(keys: Wire, expired_time: Code, place: &str) -> Result<Self, CredentialError> {
        // Stored keys may have no token, but temporary ones are refused without it.
        if keys.token.0.is_empty() {
            return Err(CredentialError::BadValue {
                what: "token",
                place: place.to_owned(),
                fault: "is empty",
            });
        }
        let (id, key) = (keys.tmp_secret_id, keys.tmp_secret_key.0);
        Ok(Self {
            credentials: Credentials::new(id, key, Some(keys.token.0), place)?,
            expires: Timestamp::from_secs(expired_time.0),
        })
    }
}

// === impl SecretText ===

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_end_is_read_in_every_spelling() {
        for end in [
            json!(1_700_000_000),
            json!("1700000000"),
            json!(1_700_000_000.0),
        ] {
            let keys = json!({"TmpSecretId": "a", "TmpSecretKey": "k", "Token": "t"});
            let answer = json!({"Credentials": keys, "ExpiredTime": end});
            let issued = Temporary::from_sts(answer, "STS").unwrap().unwrap();
            assert_eq!(issued.expires, Timestamp::from_secs(1_700_000_000));
            let mut document = keys;
            document["ExpiredTime"] = end;
            let body = document.to_string();
            let read = Temporary::from_document(body.as_bytes(), "metadata");
            assert_eq!(read.unwrap().unwrap().expires, issued.expires);
        }
    }
}
