//! Credentials that end: their shape on the wire and the seam to whoever issues them.

use std::time::Duration;

use super::{CredentialError, Credentials};
use crate::Timestamp;
use crate::envelope::Code;
use crate::secret::Secret;
use crate::transport::BoxFuture;

/// Credentials and when they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Temporary {
    pub credentials: Credentials,
    /// From this instant on the cloud refuses them.
    pub expires: Timestamp,
}

/// Issues temporary credentials, anew at each call.
pub(super) trait Fetch: Send + Sync {
    /// Asks for new ones.
    fn fetch(&self) -> BoxFuture<'_, Result<Temporary, CredentialError>>;

    /// Who issues them, for messages.
    fn place(&self) -> String;

    /// How long before their end credentials that live for `lifetime` are to be replaced: 300 s,
    /// as the vendor's SDKs do, or half of a life that is shorter than ten minutes.
    fn early(&self, lifetime: Duration) -> Duration {
        (lifetime / 2).min(Duration::from_secs(300))
    }
}

/// The keys as both the metadata and STS write them.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    tmp_secret_id: String,
    tmp_secret_key: Redactor,
    token: Redactor,
}

/// The role document of the metadata. `Expiration` says the same as `ExpiredTime`, as text.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(flatten)]
    keys: Wire,
    /// As codes are written: a number, or a number in a text.
    expired_time: Code,
}

/// What STS answers; the same keys, one level down.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    credentials: Wire,
    expired_time: Code,
}

/// A text that becomes a secret on the way in.
#[derive(serde::Deserialize)]
#[serde(from = "String")]
pub(super) struct Redactor(pub Secret);

// === impl Temporary ===

impl Temporary {
    /// From a role document of the metadata; `None` where it is none. The library's message would
    /// say more, but can quote a value.
    pub fn from_document(body: &[u8], place: &str) -> Option<Result<Self, CredentialError>> {
        let document: Document = serde_json::from_slice(body).ok()?;
        Some(Self::new(document.keys, document.expired_time, place))
    }

    /// From what stands in the `Response` of STS; `None` where the fields are not there.
    pub fn from_sts(
        answer: serde_json::Value,
        place: &str,
    ) -> Option<Result<Self, CredentialError>> {
        let answer: Answer = serde_json::from_value(answer).ok()?;
        Some(Self::new(answer.credentials, answer.expired_time, place))
    }

    fn new(keys: Wire, expired_time: Code, place: &str) -> Result<Self, CredentialError> {
        // Fixed keys may come without a token; these are refused without one.
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

// === impl Redactor ===

impl From<String> for Redactor {
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
