//! Reads values as Go's toolkit does: empty values count as absent, and each kind of value accepts
//! the toolkit's spelling.

use std::time::Duration;

use crate::yaml::Content;
use crate::{Choice, Found, Reader, Section, alternatives, quote};

/// Spellings of true and false in YAML 1.1, which the toolkit's parser accepts.
const YES: &[&str] = &["y", "yes", "on", "true"];
const NO: &[&str] = &["n", "no", "off", "false"];

/// Reads values. After an error it returns an arbitrary value, which is never used.
pub(super) struct Values<'a>(pub Reader<'a>);

impl Values<'_> {
    /// Returns the text under `name`. An empty one counts as absent.
    pub(super) fn text(&mut self, block: &Section, name: &str) -> Option<Found<String>> {
        if is_null(block, name) {
            return None;
        }
        let text = self.0.text(block, name, "one value");
        text.filter(|text| !text.value.is_empty())
    }

    /// Returns the texts of the list under `name`. A missing list differs from an empty one.
    pub(super) fn list(&mut self, block: &Section, name: &str) -> Option<Vec<Found<String>>> {
        if is_null(block, name) {
            return None;
        }
        self.0.list(block, name, "a list")
    }

    /// Returns a value of the type `T`. `absent` returns a hint for a word that only the toolkit
    /// supports.
    pub(super) fn word<T: Choice>(
        &mut self,
        text: &Found<String>,
        absent: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<T> {
        let word = self.0.parsed(text, |word| {
            T::from_word(word).ok_or_else(|| match absent(word) {
                Some(instead) => format!("{} is not offered here: {instead}", quote(word)),
                None => format!(
                    "{} is not known: write {}",
                    quote(word),
                    alternatives(T::NAMES)
                ),
            })
        });
        word.map(|word| word.value)
    }

    /// Returns a boolean.
    pub(super) fn boolean(&mut self, block: &Section, name: &str, default: bool) -> bool {
        let Some(text) = self.text(block, name) else {
            return default;
        };
        let word = text.value.to_ascii_lowercase();
        if YES.contains(&word.as_str()) {
            return true;
        }
        if !NO.contains(&word.as_str()) {
            let message = format!("{} is not known: write true or false", quote(&text.value));
            self.0.fault(&text, message);
        }
        false
    }

    /// Returns an integer; 0 if the key is absent.
    pub(super) fn number(&mut self, block: &Section, name: &str) -> i64 {
        let text = self.text(block, name);
        let number = text.and_then(|text| {
            self.0.parsed(&text, |text| {
                let refusal = |_| format!("{} is no whole number", quote(text));
                text.parse().map_err(refusal)
            })
        });
        number.map_or(0, |number| number.value)
    }

    /// Returns a duration in Go's format, where a bare number counts nanoseconds. Negative values
    /// count as absent.
    pub(super) fn go_duration(&mut self, block: &Section, name: &str) -> Option<Duration> {
        let text = self.text(block, name)?;
        let nanos = self.0.parsed(&text, |text| {
            let nanos = text.parse().ok().or_else(|| go_nanos(text));
            nanos.ok_or_else(|| {
                format!(
                    "{} cannot be read: write a duration such as 100ms, 1.5s or 1m30s",
                    quote(text)
                )
            })
        });
        u64::try_from(nanos?.value).ok().map(Duration::from_nanos)
    }
}

fn is_null(block: &Section, name: &str) -> bool {
    let node = block.get(name);
    node.is_some_and(|node| matches!(node.content, Content::Null))
}

/// Returns the cost of a bcrypt hash, or an error if the hash is not valid.
pub(super) fn bcrypt_cost(hash: &str) -> Result<u32, String> {
    const WANTED: &str = "write its bcrypt hash, as `htpasswd -nBC 10 \"\"` prints it";
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", version, cost, rest] = parts[..] else {
        return Err(format!("is no hash of a password: {WANTED}"));
    };
    if !["2a", "2b", "2x", "2y"].contains(&version) {
        return Err(format!("is no hash by bcrypt: {WANTED}"));
    }
    let cost = match cost.parse() {
        Ok(number) if cost.len() == 2 && (4..=31).contains(&number) => number,
        _ => return Err(format!("has a cost that is not 04 to 31: {WANTED}")),
    };
    let alphabet = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
    if rest.len() != 53 || !rest.chars().all(alphabet) {
        return Err(format!("is cut or damaged: {WANTED}"));
    }
    Ok(cost)
}

/// Parses `1h2m3.5s` and the like into nanoseconds. A sign is allowed, and `0` needs no unit.
fn go_nanos(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let unit = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return None,
        };
        nanos += number.parse::<f64>().ok()? * unit;
        rest = behind;
    }
    let fits = !text.is_empty() && !text.ends_with(['-', '+']) && nanos < i64::MAX as f64;
    fits.then_some((sign * nanos) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("1s", Some(1_000_000_000)),
            ("+5s", Some(5_000_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("1h15m30.918s", Some(4_530_918_000_000)),
            ("100us", Some(100_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("", None),
            ("-", None),
            ("3", None),
            ("s", None),
            (".s", None),
            ("1d", None),
            ("1 s", None),
            ("1.2.3s", None),
            ("3000000h", None),
        ] {
            assert_eq!(go_nanos(text), nanos, "{text:?}");
        }
    }
}
