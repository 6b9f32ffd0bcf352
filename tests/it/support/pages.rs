//! The documents for readers: where they are, and their text with and without blocks of code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// A line of a document.
pub struct Line<'a> {
    pub text: &'a str,
    /// The language of the block that it stands in, `""` where the block names none; none outside
    /// of blocks.
    pub block: Option<&'a str>,
}

/// Every README and every page of `docs/`, by the path from the root.
pub fn pages() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    collect(root(), false, &mut paths);
    collect(&root().join("docs"), true, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("it lies below the root");
        let text = fs::read_to_string(&path).expect("a page can be read");
        (name.to_string_lossy().into_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, deep: bool, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is there");
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && deep {
            collect(&path, true, paths);
        } else if path.extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
}

/// The lines of a page, those that open and close a block left out.
pub fn lines(page: &str) -> Vec<Line<'_>> {
    let mut block = None;
    let mut lines = Vec::new();
    for text in page.lines() {
        match (text.strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language.trim()),
            (Some(_), Some(_)) => block = None,
            (None, _) => lines.push(Line { text, block }),
        }
    }
    lines
}

/// The texts of all blocks of a language.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let parts = page.split(&*opening).skip(1);
    let texts = parts.filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
    texts.collect()
}

/// Every word that begins with `start`: letters, digits and `. _ - :` inside it.
pub fn words_from(text: &str, start: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    text.split(|c: char| !inside(c))
        .filter(|word| word.starts_with(start) && word.len() > start.len())
        .filter(|word| !word.bytes().all(|byte| byte == b'-'))
        .map(|word| word.trim_end_matches(['.', '-', ':']).to_owned())
        .collect()
}
