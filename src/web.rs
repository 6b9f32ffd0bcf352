//! The web server: `/metrics`, the status page, and the probes of an orchestrator.
//!
//! It sees the rest of the exporter through [`View`] alone. Its cost is bounded: the number of
//! connections, the size of a request, the time for one request, and the rendered bodies in memory,
//! which all scrapers share.

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
    ActionRate, ConfigStatus, FunctionStatus, FunctionTable, Health, Readiness, SeriesStatus,
    SourceStatus, StateStatus, Status, TargetStatus, View,
};
