//! The status page at `/`, and the same as JSON: the state of every source and target, and what to do
//! where something is wrong.

mod groups;
mod json;
mod kept;
mod page;
mod spark;
mod words;

pub(super) use kept::{Kind, Pages};

pub(super) const JSON_PATH: &str = crate::config::STATUS_PATH;

/// Only the page's own files may be loaded or run; scripts may request the page again.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Returns the type and the text of a file of the page. Their paths are below `/-/`, where no metrics
/// can be.
pub(super) fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    Some(match path {
        "/-/status.css" => ("text/css; charset=utf-8", include_str!("status/status.css")),
        "/-/status.js" => (
            "text/javascript; charset=utf-8",
            include_str!("status/status.js"),
        ),
        "/-/status.svg" => ("image/svg+xml", include_str!("status/status.svg")),
        _ => return None,
    })
}
