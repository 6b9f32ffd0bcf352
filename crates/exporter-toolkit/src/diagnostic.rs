//! Errors in a configuration, with their positions.

use std::fmt;

/// Maximum number of diagnostics in a report; a longer list does not help.
const SHOWN: usize = 50;

/// Position of a value. The order of the variants is the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration file. Line and column start at 1; columns count characters.
    File {
        /// Line number.
        line: usize,
        /// Column number.
        column: usize,
    },
    /// On the command line or in the environment. The path contains the name.
    Flag,
    /// Nowhere: a default, or something that is missing altogether.
    Nowhere,
}

/// One error in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Position of the value.
    pub place: Place,
    /// The key, such as `poll.interval` or `sources[0].region`, or the flag; empty for the file as
    /// a whole.
    pub path: String,
    /// What is wrong and what to do. Never contains a secret.
    pub message: String,
}

/// All errors in a configuration, sorted by position; never empty.
///
/// Displayed as one line each: `file:line:column: key.path: what is wrong, what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    list: Vec<Diagnostic>,
}

// === impl Place ===

impl Place {
    /// Returns whether the value was written somewhere, so it is not a default.
    pub fn is_written(self) -> bool {
        self != Self::Nowhere
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    /// Creates a diagnostic.
    pub fn new(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place,
            path: path.into(),
            message: message.into(),
        }
    }
}

// === impl Diagnostics ===

impl Diagnostics {
    /// Sorts `list` by position. `file` is the name that is shown before positions in the file.
    pub fn new(file: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|a, b| (a.place, &a.path).cmp(&(b.place, &b.path)));
        Self {
            file: file.to_owned(),
            list,
        }
    }

    /// Adds `more` diagnostics.
    pub fn and(mut self, more: Vec<Diagnostic>) -> Self {
        self.list.extend(more);
        Self::new(&self.file, self.list)
    }

    /// Returns the report as lines.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }

    /// Iterates over the diagnostics in order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, fault: &Diagnostic) -> fmt::Result {
        if let Place::File { line, column } = fault.place {
            write!(f, "{}:{line}:{column}: ", self.file)?;
        }
        if !fault.path.is_empty() {
            write!(f, "{}: ", fault.path)?;
        }
        f.write_str(&fault.message)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            self.write(f, fault)?;
        }
        match self.list.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            hidden => write!(f, "\nand {hidden} more"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// Quotes a text from outside; shortens it and makes it printable.
pub fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!("`{}`", shown.escape_debug())
}

/// Like [`quote`], but for a part of a key's path.
pub fn quote_key(name: &str) -> String {
    quote(name).trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_sorted_and_one_a_line() {
        let at = |line, column| Place::File { line, column };
        let faults = Diagnostics::new(
            "c.yaml",
            vec![
                Diagnostic::new(Place::Nowhere, "sources", "none"),
                Diagnostic::new(Place::Flag, "--poll.interval (X_POLL_INTERVAL)", "bad"),
                Diagnostic::new(at(10, 1), "b", "second"),
                Diagnostic::new(at(2, 9), "a", "first"),
            ],
        );
        assert_eq!(
            faults.to_string(),
            "c.yaml:2:9: a: first\nc.yaml:10:1: b: second\n\
             --poll.interval (X_POLL_INTERVAL): bad\nsources: none"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let fault = Diagnostic::new(Place::Nowhere, "", "x");
        let shown = Diagnostics::new("c", vec![fault; SHOWN + 7]).to_string();
        assert_eq!(shown.lines().count(), SHOWN + 1);
        assert!(shown.ends_with("and 7 more"));
    }

    #[test]
    fn quotes_are_short_and_printable() {
        assert_eq!(quote("a\nb"), "`a\\nb`");
        assert_eq!(quote(&"x".repeat(61)), format!("`{}...`", "x".repeat(60)));
    }
}
