//! The formats, and their negotiation with the scraper.

use super::negotiate::quality;

/// The format of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
    /// Messages `io.prometheus.client.MetricFamily`, each after its length.
    Protobuf,
}

/// A format and its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// The format.
    pub format: Format,
    /// The exact content type: Prometheus 3 refuses a type that it does not know.
    pub content_type: &'static str,
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Content types that confirm a scheme of escaping names outside `[a-zA-Z0-9_:]`. No name of ours is,
/// so that the bytes are the same for each.
const OPEN_METRICS_ESCAPED: [&str; 4] = [
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
];

/// One part of an `Accept` header.
#[derive(Debug, Clone, Copy)]
struct Preference<'h> {
    /// The text after the type.
    parameters: &'h str,
    /// How exactly it names the format: 1 for `*/*`, 2 for `type/*`, 3 for the type, and one more for
    /// each parameter that matches.
    precision: u8,
    weight: f32,
}

impl Format {
    /// All formats. The first one is chosen where a scraper has no preference.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// Returns the format for an `Accept` header (RFC 9110, section 12.5.1), which is the one of the
    /// greatest weight. The most exact preference for a format gives its weight. Among equals the one
    /// that is named by its type wins, and then the first. Where the header allows none it is text, since
    /// a scrape is worth more than an error.
    pub fn negotiate(accept: &str) -> Negotiated {
        let mut best: Option<(Self, usize, Preference<'_>)> = None;
        for format in Self::ALL {
            let parts = accept.split(',').enumerate();
            let named = parts.filter_map(|(at, part)| Some((at, format.preference(part)?)));
            // This is the first of the most exact ones.
            let preference = named.reduce(|first, next| {
                if next.1.precision > first.1.precision {
                    next
                } else {
                    first
                }
            });
            let Some((at, preference)) =
                preference.filter(|(_, preference)| preference.weight > 0.0)
            else {
                continue;
            };
            let better = best.is_none_or(|(_, best_at, best)| {
                let named = |preference: &Preference<'_>| preference.precision > 2;
                preference.weight > best.weight
                    || (preference.weight == best.weight
                        && (named(&preference) && (!named(&best) || at < best_at)))
            });
            if better {
                best = Some((format, at, preference));
            }
        }
        let Some((format, _, preference)) = best else {
            return Negotiated {
                format: Self::Text,
                content_type: Self::Text.content_type(),
            };
        };
        let escaping = parameter(preference.parameters, "escaping");
        let confirmed = OPEN_METRICS_ESCAPED
            .into_iter()
            .find(|of| format == Self::OpenMetrics && of.rsplit('=').next() == escaping);
        Negotiated {
            format,
            content_type: confirmed.unwrap_or(format.content_type()),
        }
    }

    /// Returns its label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::OpenMetrics => "openmetrics",
            Self::Protobuf => "protobuf",
        }
    }

    /// Returns the content type of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => OPEN_METRICS,
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        }
    }

    /// Returns the preference of one part of the header for this format.
    fn preference(self, part: &str) -> Option<Preference<'_>> {
        let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
        let range = range.trim();
        // These are the type, and for each parameter its value and whether it is mandatory.
        let (kind, required): (_, &[(&str, &str, bool)]) = match self {
            Self::Text => ("text/plain", &[("version", "0.0.4", false)]),
            Self::OpenMetrics => (
                "application/openmetrics-text",
                &[("version", "1.0.0", false)],
            ),
            Self::Protobuf => (
                "application/vnd.google.protobuf",
                &[
                    ("proto", "io.prometheus.client.metricfamily", true),
                    ("encoding", "delimited", true),
                ],
            ),
        };
        let precision = if range == "*/*" {
            1
        } else if range.eq_ignore_ascii_case(kind) {
            let mut precision = 3;
            for &(name, value, must) in required {
                match parameter(parameters, name) {
                    Some(found) if found.eq_ignore_ascii_case(value) => precision += 1,
                    None if !must => {}
                    _ => return None,
                }
            }
            precision
        } else {
            let family = range.strip_suffix("/*")?;
            let (own, _) = kind.split_once('/')?;
            own.eq_ignore_ascii_case(family).then_some(2)?
        };
        Some(Preference {
            parameters,
            precision,
            weight: quality(parameters.split(';').map(str::trim)),
        })
    }
}

/// Returns the value of a parameter without its quotes.
fn parameter<'h>(parameters: &'h str, name: &str) -> Option<&'h str> {
    parameters.split(';').find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let value = value.trim();
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then_some(bare.unwrap_or(value))
    })
}

#[cfg(test)]
mod tests;
