//! A field of an answer as it stands on the wire, whatever its type: it is judged later, by itself,
//! so that one odd field never stops a row, a list or the fields beside it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any JSON value, as far as an answer needs it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Scalar<'a> {
    /// Absent or null.
    #[default]
    Missing,
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bool(bool),
    /// A list, object, or a number out of range.
    Other,
}

impl Scalar<'_> {
    /// The text, if it is one and not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A whole number, also where it is written as a string or with a zero fraction.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) => whole_of(*value),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole_of(text.parse().ok()?))
            }
            Self::Missing | Self::Bool(_) | Self::Other => None,
        }
    }

    /// The text by itself, if it is one and not empty.
    pub(super) fn to_text(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Option<u64> {
        u64::try_from(self.whole()?).ok()
    }

    /// Yes or no, also where it is written as a number or in words.
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

    /// A number, also where it is written as a string; never infinite or NaN.
    pub(super) fn number(&self) -> Option<f64> {
        let value = match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Missing | Self::Bool(_) | Self::Other => return None,
        };
        value.is_finite().then_some(value)
    }
}

/// For a field that holds a whole number, in an answer that keeps nothing of its body.
pub(super) fn whole<'de, D: Deserializer<'de>>(field: D) -> Result<Option<i64>, D::Error> {
    Ok(Scalar::deserialize(field)?.whole())
}

/// The same for a count.
pub(super) fn count<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u64>, D::Error> {
    Ok(Scalar::deserialize(field)?.count())
}

/// The same for a text.
pub(super) fn text<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    Ok(Scalar::deserialize(field)?.to_text())
}

/// The same for yes or no.
pub(super) fn truth<'de, D: Deserializer<'de>>(field: D) -> Result<Option<bool>, D::Error> {
    Ok(Scalar::deserialize(field)?.truth())
}

/// A float without a fraction, inside the range in which floats hold every integer.
fn whole_of(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Other, Scalar::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
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
