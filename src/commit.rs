//! The one owner of ledger and series: prepares a change, makes it durable, then publishes it.
//!
//! A change is prepared from the books without touching them (`books`, pure). Only when the
//! store has it on disk are the books changed and a new snapshot published; a refused change
//! leaves everything as it was. What waits while the disk is busy is taken together into the next
//! change.

mod books;
mod condition;
mod owner;
mod writer;
mod zero_first;

pub use books::{Books, Correction, Minute, PageOutcome, Prepared, Rules};
pub use condition::Condition;
pub use owner::{Committer, Published};
pub use writer::{Answer, Asked, Known, Refused, Terms, Writer, answer};
pub use zero_first::ZeroFirst;
