//! A fast reader for the bodies that nearly always come: one compact object with a list of flat
//! rows, each `name: value` with texts, numbers, `true`, `false` and `null`.
//!
//! It never guesses, and fields may come in any order. What the general parser accepts too, both
//! read alike (a property test holds them against each other); at anything else, be it a list
//! inside a row or a control character, it gives up, and the general parser reads the body from
//! its beginning. In one thing it is more forgiving: it looks for the end of a text that nobody
//! needs, and does not care about broken escapes inside.
//! The time it saves is in `log`, the largest field by far, and in the names of fields.

use std::borrow::Cow;

use memchr::memchr;

use super::logs::{Body, Builder};
use super::row::WireRow;
use crate::source::scalar::Scalar;
use crate::tencent::Code;

/// Digits that a float certainly holds exactly.
const EXACT_DIGITS: usize = 15;
/// Powers of ten, all exact in a float.
const POWERS: [f64; EXACT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// A place in a body. Every method gives `None` where it meets something that it does not know.
struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
}

/// Reads a body whose rows go into `builder`; `None` where it is not of the common shape.
pub(super) fn read<'r>(body: &[u8], builder: Builder<'r>) -> Option<Body<'r>> {
    // In a text they would be an error, and between two values the API sends none: so none are
    // allowed at all, which is one fast pass.
    if body.iter().fold(u8::MAX, |least, &byte| least.min(byte)) < b' ' {
        return None;
    }
    let mut cursor = Cursor { body, at: 0 };
    let read = cursor.answer(builder)?;
    cursor.space();
    (cursor.at == body.len()).then_some(read)
}

impl<'a> Cursor<'a> {
    fn answer<'r>(&mut self, builder: Builder<'r>) -> Option<Body<'r>> {
        let mut body = Body::default();
        let mut builder = Some(builder);
        self.members(|cursor, name| {
            match name {
                b"code" => body.code = Some(cursor.code()?),
                b"message" => body.message = cursor.value()?.to_text(),
                b"codeDesc" => body.code_desc = cursor.value()?.to_text(),
                b"total" => body.total = cursor.value()?.count(),
                b"data" => body.rows = Some(cursor.rows(builder.take()?)?),
                _ => cursor.skip(name)?,
            }
            Some(())
        })?;
        Some(body)
    }

    fn code(&mut self) -> Option<Code> {
        match self.value()? {
            Scalar::Int(code) => Some(Code(code)),
            _ => None,
        }
    }

    fn rows<'r>(&mut self, mut builder: Builder<'r>) -> Option<Builder<'r>> {
        self.token(b'[')?;
        if self.token(b']').is_some() {
            return Some(builder);
        }
        loop {
            let mut row = WireRow::default();
            self.members(|cursor, name| match row.field(name) {
                Some(field) => {
                    *field = cursor.value()?;
                    Some(())
                }
                None => cursor.skip(name),
            })?;
            builder.row(&row);
            if self.token(b',').is_none() {
                self.token(b']')?;
                return Some(builder);
            }
        }
    }

    /// Steps through an object; `member` reads the value behind each name.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.token(b'{')?;
        if self.token(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.name()?;
            self.token(b':')?;
            member(self, name)?;
            if self.token(b',').is_none() {
                return self.token(b'}');
            }
        }
    }

    /// The name of a field, without its quotes; one with escapes may be cut, see [`Self::skip`].
    fn name(&mut self) -> Option<&'a [u8]> {
        self.token(b'"')?;
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == b'"')?;
        self.at += length + 1;
        Some(&rest[..length])
    }

    /// A value that is needed.
    fn value(&mut self) -> Option<Scalar<'a>> {
        self.space();
        let rest = self.rest();
        match rest.first()? {
            b'"' => {
                let text = self.text()?;
                if text.contains(&b'\\') {
                    return general(&rest[..text.len() + 2]);
                }
                Some(Scalar::Text(Cow::Borrowed(str::from_utf8(text).ok()?)))
            }
            b'{' | b'[' => None,
            _ => {
                if let Some((value, length)) = number(rest) {
                    self.at += length;
                    return Some(value);
                }
                let token = &rest[..rest.iter().position(|&byte| ends_value(byte))?];
                self.at += token.len();
                general(token)
            }
        }
    }

    /// Steps over a value that nobody needs, of a field of this name.
    fn skip(&mut self, name: &[u8]) -> Option<()> {
        // Such a name may be a known one, written with escapes; or no name at all.
        if name.contains(&b'\\') || !name.is_ascii() {
            return None;
        }
        self.space();
        if self.rest().first()? == &b'"' {
            self.text().map(|_| ())
        } else {
            self.value().map(|_| ())
        }
    }

    /// Steps over a text; what stands between its quotes, which is all up to the first quote that
    /// has an even number of backslashes before it.
    fn text(&mut self) -> Option<&'a [u8]> {
        let inside = &self.body[self.at + 1..];
        let mut end = 0;
        loop {
            end += memchr(b'"', &inside[end..])?;
            let backslashes = inside[..end].iter().rev().take_while(|&&b| b == b'\\');
            if backslashes.count() % 2 == 0 {
                self.at += end + 2;
                return Some(&inside[..end]);
            }
            end += 1;
        }
    }

    /// Steps over one byte of structure, and blanks before it.
    fn token(&mut self, token: u8) -> Option<()> {
        self.space();
        (self.rest().first()? == &token).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.body.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.body[self.at..]
    }
}

/// A value as the general parser reads it.
fn general(value: &[u8]) -> Option<Scalar<'_>> {
    serde_json::from_slice(value).ok()
}

/// What may stand behind a value that is no text.
fn ends_value(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b' ')
}

/// A number of few digits, perhaps with a fraction, and how many bytes it takes. There is no
/// rounding before the one division, so it is the nearest float, as the general parser's is.
fn number(rest: &[u8]) -> Option<(Scalar<'static>, usize)> {
    let (mut digits, mut point, mut length) = (0i64, None, 0);
    loop {
        match *rest.get(length)? {
            digit @ b'0'..=b'9' => digits = digits * 10 + i64::from(digit - b'0'),
            b'.' if point.is_none() => point = Some(length),
            end if ends_value(end) => break,
            _ => return None,
        }
        length += 1;
        if length > EXACT_DIGITS {
            return None;
        }
    }
    let whole = point.unwrap_or(length);
    let leading_zero = whole > 1 && rest[0] == b'0';
    if whole == 0 || leading_zero || point == Some(length - 1) {
        return None;
    }
    let value = match point {
        None => Scalar::Int(digits),
        Some(point) => Scalar::Float(digits as f64 / POWERS[length - 1 - point]),
    };
    Some((value, length))
}

#[cfg(test)]
mod tests;
