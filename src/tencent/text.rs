//! Words from outside, made fit for one log line.

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

    proptest! {
        #[test]
        fn always_short_and_printable(text in "\\PC*|(.|\\n){0,2000}") {
            let line = one_line(&text);
            prop_assert!(line.chars().count() <= MAX_CHARS + 3);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }
}
