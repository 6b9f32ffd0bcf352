//! What `check-config` prints: what would run, in words, without a secret.

use std::fmt::Write;

use crate::config::{
    Config, CredentialsConfig, FunctionFilter, Pattern, Read, Source, format_duration,
};

/// Most names or patterns shown of one list.
const SHOWN: usize = 10;

/// Says what a run with this configuration would do; several lines, the last one ended.
pub fn describe(config: &Config) -> String {
    let mut text = String::new();
    for (label, value) in general(config) {
        line(&mut text, "", label, &value);
    }
    for source in &config.sources {
        text.push_str(&format!("source {}\n", source.name));
        for (label, value) in details(source) {
            line(&mut text, "  ", label, &value);
        }
    }
    text
}

fn general(config: &Config) -> Vec<(&'static str, String)> {
    let (poll, limits) = (&config.poll, &config.limits);
    let state = config.state.path.as_ref().map_or_else(
        || "in memory only: counters start at zero after every restart".to_owned(),
        |path| format!("kept in {}", path.display()),
    );
    let web = &config.web;
    vec![
        (
            "serve",
            format!("{} at {}", web.listen_address, web.telemetry_path),
        ),
        ("state", state),
        (
            "poll",
            format!(
                "every {}, idle targets every {} at the latest, {} rows a page",
                format_duration(poll.interval),
                format_duration(poll.idle_interval),
                poll.page_size
            ),
        ),
        (
            "sweep",
            format!(
                "every {} at most, over a horizon of {} ({} of run time, {} of delivery)",
                format_duration(poll.sweep_interval),
                format_duration(poll.horizon()),
                format_duration(poll.max_run_time),
                format_duration(poll.delivery_delay)
            ),
        ),
        (
            "first read",
            format!("{} back", format_duration(poll.first_read)),
        ),
        (
            "requests",
            format!(
                "at most {} a second for each region and action, {} in flight",
                limits.requests_per_second, limits.requests_in_flight
            ),
        ),
        (
            "series",
            format!("for at most {} functions", limits.functions),
        ),
        (
            "log",
            format!("{} and above, as {}", config.log.level, config.log.format),
        ),
    ]
}

fn details(source: &Source) -> Vec<(&'static str, String)> {
    let endpoint = match &source.endpoint {
        None => "the API's own".to_owned(),
        Some(url) if url.starts_with("http://") => {
            format!("{url} (not encrypted: use it for tests only)")
        }
        Some(url) => url.clone(),
    };
    vec![
        (
            "api",
            format!(
                "{}, {} signed with {}",
                source.api, source.method, source.signature_method
            ),
        ),
        ("region", source.region.clone()),
        ("endpoint", endpoint),
        ("read", reading(source)),
        ("functions", functions(&source.functions)),
        ("credentials", credentials(&source.credentials)),
    ]
}

fn reading(source: &Source) -> String {
    match (source.read, source.functions.exact_names()) {
        (Read::Region, _) => "one stream for the whole region".to_owned(),
        (Read::Function, Some(names)) => {
            format!("one stream for each of {} functions", names.len())
        }
        (Read::Function, None) => {
            "one stream for each function, after listing the functions".to_owned()
        }
    }
}

fn functions(filter: &FunctionFilter) -> String {
    let mut parts = Vec::new();
    let names: Vec<&str> = filter.names().iter().map(String::as_str).collect();
    parts.extend(some("named", &names));
    parts.extend(some("matching", &texts(filter.include())));
    if parts.is_empty() {
        parts.push("all".to_owned());
    }
    parts.extend(some("without those matching", &texts(filter.exclude())));
    parts.join(", ")
}

fn texts(patterns: &[Pattern]) -> Vec<&str> {
    patterns.iter().map(Pattern::as_str).collect()
}

fn some(label: &str, items: &[&str]) -> Option<String> {
    if items.is_empty() {
        return None;
    }
    let shown = items[..items.len().min(SHOWN)].join(" ");
    Some(match items.len().saturating_sub(SHOWN) {
        0 => format!("{label} {shown}"),
        hidden => format!("{label} {shown} and {hidden} more"),
    })
}

fn credentials(credentials: &CredentialsConfig) -> String {
    match credentials {
        CredentialsConfig::Chain => {
            "the first found of environment, the SDK's credentials file, tccli's file".to_owned()
        }
        CredentialsConfig::Explicit { token: None, .. } => {
            "id and key as the configuration refers to them".to_owned()
        }
        CredentialsConfig::Explicit { token: Some(_), .. } => {
            "id, key and session token as the configuration refers to them".to_owned()
        }
    }
}

fn line(text: &mut String, indent: &str, label: &str, value: &str) {
    let width = 13 - indent.len();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{indent}{label:<width$} {value}");
}
