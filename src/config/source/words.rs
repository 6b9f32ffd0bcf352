//! What the texts of a source may look like.

use exporter_toolkit::quote;

/// No list of regions: the vendor adds them, and its own pages disagree. Short names such as
/// `gz` are as good as `ap-guangzhou` to the legacy API.
pub(in crate::config) fn region(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no region: write one such as ap-guangzhou",
            quote(text)
        )
    })
}

/// The name of a source.
pub(in crate::config) fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    plain_text(text, 100, plain).ok_or_else(|| {
        format!(
            "{} is no name: write 1 to 100 letters, digits and ._/:-",
            quote(text)
        )
    })
}

/// The name of an account. Without `/` and `@`, which stand between the parts of longer names.
pub(in crate::config) fn account(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no name of an account: write 1 to 64 letters, digits and ._-",
            quote(text)
        )
    })
}

/// Looser than the vendor's own rule for names, which is not the exporter's to enforce.
pub(in crate::config) fn function_name(text: &str) -> Result<String, String> {
    plain_text(text, 128, |c| c.is_ascii_graphic()).ok_or_else(|| {
        format!(
            "{} is no function name: write one as the console shows it",
            quote(text)
        )
    })
}

/// As loose as [`function_name`].
pub(in crate::config) fn namespace_name(text: &str) -> Result<String, String> {
    plain_text(text, 128, |c| c.is_ascii_graphic()).ok_or_else(|| {
        format!(
            "{} is no namespace: write one as the console shows it",
            quote(text)
        )
    })
}

/// The id of a log topic.
pub(in crate::config) fn topic(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no topic id: write the id that the CLS console shows beside the name",
            quote(text)
        )
    })
}

fn plain_text(text: &str, longest: usize, plain: impl Fn(char) -> bool) -> Option<String> {
    let good = !text.is_empty() && text.len() <= longest && text.chars().all(plain);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_hold_nothing_that_separates() {
        for good in ["prod", "100000000001", "team.a_b-c"] {
            assert_eq!(account(good).as_deref(), Ok(good));
        }
        for bad in ["", "a/b", "a@b", "a b", "a:b", "\u{e9}", &"x".repeat(65)] {
            assert!(account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn topics_are_ids_and_no_names() {
        let id = "0c5d1f70-7a1e-4d4a-9b0e-2f6a1c3d5e7f";
        assert_eq!(topic(id).as_deref(), Ok(id));
        for bad in ["", "SCF_logtopic", "a,b", "a b", &"x".repeat(65)] {
            assert!(topic(bad).is_err(), "{bad}");
        }
    }
}
