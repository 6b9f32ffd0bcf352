//! Durations in Prometheus' format: `15s`, `1m30s`, `500ms`, `7d`.

use std::time::Duration;

/// Units in descending order, in milliseconds. A year has 365 days, as in Prometheus.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses a duration: units in descending order, each at most once, or just `0`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (count, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after, |c| !c.is_ascii_lowercase());
        let index = units.iter().position(|(name, _)| *name == unit)?;
        let millis = count.parse::<u64>().ok()?.checked_mul(units[index].1)?;
        total = total.checked_add(millis)?;
        units = &units[index + 1..];
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

/// Formats a duration in whole milliseconds, in the shortest form that parses to the same value.
/// Years and weeks are not used.
pub fn format_duration(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in &UNITS[2..] {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

fn split_where(text: &str, ends: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_prometheus_reads() {
        // The cases of Prometheus' documentation, computed by hand.
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("324ms", 324),
            ("3s", 3_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("4d", 345_600_000),
            ("4d1h", 349_200_000),
            ("14d", 1_209_600_000),
            ("3w", 1_814_400_000),
            ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000),
            ("1m30s", 90_000),
            ("1h500ms", 3_600_500),
        ] {
            let expected = Some(Duration::from_millis(millis));
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn all_else_is_rejected() {
        let malformed = [
            "", "1", "1.5h", "d", "-1s", " 1s", "1s ", "1S", "s1", "1m 30s",
        ];
        let repeated_or_unknown = ["1s1m", "1s1s", "1ns", "1\u{b5}s"];
        let too_large = ["99999999999999999999s", "18446744073709551615y"];
        let all = malformed.into_iter().chain(repeated_or_unknown);
        for text in all.chain(too_large) {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0u64..10_000_000_000_000) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(span)), Some(span));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-z.\u{e9}-]{0,24}") {
            let _ = parse_duration(&text);
        }
    }
}
