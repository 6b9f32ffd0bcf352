//! The formats, and which of them a scraper wants.

use super::negotiate::quality;

/// How a scrape is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily`, each behind its length.
    Protobuf,
}

/// What a scraper gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// The format.
    pub format: Format,
    /// Its content type. Exactly so: Prometheus 3 refuses a type that it does not know.
    pub content_type: &'static str,
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Ways of writing names outside `[a-zA-Z0-9_:]`, with the content type that confirms each. Ours
/// are all inside, so the bytes are the same in any way.
const OPEN_METRICS_ESCAPED: [(&str, &str); 4] = [
    (
        "allow-utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    ),
    (
        "underscores",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    ),
    (
        "dots",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
    ),
    (
        "values",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
    ),
];

/// One part of a header `Accept`.
#[derive(Debug, Clone, Copy)]
struct Preference<'h> {
    /// All behind the type.
    parameters: &'h str,
    /// How exactly it names the format: 1 for `*/*`, 2 for `type/*`, then one more for the type
    /// and for each parameter that has to be as it is.
    precision: u8,
    weight: f32,
}

impl Format {
    /// Every format, in the order in which one is taken where a scraper does not care.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// The format for a header `Accept` (RFC 9110, section 12.5.1): the one of the greatest weight,
    /// where the most exact preference for a format tells its weight. Among equals it is the one named
    /// more exactly, and then the one named first. A header that allows none gets text, which is
    /// what it is without a header: a scrape is worth more than an error.
    pub fn negotiate(accept: &str) -> Negotiated {
        let mut best: Option<(Self, usize, Preference<'_>)> = None;
        for format in Self::ALL {
            let wishes = accept.split(',').enumerate();
            let named = wishes.filter_map(|(at, part)| Some((at, format.preference(part)?)));
            // The first of the most exact ones.
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
            return Negotiated::plain(Self::Text);
        };
        let escaping = parameter(preference.parameters, "escaping");
        let confirmed = OPEN_METRICS_ESCAPED
            .iter()
            .find(|(scheme, _)| format == Self::OpenMetrics && escaping == Some(scheme));
        confirmed.map_or(Negotiated::plain(format), |(_, content_type)| Negotiated {
            format,
            content_type,
        })
    }

    /// A word for it, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::OpenMetrics => "openmetrics",
            Self::Protobuf => "protobuf",
        }
    }

    /// The content type of the format.
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

    /// What one part of the header says of this format, if anything.
    fn preference(self, part: &str) -> Option<Preference<'_>> {
        let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
        let range = range.trim();
        // Type, what a parameter has to be where it is there, and whether it has to be there.
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

impl Negotiated {
    const fn plain(format: Format) -> Self {
        Self {
            format,
            content_type: format.content_type(),
        }
    }
}

/// The value of a parameter, without quotes around it.
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
