//! Writes JSON with a chosen order of fields and exact decimals.

use std::fmt::{Display, Write};

/// A JSON object that is being appended to a text.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

/// Returns `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    // Writing a string into memory cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// Formats microseconds as milliseconds without trailing zeros: 241 is `0.241`, 2000 is `2`.
pub(crate) fn ms_text(us: u64) -> String {
    let text = format!("{}.{:03}", us / 1_000, us % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a JSON array of `items`, each with `write`.
pub(crate) fn array<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

// === impl Object ===

impl<'a> Object<'a> {
    pub(crate) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Adds a field whose value is JSON already, such as a number.
    pub(crate) fn raw(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.separate();
        // Writing into a String cannot fail. Field names are constants that need no escapes.
        let _ = write!(self.out, "\"{name}\":{value}");
        self
    }

    /// Adds fields that are JSON already.
    pub(crate) fn fields(&mut self, fields: &str) -> &mut Self {
        self.separate();
        self.out.push_str(fields);
        self
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
    }

    /// Adds a field with a text.
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, quoted(value))
    }

    /// Adds a field whose value `write` appends.
    pub(crate) fn nested(&mut self, name: &str, write: impl FnOnce(&mut String)) -> &mut Self {
        self.raw(name, "");
        write(self.out);
        self
    }

    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_fields_in_order() {
        let mut out = String::new();
        let mut object = Object::open(&mut out);
        object.raw("b", 1).text("a", "x\"\n");
        object.nested("c", |out| {
            array([1, 2], out, |n, out| out.push_str(&n.to_string()))
        });
        object.close();
        assert_eq!(out, r#"{"b":1,"a":"x\"\n","c":[1,2]}"#);
    }

    #[test]
    fn milliseconds_are_exact() {
        let cases = [
            (0, "0"),
            (241, "0.241"),
            (2_735, "2.735"),
            (2_000, "2"),
            (100_500, "100.5"),
        ];
        for (us, text) in cases {
            assert_eq!(ms_text(us), text);
        }
    }
}
