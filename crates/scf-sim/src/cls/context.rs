//! A cursor into a list of lines, which the next request passes back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::line::{Kind, Line};
use crate::rng::mix;

/// The end of a page. A line that becomes visible later is found if it comes after this position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) after: Line,
    /// Number of lines that the chain has returned so far.
    pub(super) returned: usize,
    pub(super) made_ms: i64,
}

/// The vendor's lifetime of a context.
const LIFE_MS: i64 = 3_600_000;

// === impl Cursor ===

impl Cursor {
    /// Returns the cursor as text, bound to the parameters whose hash is `params_hash`.
    pub(super) fn text(&self, params_hash: u64) -> String {
        let body = self.body();
        let seal = mix(params_hash, hash(&body));
        URL_SAFE_NO_PAD.encode(format!("{body}.{seal:016x}"))
    }

    /// Parses a cursor. Returns `None` if it belongs to other parameters or has expired.
    pub(super) fn parse(text: &str, params_hash: u64, now_ms: i64) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let whole = String::from_utf8(bytes).ok()?;
        let (body, seal) = whole.rsplit_once('.')?;
        if u64::from_str_radix(seal, 16).ok()? != mix(params_hash, hash(body)) {
            return None;
        }
        let cursor = Self::of_body(body)?;
        let age_ms = now_ms.checked_sub(cursor.made_ms)?;
        (0..LIFE_MS).contains(&age_ms).then_some(cursor)
    }

    fn body(&self) -> String {
        let line = &self.after;
        format!(
            "{}.{}.{}.{}.{}.{}.{}",
            self.made_ms,
            self.returned,
            line.time_ms,
            line.tie,
            line.attempt,
            line.kind.ordinal(),
            u8::from(line.copy)
        )
    }

    fn of_body(body: &str) -> Option<Self> {
        let mut parts = body.split('.');
        let mut next = || parts.next()?.parse::<i64>().ok();
        Some(Self {
            made_ms: next()?,
            returned: usize::try_from(next()?).ok()?,
            after: Line {
                time_ms: next()?,
                tie: u32::try_from(next()?).ok()?,
                attempt: u32::try_from(next()?).ok()?,
                kind: Kind::of_ordinal(u64::try_from(next()?).ok()?)?,
                copy: next()? == 1,
            },
        })
    }
}

/// Returns a hash of a text.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(text.len() as u64, |sum, byte| mix(sum, u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back_with_the_same_parameters_only(
            time_ms: i64, tie: u32, attempt: u32, ordinal in 0u64..200, copy: bool, params_hash: u64,
        ) {
            let kind = Kind::of_ordinal(ordinal).unwrap();
            prop_assert_eq!(kind.ordinal(), ordinal);
            let after = Line { time_ms, tie, attempt, kind, copy };
            let cursor = Cursor { after, returned: 7, made_ms: 1_000 };
            let text = cursor.text(params_hash);
            prop_assert_eq!(Cursor::parse(&text, params_hash, 1_000), Some(cursor));
            prop_assert_eq!(Cursor::parse(&text, params_hash, 3_600_999), Some(cursor));
            prop_assert_eq!(Cursor::parse(&text, params_hash, 3_601_000), None);
            prop_assert_eq!(Cursor::parse(&text, params_hash ^ 1, 1_000), None);
            prop_assert_eq!(Cursor::parse(&text[1..], params_hash, 1_000), None);
        }
    }
}
