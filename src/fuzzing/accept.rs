//! The fuzz target of the headers `Accept` and `Accept-Encoding`.

use std::sync::LazyLock;

use regex::Regex;

use crate::exposition::{Encoding, Format};

/// One part of a header (RFC 9110, sections 12.4.2 and 12.5.3).
static PART: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$";
    Regex::new(part).expect("a pattern of our own")
});

/// Checks that an encoding that was not requested or was excluded is never chosen, that the weights
/// of a well-formed header decide, and that the case of letters does not matter.
pub(super) fn header(bytes: &[u8]) {
    let Ok(header) = str::from_utf8(bytes) else {
        return;
    };
    format(header);
    let chosen = Encoding::negotiate(header);
    assert_eq!(Encoding::negotiate(&header.to_ascii_uppercase()), chosen);
    let named = header.to_ascii_lowercase();
    if !named.contains("gzip") && !named.contains('*') {
        assert_eq!(chosen, Encoding::Identity);
    }
    if let Some(weights) = weights(header) {
        let weight = |names: &[&str]| {
            let mut latest = weights.iter().rev();
            let found = latest.find(|(name, _)| names.contains(&name.as_str()));
            found.map(|(_, weight)| *weight)
        };
        let gzip = weight(&["gzip", "x-gzip"]).or(weight(&["*"])).unwrap_or(0);
        let wanted = gzip > 0 && gzip >= weight(&["identity"]).unwrap_or(0);
        assert_eq!(chosen == Encoding::Gzip, wanted, "{header:?}");
    }
}

/// Checks that a format that was not requested is never chosen, that the case of letters does not
/// matter, and that the content type is always a known one.
fn format(header: &str) {
    let answer = Format::negotiate(header);
    let shouted = Format::negotiate(&header.to_ascii_uppercase());
    assert_eq!(shouted.format, answer.format);
    let named = header.to_ascii_lowercase();
    let asked = |words: &[&str]| named.contains('*') || words.iter().all(|it| named.contains(it));
    match answer.format {
        Format::Text => {}
        Format::OpenMetrics => assert!(asked(&["application/openmetrics-text"])),
        Format::Protobuf => assert!(asked(&["application/vnd.google.protobuf", "delimited"])),
    }
    let own = answer.format.content_type();
    let rest = answer.content_type.strip_prefix(own);
    let schemes = ["", "allow-utf-8", "underscores", "dots", "values"];
    let escaping = rest.map(|rest| rest.strip_prefix("; escaping=").unwrap_or(rest));
    assert!(escaping.is_some_and(|scheme| schemes.contains(&scheme)));
}

/// Returns the names with their weights in thousandths, or `None` if the header is malformed.
fn weights(header: &str) -> Option<Vec<(String, u32)>> {
    header
        .split(',')
        .map(|part| {
            let found = PART.captures(part)?;
            let weight = found.get(2).map_or("1", |weight| weight.as_str());
            let digits = format!("{:0<4}", weight.replace('.', ""));
            Some((found[1].to_ascii_lowercase(), digits.parse().ok()?))
        })
        .collect()
}
