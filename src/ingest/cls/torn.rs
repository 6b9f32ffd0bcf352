//! Lines that are no valid JSON: with half of a surrogate pair, as at the end of a cut text, or cut
//! themselves. User code prints any text, so such a line is mostly no report.

use super::report::{self, Kind};

/// Replaces a character of which one half is missing.
const REPLACEMENT: &str = "\\ufffd";
/// The length of an escape such as `\ud83d`.
const ESCAPE: usize = 6;

/// Returns the JSON with every unpaired half of a surrogate pair replaced, so that the rest can be
/// parsed.
pub(super) fn mended(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let length = match unit(escape) {
            Some(0xD800..=0xDBFF) => match escape.get(ESCAPE..).and_then(unit) {
                Some(0xDC00..=0xDFFF) => 2 * ESCAPE,
                _ => 0,
            },
            Some(0xDC00..=0xDFFF) => 0,
            // The backslash and the next character, which may be another backslash.
            _ => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        if length == 0 {
            mended.push_str(REPLACEMENT);
        }
        let (kept, behind) = escape.split_at(length);
        mended.push_str(kept);
        rest = match length {
            0 => behind.get(ESCAPE..).unwrap_or_default(),
            _ => behind,
        };
    }
    mended.push_str(rest);
    mended
}

/// Returns the code unit of the escape at the beginning of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// Returns whether an unreadable line claims to be a report or an init report. The words are found
/// anywhere and however often they are escaped.
pub(super) fn says_report(line: &str) -> bool {
    let is_report = |message| !matches!(report::kind(message), Kind::Other);
    let mut types = values(line, "SCF_Type").peekable();
    values(line, "SCF_Message").any(is_report)
        // One that was cut before its type may be a report.
        && (types.peek().is_none() || types.any(|kind| kind.starts_with("Platform")))
}

/// Returns the text after each `key`, without the quotes before it.
fn values<'l>(line: &'l str, key: &'l str) -> impl Iterator<Item = &'l str> {
    let quotes = |c: char| matches!(c, '\\' | '"' | ':') || c.is_whitespace();
    let behind = line.split(key).skip(1);
    behind.map(move |rest| rest.trim_start_matches(quotes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""a\ud83d\ud83d\ude00b""#, r#""a\ufffd\ud83d\ude00b""#),
            (r#""\uDE00\uD83D""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            // An escaped backslash, and no escape of a character.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            ("\"\\\u{e9}\"", "\"\\\u{e9}\""),
            (r#""\u+83d""#, r#""\u+83d""#),
            (r#""\ud8"#, r#""\ud8"#),
            ("\\", "\\"),
        ] {
            assert_eq!(mended(json), expected);
        }
    }

    #[test]
    fn only_a_line_that_says_so_is_a_report() {
        let report = r#"{"SCF_Message":"Report RequestId: r Duration:1ms","SCF_Type":"Platform""#;
        let escaped = serde_json::to_string(report).unwrap();
        let spaced = r#"{"LogJson": {"SCF_Message" : "Init Report RequestId:r"#;
        for line in [report, &escaped, spaced, &report[..40]] {
            assert!(says_report(line), "{line}");
        }
        for line in [
            "",
            "7",
            r#"{"SCF_Message":"Response RequestId: x RetMsg: Report","SCF_Type":"Platform""#,
            r#"{"SCF_Message":"Provisioned Report RequestId:x","SCF_Type":"Platform""#,
            r#"{"SCF_Message":"Report RequestId: printed","SCF_Type":"Custom","x"#,
            r#"{"SCF_Mess"#,
        ] {
            assert!(!says_report(line), "{line}");
        }
    }

    proptest! {
        /// Any text of code units, half pairs or not, can be read once it is mended.
        #[test]
        fn what_is_mended_is_json(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read: String = serde_json::from_str(&mended(&format!("\"{escapes}\""))).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn text_without_half_pairs_stays(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(mended(&json), json);
        }
    }
}
