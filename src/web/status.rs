//! The page for people at `/`, and the same as JSON: what this is, how every source and target is
//! doing, and what to do where something is wrong.

mod groups;
mod json;
mod kept;
mod page;
mod spark;
mod words;

pub(super) use kept::{Kind, Pages};

/// Where the status is, as JSON.
pub(super) const JSON_PATH: &str = crate::config::STATUS_PATH;

/// Nothing but the page's own files may be loaded or run; scripts may ask for the page again.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// A file that the page needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    /// Where it is.
    pub(super) path: &'static str,
    /// What it is.
    pub(super) content_type: &'static str,
    /// Its text.
    pub(super) text: &'static str,
}

/// All of them. Their paths are under `/-/`, where no metrics may be.
pub(super) const ASSETS: [Asset; 3] = [
    Asset {
        path: "/-/status.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("status/status.css"),
    },
    Asset {
        path: "/-/status.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("status/status.js"),
    },
    Asset {
        path: "/-/status.svg",
        content_type: "image/svg+xml",
        text: include_str!("status/status.svg"),
    },
];

/// The file at a path.
pub(super) fn asset(path: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.path == path)
}
