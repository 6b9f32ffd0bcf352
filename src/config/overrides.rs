//! Values of flags and environment variables, before they are checked.

use std::collections::BTreeMap;

/// Values of flags and their environment variables as they were written, by the path of their key.
/// They are checked together with the file, so that all faults are in one report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<&'static str, Vec<String>>);

// === impl Overrides ===

impl Overrides {
    /// Sets the values of `key`, unless there are none.
    #[must_use]
    pub fn with(mut self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.0.insert(key, values);
        }
        self
    }

    /// Sets the values of `key`, unless there are none or it has some.
    #[must_use]
    pub fn or(self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        match self.0.contains_key(key) {
            true => self,
            false => self.with(key, values),
        }
    }

    /// Returns the values of `key`.
    pub fn get(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Returns the keys that have values.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}
