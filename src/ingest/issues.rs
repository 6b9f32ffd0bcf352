//! What a person should know of a list of functions although it could be read.

/// Texts kept at the most: a slip in a long list of names is told by its first ones.
const TEXTS_MAX: usize = 20;

/// What the last whole list says of the configuration and of the rights of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscoveryIssues {
    /// How many names, patterns and topics of the configuration fit nothing that there is.
    pub unmatched: usize,
    /// Each says what is missing, what that means, and what to do. Texts that mean the same are
    /// the same.
    pub texts: Vec<String>,
}

impl DiscoveryIssues {
    /// Something is missing.
    pub(super) fn add(&mut self, text: String) {
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(text);
        }
    }

    /// Something of the configuration fits nothing.
    pub(super) fn add_unmatched(&mut self, text: String) {
        self.unmatched += 1;
        self.add(text);
    }
}
