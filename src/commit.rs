//! The one owner of ledger and series: prepares a change, makes it durable, then publishes it.
//!
//! A change is prepared from the ledger without touching it (`ledger_state`, pure). Only when the
//! store has it on disk is the ledger changed and a new snapshot published; a refused change
//! leaves everything as it was. What waits while the disk is busy is taken together into the next
//! change.

mod answers;
mod condition;
mod ledger_state;
mod owner;
mod writer;
mod zero_first;

pub use condition::Condition;
pub use ledger_state::{
    BatchOutcome, Correction, Delta, LedgerState, Minute, PageOutcome, Rules, StartFrom,
};
pub use owner::{Committer, Published};
pub use writer::{Answer, Asked, Known, Refused, Terms, Writer, answer};
pub use zero_first::ZeroFirst;
