//! The page for people at `/`: what this is, where the metrics are, how the targets are doing.

use std::fmt::{self, Display, Write};

use super::{Readiness, Status, TargetStatus};
use crate::model::Timestamp;

/// Nothing but the page's own style may be loaded or run.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// How many targets are shown, those with an error first.
const TARGETS_MAX: usize = 200;
/// How many characters of an error are shown. What to do stands at its end, behind up to 300
/// characters of the vendor's.
const ERROR_MAX: usize = 1_000;

const STYLE: &str = "body{font-family:sans-serif;margin:2em;max-width:70em}\
    table{border-collapse:collapse}\
    td,th{text-align:left;padding:.2em 1em .2em 0;border-bottom:1px solid #ccc}\
    .bad{color:#a00}";

/// Text with the characters replaced that HTML would read as its own.
struct Escaped<'t>(&'t str);

/// How long ago an instant was, in whole seconds.
struct Ago {
    now: Timestamp,
    then: Option<Timestamp>,
}

/// The page.
pub(super) fn page(telemetry_path: &str, readiness: Readiness, status: Status) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, telemetry_path, readiness, status);
    page
}

fn write_page(
    page: &mut String,
    telemetry_path: &str,
    readiness: Readiness,
    mut status: Status,
) -> fmt::Result {
    let metrics = Escaped(telemetry_path);
    let version = env!("CARGO_PKG_VERSION");
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>scf-exporter</title><style>{STYLE}</style></head><body>\n\
         <h1>scf-exporter</h1>\n\
         <p>Invocation logs of Tencent Cloud SCF as Prometheus metrics. Version {version}.</p>\n\
         <ul><li><a href=\"{metrics}\">Metrics</a></li>\
         <li><a href=\"/-/healthy\">Healthy</a></li><li><a href=\"/-/ready\">Ready</a></li></ul>\n"
    )?;
    match readiness {
        Readiness::Ready => {}
        Readiness::Discovering => page.write_str("<p>Looking for targets.</p>\n")?,
        Readiness::Reading { waiting, targets } => {
            writeln!(
                page,
                "<p>{waiting} of {targets} targets are still to be read.</p>"
            )?;
        }
    }
    status
        .targets
        .sort_by(|a, b| (a.last_error.is_none(), &a.name).cmp(&(b.last_error.is_none(), &b.name)));
    write_strategies(page, &status)?;
    write_table(page, &status)?;
    page.write_str("</body></html>\n")
}

fn write_strategies(page: &mut String, status: &Status) -> fmt::Result {
    if status.strategies.is_empty() {
        return Ok(());
    }
    page.write_str("<table><tr><th>Functions of</th><th>Read through</th></tr>\n")?;
    for (stream, how) in status.strategies.iter().take(TARGETS_MAX) {
        let (stream, how) = (Escaped(stream), Escaped(how));
        writeln!(page, "<tr><td>{stream}</td><td>{how}</td></tr>")?;
    }
    page.write_str("</table>\n")
}

fn write_table(page: &mut String, status: &Status) -> fmt::Result {
    page.write_str(
        "<table><tr><th>Target</th><th>Last poll</th><th>Settled up to</th><th>Rows counted</th>\
         <th>Last error</th></tr>\n",
    )?;
    for target in status.targets.iter().take(TARGETS_MAX) {
        write_row(page, status.now, target)?;
    }
    page.write_str("</table>\n")?;
    match status.targets.len().saturating_sub(TARGETS_MAX) {
        0 => Ok(()),
        more => writeln!(page, "<p>And {more} more.</p>"),
    }
}

fn write_row(page: &mut String, now: Timestamp, target: &TargetStatus) -> fmt::Result {
    let ago = |then| Ago { now, then };
    let error = target.last_error.as_deref().unwrap_or_default();
    let end = error
        .char_indices()
        .nth(ERROR_MAX)
        .map_or(error.len(), |(at, _)| at);
    writeln!(
        page,
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"bad\">{}{}</td></tr>",
        Escaped(&target.name),
        ago(target.last_poll),
        ago(target.settled),
        target.rows,
        Escaped(&error[..end]),
        if end < error.len() { "..." } else { "" },
    )
}

// === impl Display ===

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}

impl Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.then {
            Some(then) => write!(f, "{} s ago", self.now.since(then).as_secs()),
            None => f.write_str("never"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, error: Option<&str>) -> TargetStatus {
        TargetStatus {
            name: name.into(),
            last_error: error.map(Into::into),
            ..TargetStatus::default()
        }
    }

    #[test]
    fn names_and_errors_cannot_become_markup() {
        let status = Status {
            now: Timestamp::from_secs(100),
            strategies: Vec::new(),
            targets: vec![target("<b>'&\"", Some("<script>alert(1)</script>"))],
        };
        let page = page("/metrics", Readiness::Ready, status);
        assert!(
            page.contains("<td>&lt;b&gt;&#39;&amp;&quot;</td>"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn failing_targets_come_first_and_the_list_is_bounded() {
        let mut targets: Vec<_> = (0..500)
            .map(|n| target(&format!("t{n:03}"), None))
            .collect();
        targets.push(target("zz", Some(&"long ".repeat(1_000))));
        let status = Status {
            now: Timestamp::from_secs(100),
            strategies: Vec::new(),
            targets,
        };
        let page = page("/metrics", Readiness::Ready, status);
        assert!(page.find("<td>zz</td>").unwrap() < page.find("<td>t000</td>").unwrap());
        assert!(page.contains("<p>And 301 more.</p>"));
        assert!(page.len() < 30_000);
    }

    #[test]
    fn advice_behind_a_long_message_is_shown() {
        let error = format!("A at h failed with C: {}; check `region`", "x".repeat(300));
        let status = Status {
            now: Timestamp::from_secs(100),
            strategies: Vec::new(),
            targets: vec![target("one", Some(&error))],
        };
        let page = page("/metrics", Readiness::Ready, status);
        assert!(page.contains("; check `region`</td>"), "{page}");
    }

    #[test]
    fn times_are_told_as_ages() {
        let status = Status {
            now: Timestamp::from_secs(100),
            strategies: Vec::new(),
            targets: vec![TargetStatus {
                last_poll: Some(Timestamp::from_secs(88)),
                rows: 7,
                ..target("one", None)
            }],
        };
        let reading = Readiness::Reading {
            waiting: 1,
            targets: 3,
        };
        let page = page("/metrics", reading, status);
        assert!(
            page.contains("<td>12 s ago</td><td>never</td><td>7</td>"),
            "{page}"
        );
        assert!(page.contains("1 of 3 targets are still to be read"));
    }
}
