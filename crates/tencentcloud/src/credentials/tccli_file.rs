//! The credentials file of the vendor's command line tool: `~/.tccli/<profile>.credential`, JSON.

use std::path::Path;

use super::temporary::SecretText;
use super::{CredentialError, Credentials};

/// The fields that are used. Newer versions of the tool write others too.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    secret_id: String,
    secret_key: SecretText,
    #[serde(default)]
    token: Option<SecretText>,
}

/// The default profile.
pub(super) const DEFAULT_PROFILE: &str = "default";

/// Returns the file name of a profile. The name is validated, because it comes from the environment
/// and becomes a part of a path.
pub(super) fn file_name(profile: &str) -> Result<String, CredentialError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if profile.is_empty() || profile.len() > 100 || !profile.bytes().all(plain) {
        return Err(CredentialError::BadProfile);
    }
    Ok(format!("{profile}.credential"))
}

/// Parses the text of the file at `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Credentials, CredentialError> {
    // The parser's message is not included, because it can quote a value.
    let stored: Stored = serde_json::from_str(text).map_err(|e| CredentialError::BadFile {
        path: path.to_owned(),
        fault: format!(
            "is not JSON with the texts secretId and secretKey (line {}, column {})",
            e.line(),
            e.column()
        ),
    })?;
    Credentials::new(
        stored.secret_id,
        stored.secret_key.0,
        stored.token.map(|token| token.0),
        &path.display().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_key_and_token_are_read() {
        let text = r#"{"secretId":"AKIDx","secretKey":"k","token":"t","expiresAt":1}"#;
        let found = parse(text, Path::new("/f")).unwrap();
        assert_eq!(found.secret_id, "AKIDx");
        assert_eq!(found.secret_key.expose(), "k");
        assert_eq!(found.token.unwrap().expose(), "t");
        let without = r#"{"secretId":"AKIDx","secretKey":"k","token":null}"#;
        assert_eq!(parse(without, Path::new("/f")).unwrap().token, None);
    }

    #[test]
    fn faults_quote_nothing() {
        for text in ["", "hunter2", r#"{"secretId":"a","secretKey":["hunter2"]}"#] {
            let fault = parse(text, Path::new("/f")).unwrap_err().to_string();
            assert!(
                fault.starts_with("the credentials file /f is not JSON"),
                "{fault}"
            );
            assert!(!fault.contains("hunter2"));
        }
    }

    #[test]
    fn a_profile_cannot_leave_the_directory() {
        assert_eq!(file_name("work-1").unwrap(), "work-1.credential");
        for profile in ["", "../x", "a/b", "a b", "\0"] {
            assert_eq!(file_name(profile), Err(CredentialError::BadProfile));
        }
    }
}
