//! JSON values of any type: each is read by itself, so that one odd value never stops a row, a list or
//! the values beside it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value, as far as a response needs it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Scalar<'a> {
    /// Absent or null.
    #[default]
    Missing,
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bool(bool),
    /// A list, an object, or a whole number that does not fit.
    Other,
    /// A number out of range, or a text with half of a surrogate pair.
    Unreadable,
}

/// The possible names of each value of an object.
pub(super) type Names<const N: usize> = [&'static [&'static str]; N];

/// Reads the values of an object that have these names; `None` if it is not an object. Of two values of
/// one name the later one is used.
pub(super) fn read_fields<'a, const N: usize>(
    json: &'a str,
    names: &Names<N>,
) -> Option<[Scalar<'a>; N]> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = deserializer.deserialize_map(FieldsVisitor(names)).ok()?;
    deserializer.end().ok()?;
    Some(fields)
}

impl<'a> Scalar<'a> {
    /// Reads one JSON value without blanks around it, as a [`RawValue`] holds it.
    pub(super) fn read(json: &'a str) -> Self {
        match json.as_bytes() {
            [b'"', .., b'"'] if !json.contains('\\') => {
                Self::Text(Cow::Borrowed(&json[1..json.len() - 1]))
            }
            [b'"', ..] => serde_json::from_str(json)
                .map_or(Self::Unreadable, |text: String| Self::Text(text.into())),
            [b'{' | b'[', ..] => Self::Other,
            [b't', ..] => Self::Bool(true),
            [b'f', ..] => Self::Bool(false),
            [b'n', ..] | [] => Self::Missing,
            _ => Self::read_number(json),
        }
    }

    fn read_number(json: &str) -> Self {
        if let Ok(whole) = json.parse() {
            return Self::Int(whole);
        }
        match json.parse::<f64>() {
            Ok(_) if json.parse::<u64>().is_ok() => Self::Other,
            Ok(number) if number.is_finite() => Self::Float(number),
            _ => Self::Unreadable,
        }
    }

    /// Returns the text, if it is one and not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number, also if it is written as a string or with a zero fraction.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) => whole_of(*value),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole_of(text.parse().ok()?))
            }
            _ => None,
        }
    }

    /// Returns a copy of the text, if it is one and not empty.
    pub(super) fn to_text(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// Returns the text, or a number as text.
    pub(super) fn printed(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Int(value) => Some(value.to_string().into()),
            Self::Float(value) => Some(value.to_string().into()),
            other => other.text().map(Cow::Borrowed),
        }
    }

    /// Returns a whole number that is not negative.
    pub(super) fn count(&self) -> Option<u64> {
        u64::try_from(self.whole()?).ok()
    }

    /// Returns a boolean, also if it is written as a number or as a string.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            other => match other.whole()? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }

    /// Returns a number, also if it is written as a string; never infinite or NaN.
    pub(super) fn number(&self) -> Option<f64> {
        let value = match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        value.is_finite().then_some(value)
    }
}

/// Deserializes a field with a whole number.
pub(super) fn whole<'de, D: Deserializer<'de>>(field: D) -> Result<Option<i64>, D::Error> {
    read_as(field, |value| value.whole())
}

/// Deserializes a field with a count.
pub(super) fn count<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u64>, D::Error> {
    read_as(field, |value| value.count())
}

/// Deserializes a field with a text.
pub(super) fn text<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    read_as(field, |value| value.to_text())
}

/// Deserializes a field with a boolean.
pub(super) fn truth<'de, D: Deserializer<'de>>(field: D) -> Result<Option<bool>, D::Error> {
    read_as(field, |value| value.truth())
}

fn read_as<'de, D: Deserializer<'de>, T>(
    field: D,
    wanted: impl FnOnce(&Scalar<'_>) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(field)?;
    Ok(wanted(&Scalar::read(raw.get())))
}

/// A float without a fraction, inside the range in which floats hold every integer.
fn whole_of(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// Fails for [`Scalar::Unreadable`].
impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Self::read(<&RawValue>::deserialize(deserializer)?.get()) {
            Self::Unreadable => Err(D::Error::custom("a value beyond reading")),
            scalar => Ok(scalar),
        }
    }
}

struct FieldsVisitor<'n, const N: usize>(&'n Names<N>);

impl<'de, const N: usize> Visitor<'de> for FieldsVisitor<'_, N> {
    type Value = [Scalar<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [const { Scalar::Missing }; N];
        while let Some(name) = map.next_key::<&RawValue>()? {
            let Scalar::Text(name) = Scalar::read(name.get()) else {
                return Err(A::Error::custom("a name that is no text"));
            };
            let known = self.0.iter().position(|names| names.contains(&&*name));
            match known.and_then(|at| fields.get_mut(at)) {
                Some(field) => *field = Scalar::read(map.next_value::<&RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Scalar<'_> {
        Scalar::read(json)
    }

    #[test]
    fn numbers_are_read_in_every_spelling() {
        for (json, whole, number) in [
            ("1", Some(1), Some(1.0)),
            ("-1", Some(-1), Some(-1.0)),
            ("1.0", Some(1), Some(1.0)),
            ("1e2", Some(100), Some(100.0)),
            ("0.241", None, Some(0.241)),
            ("\"0.241\"", None, Some(0.241)),
            ("\" 100 \"", Some(100), Some(100.0)),
            ("\"100.0\"", Some(100), Some(100.0)),
            ("18446744073709551615", None, None),
            ("\"NaN\"", None, None),
            ("\"inf\"", None, None),
            ("\"\"", None, None),
            ("null", None, None),
            ("true", None, None),
            ("[1]", None, None),
            ("{\"a\":1}", None, None),
        ] {
            assert_eq!(
                (read(json).whole(), read(json).number()),
                (whole, number),
                "{json}"
            );
        }
    }

    #[test]
    fn yes_and_no_are_read_in_every_spelling() {
        for (yes, no) in [
            ("true", "false"),
            ("1", "0"),
            ("1.0", "0.0"),
            ("\"true\"", "\"false\""),
            ("\"True\"", "\" FALSE \""),
            ("\"1\"", "\"0\""),
        ] {
            assert_eq!(
                (read(yes).truth(), read(no).truth()),
                (Some(true), Some(false))
            );
        }
        for neither in ["2", "-1", "null", "\"\"", "\"yes\"", "[true]", "{}"] {
            assert_eq!(read(neither).truth(), None, "{neither}");
        }
    }

    #[test]
    fn a_text_is_borrowed_where_it_has_no_escapes() {
        assert!(matches!(
            read("\"abc\""),
            Scalar::Text(Cow::Borrowed("abc"))
        ));
        assert_eq!(read("\"a\\nb\"").text(), Some("a\nb"));
        assert_eq!(read("\"\"").text(), None);
    }
}
