//! Credentials of a source: by reference only, never written out in the file.

use std::path::PathBuf;

use super::key::{self, Key};
use super::reader::{Reader, Section};
use super::{CredentialsConfig, KeyFiles};
use crate::secret::{Secret, fault_of};

/// A value, and the file that it stands in.
struct Read {
    value: Secret,
    file: Option<PathBuf>,
}

/// Reads `credentials`. An absent or empty block means the chain of the usual places.
pub(super) fn read(
    reader: &mut Reader<'_>,
    section: &Section,
) -> Option<(CredentialsConfig, KeyFiles)> {
    let keys = [
        &key::SECRET_ID,
        &key::SECRET_ID_FILE,
        &key::SECRET_KEY,
        &key::SECRET_KEY_FILE,
        &key::TOKEN,
        &key::TOKEN_FILE,
    ];
    if keys.iter().all(|key| section.get(key.name()).is_none()) {
        return Some((CredentialsConfig::Chain, KeyFiles::default()));
    }
    let id = secret(reader, section, &key::SECRET_ID, &key::SECRET_ID_FILE, id);
    let (key, file) = (&key::SECRET_KEY, &key::SECRET_KEY_FILE);
    let secret_key = secret(reader, section, key, file, key_or_token);
    let (key, file) = (&key::TOKEN, &key::TOKEN_FILE);
    let token = secret(reader, section, key, file, key_or_token);
    let written = |key: &Key| section.get(key.name()).is_some();
    let has_id = written(&key::SECRET_ID) || written(&key::SECRET_ID_FILE);
    let has_key = written(&key::SECRET_KEY) || written(&key::SECRET_KEY_FILE);
    let has_token = written(&key::TOKEN) || written(&key::TOKEN_FILE);
    if !has_id || !has_key {
        let message = "is half a pair: write secret_id, and secret_key_file or secret_key, or no \
                       credentials at all to use the environment";
        reader.fault(section.at, &section.path, message);
    }
    if has_token && token.is_none() {
        return None;
    }
    let (id, secret_key) = (id?, secret_key?);
    let (token, token_file) = token.map_or((None, None), |read| (Some(read.value), read.file));
    let files = KeyFiles {
        secret_id: id.file,
        secret_key: secret_key.file,
        token: token_file,
    };
    let credentials = CredentialsConfig::Explicit {
        secret_id: id.value.expose().to_owned(),
        secret_key: secret_key.value,
        token,
    };
    Some((credentials, files))
}

/// What is wrong with an id, which is stricter than the rule for any secret: it may be written out,
/// so that anything may have been pasted there.
fn id(value: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = !value.is_empty() && value.len() <= 200 && value.chars().all(plain);
    (!good).then_some("is no secret id: write the id as the console shows it, or ${NAME}")
}

fn key_or_token(value: &str) -> Option<&'static str> {
    fault_of(value)
}

/// A value from `${NAME}` under one key or from a file under the other. An id may stand there
/// itself: it names the key and does not sign anything.
fn secret(
    reader: &mut Reader<'_>,
    section: &Section,
    key: &Key,
    file_key: &Key,
    fault: impl Fn(&str) -> Option<&'static str>,
) -> Option<Read> {
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
    let (found, key, read) = match (text, file) {
        (Some(text), _) => {
            let read = from_text(reader, &text.value, key, file_key, fault);
            (text, key, read)
        }
        (None, Some(file)) => {
            let read = from_file(reader.base.join(&file.value), fault);
            (file, file_key, read)
        }
        (None, None) => return None,
    };
    read.map_err(|message| reader.fault(found.at, section.path_of(key.name()), message))
        .ok()
}

fn from_text(
    reader: &Reader<'_>,
    text: &str,
    key: &Key,
    file_key: &Key,
    fault: impl Fn(&str) -> Option<&'static str>,
) -> Result<Read, String> {
    let is_id = *key == key::SECRET_ID;
    let value = match from_environment(reader.env, text) {
        Some(value) => {
            let value = value?;
            if let Some(fault) = fault(&value) {
                return Err(format!(
                    "names the environment variable {}, whose value {fault}{}",
                    text.trim_matches(['$', '{', '}']),
                    if is_id { "" } else { ": set it again" },
                ));
            }
            value
        }
        None if is_id => match fault(text) {
            Some(fault) => return Err(fault.to_owned()),
            None => text.to_owned(),
        },
        None => {
            return Err(format!(
                "must not be written in the file: write ${{NAME}} with the name of an \
                 environment variable, or use {}",
                file_key.name()
            ));
        }
    };
    Ok(Read {
        value: Secret::new(value),
        file: None,
    })
}

fn from_file(path: PathBuf, fault: impl Fn(&str) -> Option<&'static str>) -> Result<Read, String> {
    let shown = path.display();
    let value =
        Secret::read_file(&path).map_err(|reason| format!("names {shown}, which {reason}"))?;
    if let Some(fault) = fault(value.expose()) {
        return Err(format!("names {shown}, whose content {fault}"));
    }
    Ok(Read {
        value,
        file: Some(path),
    })
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
}
