//! What every Prometheus exporter needs, independent of the metrics that are exported.
//!
//! [`WebConfig`] reads the web configuration file of Prometheus' exporter-toolkit: TLS, client
//! certificates, passwords, headers and a rate limit. [`serve`] answers HTTP/1.1 and HTTP/2
//! accordingly, with limits on connections, requests and time. [`bind()`] and [`systemd_sockets`]
//! open listening sockets. [`yaml`] and [`Diagnostics`] read any YAML file with the position of
//! every value, and report all errors at once.

mod bind;
mod choice;
mod connections;
mod diagnostic;
mod duration;
mod handshake;
mod listen;
mod reader;
mod secret;
mod server;
mod suggest;
mod text_file;
mod web_config;
mod web_file;
pub mod yaml;

pub use bind::{BindError, bind, systemd_sockets};
pub use choice::{Choice, alternatives};
pub use diagnostic::{Diagnostic, Diagnostics, Place, quote, quote_key};
pub use duration::{format_duration, parse_duration};
pub use listen::ListenAddress;
pub use reader::{Found, Reader, Section};
pub use secret::Secret;
pub use server::{Handler, Limits, serve};
pub use suggest::nearest;
pub use text_file::read_file;
pub use web_config::WebConfig;
