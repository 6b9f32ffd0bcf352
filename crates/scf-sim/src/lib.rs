//! A simulated cloud: a seeded world of functions and calls, served as the vendor's API serves it.
//!
//! It shares no code with the rest of the project and checks signatures, formats times and draws
//! random numbers with its own: a fake that is wrong in the same way as the client proves nothing.
//!
//! - the world: `function`, `attempt`, `world` (what happens), `view` (what is shown when), `page`
//!   (a part of it, in order), `scene` (both), [`Truth`] (what an exact reader must count), `replay`
//! - who may come in: `keys`, `gate`, `sign` and `tc3` (signatures), `hosts`
//! - the wire of v2: `form`, `refusal`, `v2`; of API 3.0: `call`, `problems`, `v3` (functions and
//!   their logs), `cls`, `sts` (temporary keys), `metadata`; of all: `http`, `json`, `spelling`, `text`, `clock`
//! - [`Cloud`] joins them as a plain function of state, instant and request; [`serve()`] puts it
//!   behind a socket, [`run()`] into a process.

mod args;
mod attempt;
mod call;
mod clock;
mod cloud;
mod cls;
mod faults;
mod form;
mod function;
mod gate;
mod hosts;
mod http;
mod json;
mod keys;
mod metadata;
mod page;
mod problem;
mod problems;
mod refusal;
mod replay;
mod rng;
mod run;
mod scene;
mod serve;
mod settings;
mod sign;
mod spelling;
mod sts;
mod tc3;
mod text;
mod truth;
mod v2;
mod v3;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use args::{FaultLevel, RefusalArgs, SimArgs, TopicIndex, WorldArgs};
pub use cloud::Cloud;
pub use faults::{Faults, FaultsPreset, UnknownPreset, Windows};
pub use http::{Request, Response};
pub use replay::{ReplayErrors, ReplayFault, ReplayLine, ReplayStart, parse_replay, read_replay};
pub use run::{RunError, RunOptions, run, steady_clock};
pub use serve::serve;
pub use settings::{
    Api3, Billing, ChainEnd, ClsWire, Index, Life, Order, Role, Rotation, Settings, TemporaryKey,
    Wire,
};
pub use truth::{FunctionTruth, RowTruth, Totals, Truth};
