//! A simulated cloud: a seeded world of functions and calls behind the vendor's APIs.
//!
//! It shares no code with any client, and has its own signatures, time formats and random numbers:
//! a fake that is wrong in the same way as the client proves nothing.
//!
//! - the world: `function`, `attempt`, `world` (what happens), `view` (what is visible when),
//!   `page` (a part of it, in order), `scene` (both), [`Truth`] (what an exact reader must count),
//!   `replay`
//! - authentication: `keys`, `gate`, `sign` and `tc3` (signatures), `hosts`
//! - the wire format of v2: `form`, `v2`; of API 3.0: `call`, `v3`
//!   (functions and their logs), `cls`, `sts` (temporary keys), `metadata`; of all: `problem`, `row`, `http`, `json`,
//!   `spelling`, `text`, `clock`
//! - [`Cloud`] combines them into a function of state, time and request; [`serve()`] adds a socket,
//!   and [`run()`] makes it a process.

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
mod replay;
mod rng;
mod row;
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

pub use args::{FaultLevel, RefusalArgs, SimArgs, WorldArgs};
pub use cloud::Cloud;
pub use faults::{Faults, Windows};
pub use http::{Request, Response};
pub use replay::{ReplayErrors, ReplayLine, ReplayStart};
pub use run::{RunError, RunOptions, run, steady_clock};
pub use serve::serve;
pub use settings::{
    Api3, Billing, ClsWire, Index, Life, Order, Role, Rotation, Settings, TemporaryKey, Wire,
};
pub use truth::{FunctionTruth, RowTruth, Sums, Totals, Truth};
