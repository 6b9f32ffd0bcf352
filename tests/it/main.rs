//! All behaviours in one program, a file each: linking each by itself takes longer than running it.
//!
//! `cargo test --test it restart` runs those of `restart.rs`. Programs of their own are only
//! what counts the memory of its process (`series_memory`), what other commands run by name
//! (`story`, `crash_points`, `soak`), and the rules of the house (`tidy`).
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod allowed_lateness;
mod big_account;
mod bodies;
mod clock_jumps;
mod clock_skew;
mod compose;
mod config;
mod config_sources;
mod configuration_hints;
mod dashboards;
mod discovery;
mod docs_config;
mod docs_guide;
mod docs_links;
mod docs_metrics;
mod docs_readme;
mod documented_limits;
mod formats;
mod full_disk;
mod functions_come_and_go;
mod fuzz_targets;
mod golden_scrape;
mod keys_expire;
mod lifecycle;
mod log_folds;
mod packages;
mod pages_adapt;
mod proxies;
mod read_auto;
mod read_in_time;
mod reload;
mod restart;
mod rules;
mod scrape_properties;
mod secrets;
mod simulation_apis;
mod simulation_moves;
mod simulation_restarts;
mod slow_target;
mod supply_chain;
mod support;
mod topic_200k;
mod topology;
mod v3_cap;
mod vectors;
mod web;
mod web_config;
mod wire_variants;
mod zero_first;
