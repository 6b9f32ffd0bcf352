//! Reads the credentials of a source, which the file may only refer to.

use std::path::PathBuf;

use exporter_toolkit::Found;

use super::keys::CredentialKeys;
use super::scope::{Scope, variable_in};
use super::table::Block;
use super::{CredentialsConfig, KeyFiles};
use tencentcloud::secret::{Secret, fault_of};

/// A value and the file that holds it.
struct Read {
    value: Secret,
    file: Option<PathBuf>,
}

/// A part of the credentials: a text under `key`, or the content of the file under `file_key`.
struct Part<'p> {
    key: &'static str,
    file_key: &'static str,
    /// Returns what is wrong with a value.
    fault: fn(&str) -> Option<&'static str>,
    env: &'p dyn Fn(&str) -> Option<String>,
}

/// Reads `credentials`. An absent or empty block selects the chain of the usual places.
pub(super) fn read(
    scope: &mut Scope<'_, '_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<(CredentialsConfig, KeyFiles)> {
    let keys = CredentialKeys::read(scope)?;
    if scope.has_none_of(CredentialKeys::KEYS) {
        return Some((CredentialsConfig::Chain, KeyFiles::default()));
    }
    let part = |key, file_key, fault| Part {
        key,
        file_key,
        fault,
        env,
    };
    let id = part("secret_id", "secret_id_file", id);
    let secret_key = part("secret_key", "secret_key_file", fault_of);
    let token = part("token", "token_file", fault_of);
    let has = |part: &Part<'_>| {
        let names = [part.key, part.file_key];
        names.iter().any(|name| scope.section.get(name).is_some())
    };
    let (has_pair, has_token) = (has(&id) && has(&secret_key), has(&token));
    let id = id.read(scope, keys.secret_id, keys.secret_id_file);
    let secret_key = secret_key.read(scope, keys.secret_key, keys.secret_key_file);
    let token = token.read(scope, keys.token, keys.token_file);
    if !has_pair {
        let message = "is half a pair: write secret_id, and secret_key_file or secret_key, or no \
                       credentials at all to use the environment";
        scope.reader.fault(&scope.section.of_block(""), message);
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

/// Returns what is wrong with an id. This is stricter than for other secrets: an id may stand in the
/// file, so that anything may have been pasted there.
fn id(value: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = !value.is_empty() && value.len() <= 200 && value.chars().all(plain);
    (!good).then_some("is no secret id: write the id as the console shows it, or ${NAME}")
}

// === impl Part ===

impl Part<'_> {
    /// Reads the value from `${NAME}` or a file. An id may stand in the configuration itself, since it
    /// does not sign anything.
    fn read(
        &self,
        scope: &mut Scope<'_, '_>,
        text: Option<Found<String>>,
        file: Option<Found<String>>,
    ) -> Option<Read> {
        if let (Some(text), Some(file)) = (&text, &file) {
            let (first, later) = match text.at < file.at {
                true => (self.key, file),
                false => (self.file_key, text),
            };
            let message = format!("stands beside {first}: keep one of the two");
            scope.reader.fault(later, message);
            return None;
        }
        if let Some(file) = file {
            let path = scope.reader.file(&file.value);
            let read = scope.reader.parsed(&file, |_| from_file(path, self.fault));
            return read.map(|read| read.value);
        }
        let read = scope.reader.parsed(&text?, |text| self.read_text(text));
        read.map(|read| read.value)
    }

    fn read_text(&self, text: &str) -> Result<Read, String> {
        let is_id = self.key == "secret_id";
        let value = match from_environment(self.env, text) {
            Some(value) => {
                let value = value?;
                if let Some(fault) = (self.fault)(&value) {
                    return Err(format!(
                        "names the environment variable {}, whose value {fault}{}",
                        text.trim_matches(['$', '{', '}']),
                        if is_id { "" } else { ": set it again" },
                    ));
                }
                value
            }
            None if is_id => match (self.fault)(text) {
                Some(fault) => return Err(fault.to_owned()),
                None => text.to_owned(),
            },
            None => {
                return Err(format!(
                    "must not be written in the file: write ${{NAME}} with the name of an \
                     environment variable, or use {}",
                    self.file_key
                ));
            }
        };
        Ok(Read {
            value: Secret::new(value),
            file: None,
        })
    }
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

/// Returns the value of `${NAME}`, or `None` where the text is something else.
fn from_environment(
    env: &dyn Fn(&str) -> Option<String>,
    text: &str,
) -> Option<Result<String, String>> {
    let whole = variable_in(text).filter(|found| *found == text && text.len() <= 200)?;
    let name = whole.trim_matches(['$', '{', '}']);
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
