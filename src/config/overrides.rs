//! What flags and environment variables say, before it is judged.

use std::collections::BTreeMap;

/// Values from flags and their environment variables, by the path of their key, as they were written.
/// They are judged together with the file, so that all faults come in one report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<&'static str, Vec<String>>);

// === impl Overrides ===

impl Overrides {
    /// Gives `key` these values, where there are any.
    #[must_use]
    pub fn with(mut self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.0.insert(key, values);
        }
        self
    }

    /// Gives `key` these values, where there are any and it has none.
    #[must_use]
    pub fn or(self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        match self.0.contains_key(key) {
            true => self,
            false => self.with(key, values),
        }
    }

    /// Returns the values of `key`; none where nothing was said.
    pub fn get(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Returns the keys about which something was said.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}
