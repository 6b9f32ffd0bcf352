//! Credentials of a source: by reference only, never written out in the file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::CredentialsConfig;
use super::key::{self, Key};
use super::reader::{Found, Reader, Section};
use crate::secret::Secret;

/// Largest file with a secret, in bytes; temporary session tokens are the longest, under 2 KB.
const MAX_SECRET: u64 = 16 * 1024;

/// Reads `credentials`. An absent or empty block means the chain of the usual places.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section) -> Option<CredentialsConfig> {
    let keys = [
        &key::SECRET_ID,
        &key::SECRET_KEY,
        &key::SECRET_KEY_FILE,
        &key::TOKEN,
        &key::TOKEN_FILE,
    ];
    if keys.iter().all(|key| section.get(key.name()).is_none()) {
        return Some(CredentialsConfig::Chain);
    }
    let secret_id = secret_id(reader, section);
    let secret_key = secret(reader, section, &key::SECRET_KEY, &key::SECRET_KEY_FILE);
    let token = secret(reader, section, &key::TOKEN, &key::TOKEN_FILE);
    let written = |key: &Key| section.get(key.name()).is_some();
    let has_key = written(&key::SECRET_KEY) || written(&key::SECRET_KEY_FILE);
    let has_token = written(&key::TOKEN) || written(&key::TOKEN_FILE);
    if !written(&key::SECRET_ID) || !has_key {
        let message = "is half a pair: write secret_id, and secret_key_file or secret_key, or no \
                       credentials at all to use the environment";
        reader.fault(section.at, &section.path, message);
    }
    let token = match token {
        None if has_token => return None,
        token => token.map(|found| found.value),
    };
    Some(CredentialsConfig::Explicit {
        secret_id: secret_id?.value,
        secret_key: secret_key?.value,
        token,
    })
}

/// The id may stand in the file: it names the key and does not sign anything.
fn secret_id(reader: &mut Reader<'_>, section: &Section) -> Option<Found<String>> {
    let text = reader.text(section, &key::SECRET_ID)?;
    let path = section.path_of(key::SECRET_ID.name());
    let value = if text.value.starts_with('$') {
        match from_environment(reader.env, &text.value) {
            Some(Ok(value)) => value,
            Some(Err(message)) => {
                reader.fault(text.at, path, message);
                return None;
            }
            None => text.value,
        }
    } else {
        text.value
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if value.is_empty() || value.len() > 200 || !value.chars().all(plain) {
        let message = "is no secret id: write the id as the console shows it, or ${NAME}";
        reader.fault(text.at, path, message);
        return None;
    }
    Some(Found { value, at: text.at })
}

/// A secret from `${NAME}` under one key or from a file under the other.
fn secret(
    reader: &mut Reader<'_>,
    section: &Section,
    key: &Key,
    file_key: &Key,
) -> Option<Found<Secret>> {
    let text = reader.text(section, key);
    let file = reader.text(section, file_key);
    if let (Some(text), Some(file)) = (&text, &file) {
        let message = format!(
            "stands beside {}: keep one of the two",
            if text.at < file.at { key } else { file_key }.name()
        );
        let later = if text.at < file.at { file_key } else { key };
        reader.fault(text.at.max(file.at), section.path_of(later.name()), message);
        return None;
    }
    let (found, key, value) = match (text, file) {
        (Some(text), _) => {
            let value = from_environment(reader.env, &text.value).unwrap_or_else(|| {
                Err(format!(
                    "must not be written in the file: write ${{NAME}} with the name of an \
                     environment variable, or use {}",
                    file_key.name()
                ))
            });
            (text, key, value)
        }
        (None, Some(file)) => {
            let value = from_file(&reader.base.join(&file.value));
            (file, file_key, value)
        }
        (None, None) => return None,
    };
    match value {
        Ok(value) => Some(Found {
            value: Secret::new(value),
            at: found.at,
        }),
        Err(message) => {
            reader.fault(found.at, section.path_of(key.name()), message);
            None
        }
    }
}

/// The value of `${NAME}`; `None` where the text is something else.
fn from_environment(
    env: &dyn Fn(&str) -> Option<String>,
    text: &str,
) -> Option<Result<String, String>> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if !starts_well || name.len() > 200 || !name.chars().all(letter) {
        return None;
    }
    Some(match env(name) {
        None => Err(format!(
            "names the environment variable {name}, which is not set: set it, or name another"
        )),
        Some(value) if value.trim().is_empty() => Err(format!(
            "names the environment variable {name}, which is empty: set it, or name another"
        )),
        Some(value) => Ok(value),
    })
}

/// Reads a secret file, without the line end that editors and `echo` add. Only ordinary files:
/// a pipe would make the start wait for its other end.
fn from_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        format!("names {shown}, which cannot be read ({error}): check path and permissions")
    };
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("names {shown}, which is no ordinary file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(format!("names {shown}, which is larger than 16 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("names {shown}, which is no text"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(format!(
            "names {shown}, which is empty: put the secret there"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("k".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn references_to_the_environment() {
        assert_eq!(from_environment(&env, "${KEY}"), Some(Ok("k".to_owned())));
        assert!(matches!(from_environment(&env, "${EMPTY}"), Some(Err(_))));
        assert!(matches!(from_environment(&env, "${OTHER}"), Some(Err(_))));
        for literal in ["KEY", "$KEY", "${KEY", "${}", "${A-B}", "x${KEY}", "${1A}"] {
            assert_eq!(from_environment(&env, literal), None, "{literal}");
        }
    }

    #[test]
    fn secret_files_lose_only_their_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, " a b \r\n\n").unwrap();
        assert_eq!(from_file(&path).unwrap(), " a b ");
        fs::write(&path, "\n").unwrap();
        assert!(from_file(&path).unwrap_err().contains("is empty"));
        fs::write(&path, vec![b'x'; 16 * 1024]).unwrap();
        assert!(from_file(&path).is_ok());
        fs::write(&path, vec![b'x'; 16 * 1024 + 1]).unwrap();
        assert!(from_file(&path).unwrap_err().contains("larger"));
        fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert!(from_file(&path).unwrap_err().contains("no text"));
        let error = from_file(dir.path()).unwrap_err();
        assert!(error.contains("no ordinary file"), "{error}");
        assert!(from_file(&dir.path().join("no")).is_err());
    }
}
