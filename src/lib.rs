//! Invocation logs of Tencent Cloud SCF as exact Prometheus metrics.
//!
//! The rooms, from the top down (a room uses only those below it; `tests/tidy` holds the table):
//!
//! `cli` -> `app` (the one wiring file) -> `demo`, `check`, `health` -> `web` -> `poll` -> `commit` ->
//! `source`, `store`, `expose`, `telemetry` -> `tencent`, `config` -> `ledger`, `series` ->
//! `catalog`, `model`, `runtime`. `sim`, the simulated cloud, stands alone.

pub mod app;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod commit;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod expose;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod ledger;
pub mod logging;
pub mod model;
pub mod poll;
pub mod series;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod web;

#[cfg(feature = "demo")]
pub use scf_sim as sim;
pub use tencentcloud as tencent;
pub use tencentcloud::{runtime, secret};
