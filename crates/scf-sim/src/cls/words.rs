//! The index: texts as words.
//!
//! Everything that is neither letter nor digit separates words, and the case of ASCII letters is
//! ignored. So `Init Report RequestId: 6f-7a` has the words `init`, `report`, `requestid`, `6f` and
//! `7a`, and the phrase "Report RequestId" is found in it.

/// A sequence of words to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase {
    /// In lower case.
    words: Vec<String>,
    /// Set if the last word is a prefix.
    pub(super) open: bool,
}

// === impl Phrase ===

impl Phrase {
    /// Creates a phrase from the words of `text`.
    pub(super) fn new(text: &str) -> Self {
        Self {
            words: words(text).map(str::to_ascii_lowercase).collect(),
            open: false,
        }
    }

    /// Returns whether `text` contains these words in a row. A phrase without words matches only a
    /// text without words, or any text if it is open.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if self.words.is_empty() {
            return self.open || words(text).next().is_none();
        }
        let mut rest = words(text);
        loop {
            if self.fits_start_of(rest.clone()) {
                return true;
            }
            if rest.next().is_none() {
                return false;
            }
        }
    }

    fn fits_start_of<'t>(&self, mut text: impl Iterator<Item = &'t str>) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().enumerate().all(|(index, wanted)| {
            text.next().is_some_and(|word| {
                if self.open && index == last {
                    word.get(..wanted.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(wanted))
                } else {
                    word.eq_ignore_ascii_case(wanted)
                }
            })
        })
    }

    /// Returns whether every matching text has a word that begins with `start`, in lower case.
    pub(super) fn needs_word_with(&self, start: &str) -> bool {
        self.words.iter().any(|word| word.starts_with(start))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_words_in_a_row() {
        let init = "Init Report RequestId: 6f71-aa Coldstart: 236ms";
        for (phrase, found) in [
            ("Report RequestId", true),
            ("report requestid", true),
            ("RequestId:6f71-AA", true),
            ("Init RequestId", false),
            ("Repor", false),
            ("aa Coldstart 236ms x", false),
            ("", false),
        ] {
            assert_eq!(Phrase::new(phrase).is_in(init), found, "{phrase}");
        }
        assert!(Phrase::new("").is_in("") && Phrase::new(" -").is_in(":"));
    }

    #[test]
    fn beginnings_leave_the_last_word_open() {
        let report = "Report RequestId: 6f71";
        for (words, text, found) in [
            ("Rep", report, true),
            ("report requ", report, true),
            ("Rep RequestId", report, false),
            ("eport", report, false),
            ("", "", true),
        ] {
            let open = true;
            let phrase = Phrase {
                open,
                ..Phrase::new(words)
            };
            assert_eq!(phrase.is_in(text), found, "{words}");
        }
    }
}
