//! Parameters of an action, by name and type.

use serde_json::Value;

use crate::problem::Problem;

/// The fields of a JSON object. Like the vendor's gateway, it rejects values of a wrong type; null
/// and the empty text count as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Value);

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Rejects every field that is not among `known`.
    pub(crate) fn only(self, known: &[&str]) -> Result<(), Problem> {
        let names = self.0.as_object().into_iter().flat_map(|map| map.keys());
        for name in names {
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(60).collect();
                let text = format!("parameter `{name}` is not known");
                return Err(Problem::new("UnknownParameter", text));
            }
        }
        Ok(())
    }

    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = value.as_str().ok_or_else(|| Problem::invalid(name))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(crate) fn required(self, name: &str) -> Result<&'a str, Problem> {
        self.text(name)?.ok_or_else(|| Problem::missing(name))
    }

    /// Returns a non-negative integer.
    pub(crate) fn number(self, name: &str, code: &'static str) -> Result<Option<u64>, Problem> {
        self.get(name)
            .map(|value| value.as_u64().ok_or_else(|| Problem::wrong(name, code)))
            .transpose()
    }
}
