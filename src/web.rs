//! The web server: `/metrics`, the status page, and the two questions of an orchestrator.
//!
//! It sees the rest of the house through [`View`] alone. What it may cost is bounded: the number
//! of connections, the size of a request, the time a connection may take for one request, and the
//! rendered bodies in memory, which all scrapers share.

mod bind;
mod body;
mod cache;
mod handshake;
mod lifecycle;
mod reply;
mod scrapes;
mod seats;
mod server;
mod site;
mod status;
mod toolkit;
mod view;

pub use bind::{BindError, bind, systemd_sockets};
pub use body::Body;
pub use lifecycle::{Lifecycle, Wish};
pub use server::{Limits, serve};
pub use site::{Site, TelemetryPathError};
pub use toolkit::Toolkit;
pub use view::{
    ActionRate, ConfigStatus, Health, Readiness, SeriesStatus, SourceStatus, StateStatus, Status,
    TargetStatus, View,
};
