//! The nearest known word to an unknown one.

/// Words longer than this are no slip of the finger, and comparing them costs.
const LONGEST: usize = 40;

/// The known word that `word` was most likely meant to be: at most a third of it differs.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let letters: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return None;
    }
    let allowed = (letters.len() / 3).max(1);
    known
        .into_iter()
        // So many letters at least have to be inserted or removed.
        .filter(|name| name.chars().count().abs_diff(letters.len()) <= allowed)
        .map(|name| (distance(&letters, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters to insert, remove or replace to get from `from` to `to` (Levenshtein).
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (line, letter) in to.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (index, other) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(*other != letter);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        let far = |from: &str, to| distance(&from.chars().collect::<Vec<_>>(), to);
        assert_eq!(far("kitten", "sitting"), 3);
        assert_eq!(far("", "abc"), 3);
        assert_eq!(far("abc", "abc"), 0);
        assert_eq!(far("idle-interval", "idle_interval"), 1);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["interval", "page_size", "region"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("Region", known), Some("region"));
        assert_eq!(nearest("namespace", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
