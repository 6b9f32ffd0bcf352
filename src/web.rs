//! The web server: `/metrics`, a landing page, and the two questions of an orchestrator.
//!
//! It sees the rest of the house through [`View`] alone. What it may cost is bounded: the number
//! of connections, the size of a request, the time a connection may take for one request, and the
//! rendered bodies in memory, which all scrapers share.

mod bind;
mod body;
mod handshake;
mod landing;
mod lifecycle;
mod renditions;
mod seats;
mod server;
mod site;
mod toolkit;

pub use bind::{BindError, bind, systemd_sockets};
pub use body::Body;
pub use lifecycle::{Lifecycle, Wish};
pub use server::{Limits, serve};
pub use site::{Site, TelemetryPathError};
pub use toolkit::Toolkit;

use std::sync::Arc;

use crate::model::Timestamp;
use crate::series::Snapshot;

/// What the server shows. Called for each request, so it must be quick and must not wait for the
/// way of the data: an atomic load, a copy of a small table.
pub trait View: Send + Sync + 'static {
    /// The published series.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Whether the numbers can be relied on.
    fn readiness(&self) -> Readiness;

    /// How each target is doing.
    fn status(&self) -> Status;
}

/// Whether every target was read, or failed, at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The targets are not known yet.
    Discovering,
    /// Some targets still wait for their first read.
    Reading {
        /// Targets not tried yet.
        waiting: usize,
        /// All targets.
        targets: usize,
    },
    /// All were.
    Ready,
}

/// How each target is doing, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The present instant.
    pub now: Timestamp,
    /// All targets, in any order.
    pub targets: Vec<TargetStatus>,
    /// Each stream of many functions, and how these are read.
    pub strategies: Vec<(String, String)>,
}

/// How one target is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// End of the last poll, with or without success.
    pub last_poll: Option<Timestamp>,
    /// What went wrong in the last poll.
    pub last_error: Option<String>,
    /// Up to where everything is counted.
    pub settled: Option<Timestamp>,
    /// Rows counted since the start.
    pub rows: u64,
}
