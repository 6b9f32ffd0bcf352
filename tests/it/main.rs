//! All behaviours in one program, a file each: linking each by itself takes longer than running it.
//!
//! `cargo test --test behaviours restart` runs those of `restart.rs`. Programs of their own are only
//! what counts the memory of its process (`series_memory`), what other commands run by name
//! (`story`, `crash_points`, `soak`), and the rules of the house (`tidy`).
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "bodies.rs"]
mod bodies;
#[path = "clock_jumps.rs"]
mod clock_jumps;
#[path = "clock_skew.rs"]
mod clock_skew;
#[path = "comings.rs"]
mod comings;
#[path = "compose.rs"]
mod compose;
#[path = "config.rs"]
mod config;
#[path = "config_sources.rs"]
mod config_sources;
#[path = "dashboards.rs"]
mod dashboards;
#[path = "deadline.rs"]
mod deadline;
#[path = "discovery.rs"]
mod discovery;
#[path = "docs_config.rs"]
mod docs_config;
#[path = "docs_guide.rs"]
mod docs_guide;
#[path = "docs_links.rs"]
mod docs_links;
#[path = "docs_metrics.rs"]
mod docs_metrics;
#[path = "docs_readme.rs"]
mod docs_readme;
#[path = "formats.rs"]
mod formats;
#[path = "full_disk.rs"]
mod full_disk;
#[path = "fuzz_targets.rs"]
mod fuzz_targets;
#[path = "golden_scrape.rs"]
mod golden_scrape;
#[path = "horizon_tight.rs"]
mod horizon_tight;
#[path = "keys_expire.rs"]
mod keys_expire;
#[path = "lifecycle.rs"]
mod lifecycle;
#[path = "log_folds.rs"]
mod log_folds;
#[path = "packages.rs"]
mod packages;
#[path = "pages_adapt.rs"]
mod pages_adapt;
#[path = "proxies.rs"]
mod proxies;
#[path = "read_auto.rs"]
mod read_auto;
#[path = "reading_bound.rs"]
mod reading_bound;
#[path = "reload.rs"]
mod reload;
#[path = "restart.rs"]
mod restart;
#[path = "rules.rs"]
mod rules;
#[path = "scrape_properties.rs"]
mod scrape_properties;
#[path = "secrets.rs"]
mod secrets;
#[path = "simulation_apis.rs"]
mod simulation_apis;
#[path = "simulation_harsh.rs"]
mod simulation_harsh;
#[path = "simulation_kills.rs"]
mod simulation_kills;
#[path = "simulation_moves.rs"]
mod simulation_moves;
#[path = "simulation_restarts.rs"]
mod simulation_restarts;
#[path = "slow_target.rs"]
mod slow_target;
#[path = "supply_chain.rs"]
mod supply_chain;
mod support;
#[path = "told_amiss.rs"]
mod told_amiss;
#[path = "told_limits.rs"]
mod told_limits;
#[path = "topic_200k.rs"]
mod topic_200k;
#[path = "topology.rs"]
mod topology;
#[path = "v3_cap.rs"]
mod v3_cap;
#[path = "vectors.rs"]
mod vectors;
#[path = "web.rs"]
mod web;
#[path = "web_config.rs"]
mod web_config;
#[path = "wire_variants.rs"]
mod wire_variants;
#[path = "zero_first.rs"]
mod zero_first;
