//! Sources that were never read with success, for the status page and the probe.

/// A source that was never read with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its name.
    pub source: String,
    /// What it waits for.
    pub why: Awaited,
}

/// What a source waits for before it is read with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its functions are not known yet.
    Functions,
    /// Its functions cannot be listed.
    Listing,
    /// None of its targets was read yet.
    FirstRead,
    /// Every read of its targets has failed.
    Success,
}

impl Awaited {
    /// Says what the source waits for.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Functions => "its functions are not known yet",
            Self::Listing => "its functions cannot be listed; the status page says why",
            Self::FirstRead => "none of its targets was read yet",
            Self::Success => "every read of its targets has failed; the status page says why",
        }
    }
}
