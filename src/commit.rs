//! The one owner of ledger and series: prepares a change, makes it durable, then publishes it.
//!
//! A change is prepared from the ledger without touching it (`ledger_state`, pure). Only when the
//! store has it on disk is the ledger changed and a new snapshot published; a refused change
//! leaves everything as it was. What waits while the disk is busy is taken together into the next
//! change.

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
