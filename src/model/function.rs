//! Which function an invocation belongs to.

use std::fmt;
use std::sync::Arc;

/// A function as the cloud addresses it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId {
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// SCF namespace; `default` where the API has none.
    pub namespace: Arc<str>,
    /// Function name.
    pub name: Arc<str>,
}

impl FunctionId {
    /// Takes the three parts as they are written by the cloud.
    pub fn new(region: &str, namespace: &str, name: &str) -> Self {
        Self {
            region: region.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Takes region and namespace from another function where they are equal: one text in memory
    /// for many functions, which is also near at hand when all of them are written out.
    pub fn share(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.region, &other.region),
            (&mut self.namespace, &other.namespace),
        ] {
            if own == other {
                own.clone_from(other);
            }
        }
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.region, self.namespace, self.name)
    }
}
