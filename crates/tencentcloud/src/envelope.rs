//! The fields that begin every response of the legacy API: `code`, `message`, `codeDesc`. The
//! envelope of API 3.0 is in `response`.

mod response;

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::text::one_line;

pub(super) use response::{Api3Response, NamedError, read};

/// The fields of the envelope itself. Code zero is success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The vendor's result code.
    pub code: i64,
    /// The vendor's error message; empty on success.
    pub message: String,
    /// The vendor's short name of the code, such as `Success`.
    pub code_desc: String,
}

/// A result code on the wire: a number, or a number in a string (some of the vendor's pages show
/// `"5100"`). For the `code` field of a caller's response type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub i64);

/// A body that is not the expected response. Contains no value of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    reason: String,
    /// Set if the body is valid JSON, and so a response to something else.
    is_json: bool,
}

/// Marks messages that this crate wrote itself about a response to another action. Messages of the
/// JSON library never begin like this; they can quote the body and are not passed on.
const OTHER_ANSWER: &str = "not the answer to this action: ";

/// The beginning of the reason for a text that cannot be part of any JSON. A body that was cut by
/// chance never has it.
const NOT_JSON: &str = "not JSON";

/// Returns the error message for a response type none of whose identifying fields is present;
/// `lack` names them. Such a body must not be taken for an empty list, which would mean that
/// nothing exists.
pub fn other_answer(lack: &str) -> String {
    format!("{OTHER_ANSWER}it has {lack}")
}

/// The head of a response; all other fields are skipped.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    code: Code,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code_desc: Option<String>,
}

/// Parses the head of a response whose payload is not needed.
pub fn parse_head(body: &[u8]) -> Result<Head, Malformed> {
    let of: Envelope = serde_json::from_slice(body)?;
    Ok(Head::new(of.code, of.message, of.code_desc))
}

// === impl Head ===

impl Head {
    /// Creates a head from the three fields of a caller's response type. Absent or null texts are
    /// empty.
    pub fn new(code: Code, message: Option<String>, code_desc: Option<String>) -> Self {
        Self {
            code: code.0,
            message: message.unwrap_or_default(),
            code_desc: code_desc.unwrap_or_default(),
        }
    }
}

// === impl Malformed ===

impl Malformed {
    /// Creates an error for a body that is not a response at all. `reason` must contain nothing of
    /// the body; it is cut to one short line.
    pub fn new(reason: impl AsRef<str>) -> Self {
        Self {
            reason: one_line(reason.as_ref()),
            is_json: false,
        }
    }

    /// Creates an error for valid JSON that is not the expected response.
    pub fn other(reason: impl AsRef<str>) -> Self {
        Self {
            is_json: true,
            ..Self::new(reason)
        }
    }

    /// Returns whether another body is unreadable for the same reason. A body that was cut must end
    /// at the same place; a fault inside moves with the text before it.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let is_wrong_inside = |of: &Self| of.reason.starts_with(NOT_JSON);
        self == other || (is_wrong_inside(self) && is_wrong_inside(other))
    }

    /// Returns whether the body is valid JSON: then another service answered, rather than a broken
    /// one.
    pub fn is_json(&self) -> bool {
        self.is_json
    }
}

/// Keeps the kind of error and its position. The library's own message is dropped, because it can
/// quote values of the body.
impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let (line, column) = (error.line(), error.column());
        let place = match line {
            // The response type rejected the value as a whole, so there is no position.
            0 => String::new(),
            _ => format!(" at line {line} column {column}"),
        };
        let text = error.to_string();
        match error.classify() {
            Category::Data if text.starts_with(OTHER_ANSWER) => {
                Self::other(text.strip_suffix(&place).unwrap_or(&text))
            }
            Category::Data => Self::other(format!("JSON of another shape{place}")),
            Category::Eof => Self::new(format!("the JSON ends too early{place}")),
            Category::Syntax => Self::new(format!("{NOT_JSON}{place}")),
            Category::Io => Self::new(format!("unreadable{place}")),
        }
    }
}

// === impl Code ===

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeVisitor)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Code;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a code as a number or as a number in a string")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Code, E> {
        Ok(Code(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Code, E> {
        i64::try_from(value).map(Code).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Code, E> {
        let is_whole = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
        let whole = is_whole.then_some(Code(value as i64));
        whole.ok_or_else(|| E::custom("no whole number"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Code, E> {
        value.trim().parse().map(Code).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_a_number_or_a_string() {
        for body in [
            r#"{"code":5100,"message":"(1)x","codeDesc":"y","data":[1,{}]}"#,
            r#"{"data":null,"codeDesc":"y","message":"(1)x","code":"5100"}"#,
            r#"{"code":" 5100 ","message":"(1)x","codeDesc":"y"}"#,
            r#"{"code":5100.0,"message":"(1)x","codeDesc":"y"}"#,
        ] {
            let head = parse_head(body.as_bytes()).unwrap();
            assert_eq!(head.code, 5100);
            assert_eq!(
                (head.message.as_str(), head.code_desc.as_str()),
                ("(1)x", "y")
            );
        }
    }

    #[test]
    fn absent_and_null_texts_are_empty() {
        for body in [
            r#"{"code":0}"#,
            r#"{"code":0,"message":null,"codeDesc":null}"#,
        ] {
            let head = parse_head(body.as_bytes()).unwrap();
            assert_eq!(
                (head.message, head.code_desc),
                (String::new(), String::new())
            );
        }
    }

    #[test]
    fn what_is_no_envelope_is_said_so_without_quoting_it() {
        for (body, reason) in [
            ("", "the JSON ends too early at line 1 column 0"),
            ("<html>secret</html>", "not JSON at line 1 column 1"),
            (
                r#"{"code":0,"message":"sec"#,
                "the JSON ends too early at line 1 column 24",
            ),
            (
                r#"{"code":"secret"}"#,
                "JSON of another shape at line 1 column 16",
            ),
            (
                r#"{"Response":{}}"#,
                "JSON of another shape at line 1 column 15",
            ),
            ("[]", "JSON of another shape at line 1 column 2"),
            (
                r#"{"code":9999999999999999999}"#,
                "JSON of another shape at line 1 column 27",
            ),
            (
                r#"{"code":0.5}"#,
                "JSON of another shape at line 1 column 11",
            ),
            ("{\"code\":0,}", "not JSON at line 1 column 11"),
        ] {
            let fault = parse_head(body.as_bytes()).unwrap_err().to_string();
            assert_eq!(fault, reason, "{body}");
        }
    }
}
