//! Which functions a source reads: decided here and nowhere else.

use super::FunctionFilter;
use crate::model::FunctionId;

/// The functions that a source reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionSelector {
    /// The account's name in the configuration, or nothing.
    pub account: String,
    /// Region, such as `ap-guangzhou`.
    pub region: String,
    /// Of the namespaces.
    pub namespaces: FunctionFilter,
    /// Of the functions in them.
    pub functions: FunctionFilter,
}

impl FunctionSelector {
    /// Whether a function of the source's account and region is read.
    pub fn wants(&self, namespace: &str, name: &str) -> bool {
        self.namespaces.wants(namespace) && self.functions.wants(name)
    }

    /// Whether a function of any account and region is read.
    pub fn selects(&self, function: &FunctionId) -> bool {
        let is_here = self.account == *function.account && self.region == *function.region;
        is_here && self.wants(&function.namespace, &function.name)
    }
}
