//! The only owner of ledger and series: prepares a change, persists it, then publishes it.
//!
//! Workers send requests through a [`CommitHandle`] to the [`Committer`]. It prepares a [`Delta`]
//! from the [`LedgerState`] without touching it (pure). Only when the store has the delta on disk
//! is it applied to the ledger and a new snapshot published; a failed commit leaves everything as
//! it was. Requests that wait while the disk is busy go into the next delta together.

mod answers;
mod handle;
mod ledger_state;
mod owner;
mod store_health;
mod zero_first;

pub use answers::{CommitFailed, PendingReply, answer};
pub use handle::{CommitConfig, CommitHandle};
pub use ledger_state::{
    BatchOutcome, Correction, Delta, LedgerState, ListRequest, ListedFunctions, Minute,
    PageOutcome, Rules, StartFrom,
};
pub use owner::{Committer, Published};
pub use store_health::StoreHealth;
pub use zero_first::ZeroFirst;
