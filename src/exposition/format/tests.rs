use proptest::prelude::*;

use super::*;

/// What Prometheus 3.5 sends where native histograms are on.
const PROMETHEUS_3_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
/// What it sends by itself.
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const VICTORIA_METRICS: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
const BROWSER: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OPEN_UTF8: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8";
const PROTO: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn check(cases: &[(&str, &str)]) {
    for (header, content_type) in cases {
        let answer = Format::negotiate(header);
        assert_eq!(answer.content_type, *content_type, "{header:?}");
        let own = answer.format.content_type();
        assert!(content_type.starts_with(own), "{header:?}: {answer:?}");
    }
}

#[test]
fn what_scrapers_really_send() {
    check(&[
        (PROMETHEUS_3_NATIVE, PROTO),
        (PROMETHEUS_3, OPEN_UTF8),
        (PROMETHEUS_2_42, OPEN),
        (VICTORIA_METRICS, TEXT),
        (BROWSER, TEXT),
        ("*/*", TEXT),
        ("", TEXT),
    ]);
}

/// `scrape_protocols` with a single entry.
#[test]
fn one_protocol_alone() {
    check(&[
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.5",
            PROTO,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5",
            OPEN_UTF8,
        ),
        (
            "application/openmetrics-text;version=0.0.1;q=0.6,*/*;q=0.5",
            TEXT,
        ),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5",
            TEXT,
        ),
        ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", TEXT),
    ]);
}

#[test]
fn weights_and_exactness_decide() {
    check(&[
        // The greater weight, wherever it stands.
        ("text/plain;q=0.5, application/openmetrics-text;q=0.6", OPEN),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.6", TEXT),
        // Among equals the one that is named, then the first.
        ("*/*, application/openmetrics-text", OPEN),
        ("application/openmetrics-text, text/plain", OPEN),
        ("text/plain, application/openmetrics-text", TEXT),
        ("application/*", OPEN),
        // The most exact preference tells the weight of a format.
        ("*/*;q=1, text/plain;q=0.1", OPEN),
        ("text/*;q=0.9, text/plain;q=0, application/*;q=0.1", OPEN),
        (
            "text/plain;q=0.1, text/plain;version=0.0.4;q=0.9, application/*;q=0.5",
            TEXT,
        ),
        // None that can be had.
        ("application/json", TEXT),
        ("*/*;q=0", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/vnd.google.protobuf", TEXT),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            TEXT,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            TEXT,
        ),
        (
            "application/vnd.google.protobuf;proto=other;encoding=delimited",
            TEXT,
        ),
        // Not a weight.
        ("application/openmetrics-text;q=1.5, text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=x, text/plain;q=0.1", TEXT),
    ]);
}

#[test]
fn letters_spaces_quotes_and_order_make_no_difference() {
    check(&[
        ("APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5", OPEN),
        (
            "application/openmetrics-text; charset=utf-8; version=\"1.0.0\"",
            OPEN,
        ),
        (
            " text/plain ;q=0.1,\tapplication/openmetrics-text ;q=0.2 ",
            OPEN,
        ),
        (
            "application/vnd.google.protobuf; encoding=delimited; proto=io.prometheus.client.MetricFamily",
            PROTO,
        ),
    ]);
}

#[test]
fn a_known_escaping_is_confirmed_and_another_is_not() {
    for scheme in ["allow-utf-8", "underscores", "dots", "values"] {
        let header = format!("application/openmetrics-text;version=1.0.0;escaping={scheme}");
        let expected = format!("{OPEN}; escaping={scheme}");
        assert_eq!(Format::negotiate(&header).content_type, expected);
    }
    check(&[
        ("application/openmetrics-text;escaping=evil\r\nX: y", OPEN),
        ("text/plain;version=0.0.4;escaping=values", TEXT),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=values",
            PROTO,
        ),
    ]);
}

proptest! {
    #[test]
    fn no_header_breaks_it(header in ".{0,200}") {
        Format::negotiate(&header);
    }

    #[test]
    fn what_weighs_most_is_chosen(weights in prop::array::uniform3(0u32..=1_000)) {
        let header: Vec<String> = Format::ALL
            .iter()
            .zip(weights)
            .map(|(format, weight)| {
                let weight = f64::from(weight) / 1_000.0;
                format!("{};q={weight:.3}", format.content_type())
            })
            .collect();
        let chosen = Format::negotiate(&header.join(", ")).format;
        let most = weights.into_iter().max().unwrap_or_default();
        let at = Format::ALL.iter().position(|format| *format == chosen).unwrap();
        prop_assert!(most == 0 || weights[at] == most, "{header:?}: {chosen:?}");
    }
}
