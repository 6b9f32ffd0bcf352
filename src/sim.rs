//! A simulated cloud: a seeded world of functions and calls, served as the vendor's API serves it.
//!
//! It shares no code with the rest of the project and checks signatures, formats times and draws
//! random numbers with its own: a fake that is wrong in the same way as the client proves nothing.
//!
//! - the world: `function`, `attempt`, `world` (what happens), `view` (what is shown when), `page`
//!   (a part of it, in order), `scene` (both), [`Truth`] (what an exact reader must count), `replay`
//! - the wire: `form`, `sign`, `gate`, `refusal`, `v2`, `json`, `text`, `clock`
//! - the log service: `cls`, which shows the same world as log lines
//! - [`Cloud`] joins them as a plain function of state, instant and request; [`serve()`] puts it
//!   behind a socket, [`run()`] into a process.

mod attempt;
mod clock;
mod cloud;
#[cfg_attr(not(test), expect(dead_code, reason = "no wire leads here yet"))]
mod cls;
mod faults;
mod form;
mod function;
mod gate;
mod json;
mod page;
mod problem;
mod refusal;
mod replay;
mod rng;
mod run;
mod scene;
mod serve;
mod settings;
mod sign;
mod text;
mod truth;
mod v2;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use cloud::{Cloud, Request, Response};
pub use cls::{ChainEnd, ClsWire, Index};
pub use faults::{Faults, FaultsPreset, UnknownPreset, Windows};
pub use replay::{ReplayErrors, ReplayFault, ReplayLine, ReplayStart, parse_replay, read_replay};
pub use run::{RunError, RunOptions, run, steady_clock};
pub use serve::serve;
pub use settings::{Billing, Order, Settings, TemporaryKey, Wire};
pub use truth::{FunctionTruth, Totals, Truth};
