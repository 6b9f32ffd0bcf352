//! What is wrong with a configuration, and where.

use std::fmt;

/// Diagnostics shown at once; a longer list helps nobody.
const SHOWN: usize = 50;

/// Where a value was written. The order of the variants is the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration file; both numbers start at 1, columns count characters.
    File {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// On the command line or in the environment; the path names it.
    Flag,
    /// Nowhere: a default, or something that is missing as a whole.
    Nowhere,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where to look.
    pub place: Place,
    /// The key, such as `poll.interval` or `sources[0].region`, or the flag; empty for the file as a
    /// whole.
    pub path: String,
    /// What is wrong and what to do. Never holds a secret.
    pub message: String,
}

/// Everything that is wrong with a configuration, sorted by place; never empty.
///
/// Displays as one fault a line: `file:line:column: key.path: what is wrong, what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    list: Vec<Diagnostic>,
}

// === impl Place ===

impl Place {
    /// Whether somebody wrote the value, as opposed to a default.
    pub fn is_written(self) -> bool {
        self != Self::Nowhere
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    /// Something that is wrong.
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
    /// Sorts `list` by place; `file` is the name shown before positions in the file.
    pub fn new(file: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|a, b| (a.place, &a.path).cmp(&(b.place, &b.path)));
        Self {
            file: file.to_owned(),
            list,
        }
    }

    /// These and more.
    pub fn and(mut self, more: Vec<Diagnostic>) -> Self {
        self.list.extend(more);
        Self::new(&self.file, self.list)
    }

    /// The report, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }

    /// The faults, sorted by place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, fault: &Diagnostic) -> fmt::Result {
        match fault.place {
            Place::File { line, column } => write!(f, "{}:{line}:{column}: ", self.file)?,
            Place::Flag | Place::Nowhere => {}
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

/// A text from outside, made short and printable for a message.
pub fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!("`{}`", shown.escape_debug())
}

/// [`quote`], as a part of a key's path.
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
