//! A source that was never read with success, and what it waits for: for people.

/// A source that was never read with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its name.
    pub source: String,
    /// What it waits for.
    pub why: Awaited,
}

/// What a source waits for before it has once been read with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its functions are not known yet.
    Functions,
    /// They cannot be listed.
    Listing,
    /// None of its targets was read yet.
    FirstRead,
    /// Every read of its targets has failed.
    Success,
}

impl Awaited {
    /// In words, of the source.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Functions => "its functions are not known yet",
            Self::Listing => "its functions cannot be listed; the status page says why",
            Self::FirstRead => "none of its targets was read yet",
            Self::Success => "every read of its targets has failed; the status page says why",
        }
    }
}
