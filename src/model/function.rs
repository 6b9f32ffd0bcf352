//! Functions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Bytes;

/// The id of a function. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId {
    /// The account's name in the configuration; empty where only one is read.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// SCF namespace; `default` where the API has none.
    pub namespace: Arc<str>,
    /// Function name.
    pub name: Arc<str>,
}

/// The configuration of a function, as the cloud lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionConfig {
    /// Memory configured.
    pub memory_limit: Bytes,
    /// Longest run time.
    pub timeout: Duration,
    /// Runtime, such as `Nodejs18.15`; empty where it is not known.
    pub runtime: String,
}

impl FunctionId {
    /// A function of the account without a name.
    pub fn new(region: &str, namespace: &str, name: &str) -> Self {
        Self {
            account: "".into(),
            region: region.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The same function of a named account.
    pub fn of_account(self, account: &str) -> Self {
        Self {
            account: account.into(),
            ..self
        }
    }

    /// Shares the texts of account, region and namespace with another function where they are
    /// equal, which saves memory and is faster to render.
    pub fn share(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.account, &other.account),
            (&mut self.region, &other.region),
            (&mut self.namespace, &other.namespace),
        ] {
            if own == other {
                own.clone_from(other);
            }
        }
    }
}

/// `region/namespace/name`, with `account@` before it where the account has a name.
impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.account.is_empty() {
            write!(f, "{}@", self.account)?;
        }
        write!(f, "{}/{}/{}", self.region, self.namespace, self.name)
    }
}
