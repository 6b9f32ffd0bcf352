//! The credentials file of the vendor's SDKs: an INI file with `secret_id` and `secret_key` in the
//! section `[default]`. It has no token.

use std::path::Path;

use super::{CredentialError, Credentials};
use crate::secret::Secret;

/// Parses the text of the file at `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Credentials, CredentialError> {
    let value = |name: &str| {
        default_value(text, name).ok_or_else(|| CredentialError::BadFile {
            path: path.to_owned(),
            fault: format!("has no {name} in its [default] section"),
        })
    };
    let id = value("secret_id")?.to_owned();
    let key = Secret::new(value("secret_key")?);
    Credentials::new(id, key, None, &path.display().to_string())
}

/// Returns the last value of a name in `[default]`. Both `name = value` and `name: value` are
/// accepted, as by Python's parser. Comments are whole lines.
fn default_value<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let mut inside = false;
    let mut found = None;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').trim() == "default";
        } else if inside && !line.starts_with(['#', ';']) {
            let pair = line.split_once(['=', ':']);
            if let Some((name, value)) = pair
                && name.trim().eq_ignore_ascii_case(wanted)
            {
                found = Some(value.trim());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Credentials, String> {
        parse(text, Path::new("/f")).map_err(|e| e.to_string())
    }

    #[test]
    fn the_default_section_counts() {
        let text = "\u{feff}# mine\n[other]\nsecret_id = no\n[default]\r\n; key\n\
                    secret_id = AKIDone\nsecret_key: k=e:y\nrole_arn = x\n[z]\nsecret_key=no\n";
        let found = read_text(text).unwrap();
        assert_eq!(found.secret_id, "AKIDone");
        assert_eq!(found.secret_key.expose(), "k=e:y");
        assert_eq!(found.token, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let lacks =
            |name: &str| format!("the credentials file /f has no {name} in its [default] section");
        let empty = "the secret key from /f is empty; copy it again".to_owned();
        for (text, fault) in [
            ("", lacks("secret_id")),
            ("secret_id=a\nsecret_key=b", lacks("secret_id")),
            ("[default]\nsecret_id=a", lacks("secret_key")),
            ("[default]\nsecret_id=a\nsecret_key=", empty),
        ] {
            assert_eq!(read_text(text).unwrap_err(), fault);
        }
    }
}
