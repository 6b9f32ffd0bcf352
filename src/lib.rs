//! Invocation logs of Tencent Cloud SCF as exact Prometheus metrics.
//!
//! The rooms, from the top down (a room uses only those below it; `tests/tidy` holds the table):
//!
//! `cli` -> `app` (the one wiring file) -> `demo`, `check`, `health` -> `web` -> `scheduler` ->
//! `commit` -> `ingest`, `store`, `exposition`, `telemetry` -> `config` -> `ledger`, `metrics` ->
//! `model`. Below them stand the packages `tencentcloud` and `exporter-toolkit`; `scf-sim`, the
//! simulated cloud, stands alone.

pub mod app;
pub mod check;
pub mod cli;
pub mod commit;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod exposition;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod ingest;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod scheduler;
pub mod store;
pub mod telemetry;
pub mod web;
