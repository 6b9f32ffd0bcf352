//! The blocks with one value a key: web, state, poll, limits, series, log.

use std::path::PathBuf;
use std::time::Duration;

use super::overrides::Overrides;
use super::reader::{Reader, Section};
use super::{Limits, Log, MAX_ADDRESSES, Poll, Series, State, Web, key};
use exporter_toolkit::Found;
use exporter_toolkit::ListenAddress;
use exporter_toolkit::format_duration;
use exporter_toolkit::{Place, quote};

/// The longest horizon: an asynchronous function runs up to 24 h, plus an hour for delivery.
/// Attempt keys of the whole horizon are kept, so a longer one only costs.
const MAX_HORIZON: Duration = Duration::from_secs(25 * 3_600);

/// Reads `web`.
pub(super) fn web(reader: &mut Reader<'_>, section: &Section, flags: &Overrides) -> Option<Web> {
    let listen_addresses = listen_addresses(reader, section, &flags.listen_addresses);
    let flag = flags.systemd_socket.as_deref();
    let systemd_socket = reader.choice(section, &key::WEB_SYSTEMD_SOCKET, flag);
    let config_file = web_config_file(reader, section, flags.web_config_file.as_deref());
    let telemetry_path = reader.value(
        section,
        &key::WEB_TELEMETRY_PATH,
        flags.telemetry_path.as_deref(),
        telemetry_path,
    );
    let flag = flags.zero_first.as_deref();
    let zero_first = reader.duration(section, &key::WEB_ZERO_FIRST, flag);
    let flag = flags.native_histograms_only.as_deref();
    let native_only = reader.choice(section, &key::WEB_NATIVE_HISTOGRAMS_ONLY, flag);
    let flag = flags.created_series.as_deref();
    let created_series = reader.choice(section, &key::WEB_CREATED_SERIES, flag);
    let flag = flags.enable_lifecycle.as_deref();
    let enable_lifecycle = reader.choice(section, &key::WEB_ENABLE_LIFECYCLE, flag);
    Some(Web {
        listen_addresses: listen_addresses?,
        systemd_socket: systemd_socket?.value,
        config_file: config_file?,
        telemetry_path: telemetry_path?.value,
        zero_first: zero_first?.value,
        native_histograms_only: native_only?.value,
        created_series: created_series?.value,
        enable_lifecycle: enable_lifecycle?.value,
    })
}

/// The addresses of the flag, else those of the file: one, or a list.
fn listen_addresses(
    reader: &mut Reader<'_>,
    section: &Section,
    flags: &[String],
) -> Option<Vec<ListenAddress>> {
    let key = &key::WEB_LISTEN_ADDRESS;
    let path = section.path_of(key.name());
    let mut written = reader.one_or_more(section, key, MAX_ADDRESSES);
    if let (Some(name), false) = (key.flag, flags.is_empty()) {
        let at = Place::Flag(name);
        let flags = flags.iter().cloned();
        let flags = flags
            .map(|value| (String::new(), Found { value, at }))
            .collect();
        // What the file says is judged even where a flag wins.
        for (path, found) in written?.iter() {
            let _judged = address(reader, path, found);
        }
        written = Some(flags);
    }
    let mut written = written?;
    if written.is_empty() {
        let at = Place::Nowhere;
        let value = key.default?.to_owned();
        written.push((path, Found { value, at }));
    }
    let mut addresses: Vec<ListenAddress> = Vec::new();
    for (path, found) in &written {
        let next = address(reader, path, found)?;
        if let Some(earlier) = addresses.iter().find(|earlier| earlier.overlaps(&next)) {
            let message = format!(
                "{} takes a port that {earlier} takes already: leave one of the two out",
                quote(&found.value)
            );
            reader.fault(found.at, path, message);
            return None;
        }
        addresses.push(next);
    }
    Some(addresses)
}

fn address(reader: &mut Reader<'_>, path: &str, text: &Found<String>) -> Option<ListenAddress> {
    let parsed = ListenAddress::parse(&text.value);
    let noted = parsed.map_err(|message| reader.fault(text.at, path, message));
    noted.ok()
}

/// A file named in the file is looked for beside it, one named by a flag from where we are.
fn web_config_file(
    reader: &mut Reader<'_>,
    section: &Section,
    flag: Option<&str>,
) -> Option<Option<PathBuf>> {
    let found = reader.value(section, &key::WEB_CONFIG_FILE, flag, |text| {
        Ok(text.to_owned())
    });
    let Some(found) = found else {
        let missing = flag.is_none() && section.get(key::WEB_CONFIG_FILE.name()).is_none();
        return missing.then_some(None);
    };
    let path = match found.at {
        Place::File { .. } => reader.base.join(&found.value),
        Place::Flag(_) | Place::Nowhere => PathBuf::from(&found.value),
    };
    Some((!found.value.is_empty()).then_some(path))
}

/// Where the status stands as JSON; no metrics can be there.
pub const STATUS_PATH: &str = "/api/v1/status";

/// Checks where the metrics are to be: a path of our own choosing must not hide the pages that stand
/// at fixed ones.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn telemetry_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || text.len() > 200 || !text.chars().all(plain) {
        let problem = "is no path: write one such as /metrics, of letters, digits and -._~/";
        return Err(format!("{} {problem}", quote(text)));
    }
    if ["/", "/-", STATUS_PATH].contains(&text) || text.starts_with("/-/") {
        let problem = "is taken by the exporter's own pages: write another, such as /metrics";
        return Err(format!("{} {problem}", quote(text)));
    }
    Ok(text.to_owned())
}

/// Reads `state`.
pub(super) fn state(
    reader: &mut Reader<'_>,
    section: &Section,
    flags: &Overrides,
) -> Option<State> {
    let flag = flags.state_path.as_deref();
    let path = reader.value(section, &key::STATE_PATH, flag, |text| {
        if text.contains('\0') {
            return Err("no path holds a zero byte: write another".to_owned());
        }
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    });
    Some(State { path: path?.value })
}

/// Reads `poll`.
pub(super) fn poll(reader: &mut Reader<'_>, section: &Section, flags: &Overrides) -> Option<Poll> {
    let mut duration = |key, flag: &Option<String>| reader.duration(section, key, flag.as_deref());
    let interval = duration(&key::POLL_INTERVAL, &flags.poll_interval);
    let idle_interval = duration(&key::POLL_IDLE_INTERVAL, &flags.idle_interval);
    let sweep_interval = duration(&key::POLL_SWEEP_INTERVAL, &flags.sweep_interval);
    let first_read = duration(&key::POLL_FIRST_READ, &flags.first_read);
    let max_run_time = duration(&key::POLL_MAX_RUN_TIME, &flags.max_run_time);
    let delivery_delay = duration(&key::POLL_DELIVERY_DELAY, &flags.delivery_delay);
    let stop_timeout = duration(&key::POLL_STOP_TIMEOUT, &flags.stop_timeout);
    let discovery_interval = duration(&key::POLL_DISCOVERY_INTERVAL, &flags.discovery_interval);
    let page_size = reader.count(section, &key::POLL_PAGE_SIZE, flags.page_size.as_deref());
    let idle_interval = pace(reader, interval.as_ref(), idle_interval);
    check_horizon(reader, max_run_time.as_ref(), delivery_delay.as_ref());
    Some(Poll {
        interval: interval?.value,
        idle_interval: idle_interval?,
        sweep_interval: sweep_interval?.value,
        first_read: first_read?.value,
        max_run_time: max_run_time?.value,
        delivery_delay: delivery_delay?.value,
        page_size: page_size?.value,
        stop_timeout: stop_timeout?.value,
        discovery_interval: discovery_interval?.value,
    })
}

/// Idle targets are polled less often than busy ones, never more. The default follows a long
/// interval; only a written value can be wrong.
fn pace(
    reader: &mut Reader<'_>,
    interval: Option<&Found<Duration>>,
    idle: Option<Found<Duration>>,
) -> Option<Duration> {
    let (interval, idle) = (interval?, idle?);
    if idle.at.is_written() && idle.value < interval.value {
        let message = format!(
            "{} is shorter than poll.interval ({}): write at least as much",
            format_duration(idle.value),
            format_duration(interval.value)
        );
        reader.fault(idle.at, rule_path(idle.at, "poll.idle_interval"), message);
    }
    Some(idle.value.max(interval.value))
}

fn check_horizon(
    reader: &mut Reader<'_>,
    run: Option<&Found<Duration>>,
    delay: Option<&Found<Duration>>,
) {
    let (Some(run), Some(delay)) = (run, delay) else {
        return;
    };
    let horizon = run.value.saturating_add(delay.value);
    if horizon <= MAX_HORIZON {
        return;
    }
    let (at, path, other) = if run.at <= delay.at {
        (run.at, "poll.max_run_time", "poll.delivery_delay")
    } else {
        (delay.at, "poll.delivery_delay", "poll.max_run_time")
    };
    let message = format!(
        "makes {} together with {other}: write at most {} for both",
        format_duration(horizon),
        format_duration(MAX_HORIZON)
    );
    reader.fault(at, rule_path(at, path), message);
}

/// A fault of a flag is told by the flag's name alone.
fn rule_path(at: Place, path: &str) -> &str {
    match at {
        Place::Flag(_) => "",
        Place::File { .. } | Place::Nowhere => path,
    }
}

/// Reads `limits`.
pub(super) fn limits(
    reader: &mut Reader<'_>,
    section: &Section,
    flags: &Overrides,
) -> Option<Limits> {
    let functions = reader.count(
        section,
        &key::LIMITS_FUNCTIONS,
        flags.functions_limit.as_deref(),
    );
    let requests_per_second = reader.rate(
        section,
        &key::LIMITS_REQUESTS_PER_SECOND,
        flags.requests_per_second.as_deref(),
    );
    let requests_in_flight = reader.count(
        section,
        &key::LIMITS_REQUESTS_IN_FLIGHT,
        flags.requests_in_flight.as_deref(),
    );
    let request_timeout = reader.duration(
        section,
        &key::LIMITS_REQUEST_TIMEOUT,
        flags.request_timeout.as_deref(),
    );
    let requests_per_second = requests_per_second?;
    let written = requests_per_second.at.is_written();
    Some(Limits {
        functions: functions?.value,
        requests_per_second: written.then_some(requests_per_second.value),
        requests_in_flight: requests_in_flight?.value,
        request_timeout: request_timeout?.value,
    })
}

/// Reads `series`.
pub(super) fn series(
    reader: &mut Reader<'_>,
    section: &Section,
    flags: &Overrides,
) -> Option<Series> {
    let flag = flags.series_retention.as_deref();
    let retention = reader.duration(section, &key::SERIES_RETENTION, flag)?;
    Some(Series {
        retention: retention.value,
        is_retention_written: retention.at.is_written(),
    })
}

/// Reads `log`.
pub(super) fn log(reader: &mut Reader<'_>, section: &Section, flags: &Overrides) -> Option<Log> {
    let level = reader.choice(section, &key::LOG_LEVEL, flags.log_level.as_deref());
    let format = reader.choice(section, &key::LOG_FORMAT, flags.log_format.as_deref());
    Some(Log {
        level: level?.value,
        format: format?.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths() {
        for good in ["/metrics", "/a/b.c", "/-x", "/scf_metrics~1"] {
            assert_eq!(telemetry_path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "metrics",
            "/",
            "/-",
            "/-/ready",
            "/api/v1/status",
            "/a b",
            "/a?b",
            "/\u{e9}",
        ] {
            assert!(telemetry_path(bad).is_err(), "{bad}");
        }
    }
}
