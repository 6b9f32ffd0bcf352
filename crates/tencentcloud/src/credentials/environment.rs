//! Credentials from environment variables.

use super::{CredentialError, Credentials, check};
use crate::secret::Secret;

/// Reads one environment variable.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The names that belong together.
struct Family {
    id: &'static str,
    key: &'static str,
    tokens: &'static [&'static str],
}

/// In this order. No official SDK reads a token variable; TENCENTCLOUD_TOKEN is the vendor's
/// command line tool's, TENCENTCLOUD_SESSION_TOKEN is common in third-party code. Names without
/// the inner underscore are what SCF sets inside a function.
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

/// The first family that is set, with the name of its id. A family that is set in part is an
/// error and not a reason to look further: the other places would hold another account's keys.
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

/// Every id name looked at, for the message when nothing is found.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.id)
}

// === impl Family ===

impl Family {
    fn read(&self, lookup: Lookup<'_>) -> Result<Option<Credentials>, CredentialError> {
        // A variable that is set but empty counts as set for this decision, as in the vendor's Go
        // SDK: somebody meant to set it. Only a token may be empty, which is no token.
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

    /// Nothing at all is no error; a part is. A name that is set, but empty, and alone is told
    /// apart from the `other` one that it also needs.
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
