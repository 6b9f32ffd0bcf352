//! Request parameters in form encoding.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;

use super::problem::Problem;

/// Decoded parameters in byte order of their names. The last value of a repeated name is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

const MAX_PARAMS: usize = 256;

// === impl Params ===

impl Params {
    /// Decodes `a=b&c=d`. Both `+` and `%20` mean a space.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let mut params = BTreeMap::new();
        let pairs = text.split(|&byte| byte == b'&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            if params.len() == MAX_PARAMS {
                return Err(Problem::too_many_parameters());
            }
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decode(halves.next().unwrap_or_default());
            params.insert(name, decode(halves.next().unwrap_or_default()));
        }
        Ok(Self(params))
    }

    /// Returns the value of a parameter. An empty value counts as absent, because clients send
    /// both.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Iterates over all parameters as sent, including empty ones.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Decodes a text. A stray `%` stands for itself. Invalid UTF-8 is replaced, so that such a request
/// fails its signature check.
fn decode(text: &[u8]) -> String {
    let plus = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte });
    let spaced: Vec<u8> = plus.collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let params = Params::parse(format!("k={text}").as_bytes()).unwrap();
        params.iter().next().unwrap().1.to_owned()
    }

    #[test]
    fn both_spaces_and_all_escapes_decode() {
        for (text, decoded) in [
            ("a+b%20c%2Bd", "a b c+d"),
            ("%E5%87%BD%e6%95%b0", "\u{51fd}\u{6570}"),
            ("a=b", "a=b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "\u{FFFD}"),
        ] {
            assert_eq!(value(text), decoded);
        }
    }

    #[test]
    fn names_are_sorted_and_the_last_value_counts() {
        let params = Params::parse(b"b=1&Z=2&b=3&&e=&f").unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(all, [("Z", "2"), ("b", "3"), ("e", ""), ("f", "")]);
        assert_eq!(
            (params.get("b"), params.get("e"), params.get("x")),
            (Some("3"), None, None)
        );
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let text: String = (0..300).map(|n| format!("p{n}=1&")).collect();
        let problem = Params::parse(text.as_bytes()).unwrap_err();
        assert_eq!(problem.code, "InvalidParameter");
    }
}
