//! Values of a row that mean the same in every version of the function API.

use super::scalar::Scalar;
use crate::model::{Bytes, Nanos};

/// The longest run time believed: a month. Async functions may run a day.
const DURATION_MS_MAX: f64 = 31.0 * 24.0 * 3_600.0 * 1_000.0;
/// The largest memory believed, in bytes: 1 TiB. The cloud lends up to 120 GB.
const MEMORY_MAX: f64 = (1u64 << 40) as f64;
/// The longest name or id believed; the cloud's own are up to 60 and 36 characters.
const TEXT_MAX: usize = 256;

/// A name or an id, where it is usable.
pub(super) fn short_text<'s>(field: &'s Scalar<'_>) -> Option<&'s str> {
    field.text().filter(|text| is_name(text))
}

/// Whether a text can be a name or an id: it is not too long, and none of its bytes was lost where
/// an answer is not UTF-8, since two that differ would look alike.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= TEXT_MAX && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// Milliseconds as nanoseconds. The wire has up to three decimals; the nearest nanosecond is the
/// exact value for up to six.
pub(super) fn millis(field: &Scalar<'_>) -> Option<Nanos> {
    let millis = field
        .number()
        .filter(|millis| (0.0..=DURATION_MS_MAX).contains(millis))?;
    Some(Nanos((millis * 1e6).round() as u64))
}

/// Bytes, whole.
pub(super) fn memory(field: &Scalar<'_>) -> Option<Bytes> {
    let bytes = field
        .number()
        .filter(|bytes| (0.0..=MEMORY_MAX).contains(bytes))?;
    Some(Bytes(bytes.round() as u64))
}
