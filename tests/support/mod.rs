//! What several test files share. Each uses a part of it.
#![allow(dead_code, missing_docs)]

pub mod cloud;
pub mod disk;
pub mod exposition;
pub mod faulty_disk;
pub mod flat;
pub mod open_metrics;
pub mod pages;
pub mod process;
pub mod protobuf;
pub mod stream;
pub mod world;
