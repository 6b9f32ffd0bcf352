//! The web server: `/metrics`, the status page, and the two questions of an orchestrator.
//!
//! It sees the rest of the house through [`View`] alone. What it may cost is bounded: the number
//! of connections, the size of a request, the time a connection may take for one request, and the
//! rendered bodies in memory, which all scrapers share.

mod body;
mod cache;
mod lifecycle;
mod reply;
mod scrapes;
mod site;
mod status;
mod view;

pub use body::Body;
pub use exporter_toolkit::{BindError, Limits, WebConfig, bind, serve, systemd_sockets};
pub use lifecycle::{ControlRequest, Lifecycle};
pub use site::{Site, TelemetryPathError};
pub use view::{
    ActionRate, ConfigStatus, Health, Readiness, SeriesStatus, SourceStatus, StateStatus, Status,
    TargetStatus, View,
};
