//! The part of the query language CQL that a reader of log lines needs: `*`, words and phrases,
//! `key:value`, `key:"phrase"`, `key:begin*`, `key:*`, AND, OR, NOT in any case, and parentheses.
//! Adjacent terms must both match. Everything else (ranges, groups behind a key, SQL after a bar) is
//! rejected.

use super::words::Phrase;

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    Everything,
    /// The phrase in any field.
    Anywhere(Phrase),
    /// The phrase in one field.
    Field(String, Phrase),
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
}

/// Why a query is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("query at byte {at}: {reason}")]
pub(super) struct SyntaxError {
    at: usize,
    reason: &'static str,
}

/// A line as the index sees it.
pub(super) trait Fields {
    /// Returns the text of a field, if the line has it.
    fn field(&self, key: &str) -> Option<std::borrow::Cow<'_, str>>;
    /// Returns whether `fits` holds for any field.
    fn any_field(&self, fits: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// The vendor's limit, in characters.
pub(super) const MAX_CHARS: usize = 12_000;
const MAX_DEPTH: usize = 32;
const MAX_TERMS: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Colon,
    Quoted(String),
    Bare(String),
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    /// Index of the next token.
    next: usize,
    end: usize,
    depth: usize,
}

// === impl Query ===

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            end: text.len(),
            depth: 0,
        };
        if parser.tokens.is_empty() {
            return Ok(Self::Everything);
        }
        let query = parser.any()?;
        match parser.peek() {
            None => Ok(query),
            Some(_) => Err(parser.error("nothing is open that could be closed")),
        }
    }

    /// Returns whether a line matches. Without an index of the keys, conditions on keys never
    /// match.
    pub(super) fn fits(&self, line: &impl Fields, keys_indexed: bool) -> bool {
        match self {
            Self::Everything => true,
            Self::Anywhere(phrase) => line.any_field(&mut |text| phrase.is_in(text)),
            Self::Field(key, phrase) => {
                keys_indexed && line.field(key).is_some_and(|text| phrase.is_in(&text))
            }
            Self::All(parts) => parts.iter().all(|part| part.fits(line, keys_indexed)),
            Self::Any(parts) => parts.iter().any(|part| part.fits(line, keys_indexed)),
            Self::Not(part) => !part.fits(line, keys_indexed),
        }
    }

    /// Returns whether only the platform's lines can match whose message has a word that begins
    /// with "report".
    pub(super) fn wants_reports_only(&self) -> bool {
        self.needs(&|part| {
            matches!(part, Self::Field(key, phrase)
                if key == "SCF_Type" && phrase.needs_word_with("platform"))
        }) && self.needs(&|part| {
            matches!(part, Self::Field(key, phrase)
                if key == "SCF_Message" && phrase.needs_word_with("report"))
        })
    }

    /// Returns whether every matching line fulfils a condition for which `holds` is true.
    fn needs(&self, holds: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(|part| part.needs(holds)),
            Self::Any(parts) => parts.iter().all(|part| part.needs(holds)),
            other => holds(other),
        }
    }
}

// === impl Parser ===

impl Parser {
    fn any(&mut self) -> Result<Query, SyntaxError> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            self.next += 1;
            parts.push(self.all()?);
        }
        Ok(joined(parts, Query::Any))
    }

    fn all(&mut self) -> Result<Query, SyntaxError> {
        let mut parts = vec![self.negated()?];
        loop {
            if self.word("and") {
                self.next += 1;
            } else if !self.starts_term() {
                break;
            }
            parts.push(self.negated()?);
        }
        Ok(joined(parts, Query::All))
    }

    fn negated(&mut self) -> Result<Query, SyntaxError> {
        let mut not = false;
        while self.word("not") {
            self.next += 1;
            not = !not;
        }
        let term = self.term()?;
        Ok(if not {
            Query::Not(Box::new(term))
        } else {
            term
        })
    }

    fn term(&mut self) -> Result<Query, SyntaxError> {
        match self.take() {
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.error("too many parentheses"));
                }
                let query = self.any()?;
                self.depth -= 1;
                match self.take() {
                    Some(Token::Close) => Ok(query),
                    _ => Err(self.error("a parenthesis is not closed")),
                }
            }
            Some(Token::Quoted(text)) if self.peek() != Some(&Token::Colon) => {
                Ok(Query::Anywhere(Phrase::new(&text)))
            }
            Some(Token::Quoted(key)) => self.value(key),
            Some(Token::Bare(key)) if self.peek() == Some(&Token::Colon) => self.value(key),
            Some(Token::Bare(text)) if is_operator(&text) => {
                Err(self.error("an operator lacks its term"))
            }
            Some(Token::Bare(text)) if text == "*" => Ok(Query::Everything),
            Some(Token::Bare(text)) => Ok(Query::Anywhere(self.phrase(&text)?)),
            Some(Token::Close | Token::Colon) | None => Err(self.error("a term is missing")),
        }
    }

    fn value(&mut self, key: String) -> Result<Query, SyntaxError> {
        self.next += 1;
        match self.take() {
            Some(Token::Quoted(text)) => Ok(Query::Field(key, Phrase::new(&text))),
            Some(Token::Bare(text)) if text.starts_with(['>', '<', '[', '{']) => {
                Err(self.error("ranges are not supported here"))
            }
            Some(Token::Bare(text)) => Ok(Query::Field(key, self.phrase(&text)?)),
            Some(Token::Open) => Err(self.error("groups behind a key are not supported here")),
            Some(Token::Close | Token::Colon) | None => Err(self.error("a key lacks its value")),
        }
    }

    /// Parses an unquoted value. A star at its end makes it a prefix.
    fn phrase(&self, text: &str) -> Result<Phrase, SyntaxError> {
        let (body, open) = match text.strip_suffix('*') {
            Some(body) => (body, true),
            None => (text, false),
        };
        if body.contains(['*', '?']) {
            return Err(self.error("a star may only stand at the end of a word"));
        }
        let mut phrase = Phrase::new(body);
        phrase.open = open;
        Ok(phrase)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    fn word(&self, operator: &str) -> bool {
        matches!(self.peek(), Some(Token::Bare(text)) if text.eq_ignore_ascii_case(operator))
    }

    fn starts_term(&self) -> bool {
        match self.peek() {
            Some(Token::Bare(text)) => !is_operator(text) || text.eq_ignore_ascii_case("not"),
            Some(Token::Quoted(_) | Token::Open) => true,
            Some(Token::Close | Token::Colon) | None => false,
        }
    }

    fn error(&self, reason: &'static str) -> SyntaxError {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        SyntaxError { at, reason }
    }
}

fn joined(mut parts: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Query {
    if parts.len() > 1 {
        return join(parts);
    }
    parts.pop().unwrap_or(Query::Everything)
}

fn is_operator(text: &str) -> bool {
    ["and", "or", "not"]
        .iter()
        .any(|operator| text.eq_ignore_ascii_case(operator))
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ':' => Token::Colon,
            '|' => {
                let reason = "analysis with SQL is not supported here";
                return Err(SyntaxError { at, reason });
            }
            '"' => Token::Quoted(quoted(at, &mut rest)?),
            c => {
                let mut word = String::from(c);
                while let Some((_, c)) = rest.next_if(|&(_, c)| !ends_word(c)) {
                    word.push(c);
                }
                if word.contains('=') {
                    let reason = "an equals sign compares nothing outside of SQL: write key:value";
                    return Err(SyntaxError { at, reason });
                }
                Token::Bare(word)
            }
        };
        if tokens.len() == MAX_TERMS {
            let reason = "too many terms";
            return Err(SyntaxError { at, reason });
        }
        tokens.push((at, token));
    }
    Ok(tokens)
}

/// Reads the rest of a quoted text. A backslash escapes the next character.
fn quoted(
    at: usize,
    rest: &mut impl Iterator<Item = (usize, char)>,
) -> Result<String, SyntaxError> {
    let reason = "a quotation mark is not closed";
    let mut text = String::new();
    loop {
        match rest.next() {
            Some((_, '"')) => return Ok(text),
            Some((_, '\\')) => {
                let (_, c) = rest.next().ok_or(SyntaxError { at, reason })?;
                text.push(c);
            }
            Some((_, c)) => text.push(c),
            None => return Err(SyntaxError { at, reason }),
        }
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ':' | '|' | '"')
}

#[cfg(test)]
mod tests;
