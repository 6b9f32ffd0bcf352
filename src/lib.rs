//! Invocation logs of Tencent Cloud SCF as exact Prometheus metrics.
//!
//! The rooms, from the top down (a room uses only those below it; `tests/tidy.rs` holds the table):
//!
//! `cli` -> `app` (the one wiring file) -> `demo`, `check` -> `web` -> `poll` -> `commit` ->
//! `source`, `store`, `expose`, `telemetry` -> `tencent`, `config` -> `ledger`, `series` ->
//! `catalog`, `model`, `runtime`. `sim`, the simulated cloud, stands alone.

pub mod model;
pub mod runtime;
pub mod secret;
pub mod series;
pub mod sim;
