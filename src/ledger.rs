//! The rules of exact counting, as pure functions of state and input.
//!
//! - Which rows were counted before: [`DedupWindow`] (invocation keys by function).
//! - How far each target was read, and where a new one begins: [`Checkpoints`], [`Opening`].
//! - How late a row may arrive: [`AllowedLateness`].
//! - When a read is complete: [`PagedRead`] (v2), [`WindowRead`] and [`Search`] (API 3.0),
//!   [`ChainRead`] (CLS).
//! - Which functions exist: [`ListScan`], [`Retention`].
//!
//! Keys belong to the function, not to the target: a function that is read by its own target today
//! and by that of its region tomorrow is still the same function.

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
