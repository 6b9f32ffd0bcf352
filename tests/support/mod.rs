//! What several test files share. Each uses a part of it.
#![allow(dead_code, missing_docs)]

pub mod cloud;
pub mod disk;
pub mod exposition;
pub mod world;
