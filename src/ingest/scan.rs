//! The fast reader of rows: one pass over the text of an answer, for all three APIs.
//!
//! It reads JSON as the clouds write it: a list of objects whose names have no escapes and are
//! there once. On anything else it returns `None`, and the caller reads the whole answer with
//! `serde_json`. It accepts nothing that `serde_json` refuses, and finds the same values.
//!
//! A log line of CLS is JSON inside a JSON string. Its values are read from the outer text as it
//! stands, without unescaping and copying it first: there every quote is written `\"`.

use super::scalar::{Names, Scalar};

/// Lists and objects inside each other that are skipped at most.
const DEPTH_MAX: usize = 16;
/// The same byte eight times.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// A position in a JSON text, or in one that stands `NESTED` in a JSON string.
#[derive(Debug, Clone, Copy)]
struct Scanner<'a, const NESTED: bool> {
    text: &'a str,
    at: usize,
}

/// A JSON string between its quotes.
#[derive(Debug, Clone, Copy)]
struct Quoted<'a> {
    inside: &'a str,
    has_escapes: bool,
}

/// The names of the row before and which values they are. Rows of one answer have the same names
/// in the same order, so that a name is mostly found with one comparison.
#[derive(Debug, Default)]
pub(super) struct NameOrder<'a>(Vec<(&'a str, Option<usize>)>);

/// Passes each row of the list at `path` to `take`, as its text and its values; `take` returns
/// `None` to give up. The value `nested` has to be a string, and is passed with its escapes, for
/// [`read_nested`]. Returns the answer with an empty list in place of the rows.
pub(super) fn read_rows<'a, const N: usize>(
    text: &'a str,
    path: &[&str],
    names: &Names<N>,
    nested: Option<usize>,
    mut take: impl FnMut(&'a str, [Scalar<'a>; N]) -> Option<()>,
) -> Option<String> {
    let mut scanner = Scanner::<false> { text, at: 0 };
    for name in path {
        scanner.enter(name)?;
    }
    scanner.skip_blanks();
    let start = scanner.at;
    scanner.token(b'[')?;
    let mut order = NameOrder::default();
    let mut is_open = !scanner.next_is(b']');
    while is_open {
        scanner.skip_blanks();
        let from = scanner.at;
        let values = scanner.values(names, nested, &mut order)?;
        take(text.get(from..scanner.at)?, values)?;
        is_open = scanner.goes_on(b']')?;
    }
    let (before, after) = (text.get(..start)?, text.get(scanner.at..)?);
    Some([before, "[]", after].concat())
}

/// The values of an object that stands in a JSON string without its quotes, as CLS gives a line.
pub(super) fn read_nested<'a, const N: usize>(
    inside: &'a str,
    names: &Names<N>,
    order: &mut NameOrder<'a>,
) -> Option<[Scalar<'a>; N]> {
    let mut scanner = Scanner::<true> {
        text: inside,
        at: 0,
    };
    let values = scanner.values(names, None, order)?;
    scanner.skip_blanks();
    (scanner.at == inside.len()).then_some(values)
}

// === impl Scanner ===

impl<'a, const NESTED: bool> Scanner<'a, NESTED> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// A control character in a string would be a fault of the outer text: there a blank is one.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek()
            && (byte == b' ' || (!NESTED && matches!(byte, b'\n' | b'\t' | b'\r')))
        {
            self.at += 1;
        }
    }

    /// Steps over `byte` and the blanks before it.
    fn token(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then_some(())
    }

    /// Returns whether `byte` is the next token, and steps over it if so.
    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over a comma or over the `end` of a list or object; `true` for the comma.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        if self.next_is(b',') {
            return Some(true);
        }
        self.token(end).map(|()| false)
    }

    /// Steps into the value of a name of the next object.
    fn enter(&mut self, name: &str) -> Option<()> {
        self.token(b'{')?;
        while self.name()? != name {
            self.skip(0)?;
            self.token(b',')?;
        }
        Some(())
    }

    /// Steps over a name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.quoted()?;
        self.token(b':')?;
        (!name.has_escapes).then_some(name.inside)
    }

    /// Reads an object.
    fn values<const N: usize>(
        &mut self,
        names: &Names<N>,
        nested: Option<usize>,
        order: &mut NameOrder<'a>,
    ) -> Option<[Scalar<'a>; N]> {
        let mut values = [const { Scalar::Missing }; N];
        let mut found = [false; N];
        self.token(b'{')?;
        if self.next_is(b'}') {
            return Some(values);
        }
        for place in 0.. {
            let name = self.name()?;
            match order.find(place, name, names) {
                Some(at) if found[at] => return None,
                Some(at) => {
                    found[at] = true;
                    values[at] = match nested == Some(at) {
                        true => Scalar::Text(self.quoted()?.inside.into()),
                        false => self.scalar()?,
                    };
                }
                None => self.skip(0)?,
            }
            if !self.goes_on(b'}')? {
                break;
            }
        }
        Some(values)
    }

    fn scalar(&mut self) -> Option<Scalar<'a>> {
        self.skip_blanks();
        if self.is_at_quote() {
            return self.quoted()?.scalar::<NESTED>();
        }
        let from = self.at;
        self.skip(0)?;
        self.text.get(from..self.at).map(Scalar::read)
    }

    /// Steps over a value.
    fn skip(&mut self, depth: usize) -> Option<()> {
        self.skip_blanks();
        if self.is_at_quote() {
            return self.quoted().map(|_| ());
        }
        match self.peek()? {
            b'{' | b'[' if depth >= DEPTH_MAX => None,
            b'{' => self.skip_all(b'}', depth),
            b'[' => self.skip_all(b']', depth),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    /// Steps over a list or object whose opening is next.
    fn skip_all(&mut self, end: u8, depth: usize) -> Option<()> {
        self.at += 1;
        let mut is_open = !self.next_is(end);
        while is_open {
            if end == b'}' {
                self.skip_blanks();
                self.quoted()?;
                self.token(b':')?;
            }
            self.skip(depth + 1)?;
            is_open = self.goes_on(end)?;
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_here = self.bytes().get(self.at..)?.starts_with(word.as_bytes());
        self.at += word.len();
        is_here.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn is_at_quote(&self) -> bool {
        match NESTED {
            true => self.bytes().get(self.at..self.at + 2) == Some(b"\\\""),
            false => self.peek() == Some(b'"'),
        }
    }

    /// Steps over a string.
    fn quoted(&mut self) -> Option<Quoted<'a>> {
        self.skip_blanks();
        if !self.is_at_quote() {
            return None;
        }
        let quote = if NESTED { 2 } else { 1 };
        let from = self.at + quote;
        let (end, has_escapes) = match NESTED {
            true => nested_end(self.bytes(), from)?,
            false => string_end(self.bytes(), from)?,
        };
        self.at = end + quote;
        let inside = self.text.get(from..end)?;
        Some(Quoted {
            inside,
            has_escapes,
        })
    }
}

// === impl Quoted ===

impl<'a> Quoted<'a> {
    fn scalar<const NESTED: bool>(self) -> Option<Scalar<'a>> {
        if !self.has_escapes {
            return Some(Scalar::Text(self.inside.into()));
        }
        let mut json = format!("\"{}\"", self.inside);
        if NESTED {
            let inner: String = serde_json::from_str(&json).ok()?;
            json = format!("\"{inner}\"");
        }
        Some(match Scalar::read(&json) {
            Scalar::Text(text) => Scalar::Text(text.into_owned().into()),
            _ => Scalar::Unreadable,
        })
    }
}

// === impl NameOrder ===

impl<'a> NameOrder<'a> {
    /// Which of the `names` the name in this `place` of a row is, if it is one of them.
    fn find<const N: usize>(
        &mut self,
        place: usize,
        name: &'a str,
        names: &Names<N>,
    ) -> Option<usize> {
        if let Some((known, which)) = self.0.get(place)
            && *known == name
        {
            return *which;
        }
        let which = names.iter().position(|names| names.contains(&name));
        match self.0.get_mut(place) {
            Some(known) => *known = (name, which),
            None => self.0.push((name, which)),
        }
        which
    }
}

/// Returns where the string that begins at `at` has its closing quote, and whether it has escapes.
fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut has_escapes = false;
    loop {
        at = next_special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some((at, has_escapes)),
            b'\\' => at += escape_length(bytes.get(at + 1..)?)?,
            _ => return None,
        }
        has_escapes = true;
    }
}

/// The same for a string inside a string, of which every backslash is doubled.
fn nested_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut has_escapes = false;
    loop {
        at = next_special(bytes, at)?;
        match bytes.get(at..at + 2)? {
            b"\\\"" => return Some((at, has_escapes)),
            b"\\\\" => at += 2,
            _ => return None,
        }
        has_escapes = true;
        // What the inner escape stands for is escaped again where it is a quote or a backslash.
        at += match bytes.get(at..at + 2)? {
            b"\\\"" | b"\\\\" => 2,
            [b'"' | b'\\', _] => return None,
            _ => escape_length(bytes.get(at..)?)? - 1,
        };
    }
}

/// How long an escape is with its backslash, of which `behind` is what follows.
fn escape_length(behind: &[u8]) -> Option<usize> {
    match behind {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        [b'u', digits @ ..] => {
            let digits = digits.get(..4)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}

/// Returns where the first quote, backslash or control character from `at` on is. Eight bytes are
/// looked at together, for nearly all of the text is inside strings.
fn next_special(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut rest = bytes.get(at..)?;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        (rest, at) = (behind, at + 8);
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(is_special).map(|found| at + found)
}

/// Sets the high bit of each byte that is special. A borrow can set that of bytes above one, so the
/// lowest that is set is right, and the others may not be.
const fn specials(word: u64) -> u64 {
    let quotes = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslashes = zero_bytes(word ^ (ONES * b'\\' as u64));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH_BITS
}

const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[cfg(test)]
mod tests;
