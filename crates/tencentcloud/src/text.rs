//! Cleans texts from outside: bodies that are not UTF-8, and messages for one log line.

use bytes::Bytes;

/// Maximum length of a message from outside, in characters.
const MAX_CHARS: usize = 300;

/// Returns `text` on one line: control characters and runs of whitespace become one space, and the
/// text is cut after 300 characters.
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

/// Returns likely readings of a body that is not UTF-8, the most likely one first; none for a body
/// that is.
///
/// The vendor passes user text on as it was written, and some of it is GBK. Usually its bytes are
/// escaped like any others, so that replacing invalid sequences leaves the JSON intact. If the
/// second byte of a character is a backslash that was not escaped, both must be replaced together,
/// because the backslash would escape the quote that follows.
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

/// Replaces each invalid byte together with a backslash behind it.
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

    /// The bytes are those of Python: `"\u62a5\u544a".encode("gbk")` is b1 a8 b8 e6, and
    /// `"\u661e".encode("gbk")` is 95 5c.
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
