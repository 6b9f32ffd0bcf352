//! The output of `check-config`: a description of what would run, without secrets.

use std::fmt::Write;
use std::path::Path;

use crate::config::{
    Api, Config, CredentialsConfig, Diagnostics, Endpoints, FunctionFilter, Pattern, Poll, Read,
    Role, Source, Web, format_duration,
};
use crate::web::WebConfig;

/// Maximum number of names or patterns that are shown of one list.
const SHOWN: usize = 10;

/// Checks a web configuration file and the certificates that it names.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn web_file(path: &Path) -> Result<(), Diagnostics> {
    WebConfig::load(Some(path)).map(|_| ())
}

/// Describes what a run with this configuration would do, in lines that each end with a line feed.
pub fn describe(config: &Config) -> String {
    let mut text = String::new();
    for (label, value) in general(config) {
        line(&mut text, "", label, &value);
    }
    for source in &config.sources {
        text.push_str(&format!("source {}\n", source.name));
        for (label, value) in details(config, source) {
            line(&mut text, "  ", label, &value);
        }
    }
    text
}

fn general(config: &Config) -> Vec<(&'static str, String)> {
    let poll = &config.poll;
    let state = config.state.path.as_ref().map_or_else(
        || "in memory only: counters start at zero after every restart".to_owned(),
        |path| format!("kept in {}", path.display()),
    );
    let web = &config.web;
    let serve = format!("{} at {}", listening(web), web.telemetry_path);
    let every = format!(
        "every {}, idle targets every {} at the latest, {} rows a page",
        format_duration(poll.interval),
        format_duration(poll.idle_interval),
        poll.page_size
    );
    let sweep = format!("every {} at most", format_duration(poll.sweep_interval));
    let first_read = format!("{} back", format_duration(poll.first_read));
    let series = format!("for at most {} functions", config.limits.functions);
    let log = format!("{} and above, as {}", config.log.level, config.log.format);
    vec![
        ("serve", serve),
        ("protection", protection(web)),
        ("state", state),
        ("poll", every),
        ("sweep", sweep),
        ("first read", first_read),
        ("series", series),
        ("log", log),
    ]
}

fn listening(web: &Web) -> String {
    if web.systemd_socket {
        return "the sockets of systemd".to_owned();
    }
    let addresses = web.listen_addresses.iter().map(ToString::to_string);
    addresses.collect::<Vec<_>>().join(" and ")
}

fn protection(web: &Web) -> String {
    web.config_file.as_ref().map_or_else(
        || "none: whoever reaches the port can read; see --web.config.file".to_owned(),
        |path| format!("as {} says", path.display()),
    )
}

fn details(config: &Config, source: &Source) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !source.account.is_empty() {
        lines.push(("account", source.account.clone()));
    }
    let signed = format!("{} signed with {}", source.method, source.signature_method);
    lines.extend([
        ("api", format!("{}, {signed}", source.api)),
        ("region", source.region.clone()),
        ("endpoint", endpoint(source)),
    ]);
    lines.extend(endpoints(&source.endpoints).map(|text| ("services", text)));
    lines.extend(source.ca_file.as_ref().map(|file| {
        let path = file.path.display();
        (
            "trust",
            format!("the machine's certificates, and those in {path}"),
        )
    }));
    lines.push(("read", reading(source)));
    lines.push(("lateness", allowed_lateness(source.api, &config.poll)));
    if source.api != Api::V2 {
        lines.push(("namespaces", chosen(&source.namespaces)));
    }
    lines.extend([
        ("functions", chosen(&source.functions)),
        ("requests", requests(config, source.api)),
        ("credentials", credentials(&source.credentials)),
    ]);
    lines.extend(source.role.as_ref().map(|role| ("role", taken_on(role))));
    lines
}

fn endpoint(source: &Source) -> String {
    match &source.endpoint {
        None if source.api == Api::V2 => "the API's own".to_owned(),
        None => format!("the cloud's own, in the {} domain", source.domain),
        Some(url) => shown_url(url),
    }
}

fn endpoints(endpoints: &Endpoints) -> Option<String> {
    let at = |name: &str, url: &Option<String>| {
        let url = url.as_ref()?;
        Some(format!("{name} at {}", shown_url(url)))
    };
    let metadata = endpoints.metadata.as_ref();
    let parts: Vec<String> = [
        at("scf", &endpoints.scf),
        at("cls", &endpoints.cls),
        at("sts", &endpoints.sts),
        // No warning that it is not encrypted: its traffic never leaves the machine.
        metadata.map(|url| format!("metadata at {url}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn shown_url(url: &str) -> String {
    if url.starts_with("http://") {
        return format!("{url} (not encrypted: use it for tests only)");
    }
    url.to_owned()
}

fn reading(source: &Source) -> String {
    let topics: Vec<&str> = source.topics.iter().map(String::as_str).collect();
    let listed = "after listing the functions";
    match (source.api, source.read, source.functions.exact_names()) {
        (Api::Cls, ..) => some("the log topics", &topics)
            .unwrap_or_else(|| format!("the log topics that the functions write to, {listed}")),
        (Api::V2, Read::Region, _) => "one stream for the whole region".to_owned(),
        (Api::V3, Read::Region, _) => "one stream for each namespace".to_owned(),
        (Api::V2, Read::Auto, _) => {
            "one stream for the whole region while it holds all, else one for each function"
                .to_owned()
        }
        (Api::V3, Read::Auto, _) => {
            "one stream for each namespace while it holds all, else one for each function"
                .to_owned()
        }
        (Api::V2, Read::Function, Some(names)) => {
            format!("one stream for each of {} functions", names.len())
        }
        (Api::V2 | Api::V3, Read::Function, _) => format!("one stream for each function, {listed}"),
    }
}

/// Describes the allowed lateness, which depends on how the API orders rows.
fn allowed_lateness(api: Api, poll: &Poll) -> String {
    let (run, delay) = (
        format_duration(poll.max_run_time),
        format_duration(poll.delivery_delay),
    );
    match api {
        Api::V2 => format!(
            "{} ({run} of run time, {delay} of delivery)",
            format_duration(poll.allowed_lateness())
        ),
        Api::V3 => format!("each function's timeout ({run} where not known), {delay} of delivery"),
        Api::Cls => format!("{delay} of delivery"),
    }
}

fn requests(config: &Config, api: Api) -> String {
    let limits = config.limits.requests_of(api);
    let own = limits.of_actions.iter();
    let own: String = own
        .map(|(action, limit)| format!(", {limit} for {action}"))
        .collect();
    format!(
        "at most {} a second for each action{own}, {} in flight",
        limits.each_action, config.limits.requests_in_flight
    )
}

fn taken_on(role: &Role) -> String {
    let external = match role.external_id {
        Some(_) => ", with an external id",
        None => "",
    };
    format!(
        "{} as {}, for {} at a time{external}",
        role.arn,
        role.session_name,
        format_duration(role.duration)
    )
}

fn chosen(filter: &FunctionFilter) -> String {
    let mut parts = Vec::new();
    let names: Vec<&str> = filter.names().iter().map(String::as_str).collect();
    parts.extend(some("named", &names));
    parts.extend(some("matching", &texts(&filter.include)));
    if parts.is_empty() {
        parts.push("all".to_owned());
    }
    parts.extend(some("without those matching", &texts(&filter.exclude)));
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
            "the first found of environment, the SDK's credentials file, tccli's file, the \
             machine's role, the TKE pod's identity"
                .to_owned()
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
