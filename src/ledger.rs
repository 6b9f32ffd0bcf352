//! What has been counted: attempt keys by function, settled positions by target, and the rules
//! by which a read of pages is complete. Pure: (state, input) in, value out.
//!
//! Keys belong to the function, not to the target: a function may be read by its own target today
//! and by that of its region tomorrow, and is still the same function.

mod chain;
mod dedup;
mod lists;
mod pages;
mod search;
mod targets;
mod window;

pub use chain::{ChainAsk, ChainMark, ChainPage, ChainPlace, ChainRead};
pub use dedup::{DedupWindow, Verdict};
pub use lists::{Functions, LastSeen, ListId, ListedAt, Look, MISSES, Missed, Retention};
pub(crate) use pages::ROUNDS;
pub use pages::{NextPage, PageShape, PagedRead};
pub use search::{Search, Shown};
pub use targets::{Listed, Opening, RETENTION, Scope, TargetId, Targets};
pub use window::{Ask, DEPTH_MAX, Mark, SECONDS_MAX, WindowRead};
