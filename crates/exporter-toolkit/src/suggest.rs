//! Suggests the nearest known word for an unknown one.

/// Longer words are not compared: they are no typing errors, and the comparison is expensive.
const LONGEST: usize = 40;

/// Returns the known word that `word` most likely stands for. At most a third of it may differ.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().take(LONGEST + 1).count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).max(1);
    known
        .into_iter()
        // A word of another length differs by at least the difference in length.
        .filter(|name| name.chars().count().abs_diff(length) <= allowed)
        .map(|name| (strsim::levenshtein(word, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["interval", "page_size", "region"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("Region", known), Some("region"));
        assert_eq!(nearest("namespace", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
