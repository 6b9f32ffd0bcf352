//! What has been counted: invocation keys by function, checkpoints by target, and the rules by
//! which a read of pages is complete. Pure: (state, input) in, value out.
//!
//! Keys belong to the function, not to the target: a function may be read by its own target today
//! and by that of its region tomorrow, and is still the same function.

mod chain;
mod checkpoints;
mod dedup;
mod lateness;
mod lists;
mod pages;
mod search;
mod targets;
mod window;

pub use chain::{ChainAsk, ChainMark, ChainPage, ChainPlace, ChainRead};
pub use checkpoints::{Checkpoint, Checkpoints, Opening, RETENTION};
pub use dedup::{Bounds, DedupWindow, Verdict};
pub use lateness::AllowedLateness;
pub use lists::{Functions, LastSeen, ListId, ListScan, ListedAt, MISSES, Missed, Retention};
pub(crate) use pages::ROUNDS;
pub use pages::{NextPage, PageShape, PagedRead};
pub use search::{AnsweredWindow, Search};
pub use targets::{ListedFunction, RowOrder, Scope, TargetId, TargetKind};
pub use window::{Ask, DEPTH_MAX, Mark, SECONDS_MAX, WindowRead};
