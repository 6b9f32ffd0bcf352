//! The web server: `/metrics`, the status page, and the two questions of an orchestrator.
//!
//! It sees the rest of the house through [`View`] alone. What it may cost is bounded: the number
//! of connections, the size of a request, the time a connection may take for one request, and the
//! rendered bodies in memory, which all scrapers share.

mod bind;
mod body;
mod renditions;
mod server;
mod site;
mod status;
mod view;

pub use bind::{BindError, bind};
pub use body::Body;
pub use server::{Limits, serve};
pub use site::{Site, TelemetryPathError};
pub use view::{
    ActionRate, ConfigStatus, Health, Readiness, Rows, SeriesStatus, SourceStatus, StateStatus,
    Status, TargetStatus, View,
};
