//! What several test files share. Each uses a part of it.
#![allow(dead_code, missing_docs)]

use std::path::Path;

pub mod cloud;
pub mod counts;
pub mod exposition;
pub mod faulty_disk;
pub mod flat;
pub mod open_metrics;
pub mod pages;
pub mod process;
pub mod protobuf;
pub mod stream;
pub mod world;

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project as text.
pub fn text_of(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
