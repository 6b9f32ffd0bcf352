//! Decides which functions a source reads.

use super::FunctionFilter;
use crate::model::FunctionId;

/// The functions that a source reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionSelector {
    /// The account's name in the configuration, or an empty text.
    pub account: String,
    /// Region, such as `ap-guangzhou`.
    pub region: String,
    /// The filter of namespaces.
    pub namespaces: FunctionFilter,
    /// The filter of functions in these namespaces.
    pub functions: FunctionFilter,
}

impl FunctionSelector {
    /// Returns whether a function of the source's account and region is read.
    pub fn wants(&self, namespace: &str, name: &str) -> bool {
        self.namespaces.wants(namespace) && self.functions.wants(name)
    }

    /// Returns whether a function of any account and region is read.
    pub fn selects(&self, function: &FunctionId) -> bool {
        let is_here = self.account == *function.account && self.region == *function.region;
        is_here && self.wants(&function.namespace, &function.name)
    }
}
