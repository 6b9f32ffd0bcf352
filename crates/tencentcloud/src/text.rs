//! Texts from outside, made fit to be read: bodies that are no UTF-8, and words for one log line.

use bytes::Bytes;

/// Longest outside text kept, in characters.
const MAX_CHARS: usize = 300;

/// `text` on one line: control characters and runs of blanks become one space, cut after
/// 300 characters.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    for c in words
        .flat_map(|word| std::iter::once(' ').chain(word.chars()))
        .skip(1)
        .take(MAX_CHARS + 1)
    {
        line.push(c);
    }
    match line.char_indices().nth(MAX_CHARS) {
        None => line,
        Some((end, _)) => {
            line.truncate(end);
            line + "..."
        }
    }
}

/// Other readings of a body that is not UTF-8, the likeliest first; none of one that is.
///
/// The vendor hands user text through as it was written, and some of it is GBK. Mostly its bytes
/// are escaped like any others, so that replacing what is no UTF-8 leaves the JSON whole. Where
/// the second byte of a character was taken for a backslash and not escaped, the two must go
/// together, or it would escape the quote that follows.
pub(super) fn lossy_readings(body: &Bytes) -> impl Iterator<Item = Bytes> {
    let is_text = std::str::from_utf8(body).is_ok();
    let readings: [fn(&[u8]) -> String; 2] = [replace_bytes, replace_pairs];
    let readings = readings.into_iter().filter(move |_| !is_text);
    readings.map(|read| Bytes::from(read(body)))
}

/// Replaces each invalid sequence.
fn replace_bytes(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// Replaces each invalid byte, together with a backslash behind it.
fn replace_pairs(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    let mut follows_odd = false;
    for chunk in body.utf8_chunks() {
        let valid = chunk.valid();
        text.push_str(match follows_odd {
            true => valid.strip_prefix('\\').unwrap_or(valid),
            false => valid,
        });
        follows_odd = !chunk.invalid().is_empty();
        if follows_odd {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_message_with_newlines_becomes_one_line() {
        let message = "not authorized (cns:RecordList)\nresource (*) has\tno permission\n";
        assert_eq!(
            one_line(message),
            "not authorized (cns:RecordList) resource (*) has no permission"
        );
        assert_eq!(one_line(" \n "), "");
    }

    /// Bytes by Python: `"\u62a5\u544a".encode("gbk")` is b1 a8 b8 e6, `"\u661e".encode("gbk")` 95 5c.
    #[test]
    fn json_around_bytes_of_gbk_stays_whole() {
        let read = |bytes: &[u8]| -> Vec<Option<String>> {
            let body = Bytes::copy_from_slice(bytes);
            let json = |text: Bytes| serde_json::from_slice(&text).ok();
            lossy_readings(&body).map(json).collect()
        };
        let usual = read(b"\"x\xb1\xa8\xb8\xe6\"");
        assert_eq!(
            usual[0].as_deref(),
            Some("x\u{fffd}\u{fffd}\u{fffd}\u{fffd}")
        );
        let escaped = read(b"\"x\x95\\\\\"");
        assert_eq!(escaped[0].as_deref(), Some("x\u{fffd}\\"));
        let bare = read(b"\"x\x95\\\"");
        assert_eq!(
            (bare[0].as_deref(), bare[1].as_deref()),
            (None, Some("x\u{fffd}"))
        );
        assert!(
            read("\"\u{62a5}\"".as_bytes()).is_empty(),
            "valid text has one reading"
        );
    }

    proptest! {
        #[test]
        fn always_short_and_printable(text in "\\PC*|(.|\\n){0,2000}") {
            let line = one_line(&text);
            prop_assert!(line.chars().count() <= MAX_CHARS + 3);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }
}
