//! Reads credentials from environment variables.

use super::{CredentialError, Credentials, check};
use crate::secret::Secret;

/// Reads one environment variable.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Variables that belong together.
struct Family {
    id: &'static str,
    key: &'static str,
    tokens: &'static [&'static str],
}

/// Searched in this order. No official SDK reads a token variable: TENCENTCLOUD_TOKEN is used by
/// the vendor's command line tool, TENCENTCLOUD_SESSION_TOKEN by third-party code. SCF sets the
/// names without the inner underscore inside a function.
const FAMILIES: &[Family] = &[
    Family {
        id: "TENCENTCLOUD_SECRET_ID",
        key: "TENCENTCLOUD_SECRET_KEY",
        tokens: &["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN"],
    },
    Family {
        id: "TENCENTCLOUD_SECRETID",
        key: "TENCENTCLOUD_SECRETKEY",
        tokens: &["TENCENTCLOUD_SESSIONTOKEN"],
    },
    Family {
        id: "TENCENT_SECRET_ID",
        key: "TENCENT_SECRET_KEY",
        tokens: &["TENCENT_TOKEN"],
    },
];

/// Returns the credentials of the first family that is set, and the name of its id variable. A
/// family that is set only in part is an error, because the sources after it may belong to another
/// account.
pub(super) fn read(
    lookup: Lookup<'_>,
) -> Result<Option<(Credentials, &'static str)>, CredentialError> {
    for family in FAMILIES {
        if let Some(found) = family.read(lookup)? {
            return Ok(Some((found, family.id)));
        }
    }
    Ok(None)
}

/// Returns the names of all id variables, for the error message when nothing is found.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.id)
}

// === impl Family ===

impl Family {
    fn read(&self, lookup: Lookup<'_>) -> Result<Option<Credentials>, CredentialError> {
        // An empty variable counts as set, as in the vendor's Go SDK, because somebody meant to set
        // it. Only the token may be empty and then counts as absent.
        let id = lookup(self.id);
        let key = lookup(self.key).map(Secret::new);
        let token = self.token(lookup);
        let set = [
            id.as_ref().map(|_| self.id),
            key.as_ref().map(|_| self.key),
            token.as_ref().map(|(name, _)| *name),
        ];
        let id = id.filter(|id| !id.is_empty());
        let key = key.filter(|key| !key.is_empty());
        match (id, key) {
            (Some(id), Some(key)) => {
                check("secret key", key.expose(), self.key)?;
                if let Some((name, token)) = &token {
                    check("token", token.expose(), name)?;
                }
                Credentials::new(id, key, token.map(|(_, token)| token), self.id).map(Some)
            }
            (None, _) => self.half(&set, self.id, self.key),
            (_, None) => self.half(&set, self.key, self.id),
        }
    }

    /// Returns an error unless none of the variables is set. A variable that is set but empty,
    /// while the `other` one is missing, has its own message.
    fn half(
        &self,
        set: &[Option<&'static str>],
        missing: &'static str,
        other: &'static str,
    ) -> Result<Option<Credentials>, CredentialError> {
        let names = || set.iter().flatten().copied();
        match names().find(|name| *name != missing) {
            Some(set) => Err(CredentialError::Half { set, missing }),
            None => match names().next() {
                Some(set) => Err(CredentialError::Half {
                    set,
                    missing: other,
                }),
                None => Ok(None),
            },
        }
    }

    fn token(&self, lookup: Lookup<'_>) -> Option<(&'static str, Secret)> {
        self.tokens.iter().find_map(|name| {
            let value = lookup(name).filter(|value| !value.is_empty())?;
            Some((*name, Secret::new(value)))
        })
    }
}
