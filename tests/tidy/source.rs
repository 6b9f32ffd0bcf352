//! One Rust file as the rules look at it: its code without comments, with or without literals,
//! and where its unit tests begin.

/// What of a file is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Code,
    CodeAndText,
}

/// A Rust file.
pub struct Source {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// Without comments; string and character literals emptied. Line numbers stay.
    pub code: String,
    /// Without comments, literals kept. Line numbers stay.
    pub code_and_text: String,
}

impl Source {
    /// Looks at `text` as the file at `path`.
    pub fn new(path: &str, text: String) -> Self {
        Self {
            path: path.into(),
            code: strip(&text, Keep::Code),
            code_and_text: strip(&text, Keep::CodeAndText),
            text,
        }
    }

    /// The lines of `code` or `code_and_text` in front of the unit tests, numbered from 1.
    ///
    /// Unit tests stand at the end of a file (`#[cfg(test)]` in front of `mod`), or in a file
    /// named `tests.rs` or a folder named `tests`.
    pub fn lines_before_tests<'a>(&self, of: &'a str) -> Vec<(usize, &'a str)> {
        let all_tests = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        let end = if all_tests {
            0
        } else {
            tests_begin(&self.code)
        };
        of.lines()
            .enumerate()
            .take(end)
            .map(|(at, line)| (at + 1, line))
            .collect()
    }
}

/// The number of lines in front of the unit tests.
fn tests_begin(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let starts = |at: usize| {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        lines[at] == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{')
    };
    (0..lines.len())
        .find(|&at| starts(at))
        .unwrap_or(lines.len())
}

/// Blanks out comments, and the insides of literals unless they are kept.
fn strip(text: &str, keep: Keep) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, literal) = token(rest, out.chars().next_back());
        let (taken, left) = rest.split_at(length.max(first.len_utf8()));
        match literal {
            None => out.push_str(taken),
            Some(Token::Literal) if keep == Keep::CodeAndText => out.push_str(taken),
            Some(Token::Literal) => {
                out.push_str("\"\"");
                out.extend(taken.chars().filter(|&c| c == '\n'));
            }
            Some(Token::Comment) => out.extend(taken.chars().filter(|&c| c == '\n')),
        }
        rest = left;
    }
    out
}

enum Token {
    Comment,
    Literal,
}

/// How many bytes the comment or literal at the start of `rest` has; zero for anything else.
fn token(rest: &str, before: Option<char>) -> (usize, Option<Token>) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Some(Token::Comment));
    }
    if rest.starts_with("/*") {
        let end = rest.find("*/").map_or(rest.len(), |at| at + 2);
        return (end, Some(Token::Comment));
    }
    if rest.starts_with('"') {
        return (quoted(rest, '"'), Some(Token::Literal));
    }
    if !in_word && let Some(length) = raw_string(rest) {
        return (length, Some(Token::Literal));
    }
    if is_char(rest) {
        return (quoted(rest, '\''), Some(Token::Literal));
    }
    (0, None)
}

/// The length of a literal that starts and ends with `quote` and may hold escapes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of `r"..."`, `r#"..."#`, `br"..."` and so on.
fn raw_string(rest: &str) -> Option<usize> {
    let start = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r')?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let body = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - body.len();
    Some(
        body.find(&end)
            .map_or(rest.len(), |at| before + at + end.len()),
    )
}

/// Whether a character literal starts here, rather than a lifetime.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('\'')
        && match chars.next() {
            Some('\\') => true,
            Some(_) => chars.next() == Some('\''),
            None => false,
        }
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let text = "let a = \"x // y\"; // \"z\n/* c\nd */ f('\"', r#\"q\"w\"#, &'a b, '\\'');\n";
    let source = Source::new("src/a.rs", text.into());
    assert_eq!(
        source.code,
        "let a = \"\"; \n\n f(\"\", \"\", &'a b, \"\");\n"
    );
    assert_eq!(
        source.code_and_text,
        "let a = \"x // y\"; \n\n f('\"', r#\"q\"w\"#, &'a b, '\\'');\n"
    );
}

#[test]
fn unit_tests_begin_at_their_module() {
    let text = "fn a() {}\n#[cfg(test)]\nfn helper() {}\n#[cfg(test)]\nmod tests {\nfn b() {}\n}\n";
    let lines = |path| {
        let source = Source::new(path, text.into());
        source.lines_before_tests(&source.code).len()
    };
    assert_eq!(lines("src/a.rs"), 3);
    assert_eq!(lines("src/a/tests.rs"), 0);
    assert_eq!(lines("src/tests/a.rs"), 0);
}
